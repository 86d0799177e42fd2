"""Chats: messages in the JSON of other programs, and other parts that their prompts share."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.blanks import literals, read_blanks
from mcp_server.domain.formats.files import Place, PromptFile, file_title, unkept
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.names import (
    NAME,
    check_label,
    check_metadata,
    check_tag,
    safe_name,
    unique_name,
)
from mcp_server.domain.templates.identifiers import NAMED, identifier, is_named
from mcp_server.domain.templates.simple import Include, Part, Placeholder, parse
from mcp_server.domain.texts import MAX_NOTE, check_text, refused, shown
from storage.values.entities import LATEST, Draft, Message, Metadata, Role, TextContent
from storage.values.errors import Invalid

Json = dict[str, Any]
Lost = tuple[str, ...]
ReadText = Callable[[str], str]

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
}  # fmt: skip
_CALLS = ("tool_calls", "function_call")
BRACES = rf"\{{\{{\s*{NAMED}\s*\}}\}}"
"""Regular expression for the blank `{{name}}`."""
_BRACES = re.compile(BRACES)
_READ_ELSEWHERE = re.compile(f"{BRACES}|@@@langfusePrompt:")


def read_braces(text: str) -> str:
    """Return a `simple` template for a text whose blanks are `{{name}}`."""
    return read_blanks(text, _BRACES, brace)


def brace(match: re.Match[str]) -> Part:
    """Return the blank for a match of `{{name}}`."""
    name = match["name"]
    return Placeholder(identifier(name), spaced=match[0] != f"{{{{{name}}}}}")


def read_texts(keys: Keys, key: str, read: ReadText) -> dict[str, Any]:
    """Read one text or a list of messages, as keyword arguments of `make_draft`."""
    value = keys.any(key)
    if isinstance(value, str):
        return {"template": read(value)}
    return {
        "messages": [
            read_message(keys.within(each, f"{key}[{index}]"), read)
            for index, each in enumerate(keys.items(key))
        ]
    }


def read_message(keys: Keys, read: ReadText) -> Message:
    """Read a message whose content is one text."""
    role = read_role(keys)
    return Message(role, TextContent(read(keys.needed("content"))))


def read_role(keys: Keys) -> Role:
    """Return a message's role.

    Raises:
        Invalid: no message here can have that role, or the message isn't a plain one.
    """
    keys.pass_over("type", "chatmessage", "message")
    calls = next((key for key in _CALLS if key in keys and keys.any(key)), None)
    if calls is not None:
        raise refused(
            keys.place(calls), "calls tools, which no prompt here can hold. Take the message out"
        )
    if "role" not in keys and "name" in keys and "content" not in keys:
        raise refused(
            keys.place("type"),
            f"stands for messages that are filled in later ('{shown(keys.any('name'))}'), which no "
            "prompt here can hold. Take it out",
        )
    role = _ROLES.get(keys.needed("role"))
    if role is None:
        known = ", ".join(_ROLES)
        raise refused(keys.place("role"), f"is '{shown(keys.any('role'))}'. Use one of {known}")
    return role


def read_labels(written: Iterable[str], remarks: list[str]) -> tuple[str, ...]:
    """Return the valid labels; for every other one, add the reason to the remarks.

    'latest' is left out: it means the newest version in the other program as well as here.
    """
    labels = []
    for label in written:
        try:
            labels += [] if label == LATEST else [check_label(label)]
        except Invalid as reason:
            remarks.append(f"A label isn't kept: {reason.message}")
    return tuple(dict.fromkeys(labels))


def read_tags(written: Iterable[str], remarks: list[str]) -> tuple[str, ...]:
    """Return the valid tags; for every other one, add the reason to the remarks."""
    tags = []
    for tag in written:
        try:
            tags.append(check_tag(tag))
        except Invalid as reason:
            remarks.append(f"A tag isn't kept: {reason.message}")
    return tuple(dict.fromkeys(tags))


def read_note(keys: Keys, key: str) -> str | None:
    """Return a version's commit message."""
    note = keys.text(key)
    return check_text(note, keys.place(key), limit=MAX_NOTE) if note else None


def make_file(
    keys: Keys,
    draft: Draft,
    place: Place,
    remarks: Iterable[str] = (),
    *,
    folders: bool = False,
    tags: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    commit_message: str | None = None,
) -> PromptFile:
    """Make a prompt of a draft and the keys of its file; the unread keys get a remark.

    A prompt without a name is named after its file, with a hash of its content if the file has
    other prompts: its position in the file plays no part. With `folders`, names are paths.
    """
    given_name = keys.text("name")
    title = given_name or file_title(place.path_name)
    if not given_name and not place.alone:
        title = unique_name(title, content_hash(draft))
    folder, _, title = title.rpartition("/") if folders else ("", "", title)
    name = title if NAME.fullmatch(title) else safe_name(title)
    metadata = Metadata(
        name, title if title != name else None, keys.text("description"), folder, tags
    )
    says = {key for key in ("title", "description", "folder", "tags") if getattr(metadata, key)}
    return PromptFile(
        check_metadata(metadata),
        draft,
        None,
        place.source,
        frozenset(says),
        remarks=(*remarks, *unkept(keys.unread())),
        labels=labels,
        commit_message=commit_message,
        named=given_name is not None,
    )


def write_message(
    message: Message, file: PromptFile, include: Callable[[str], str | None] | None, lost: list[str]
) -> Json:
    """Write a message; the parts that can't be expressed are added to `lost`.

    Raises:
        Invalid: it isn't text.
    """
    if not isinstance(message.content, TextContent):
        raise Invalid(
            f"The prompt '{shown(file.metadata.name)}' has a message that isn't text, which this "
            "format can't hold. Export it as Markdown, JSON or YAML."
        )
    text = message.content.text
    if file.draft.template_format == "simple":
        plain = literals(text)
        text = "".join(_write_part(part, include, lost) for part in parse(text))
    else:
        plain = text
    if any(map(is_named, _READ_ELSEWHERE.finditer(plain))):
        lost.append("braces that are literal")
    return {"role": message.role, "content": text}


def _write_part(part: Part, include: Callable[[str], str | None] | None, lost: list[str]) -> str:
    reference = include(part.reference) if include and isinstance(part, Include) else None
    if isinstance(part, Include) and reference is None:
        lost.append(f"the include of '{part.reference}'")
    return str(part) if reference is None else reference
