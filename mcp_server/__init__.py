"""promptstack: a prompt library that AI assistants use directly."""


def version() -> str:
    """Return the installed version of the distribution."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("promptstack-mcp")
    except PackageNotFoundError:  # run from a folder that isn't installed
        return "0+unknown"
