"""The errors of the embedded PostgreSQL."""

_FOR_CLIENTS = (
    "The library's PostgreSQL can't be used at present; nothing was changed. Try again; if it "
    "stays so, whoever runs this server finds the reason in its log, or with "
    "`promptstack db status`."
)


class EmbeddedError(Exception):
    """Say in one sentence what keeps the embedded PostgreSQL from working, and the way out.

    That sentence is for people of this machine: it names folders, and may quote PostgreSQL's log.
    `for_clients` is what anybody may be told.
    """

    for_clients = _FOR_CLIENTS


class DataAway(EmbeddedError):
    """The data folder that this process has worked with isn't in its place."""

    for_clients = (
        "The library's data folder isn't in its place, so nothing can be read or changed until it "
        "is put back. Try again then; whoever runs this server finds more in its log, or with "
        "`promptstack db status`."
    )


class UnusableFile(EmbeddedError):
    """The file that was named for an archive can't be read or written, or is no archive."""
