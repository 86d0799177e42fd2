"""The one package that an installation puts beside those of others, and its entry point.

An installed `promptstack` holds the program's own packages, `mcp_server`, `storage` and
`migrations`; in a clone they lie beside it.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGES = _HERE if os.path.isdir(os.path.join(_HERE, "mcp_server")) else os.path.dirname(_HERE)


def main() -> None:
    """Run the command line."""
    # Before the current folder and PYTHONPATH: a user's project may well have a `storage` of its
    # own. Processes that are spawned, like the web server's workers, are handed the same path.
    sys.path.insert(0, _PACKAGES)
    from mcp_server.main import main as run

    run()
