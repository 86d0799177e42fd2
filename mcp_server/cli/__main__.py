"""`python -m mcp_server.cli`: the command line where no console script is at hand."""

from mcp_server.cli.commands import run

run()
