"""The instructions that a model reads before it sees any tool."""

from mcp_server.service.views import View

_LIBRARY = """\
promptstack is a library of prompts: texts with blanks, kept in versions and shared by people and \
assistants. Use it when the user asks for one of their prompts, wants a text kept for later, or \
wants to know how a prompt changed. The same prompts are also MCP prompts and, as prompt://NAME, \
resources.

A reference says which version is meant: `review` (what the label production points at, else the \
newest version of main), `review@3`, `review@staging` (a label), `review@latest` (the newest), \
`review@branch:terse`. Versions are numbered from 1 and never change; labels move.

Find with search_prompts: words, tags, folder. Read a text and its arguments with get_prompt. To \
use a prompt, call render_prompt and follow the text that it returns. list_versions and \
diff_versions show the history."""

_WRITING = """

Write with create_prompt and update_prompt, which writes a new version; put the `latest_version` \
that you read into expected_version, so that nobody's work is overwritten. A new version is not \
served while production points at an older one: move the label with set_label, and only when the \
user wants that. Try a change beside main with create_branch, and bring it in with merge_branch. \
Bring old content back with restore_version; archive_prompt hides a prompt and loses nothing."""

_LONG = """

Where more than 5,000 prompts are published, prompts/list and resources/list come in pages of \
1,000, and a menu may show the first only: find the others with search_prompts. Whoever runs the \
server can publish a part of the library instead, with --tag or --folder."""

_READ_ONLY = "\n\nThis server only reads: it has no tools that change the library."


def instructions(view: View) -> str:
    """Return the instructions of a server with this view."""
    return _LIBRARY + _LONG + (_READ_ONLY if view.read_only else _WRITING)
