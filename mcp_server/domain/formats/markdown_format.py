"""Markdown with YAML front matter: agent skills (SKILL.md), and prompts in full.

A prompt that is one user text has it as the body, verbatim from the line after the closing `---`.
Any other prompt has its messages in the front matter, as the list `messages`, and no body.
"""

import re
from functools import partial
from typing import Any

from mcp_server.domain.drafts import (
    arguments_from_json,
    arguments_to_json,
    make_draft,
    messages_from_json,
    messages_to_json,
)
from mcp_server.domain.formats.files import EVERYTHING, PromptFile, file_title, reading
from mcp_server.domain.formats.yaml_text import dump_yaml, load_yaml
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import NAME, check_metadata, safe_name
from mcp_server.domain.texts import check_author, refused, shown
from storage.entities import Draft, Metadata
from storage.errors import Invalid

KNOWN = (
    "name",
    "title",
    "description",
    "folder",
    "tags",
    "created_by",
    "template_format",
    "model_type",
    "arguments",
    "model_config",
    "messages",
    "variants",
)
FRONT_MATTER = "front_matter"
"""The key of a model_config that holds what a file's front matter says beyond the known keys."""

_OPENING = re.compile(r"---[ \t]*\r?\n")
_CLOSING = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


def has_front_matter(text: str) -> bool:
    """Tell whether a text begins as front matter does."""
    return _OPENING.match(text.removeprefix("\ufeff")) is not None


def read_markdown(text: str, source: str) -> PromptFile:
    """Read a prompt with its front matter.

    A file without the key `template_format` wasn't written by us: its text is served verbatim.

    Raises:
        Invalid: the file can't be read; the sentence names it and, for YAML, the line.
    """
    head, body = _split(text.removeprefix("\ufeff"), source)
    keys = load_yaml(head, source, 2)
    if not isinstance(keys, dict):
        raise Invalid(
            f"{source}:2: the front matter is no mapping. Write lines such as 'name: my-prompt'."
        )
    return reading(source, partial(_read, keys, body, source))


def read_plain(text: str, source: str) -> PromptFile:
    """Read a file without front matter as one verbatim text that is named after the file."""
    return reading(source, partial(_read, {}, text.removeprefix("\ufeff"), source))


def write_markdown(file: PromptFile) -> str:
    """Write a prompt so that `read_markdown` gives it back."""
    draft = file.draft
    config, extra = _split_config(draft)
    body = single_user_text(draft.messages)
    keys = {
        "name": file.metadata.name,
        "title": file.metadata.title,
        "description": file.metadata.description,
        "folder": file.metadata.folder,
        "tags": list(file.metadata.tags),
        "created_by": file.created_by,
        "template_format": draft.template_format,
        "model_type": draft.model_type,
        "arguments": arguments_to_json(draft.arguments),
        "model_config": config,
        "messages": messages_to_json(draft.messages) if body is None else None,
        "variants": {key: messages_to_json(each) for key, each in draft.variants.items()},
    }
    present = {key: value for key, value in keys.items() if value not in (None, "", [], {})}
    return f"---\n{dump_yaml(present | extra)}---\n{body or ''}"


def _split(text: str, source: str) -> tuple[str, str]:
    opening = _OPENING.match(text)
    closing = _CLOSING.search(text, opening.end()) if opening else None
    if opening is None or closing is None:
        missing = "closing" if opening else "opening"
        line = len(text.splitlines()) or 1 if opening else 1
        raise Invalid(
            f"{source}:{line}: the {missing} line '---' of the front matter is missing. "
            "Begin the file with '---', lines such as 'name: my-prompt', and '---' again."
        )
    return text[opening.end() : closing.start()], text[closing.end() :]


def _read(keys: dict[str, Any], body: str, source: str) -> PromptFile:
    config = dict(_mapping(keys, "model_config"))
    extra = {key: value for key, value in keys.items() if key not in KNOWN}
    if extra:
        config[FRONT_MATTER] = extra
    messages = keys.get("messages")
    if messages is not None and body.strip():
        raise refused("messages", "and a body exclude each other. Leave one of them out")
    variants = _mapping(keys, "variants").items()
    draft = make_draft(
        template=body if messages is None else None,
        messages=None if messages is None else messages_from_json(messages),
        arguments=arguments_from_json(keys.get("arguments") or []),
        template_format=_text(keys, "template_format") or "text",  # type: ignore[arg-type]  # checked there
        model_type=_text(keys, "model_type"),
        model_config=config,
        variants={key: messages_from_json(each, f"variants.{key}") for key, each in variants},
    )
    ours = "template_format" in keys
    author = _text(keys, "created_by")
    return PromptFile(
        _read_metadata(keys, source),
        draft,
        check_author(author, "created_by") if author and author.strip() else None,
        source,
        EVERYTHING if ours else EVERYTHING & keys.keys(),
    )


def _read_metadata(keys: dict[str, Any], source: str) -> Metadata:
    """Read what names a prompt. Only a file of ours has a name that counts as it stands."""
    written = _text(keys, "name")
    given = written or _text(keys, "title") or file_title(source)
    ours = "template_format" in keys and NAME.fullmatch(given) is not None
    name = given if ours else safe_name(given)
    title = _text(keys, "title") or (given if name != given else None)
    metadata = Metadata(
        name=name,
        title=title,
        description=_text(keys, "description"),
        folder=_text(keys, "folder") or "",
        tags=_tags(keys.get("tags")),
    )
    return check_metadata(metadata)


def _text(keys: dict[str, Any], key: str) -> str | None:
    value = keys.get(key)
    if value is None or isinstance(value, str):
        return value
    raise refused(key, f"has to be text, not '{shown(value)}'. Put it in quotes")


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(tag for tag in value.split(",") if tag.strip())
    tags = value or []
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        return tuple(tags)
    raise refused("tags", f"has to be a list of texts, not '{shown(value)}'. Put tags in quotes")


def _mapping(keys: dict[str, Any], key: str) -> dict[str, Any]:
    value = keys.get(key) or {}
    if isinstance(value, dict):
        return value
    raise refused(key, f"has to be a mapping, not '{shown(value)}'")


def _split_config(draft: Draft) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the settings from the keys that came with a file; those that would clash stay."""
    config = dict(draft.model_config)
    extra = config.get(FRONT_MATTER)
    if not isinstance(extra, dict) or not extra or any(key in KNOWN for key in extra):
        return config, {}
    del config[FRONT_MATTER]
    return config, extra
