"""Prompts as other platforms have them in JSON: Langfuse, MLflow, OpenAI's chat messages."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.blanks import (
    check_carried,
    include_of,
    literals,
    lost_saying,
    lost_settings,
    read_blanks,
    write_blanks,
)
from mcp_server.domain.formats.files import PromptFile, file_title, reading, unkept
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import NAME, check_metadata, safe_name
from mcp_server.domain.templates.simple import Part, Placeholder
from mcp_server.domain.texts import refused, shown
from storage.entities import Draft, ImageContent, Message, Metadata, TextContent
from storage.errors import Invalid

Json = dict[str, Any]

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_LANGFUSE = re.compile(
    r"\{\{\s*([^\W\d]\w*)\s*\}\}"
    r"|@@@langfusePrompt:name=([^|@]+)\|(?:label=([^|@]+)|version=([0-9]+))@@@"
)
_BRACES = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
_DATA_URL = re.compile(r"data:([\w.+/-]+);base64,([A-Za-z0-9+/=]*)\Z")


def is_langfuse(value: object) -> bool:
    """Tell whether a value looks like a prompt of Langfuse."""
    return isinstance(value, dict) and "prompt" in value and "template" not in value


def is_mlflow(value: object) -> bool:
    """Tell whether a value looks like a prompt of MLflow's registry, and not like one of ours."""
    if not isinstance(value, dict) or "template" not in value or "versions" in value:
        return False
    telling = ("version", "commit_message", "creation_timestamp", "aliases", "response_format")
    return (
        isinstance(value["template"], list)
        or isinstance(value.get("tags"), dict)
        or any(key in value for key in telling)
    )


def is_openai(value: object) -> bool:
    """Tell whether a value looks like a request of OpenAI's chat API, or like its messages."""
    if not isinstance(value, dict):
        return False
    messages = value.get("messages")
    ours = {"template_format", "arguments", "model_type", "model_config", "variants", "title"}
    return isinstance(messages, list) and bool(messages) and not ours & value.keys()


def is_message(value: object) -> bool:
    """Tell whether a value looks like one message of a chat."""
    return isinstance(value, dict) and value.keys() <= {"role", "content", "name"} and (
        "role" in value and "content" in value
    )  # fmt: skip


def read_langfuse(value: object, source: str) -> PromptFile:
    """Read a prompt of Langfuse, text or chat, with what it includes of others.

    Raises:
        Invalid: it isn't one, or holds what no prompt here can hold, as placeholders for messages.
    """
    return reading(source, partial(_read_langfuse, value, source))


def write_langfuse(file: PromptFile) -> tuple[Json, tuple[str, ...]]:
    """Write a prompt of Langfuse; what that can't carry is told beside it.

    Raises:
        Invalid: it is liquid, or a message isn't text.
    """
    check_carried(file.draft, file.metadata.name, "Langfuse")
    lost = lost_settings(file.draft, "model_config")
    messages = [_write_text(each, file, _langfuse_include, lost) for each in file.draft.messages]
    text = single_user_text(file.draft.messages)
    folder = file.metadata.folder
    name = f"{folder}/{file.metadata.name}" if folder else file.metadata.name
    value = {
        "type": "chat" if text is None else "text",
        "name": name,
        "prompt": messages if text is None else messages[0]["content"],
        "config": dict(file.draft.model_config),
        "labels": [],
        "tags": list(file.metadata.tags),
    }
    return value, (*lost, *lost_saying(file.metadata, "folder", "tags"))


def read_mlflow(value: object, source: str) -> PromptFile:
    """Read a prompt of MLflow's registry, text or chat.

    Raises:
        Invalid: it isn't one.
    """
    return reading(source, partial(_read_mlflow, value, source))


