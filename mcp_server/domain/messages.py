"""Messages: the rules for their roles, texts and data."""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from mcp_server.domain.limits import limits
from mcp_server.domain.texts import (
    LINE,
    MAX_DATA,
    MAX_MESSAGES,
    TEXT,
    WRITTEN,
    check_line,
    check_text,
    refused,
)
from storage.values.entities import (
    AudioContent,
    Content,
    EmbeddedResource,
    ImageContent,
    Message,
    ResourceLink,
    Role,
    TextContent,
)

_MAX_LINE = 2_048
_LINE = {"pattern": LINE, "maxLength": _MAX_LINE}
_SHORT_TEXT = {"pattern": TEXT, "maxLength": _MAX_LINE}
_BASE64 = {
    "pattern": r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$",
    "minLength": 4,
}
_MEDIA_TYPE = r"^[!-.0-~]+/[!-~]+(?: *;[ -~]*)?$"


def content_text(content: Content) -> str | None:
    """Return a content's text, which a template engine fills; None if it has none."""
    if isinstance(content, TextContent | EmbeddedResource):
        return content.text
    return None


def content_data(content: Content) -> str | None:
    """Return a content's base64 data; None if it has none."""
    match content:
        case ImageContent(data) | AudioContent(data) | EmbeddedResource(blob=str(data)):
            return data
    return None


def single_user_text(messages: Sequence[Message]) -> str | None:
    """Return the text if the only message is a user's text, as a template is; else None."""
    match messages:
        case [Message("user", TextContent(text))]:
            return text
    return None


def first_line(messages: Iterable[Message]) -> str:
    """Return the first line of the first text that isn't blank; '' if there is none."""
    texts = (content_text(message.content) or "" for message in messages)
    return next((text.strip().splitlines()[0] for text in texts if text.strip()), "")


def check_messages(messages: Sequence[Message], path: str) -> None:
    """Check each message; some texts may be blank, but not all of them."""
    if not messages:
        raise refused(path, "is empty. Write at least one message")
    if len(messages) > MAX_MESSAGES:
        raise refused(
            path, f"has {len(messages)} messages; at most {MAX_MESSAGES} are allowed. Use fewer"
        )
    for index, message in enumerate(messages):
        where = f"{path}[{index}]"
        if message.role not in get_args(Role):
            roles = ", ".join(get_args(Role))
            raise refused(f"{where}.role", f"is '{message.role}'. Use one of {roles}")
        _check_content(message.content, f"{where}.content")
    texts = [message.content for message in messages if isinstance(message.content, TextContent)]
    if len(texts) == len(messages) and not any(content.text.strip() for content in texts):
        raise refused(path, "has no text. Write the text of at least one message")


def content_limits() -> Mapping[str, Mapping[str, Any]]:
    """Return the JSON Schema constraints on a content's fields, in addition to their types."""
    return {
        "text": {"pattern": WRITTEN, "minLength": 1, "maxLength": limits().text},
        "data": _BASE64,
        "blob": _BASE64,
        "mime_type": {"pattern": _MEDIA_TYPE, "maxLength": _MAX_LINE},
        "uri": _LINE,
        "name": _LINE,
        "title": _SHORT_TEXT,
        "description": _SHORT_TEXT,
    }


def _check_content(content: Content, path: str) -> None:
    match content:
        case TextContent(text):
            # No limit here: `check_sizes` bounds the total of all messages.
            check_text(text, f"{path}.text")
        case ImageContent(data, mime_type) | AudioContent(data, mime_type):
            _check_base64(data, f"{path}.data")
            _check_mime_type(mime_type, f"{path}.mime_type")
        case EmbeddedResource():
            _check_resource(content, path)
        case _:
            _check_link(content, path)


def _check_link(link: ResourceLink, path: str) -> None:
    check_line(link.uri, f"{path}.uri", limit=_MAX_LINE)
    check_line(link.name, f"{path}.name", limit=_MAX_LINE)
    check_text(link.title or "", f"{path}.title", limit=_MAX_LINE)
    check_text(link.description or "", f"{path}.description", limit=_MAX_LINE)
    _check_mime_type(link.mime_type, f"{path}.mime_type")


def _check_resource(resource: EmbeddedResource, path: str) -> None:
    check_line(resource.uri, f"{path}.uri", limit=_MAX_LINE)
    _check_mime_type(resource.mime_type, f"{path}.mime_type")
    if (resource.text is None) == (resource.blob is None):
        raise refused(path, "has to hold exactly one of 'text' and 'blob'. Give one of them")
    if resource.text is not None:
        check_text(resource.text, f"{path}.text")
    if resource.blob is not None:
        _check_base64(resource.blob, f"{path}.blob")


def _check_base64(data: str, field: str) -> None:
    try:
        empty = not base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused(field, f"is not base64 ({error}). Encode the bytes with base64") from None
    if empty:
        raise refused(field, "is empty. Give the bytes in base64")


def _check_mime_type(mime_type: str | None, field: str) -> None:
    if mime_type is None:
        return
    check_line(mime_type, field, limit=_MAX_LINE)
    kind, _, subtype = mime_type.partition("/")
    if not kind.strip() or not subtype.strip():
        raise refused(
            field, f"is '{mime_type}', which is no media type. Write one like 'image/png'"
        )


def check_sizes(messages: Iterable[Message]) -> None:
    """Raise Invalid if all messages and variants together have too much text or data."""
    text = data = 0
    for message in messages:
        text += len(content_text(message.content) or "")
        data += len(content_data(message.content) or "")
    most = limits().text
    if text > most:
        raise refused(
            "messages",
            f"have {text:,} characters of text; at most {most:,} are allowed. Shorten them, or "
            "raise PROMPTSTACK_MAX_TEXT",
        )
    if data > MAX_DATA:
        raise refused(
            "messages",
            f"have {data:,} characters of base64; at most {MAX_DATA:,} are allowed. "
            "Link to the resource instead",
        )
