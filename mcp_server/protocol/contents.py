"""Prompts as the protocol shows them: messages, arguments in words, resource contents."""

from collections.abc import Sequence
from typing import Any

from mcp_server.service.results import PromptVersion
from storage.values.entities import (
    Argument,
    AudioContent,
    Content,
    EmbeddedResource,
    ImageContent,
    Message,
    ResourceLink,
    TextContent,
)

Json = dict[str, Any]

MARKDOWN = "text/markdown"

_TYPES = {
    "integer": "A whole number",
    "number": "A number",
    "boolean": "true or false",
    "json": "JSON",
}
_SHOWN_CHOICES = 20


def prompt_messages(messages: Sequence[Message]) -> list[Json]:
    """Return the messages in the roles that MCP knows, with all system text in front.

    Some clients read only the first message, so the system text is put into that one.
    """
    instructions = "\n\n".join(
        message.content.text
        for message in messages
        if message.role == "system" and isinstance(message.content, TextContent)
    )
    spoken = [
        _message(message)
        for message in messages
        if message.role != "system" or not isinstance(message.content, TextContent)
    ]
    return _fold(instructions, spoken) if instructions else spoken


def argument_description(argument: Argument) -> str:
    """Describe an argument, with its type, choices and default, for which MCP has no field."""
    sentences = [argument.description or ""]
    if argument.choices:
        more = ", …" if len(argument.choices) > _SHOWN_CHOICES else ""
        sentences.append(f"One of: {', '.join(argument.choices[:_SHOWN_CHOICES])}{more}")
    elif argument.type in _TYPES:
        sentences.append(_TYPES[argument.type])
    if argument.default:
        sentences.append(f"Default: {argument.default}")
    return " ".join(_stopped(sentence.strip()) for sentence in sentences if sentence.strip())


def version_meta(source: PromptVersion) -> Json:
    """Return the `_meta` of a version: its number, its labels, and the choice of its text."""
    choice = {"promptstack/variant": source.variant, "promptstack/label": source.label}
    return {
        **fixed_meta(source),
        **{key: value for key, value in choice.items() if value is not None},
        "promptstack/labels": sorted(
            label
            for label, version in source.prompt.labels.items()
            if version == source.version.version
        ),
    }


def fixed_meta(source: PromptVersion) -> Json:
    """Return the part of a version's `_meta` that never changes."""
    return {
        "promptstack/name": source.prompt.name,
        "promptstack/version": source.version.version,
    }


def resource_contents(uri: str, messages: Sequence[Message], meta: Json) -> list[Json]:
    """Return the text of the messages, followed by their images, audio and resources."""
    first, *others = messages
    plain = not others and isinstance(first.content, TextContent)
    text = _text(first.content) if plain else "\n\n".join(_paragraph(each) for each in messages)
    attached = (
        _attached(f"{uri}#{position}", message.content)
        for position, message in enumerate(messages, 1)
    )
    return [
        {"uri": uri, "mimeType": MARKDOWN, "text": text, "_meta": meta},
        *(content for content in attached if content is not None),
    ]


def _fold(instructions: str, spoken: list[Json]) -> list[Json]:
    if spoken and spoken[0]["role"] == "user" and spoken[0]["content"]["type"] == "text":
        text = f"{instructions}\n\n{spoken[0]['content']['text']}"
        return [_user_text(text), *spoken[1:]]
    return [_user_text(instructions), *spoken]


def _user_text(text: str) -> Json:
    return {"role": "user", "content": {"type": "text", "text": text}}


def _message(message: Message) -> Json:
    role = "assistant" if message.role == "assistant" else "user"
    return {"role": role, "content": _content(message.content)}


def _content(content: Content) -> Json:
    match content:
        case TextContent():
            return {"type": "text", "text": content.text}
        case ImageContent():
            return {"type": "image", "data": content.data, "mimeType": content.mime_type}
        case AudioContent():
            return {"type": "audio", "data": content.data, "mimeType": content.mime_type}
        case EmbeddedResource():
            return {"type": "resource", "resource": _resource(content)}
        case ResourceLink():
            return {
                "type": "resource_link",
                "uri": content.uri,
                "name": content.name,
                "title": content.title,
                "description": content.description,
                "mimeType": content.mime_type,
            }


def _resource(resource: EmbeddedResource) -> Json:
    body = {"blob": resource.blob} if resource.text is None else {"text": resource.text}
    return {"uri": resource.uri, "mimeType": resource.mime_type, **body}


def _paragraph(message: Message) -> str:
    return f"## {message.role}\n\n{_text(message.content)}"


def _text(content: Content) -> str:
    """Return content as text, with a placeholder or a link for other kinds."""
    match content:
        case TextContent():
            return content.text
        case ResourceLink():
            return f"[{content.title or content.name}]({content.uri})"
        case EmbeddedResource():
            return f"[resource: {content.uri}]"
        case ImageContent():
            return f"[image: {content.mime_type}]"
        case AudioContent():
            return f"[audio: {content.mime_type}]"


def _attached(uri: str, content: Content) -> Json | None:
    match content:
        case ImageContent() | AudioContent():
            return {"uri": uri, "mimeType": content.mime_type, "blob": content.data}
        case EmbeddedResource():
            return _resource(content)
        case _:
            return None


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", "。", "…")) else f"{sentence}."