def write_mlflow(file: PromptFile) -> tuple[Json, tuple[str, ...]]:
    """Write a prompt of MLflow's registry; what that can't carry is told beside it.

    Raises:
        Invalid: it is liquid, or a message isn't text.
    """
    check_carried(file.draft, file.metadata.name, "MLflow")
    lost = lost_settings(file.draft, "model_config")
    messages = [_write_text(each, file, None, lost) for each in file.draft.messages]
    text = single_user_text(file.draft.messages)
    value: Json = {
        "name": file.metadata.name,
        "version": 1,
        "template": messages if text is None else messages[0]["content"],
        "tags": dict.fromkeys(file.metadata.tags, "true"),
        "commit_message": None,
    }
    if file.draft.model_config:
        value["model_config"] = dict(file.draft.model_config)
    return value, (*lost, *lost_saying(file.metadata, "tags"))


def read_openai(value: object, source: str) -> PromptFile:
    """Read a request of OpenAI's chat API, or a list of its messages, as a prompt.

    Raises:
        Invalid: it isn't one, or holds what no prompt here can hold, as calls of tools.
    """
    return reading(source, partial(_read_openai, value, source))


def write_openai(file: PromptFile) -> tuple[Json, tuple[str, ...]]:
    """Write a request of OpenAI's chat API; what that can't carry is told beside it.

    Raises:
        Invalid: it is liquid, or a message is neither text nor a picture.
    """
    check_carried(file.draft, file.metadata.name, "OpenAI's format")
    lost = lost_settings(file.draft, "model_type", "model_config")
    messages = [_write_openai(each, file, lost) for each in file.draft.messages]
    value: Json = {"name": file.metadata.name, "model": file.draft.model_type}
    value |= {"messages": messages, **file.draft.model_config}
    present = {key: each for key, each in value.items() if each is not None}
    return present, (*dict.fromkeys(lost), *lost_saying(file.metadata))


def _read_langfuse(value: object, source: str) -> PromptFile:
    keys = Keys(value)
    keys.any("type")  # the prompt itself tells it
    written = keys.any("prompt")
    if isinstance(written, str):
        draft = make_draft(
            template=read_blanks(written, _LANGFUSE, _langfuse_part),
            model_config=keys.mapping("config"),
        )
    else:
        messages = [
            _read_message(keys.within(each, f"prompt[{index}]"), _read_langfuse_text)
            for index, each in enumerate(keys.items("prompt"))
        ]
        draft = make_draft(messages=messages, model_config=keys.mapping("config"))
    folder, _, name = (keys.text("name") or file_title(source)).rpartition("/")
    return _make(name, draft, source, keys, folder=folder, tags=keys.texts("tags"))


def _langfuse_part(match: re.Match[str]) -> Part | None:
    blank, name, label, version = match.groups()
    if blank is not None:
        return Placeholder(blank, spaced=match[0] != f"{{{{{blank}}}}}")
    reference = f"{safe_name(name.rpartition('/')[2])}@{label or version}"
    return include_of(reference)


def _read_langfuse_text(text: str) -> str:
    return read_blanks(text, _LANGFUSE, _langfuse_part)


def _langfuse_include(reference: str) -> str | None:
    name, _, point = reference.partition("@")
    if point == "latest" or not point:
        return f"@@@langfusePrompt:name={name}|label={point or 'production'}@@@"
    if point.startswith("branch:"):
        return None
    pointed = f"version={point}" if point.isdecimal() else f"label={point}"
    return f"@@@langfusePrompt:name={name}|{pointed}@@@"


def _read_mlflow(value: object, source: str) -> PromptFile:
    keys = Keys(value)
    written = keys.any("template")
    config = keys.mapping("model_config")
    if isinstance(written, str):
        draft = make_draft(template=_read_braces(written), model_config=config)
    else:
        messages = [
            _read_message(keys.within(each, f"template[{index}]"), _read_braces)
            for index, each in enumerate(keys.items("template"))
        ]
        draft = make_draft(messages=messages, model_config=config)
    tags = keys.any("tags")
    named = [
        key if str(each) in ("", "true") else f"{key}:{each}" for key, each in tags.items()
    ] if isinstance(tags, dict) else keys.texts("tags")  # fmt: skip
    return _make(keys.text("name") or file_title(source), draft, source, keys, tags=tuple(named))


