"""Drafts: the content of a version before it is kept, checked, hashed and written as JSON."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Unpack

from mcp_server.domain.arguments import merge_arguments
from mcp_server.domain.configs import write_config
from mcp_server.domain.fields import MAX_VARIANTS, ContentInput, check_plain
from mcp_server.domain.messages import check_messages, check_sizes, content_text
from mcp_server.domain.names import check_model_type
from mcp_server.domain.patterns import UNJUDGED, Verdicts
from mcp_server.domain.reading import says
from mcp_server.domain.templates import Engine, template_engine
from mcp_server.domain.texts import refused
from storage.values.codecs import draft_to_json
from storage.values.entities import Draft, Message, TemplateFormat, TextContent
from storage.values.errors import Invalid

_ALWAYS_HASHED = frozenset(
    ("messages", "arguments", "template_format", "model_type", "model_config", "variants")
)


def make_draft(*, verdicts: Verdicts = UNJUDGED, **content: Unpack[ContentInput]) -> Draft:
    """Make a draft out of what an author wrote; a template is one user message.

    The arguments are those declared and those that the texts of any message or variant use.
    `verdicts` tell of the patterns that are new; see `merge_arguments`.

    Raises:
        Invalid: something in it can't be kept.
    """
    messages = _messages(content)
    variants = _variants(content)
    template_format = content.get("template_format") or "simple"
    engine = template_engine(template_format)
    check_messages(messages, "messages")
    for key, each in variants.items():
        check_messages(each, f"variants.{key}")
    check_sizes(_everything(messages, variants))
    if content.get("messages") is None:
        engine.check(content.get("template") or "")
    else:
        _check_texts(engine, messages, "messages")
    for key, each in variants.items():
        _check_texts(engine, each, f"variants.{key}")
    used = _placeholders(template_format, messages, variants)
    return Draft(
        messages=messages,
        arguments=merge_arguments(used, content.get("arguments") or (), verdicts),
        variants=variants,
        **check_plain(content),
    )


def placeholders(draft: Draft) -> tuple[str, ...]:
    """Return the arguments that the texts of any message or variant use, each once."""
    return _placeholders(draft.template_format, draft.messages, draft.variants)


def texts_of(draft: Draft) -> list[str]:
    """Return the texts of all messages and variants, as an engine fills them."""
    return _texts(draft.messages, draft.variants)


def content_hash(draft: Draft) -> str:
    """Return the SHA-256 of a draft, in hexadecimal: equal for drafts that mean the same.

    The order of keys counts in a model_config, and nowhere else. A field that says nothing
    doesn't count, so that a new one leaves the hashes of older versions as they are; the fields
    that were there first always do.
    """
    parts = {
        key: value
        for key, value in draft_to_json(draft).items()
        if key in _ALWAYS_HASHED or says(value)
    }
    written = {key: _canonical(each) for key, each in parts.items()}
    written["model_config"] = write_config(parts["model_config"])
    text = ",".join(f'"{key}":{written[key]}' for key in sorted(written))
    return sha256(f"{{{text}}}".encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _check_texts(engine: Engine, messages: Sequence[Message], path: str) -> None:
    """Check the texts of messages; what is wrong is said of the place where the text stands."""
    for index, message in enumerate(messages):
        try:
            engine.check(content_text(message.content) or "")
        except Invalid as wrong:
            place = f"{path}[{index}].content"
            sentence = wrong.message.replace("'template'", f"'{place}'", 1)
            raise Invalid(sentence, fields={place: sentence}) from None


def _placeholders(
    template_format: TemplateFormat,
    messages: Sequence[Message],
    variants: Mapping[str, Sequence[Message]],
) -> tuple[str, ...]:
    engine = template_engine(template_format)
    texts = _texts(messages, variants)
    return tuple(dict.fromkeys(name for text in texts for name in engine.placeholders(text)))


def _texts(messages: Sequence[Message], variants: Mapping[str, Sequence[Message]]) -> list[str]:
    return [content_text(each.content) or "" for each in _everything(messages, variants)]


def _everything(
    messages: Sequence[Message], variants: Mapping[str, Sequence[Message]]
) -> list[Message]:
    return [message for each in (messages, *variants.values()) for message in each]


def _messages(content: ContentInput) -> tuple[Message, ...]:
    template, messages = content.get("template"), content.get("messages")
    if (template is None) == (messages is None):
        both = "both were given" if messages is not None else "neither was given"
        raise refused("template", f"and 'messages' exclude each other and {both}. Give one of them")
    if template is None:
        return tuple(messages or ())
    if not template.strip():
        raise refused("template", "is empty. Write the text of the prompt")
    return (Message("user", TextContent(template)),)


def _variants(content: ContentInput) -> dict[str, tuple[Message, ...]]:
    written = content.get("variants") or {}
    variants = {check_model_type(key, "variants"): tuple(each) for key, each in written.items()}
    if len(variants) > MAX_VARIANTS:
        raise refused(
            "variants",
            f"has {len(variants)} variants; at most {MAX_VARIANTS} are allowed. Leave some out",
        )
    return variants
