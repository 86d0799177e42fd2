"""Drafts: the content of a version before it is kept, checked, hashed and written as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar, get_args

from mcp_server.domain.arguments import merge_arguments
from mcp_server.domain.configs import check_config, write_config
from mcp_server.domain.messages import check_messages, check_sizes, content_text
from mcp_server.domain.names import check_model_type, did_you_mean, nearest
from mcp_server.domain.patterns import UNJUDGED, Verdicts
from mcp_server.domain.templates import Engine, template_engine
from mcp_server.domain.texts import refused, shown
from storage.values.codecs import CONTENT_TYPES, argument_to_json, draft_to_json, message_to_json
from storage.values.entities import (
    Argument,
    ArgumentType,
    Draft,
    Message,
    Role,
    TemplateFormat,
    TextContent,
)
from storage.values.errors import Invalid

MAX_VARIANTS = 64

JsonObject: TypeAlias = dict[str, Any]
_T = TypeVar("_T")

_KINDS = {str: "text", bool: "true or false", list: "a list", dict: "an object"}


def make_draft(
    *,
    template: str | None = None,
    messages: Sequence[Message] | None = None,
    arguments: Sequence[Argument] = (),
    template_format: TemplateFormat = "simple",
    model_type: str | None = None,
    model_config: Mapping[str, Any] | None = None,
    variants: Mapping[str, Sequence[Message]] | None = None,
    verdicts: Verdicts = UNJUDGED,
) -> Draft:
    """Make a draft out of what an author wrote; a template is one user message.

    The arguments are those declared and those that the texts of any message or variant use.
    `verdicts` tell of the patterns that are new; see `merge_arguments`.

    Raises:
        Invalid: something in it can't be kept.
    """
    written = _written_messages(template, messages)
    others = {
        check_model_type(key, "variants"): tuple(each) for key, each in (variants or {}).items()
    }
    if len(others) > MAX_VARIANTS:
        raise refused(
            "variants",
            f"has {len(others)} variants; at most {MAX_VARIANTS} are allowed. Leave some out",
        )
    engine = template_engine(template_format)
    check_messages(written, "messages")
    for key, each in others.items():
        check_messages(each, f"variants.{key}")
    check_sizes(_everything(written, others))
    if messages is None:
        engine.check(template or "")
    else:
        _check_texts(engine, written, "messages")
    for key, each in others.items():
        _check_texts(engine, each, f"variants.{key}")
    used = _placeholders(template_format, written, others)
    return Draft(
        messages=written,
        arguments=merge_arguments(used, arguments, verdicts),
        template_format=template_format,
        model_type=check_model_type(model_type, "model_type") if model_type else None,
        model_config=check_config(model_config or {}),
        variants=others,
    )


def placeholders(draft: Draft) -> tuple[str, ...]:
    """Return the arguments that the texts of any message or variant use, each once."""
    return _placeholders(draft.template_format, draft.messages, draft.variants)


def texts_of(draft: Draft) -> list[str]:
    """Return the texts of all messages and variants, as an engine fills them."""
    return _texts(draft.messages, draft.variants)


def content_hash(draft: Draft) -> str:
    """Return the SHA-256 of a draft, in hexadecimal: equal for drafts that mean the same.

    The order of keys counts in a model_config, and nowhere else.
    """
    parts = draft_to_json(draft)
    written = {key: _canonical(each) for key, each in parts.items()}
    written["model_config"] = write_config(parts["model_config"])
    text = ",".join(f'"{key}":{written[key]}' for key in sorted(written))
    return sha256(f"{{{text}}}".encode("utf-8", "surrogatepass")).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def messages_to_json(messages: Sequence[Message]) -> list[JsonObject]:
    """Write messages; what is absent is left out."""
    return [message_to_json(message) for message in messages]


def messages_from_json(value: object, path: str = "messages") -> tuple[Message, ...]:
    """Read messages back.

    Raises:
        Invalid: the shape is another one; the sentence names the place, as in `messages[2].role`.
    """
    items = _expect(list, value, path)
    return tuple(_message(item, f"{path}[{index}]") for index, item in enumerate(items))


def arguments_to_json(arguments: Sequence[Argument]) -> list[JsonObject]:
    """Write arguments; what is absent is left out."""
    return [argument_to_json(argument) for argument in arguments]


def arguments_from_json(value: object, path: str = "arguments") -> tuple[Argument, ...]:
    """Read arguments back.

    Raises:
        Invalid: the shape is another one; the sentence names the place, as in `arguments[2].name`.
    """
    items = _expect(list, value, path)
    return tuple(_argument(item, f"{path}[{index}]") for index, item in enumerate(items))


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


def _written_messages(
    template: str | None, messages: Sequence[Message] | None
) -> tuple[Message, ...]:
    if (template is None) == (messages is None):
        both = "both were given" if messages is not None else "neither was given"
        raise refused("template", f"and 'messages' exclude each other and {both}. Give one of them")
    if template is not None and not template.strip():
        raise refused("template", "is empty. Write the text of the prompt")
    if template is not None:
        return (Message("user", TextContent(template)),)
    return tuple(messages or ())


def _message(value: object, path: str) -> Message:
    item = _object(value, path, ("role", "content"), ("role", "content"))
    role = _one_of(get_args(Role), item["role"], f"{path}.role")
    place = f"{path}.content"
    content = _expect(dict, item["content"], place)
    if "type" not in content:
        raise refused(place, f"has no 'type'. Use one of {', '.join(CONTENT_TYPES)}")
    entity = CONTENT_TYPES[_one_of(tuple(CONTENT_TYPES), content["type"], f"{place}.type")]
    known = tuple(field.name for field in fields(entity))
    needed = tuple(field.name for field in fields(entity) if field.default is MISSING)
    given = _object({k: v for k, v in content.items() if k != "type"}, place, known, needed)
    texts = {key: _expect(str, each, f"{place}.{key}") for key, each in given.items()}
    return Message(role, entity(**texts))  # type: ignore[arg-type]  # _one_of checked the role


def _argument(value: object, path: str) -> Argument:
    known = tuple(field.name for field in fields(Argument))
    item = _object(value, path, known, ("name",))
    for key, each in item.items():
        place = f"{path}.{key}"
        match key:
            case "type":
                _one_of(get_args(ArgumentType), each, place)
            case "choices":
                choices = _expect(list, each, place)
                item[key] = tuple(
                    _expect(str, choice, f"{place}[{index}]")
                    for index, choice in enumerate(choices)
                )
            case _:
                _expect(bool if key == "required" else str, each, place)
    return Argument(**item)


def _object(value: object, path: str, known: Sequence[str], needed: Sequence[str]) -> JsonObject:
    """Return the keys of an object that aren't null, all of them known and none missing."""
    given = {key: each for key, each in _expect(dict, value, path).items() if each is not None}
    for key in given:
        if key not in known:
            hint = did_you_mean(nearest(str(key), known)) or f" Use {', '.join(known)}"
            raise refused(path, f"has the unknown key '{shown(key)}'.{hint}")
    for key in needed:
        if key not in given:
            raise refused(f"{path}.{key}", "is missing. Write it")
    return given


def _one_of(known: Sequence[str], value: object, path: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    raise refused(path, f"is '{shown(value)}'. Use one of {', '.join(known)}")


def _expect(kind: type[_T], value: object, path: str) -> _T:
    if isinstance(value, kind):
        return value
    raise refused(path, f"has to be {_KINDS[kind]}, not '{shown(value)}'")
