"""The greeting on a terminal, where a person has started the server and no client will speak."""

from mcp_server.cli.clients import server_command, snippets
from mcp_server.cli.printing import write

_WHAT = """\
promptstack is a prompt library that AI assistants use directly. Without a command it speaks MCP
over standard input and output, so an assistant starts it, not a person.

"""
_NEXT = """\
Next:
  promptstack doctor        check that everything works, and see more clients
  promptstack import PATH   bring prompts in from .csv and .md files
  promptstack --help        all commands
"""


def explain() -> None:
    """Print a description of the server, and the configuration of assistants."""
    command = server_command()
    configurations = "\n\n".join(
        f"{snippet.clients} ({snippet.place}):\n\n{_indented(snippet.text)}"
        for snippet in snippets(command)[:2]
    )
    write(f"{_WHAT}{configurations}\n\n{_NEXT}")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
