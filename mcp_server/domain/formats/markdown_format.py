"""Markdown with YAML front matter: agent skills (SKILL.md), and prompts in full.

A prompt that is one user text has it as the body, verbatim from the line after the closing `---`.
Any other prompt has its messages in the front matter, as the list `messages`, and no body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from mcp_server.domain.drafts import (
    arguments_from_json,
    arguments_to_json,
    make_draft,
    messages_from_json,
    messages_to_json,
    texts_of,
)
from mcp_server.domain.formats.claude_blanks import are_names
from mcp_server.domain.formats.claude_files import HINT, NAMES, read_text
from mcp_server.domain.formats.files import EVERYTHING, PromptFile, file_title, reading
from mcp_server.domain.formats.front_matter import join_front_matter, split_front_matter
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import NAME, check_metadata, safe_name
from mcp_server.domain.templates import template_engine
from mcp_server.domain.texts import check_author, refused
from storage.values.entities import Argument, Draft, Metadata

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
_EVERYTHING = "$ARGUMENTS"
_PASSED = (
    f"'{_EVERYTHING}' is literal text here: the front matter has neither '{HINT}' nor '{NAMES}'. "
    "Add one, or import the file as claude-command, to have it filled."
)
LITERAL = (
    "Its blanks in double braces are literal text, as nothing in the file says that they are "
    "blanks. If they are, import it with the template format 'simple'."
)
"""The remark on a text with blanks whose file doesn't say how it is meant."""
FRONT_MATTER = "front_matter"
"""The key of a model_config that holds what a file's front matter says beyond the known keys."""


def read_markdown(text: str, source: str) -> PromptFile:
    """Read a prompt with its front matter.

    A file without the key `template_format` wasn't written by us: its text is served verbatim,
    unless it declares arguments. Those are blanks in double braces, or, where it only names them
    or has a hint, as Claude Code writes them.

    Raises:
        Invalid: the file can't be read; the sentence names it and, for YAML, the line.
    """
    keys, body = split_front_matter(text, source)
    return reading(source, partial(_read, keys, body, source))


def read_plain(text: str, source: str) -> PromptFile:
    """Read a file without front matter as one verbatim text that is named after the file."""
    return reading(source, partial(_read, {}, text.removeprefix("\ufeff"), source))


def as_meant(file: PromptFile, template_format: str | None) -> PromptFile:
    """Return a prompt with the template format that is said for it, where its file doesn't.

    Where nobody says it, blanks in double braces are literal, which the remark LITERAL tells.

    Raises:
        Invalid: its texts can't be of that format.
    """
    if file.is_told:
        return file
    if template_format is None:
        engine = template_engine("simple")
        blanks = any(engine.placeholders(text) for text in texts_of(file.draft))
        return replace(file, remarks=(*file.remarks, LITERAL)) if blanks else file
    draft = make_draft(
        messages=file.draft.messages,
        template_format=template_format,  # type: ignore[arg-type]  # checked there
        model_type=file.draft.model_type,
        model_config=file.draft.model_config,
        variants=file.draft.variants,
    )
    return replace(file, draft=draft, is_told=True)


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
    return join_front_matter(keys | extra, body or "")


def _read(values: dict[str, Any], body: str, source: str) -> PromptFile:
    keys = Keys(values)
    config = dict(keys.mapping("model_config"))
    extra = {key: value for key, value in values.items() if key not in KNOWN}
    if extra:
        config[FRONT_MATTER] = extra
    messages = keys.any("messages")
    if messages is not None and body.strip():
        raise refused("messages", "and a body exclude each other. Leave one of them out")
    variants = keys.mapping("variants").items()
    text = _read_text(keys, body)
    if text.kept:
        config[FRONT_MATTER] = {**extra, **text.kept}
    draft = make_draft(
        template=text.template if messages is None else None,
        messages=None if messages is None else messages_from_json(messages),
        arguments=text.arguments,
        template_format=text.template_format or "text",  # type: ignore[arg-type]  # checked there
        model_type=keys.text("model_type"),
        model_config={**config, **text.settings},
        variants={key: messages_from_json(each, f"variants.{key}") for key, each in variants},
    )
    ours = "template_format" in values
    author = keys.text("created_by")
    return PromptFile(
        _read_metadata(keys, source),
        draft,
        check_author(author, "created_by") if author and author.strip() else None,
        source,
        EVERYTHING if ours else EVERYTHING & set(keys),
        named="name" in keys or "title" in keys,
        remarks=text.remarks,
        is_told=text.template_format is not None,
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as its front matter means it; `template_format` is None where that says nothing."""

    template: str
    template_format: str | None
    arguments: Sequence[Argument]
    kept: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def _read_text(keys: Keys, body: str) -> _Text:
    written = keys.text("template_format")
    names = keys.any(NAMES)
    if written is None and (are_names(names) or HINT in keys):
        read = read_text(body, {HINT: keys.any(HINT), NAMES: names}).body
        if read.written or not template_engine("simple").placeholders(body):
            return _read_claude(keys, body)
        if are_names(names):
            return _Text(body, "simple", read.arguments)
    arguments = arguments_from_json(keys.items(NAMES))
    passed = written is None and not arguments and _EVERYTHING in body
    return _Text(
        body, written or ("simple" if arguments else None), arguments,
        remarks=(_PASSED,) if passed else (),
    )  # fmt: skip


def _read_claude(keys: Keys, body: str) -> _Text:
    """Read a text whose front matter speaks of its blanks as Claude Code does."""
    names = keys.any(NAMES)
    read = read_text(body, {HINT: keys.any(HINT), NAMES: names})
    if not read.body.arguments:
        return _Text(body, None, (), remarks=read.remarks)
    kept = {NAMES: names} if are_names(names) else {}
    return _Text(
        read.body.template, "simple", read.body.arguments, kept, read.settings, read.remarks
    )


def _read_metadata(keys: Keys, source: str) -> Metadata:
    """Read what names a prompt. Only a file of ours has a name that counts as it stands."""
    written = keys.text("name")
    given = written or keys.text("title") or file_title(source)
    ours = "template_format" in keys and NAME.fullmatch(given) is not None
    name = given if ours else safe_name(given)
    title = keys.text("title") or (given if name != given else None)
    metadata = Metadata(
        name=name,
        title=title,
        description=keys.text("description"),
        folder=keys.text("folder") or "",
        tags=keys.texts("tags"),
    )
    return check_metadata(metadata)


def _split_config(draft: Draft) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the settings from the keys that came with a file; those that would clash stay."""
    config = dict(draft.model_config)
    extra = config.get(FRONT_MATTER)
    if not isinstance(extra, dict) or not extra or any(key in KNOWN for key in extra):
        return config, {}
    del config[FRONT_MATTER]
    return config, extra
