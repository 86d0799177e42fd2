"""OpenAI's JSON: a request of its chat API, or a list of its messages."""

import re
from collections.abc import Sequence

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.blanks import check_carried, lost_saying, lost_settings
from mcp_server.domain.formats.chats import (
    Json,
    Lost,
    make_file,
    read_braces,
    read_message,
    read_role,
    write_message,
)
from mcp_server.domain.formats.files import Place, PromptFile
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.texts import refused, shown
from storage.values.entities import Content, ImageContent, Message, Role, TextContent

_DATA_URL = re.compile(r"data:([\w.+/-]+);base64,([A-Za-z0-9+/=]*)\Z")
_OWN = ("name", "description", "model", "system", "messages")
"""Keys for parts of a prompt, which aren't settings."""
_SYSTEM_MOVED = "The file's 'system' is read as the first message, and will be written as one."


def is_openai(value: Json) -> bool:
    """Tell whether a mapping that isn't ours looks like a request of OpenAI's chat API."""
    messages = value.get("messages")
    return isinstance(messages, list) and bool(messages) and "model_config" not in value


def is_message(value: Json) -> bool:
    """Tell whether a mapping that isn't ours looks like one message of a chat."""
    return "role" in value and value.keys().isdisjoint(("messages", "prompt", "template"))


def read_openai(keys: Keys, place: Place) -> PromptFile:
    """Read a request of OpenAI's, or of Anthropic's with its `system` beside the messages.

    Raises:
        Invalid: it isn't one, or has parts that no prompt here can hold, such as calls of tools.
    """
    before = _read_system(keys)
    messages = [
        message
        for index, each in enumerate(keys.items("messages"))
        for message in _read_parts(keys.within(each, f"messages[{index}]"))
    ]
    draft = make_draft(
        messages=[*before, *messages],
        model_type=keys.text("model"),
        model_config={key: keys.any(key) for key in keys if key not in _OWN},
    )
    return make_file(keys, draft, place, [_SYSTEM_MOVED] if before else [])


def write_openai(file: PromptFile) -> tuple[Json, Lost]:
    """Write a request; also return the parts that OpenAI's format can't hold.

    Raises:
        Invalid: it is liquid, or a message is neither text nor a picture.
    """
    check_carried(file.draft, file.metadata.name, "OpenAI's format")
    lost = lost_settings(file.draft, "model_type", "model_config")
    messages = [_write_message(each, file, lost) for each in file.draft.messages]
    settings = file.draft.model_config
    model = file.draft.model_type or settings.get("model")
    own = {"name": file.metadata.name, "model": model, "messages": messages}
    # A setting with such a name would be taken for a part of the prompt.
    lost += [f"'{key}' of model_config" for key in _OWN if settings.get(key) is not None]
    value = own | {key: each for key, each in settings.items() if key not in _OWN}
    present = {key: each for key, each in value.items() if each is not None}
    return present, (*dict.fromkeys(lost), *lost_saying(file.metadata))


def _read_system(keys: Keys) -> Sequence[Message]:
    system = keys.any("system")
    if system is None or system == "":
        return []
    if isinstance(system, str):
        return [Message("system", TextContent(read_braces(system)))]
    return _parts_of(keys, "system", "system")


def _read_parts(keys: Keys) -> Sequence[Message]:
    """Read a message; if its content is a list of parts, each becomes a message."""
    role = read_role(keys)
    if not isinstance(keys.any("content"), list):
        return [read_message(keys, read_braces)]
    return _parts_of(keys, "content", role)


def _parts_of(keys: Keys, key: str, role: Role) -> Sequence[Message]:
    return [
        Message(role, _read_part(keys.within(each, f"{key}[{index}]")))
        for index, each in enumerate(keys.items(key))
    ]


def _read_part(part: Keys) -> Content:
    match part.text("type"):
        case "text" | "input_text" | "output_text":
            return TextContent(read_braces(part.needed("text")))
        case "image_url":
            url = part.within(part.any("image_url"), "image_url").needed("url")
            data = _DATA_URL.match(url)
            if data is None:
                raise refused(
                    part.place("image_url"),
                    "leads to a picture elsewhere. Put it in as a data: URL",
                )
            return ImageContent(data[2], data[1])
        case other:
            raise refused(part.place("type"), f"is '{shown(other)}', which isn't read here")


def _write_message(message: Message, file: PromptFile, lost: list[str]) -> Json:
    if isinstance(message.content, ImageContent):
        url = f"data:{message.content.mime_type};base64,{message.content.data}"
        part = {"type": "image_url", "image_url": {"url": url}}
        return {"role": message.role, "content": [part]}
    return write_message(message, file, None, lost)
