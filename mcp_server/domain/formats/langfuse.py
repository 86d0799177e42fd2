"""Langfuse's JSON: a prompt, text or chat, with its includes."""

import re

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.blanks import (
    check_carried,
    include_of,
    lost_saying,
    lost_settings,
    read_blanks,
)
from mcp_server.domain.formats.chats import (
    BRACES,
    Json,
    Lost,
    brace,
    make_file,
    read_labels,
    read_note,
    read_tags,
    read_texts,
    write_message,
)
from mcp_server.domain.formats.files import Place, PromptFile
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import safe_name
from mcp_server.domain.templates.simple import Part

_NOTATION = re.compile(
    BRACES + r"|@@@langfusePrompt:name=([^|@]+)\|(?:label=([^|@]+)|version=([0-9]+))@@@"
)
_TELLING = {"config", "commitMessage", "projectId", "isActive", "resolutionGraph"}
_COMMON = {
    "name", "prompt", "type", "labels", "tags", "version", "id", "createdAt", "updatedAt",
    "createdBy",
}  # fmt: skip


def is_langfuse(value: Json) -> bool:
    """Tell whether a mapping that isn't ours looks like a prompt of Langfuse.

    Other lists of prompts have the key `prompt` too, beside keys that Langfuse doesn't have.
    """
    if "prompt" not in value or "template" in value or "messages" in value:
        return False
    return (
        isinstance(value["prompt"], list)
        or not _TELLING.isdisjoint(value)
        or value.keys() <= _COMMON
    )


def read_langfuse(keys: Keys, place: Place) -> PromptFile:
    """Read a prompt.

    Raises:
        Invalid: it isn't one, or has parts that no prompt here can hold, such as placeholders for
            messages.
    """
    keys.pass_over("type", "text", "chat")
    keys.pass_over("version", 1)
    draft = make_draft(
        **read_texts(keys, "prompt", _read_text), model_config=keys.mapping("config")
    )
    remarks: list[str] = []
    return make_file(
        keys,
        draft,
        place,
        remarks,
        folders=True,
        tags=read_tags(keys.texts("tags"), remarks),
        labels=read_labels(keys.texts("labels"), remarks),
        commit_message=read_note(keys, "commitMessage"),
    )


def write_langfuse(file: PromptFile) -> tuple[Json, Lost]:
    """Write a prompt; also return the parts that Langfuse can't hold.

    Raises:
        Invalid: it is liquid, or a message isn't text.
    """
    check_carried(file.draft, file.metadata.name, "Langfuse")
    lost = lost_settings(file.draft, "model_config")
    messages = [write_message(each, file, _include, lost) for each in file.draft.messages]
    text = single_user_text(file.draft.messages)
    folder = file.metadata.folder
    value = {
        "type": "chat" if text is None else "text",
        "name": f"{folder}/{file.metadata.name}" if folder else file.metadata.name,
        "prompt": messages if text is None else messages[0]["content"],
        "config": dict(file.draft.model_config),
        "labels": [],
        "tags": list(file.metadata.tags),
    }
    return value, (*lost, *lost_saying(file.metadata, "folder", "tags"))


def _read_text(text: str) -> str:
    return read_blanks(text, _NOTATION, _part)


def _part(match: re.Match[str]) -> Part | None:
    blank, name, label, version = match.groups()
    if blank is not None:
        return brace(match)
    reference = f"{safe_name(name.rpartition('/')[2])}@{label or version}"
    return include_of(reference)


def _include(reference: str) -> str | None:
    name, _, point = reference.partition("@")
    if point == "latest" or not point:
        return f"@@@langfusePrompt:name={name}|label={point or 'production'}@@@"
    if point.startswith("branch:"):
        return None
    selector = f"version={point}" if point.isdecimal() else f"label={point}"
    return f"@@@langfusePrompt:name={name}|{selector}@@@"
