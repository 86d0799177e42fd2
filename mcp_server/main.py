"""What the launcher, `promptstack`, begins with."""

import gc


def main() -> None:
    """Run the command line. Importing is most of a start; a tenth of that is garbage collection."""
    gc.disable()
    from mcp_server.cli.commands import run

    run()
