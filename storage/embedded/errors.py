"""The errors of the embedded PostgreSQL."""


class EmbeddedError(Exception):
    """A failure of the embedded PostgreSQL: a sentence with the reason and the way out.

    The sentence is for people on this machine: it names folders, and may quote PostgreSQL's log.
    """


class DataAway(EmbeddedError):
    """The data folder that this process has worked with isn't in its place."""


class UnusableFile(EmbeddedError):
    """The file that was named for an archive can't be read or written, or is no archive."""
