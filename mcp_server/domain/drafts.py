"""Drafts: a version's content before it is saved: made, checked and hashed."""

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
from mcp_server.domain.reading import has_value
from mcp_server.domain.templates import Engine, template_engine
from mcp_server.domain.texts import refused
from storage.values.codecs import draft_to_json
from storage.values.entities import Draft, Message, TemplateFormat, TextContent
from storage.values.errors import Invalid

_ALWAYS_HASHED = frozenset(
    ("messages", "arguments", "template_format", "model_type", "model_config", "variants")
)


def make_draft(*, verdicts: Verdicts = UNJUDGED, **content: Unpack[ContentInput]) -> Draft:
    """Make a draft from an author's input; a template is one user message.

    Its arguments are the declared ones and those used in any message or variant. `verdicts` cover
    the patterns that are new; see `merge_arguments`.

    Raises:
        Invalid: the content isn't valid.
    """
    messages = _messages(content)
    variants = _variants(content)
    template_format = content.get("template_format") or "simple"
    engine = template_engine(template_format)
    check_messages(messages, "messages")
    for key, each in variants.items():
        check_messages(each, f"variants.{key}")
    check_sizes(_all_messages(messages, variants))
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
    """Return the distinct argument names used in any message or variant."""
    return _placeholders(draft.template_format, draft.messages, draft.variants)


def texts_of(draft: Draft) -> list[str]:
    """Return the templates of all messages and variants, '' for contents without text."""
    return _texts(draft.messages, draft.variants)


def content_hash(draft: Draft) -> str:
    """Return the SHA-256 of a draft, in hexadecimal; drafts with the same meaning share it.

    Key order counts in model_config only. Empty fields don't count, so that adding a field leaves
    the hashes of older versions unchanged; the original fields always count.
    """
    parts = {
        key: value
        for key, value in draft_to_json(draft).items()
        if key in _ALWAYS_HASHED or has_value(value)
    }
    encoded = {key: _canonical(each) for key, each in parts.items()}
    encoded["model_config"] = write_config(parts["model_config"])
    text = ",".join(f'"{key}":{encoded[key]}' for key in sorted(encoded))
    return sha256(f"{{{text}}}".encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _check_texts(engine: Engine, messages: Sequence[Message], path: str) -> None:
    """Check the texts of messages; a refusal names the path of the text."""
    for index, message in enumerate(messages):
        try:
            engine.check(content_text(message.content) or "")
        except Invalid as error:
            place = f"{path}[{index}].content"
            sentence = error.message.replace("'template'", f"'{place}'", 1)
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
    return [content_text(each.content) or "" for each in _all_messages(messages, variants)]


def _all_messages(
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
    raw = content.get("variants") or {}
    variants = {check_model_type(key, "variants"): tuple(each) for key, each in raw.items()}
    if len(variants) > MAX_VARIANTS:
        raise refused(
            "variants",
            f"has {len(variants)} variants; at most {MAX_VARIANTS} are allowed. Leave some out",
        )
    return variants
