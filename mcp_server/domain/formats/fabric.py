"""Patterns of fabric: a folder each, with `system.md` and, rarely, `user.md`."""

from functools import partial

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.files import PromptFile, file_title, reading
from mcp_server.domain.names import check_metadata, safe_name
from storage.values.entities import Message, Metadata, TextContent


def read_pattern(system: str, user: str, source: str) -> PromptFile:
    """Read a pattern, which is named after its folder; a blank `user` is no message.

    Raises:
        Invalid: it can't be read; the message names the file.
    """
    return reading(source, partial(_read, system, user, source))


def _read(system: str, user: str, source: str) -> PromptFile:
    messages = [Message("system", TextContent(system.removeprefix("\ufeff")))]
    if user.removeprefix("\ufeff").strip():
        messages.append(Message("user", TextContent(user.removeprefix("\ufeff"))))
    title = file_title(source)
    name = safe_name(title)
    metadata = check_metadata(Metadata(name, title if title != name else None))
    draft = make_draft(messages=messages, template_format="text")
    return PromptFile(metadata, draft, None, source, frozenset(), is_told=False)
