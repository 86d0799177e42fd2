"""The errors of the embedded PostgreSQL."""


class EmbeddedError(Exception):
    """Say in one sentence what keeps the embedded PostgreSQL from working, and the way out.

    That sentence is for people of this machine: it names folders, and may quote PostgreSQL's log.
    """


class DataAway(EmbeddedError):
    """The data folder that this process has worked with isn't in its place."""


class UnusableFile(EmbeddedError):
    """The file that was named for an archive can't be read or written, or is no archive."""
