"""Markdown with YAML front matter: agent skills (SKILL.md), and prompts in full.

A prompt that is one user text has it as the body, verbatim from the line after the closing `---`.
Any other prompt has its messages in the front matter, as the list `messages`, and no body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from mcp_server.domain.drafts import make_draft, texts_of
from mcp_server.domain.fields import CONTENT, content_of
from mcp_server.domain.formats.claude_blanks import are_names
from mcp_server.domain.formats.claude_files import HINT, NAMES, read_text
from mcp_server.domain.formats.contents import read_fields, write_content
from mcp_server.domain.formats.files import EVERYTHING, PromptFile, file_title, reading
from mcp_server.domain.formats.front_matter import join_front_matter, split_front_matter
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.names import NAME, check_metadata, safe_name
from mcp_server.domain.reading import read
from mcp_server.domain.templates import template_engine
from mcp_server.domain.texts import check_author, refused
from storage.values.entities import Argument, Draft, Metadata

_BODY = "template"
"""The field that is the body, and not in the front matter."""
KNOWN = (
    "name", "title", "description", "folder", "tags", "created_by",
    *(name for name in CONTENT if name != _BODY),
)  # fmt: skip
_BESIDE_THE_TEXT = [name for name in CONTENT if name not in (_BODY, "arguments", "template_format")]
"""The fields that don't affect how the body is read."""
_LONG = ("messages", "variants")
_EVERYTHING = "$ARGUMENTS"
_PASSED = (
    f"'{_EVERYTHING}' is literal text here: the front matter has neither '{HINT}' nor '{NAMES}'. "
    "Add one, or import the file as claude-command, to have it filled."
)
LITERAL = (
    "Its blanks in double braces are literal text, as nothing in the file says that they are "
    "blanks. If they are, import it with the template format 'simple'."
)
"""The remark on a text with blanks whose file doesn't determine its template format."""
FRONT_MATTER = "front_matter"
"""The key of a model_config for a file's front matter beyond the known keys."""


def read_markdown(text: str, source: str) -> PromptFile:
    """Read a prompt with its front matter.

    A file without the key `template_format` wasn't written by us: its text is served verbatim,
    unless it declares arguments. Those are blanks in double braces or, if it only names them or
    has a hint, in the notation of Claude Code.

    Raises:
        Invalid: the file can't be read; the message names it and, for YAML, the line.
    """
    keys, body = split_front_matter(text, source)
    return reading(source, partial(_read, keys, body, source))


def read_plain(text: str, source: str) -> PromptFile:
    """Read a file without front matter as one verbatim text that is named after the file."""
    return reading(source, partial(_read, {}, text.removeprefix("\ufeff"), source))


def as_meant(file: PromptFile, template_format: str | None) -> PromptFile:
    """Return a prompt in the given template format, unless its file determines one itself.

    If neither does, blanks in double braces are literal, and get the remark LITERAL.

    Raises:
        Invalid: its texts aren't valid in that format.
    """
    if file.is_told:
        return file
    if template_format is None:
        engine = template_engine("simple")
        blanks = any(engine.placeholders(text) for text in texts_of(file.draft))
        return replace(file, remarks=(*file.remarks, LITERAL)) if blanks else file
    content = content_of(replace(file.draft, arguments=(), template_format=template_format))  # type: ignore[arg-type]  # checked there
    return replace(file, draft=make_draft(**content), is_told=True)


def write_markdown(file: PromptFile) -> str:
    """Write a prompt so that `read_markdown` returns it again."""
    draft = file.draft
    config, extra = _split_config(draft)
    content = write_content(replace(draft, model_config=config))
    body = content.pop(_BODY)
    keys = {
        "name": file.metadata.name,
        "title": file.metadata.title,
        "description": file.metadata.description,
        "folder": file.metadata.folder,
        "tags": list(file.metadata.tags),
        "created_by": file.created_by,
        # Long ones come last.
        **{name: content[name] for name in sorted(content, key=_LONG.__contains__)},
    }
    return join_front_matter(keys | extra, body or "")


def _read(values: dict[str, Any], body: str, source: str) -> PromptFile:
    keys = Keys(values)
    content = read_fields(keys, _BESIDE_THE_TEXT)
    if "messages" in content and body.strip():
        raise refused("messages", "and a body exclude each other. Leave one of them out")
    text = _read_text(keys, body)
    if "messages" not in content:
        content["template"] = text.template
    content["template_format"] = text.template_format or "text"  # type: ignore[typeddict-item]  # checked there
    content["arguments"] = text.arguments
    content["model_config"] = _join_config(content.get("model_config", {}), values, text)
    draft = make_draft(**content)
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
    """A text as its front matter declares it; `template_format` is None if that is left open."""

    template: str
    template_format: str | None
    arguments: Sequence[Argument]
    kept: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def _read_text(keys: Keys, body: str) -> _Text:
    stated_format = keys.text("template_format")
    names = keys.any(NAMES)
    if stated_format is None and (are_names(names) or HINT in keys):
        claude = read_text(body, {HINT: keys.any(HINT), NAMES: names}).body
        if claude.written or not template_engine("simple").placeholders(body):
            return _read_claude(keys, body)
        if are_names(names):
            return _Text(body, "simple", claude.arguments)
    arguments = read(tuple[Argument, ...], keys.items(NAMES), NAMES)
    passed = stated_format is None and not arguments and _EVERYTHING in body
    return _Text(
        body, stated_format or ("simple" if arguments else None), arguments,
        remarks=(_PASSED,) if passed else (),
    )  # fmt: skip


def _read_claude(keys: Keys, body: str) -> _Text:
    """Read a text whose front matter declares its blanks as Claude Code does."""
    names = keys.any(NAMES)
    claude = read_text(body, {HINT: keys.any(HINT), NAMES: names})
    if not claude.body.arguments:
        return _Text(body, None, (), remarks=claude.remarks)
    kept = {NAMES: names} if are_names(names) else {}
    return _Text(
        claude.body.template, "simple", claude.body.arguments, kept, claude.settings, claude.remarks
    )


def _read_metadata(keys: Keys, source: str) -> Metadata:
    """Read a prompt's metadata. Only a file of ours has a name that is used unchanged."""
    name_key = keys.text("name")
    raw_name = name_key or keys.text("title") or file_title(source)
    ours = "template_format" in keys and NAME.fullmatch(raw_name) is not None
    name = raw_name if ours else safe_name(raw_name)
    title = keys.text("title") or (raw_name if name != raw_name else None)
    metadata = Metadata(
        name=name,
        title=title,
        description=keys.text("description"),
        folder=keys.text("folder") or "",
        tags=keys.texts("tags"),
    )
    return check_metadata(metadata)


def _join_config(
    config: Mapping[str, Any], values: Mapping[str, Any], text: _Text
) -> dict[str, Any]:
    """Add the rest of the front matter to the settings."""
    extra = {key: value for key, value in values.items() if key not in KNOWN} | dict(text.kept)
    kept = {FRONT_MATTER: extra} if extra else {}
    return {**config, **kept, **text.settings}


def _split_config(draft: Draft) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the settings from the keys that came with a file; any clash leaves them in place."""
    config = dict(draft.model_config)
    extra = config.get(FRONT_MATTER)
    if not isinstance(extra, dict) or not extra or any(key in KNOWN for key in extra):
        return config, {}
    del config[FRONT_MATTER]
    return config, extra
