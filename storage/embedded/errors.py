"""The one error of the embedded PostgreSQL."""


class EmbeddedError(Exception):
    """Say in one sentence what keeps the embedded PostgreSQL from working, and the way out."""