def _read_openai(value: object, source: str) -> PromptFile:
    keys = Keys({"messages": value} if isinstance(value, list) else value)
    messages = [
        message
        for index, each in enumerate(keys.items("messages"))
        for message in _read_parts(keys.within(each, f"messages[{index}]"))
    ]
    known = {"name", "model", "messages"}
    draft = make_draft(
        messages=messages,
        model_type=keys.text("model"),
        model_config={key: keys.any(key) for key in keys if key not in known},
    )
    return _make(keys.text("name") or file_title(source), draft, source, keys)


def _read_parts(keys: Keys) -> Sequence[Message]:
    """Read a message; each of the parts that its content may be a list of becomes one."""
    if not isinstance(keys.any("content"), list):
        return [_read_message(keys, _read_braces)]
    role = _role(keys)
    messages = []
    for index, each in enumerate(keys.items("content")):
        part = keys.within(each, f"content[{index}]")
        match part.text("type"):
            case "text" | "input_text" | "output_text":
                content: TextContent | ImageContent = TextContent(_read_braces(part.needed("text")))
            case "image_url":
                url = part.within(part.any("image_url"), "image_url").needed("url")
                data = _DATA_URL.match(url)
                if data is None:
                    raise refused(
                        part.place("image_url"),
                        "leads to a picture elsewhere. Put it in as a data: URL",
                    )
                content = ImageContent(data[2], data[1])
            case other:
                raise refused(part.place("type"), f"is '{shown(other)}', which isn't read here")
        messages.append(Message(role, content))
    return messages


def _read_message(keys: Keys, read: Any) -> Message:
    role = _role(keys)
    return Message(role, TextContent(read(keys.needed("content"))))


def _role(keys: Keys) -> Any:
    if "name" in keys and "content" not in keys:
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


def _read_braces(text: str) -> str:
    return read_blanks(text, _BRACES, _brace)


def _brace(match: re.Match[str]) -> Part:
    return Placeholder(match[1], spaced=match[0] != f"{{{{{match[1]}}}}}")


def _write_text(message: Message, file: PromptFile, include: Any, lost: list[str]) -> Json:
    if not isinstance(message.content, TextContent):
        raise Invalid(
            f"The prompt '{shown(file.metadata.name)}' has a message that isn't text, which this "
            "format can't hold. Export it as Markdown, JSON or YAML."
        )
    text = message.content.text
    if file.draft.template_format == "simple":
        plain = literals(text)
        text, unsaid = write_blanks(
            text, lambda name: f"{{{{{name}}}}}", include or (lambda _: None)
        )
        lost += [f"the include of '{reference}'" for reference in unsaid]
    else:
        plain = text
    if _LANGFUSE.search(plain):
        lost.append("braces that are literal")
    return {"role": message.role, "content": text}


def _write_openai(message: Message, file: PromptFile, lost: list[str]) -> Json:
    if isinstance(message.content, ImageContent):
        url = f"data:{message.content.mime_type};base64,{message.content.data}"
        part = {"type": "image_url", "image_url": {"url": url}}
        return {"role": message.role, "content": [part]}
    return _write_text(message, file, None, lost)


def _make(
    title: str,
    draft: Draft,
    source: str,
    keys: Keys,
    *,
    folder: str = "",
    tags: Sequence[str] = (),
) -> PromptFile:
    name = title if NAME.fullmatch(title) else safe_name(title)
    said = Metadata(name, title if title != name else None, None, folder, tuple(tags))
    says = {key for key in ("title", "folder", "tags") if getattr(said, key)}
    return PromptFile(
        check_metadata(said),
        draft,
        None,
        source,
        frozenset(says),
        remarks=unkept(keys.unread()),
    )
