"""Prompts as coding assistants keep them: agent skills, Claude Code commands, VS Code prompt files.

Each is Markdown with a little front matter. What of it isn't known here stays with the prompt, in
its model_config, and is written back.
"""

import re
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import Any

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.blanks import (
    check_carried,
    literals,
    lost_saying,
    lost_settings,
    read_blanks,
    write_blanks,
)
from mcp_server.domain.formats.files import PromptFile, Written, reading
from mcp_server.domain.formats.front_matter import (
    has_front_matter,
    join_front_matter,
    split_front_matter,
)
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.formats.markdown_format import FRONT_MATTER
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import check_metadata, safe_name
from mcp_server.domain.templates import template_engine
from mcp_server.domain.templates.simple import Placeholder, is_identifier
from mcp_server.domain.texts import shown
from storage.entities import Argument, Metadata
from storage.errors import Invalid

_COMMAND_BLANK = re.compile(r"\$(?:ARGUMENTS\b|([1-9])(?!\d))")
_INPUT = re.compile(r"\$\{input:([^\W\d]\w*)(?::([^{}\n]*))?\}")
_HINT = re.compile(r"[\[<]([^\[\]<>]*)[\]>]")
_COMMANDS = ".claude/commands/"
_PROMPT_SUFFIX = ".prompt"


def read_command(text: str, source: str) -> PromptFile:
    """Read a Claude Code command: `$ARGUMENTS` and `$1` to `$9` become arguments.

    They are named as its `argument-hint` names them, where that has a word for each.

    Raises:
        Invalid: the file can't be read; the sentence names it.
    """
    return reading(source, partial(_read_command, *_split(text, source), source))


def write_command(file: PromptFile) -> Written:
    """Write a Claude Code command.

    Raises:
        Invalid: it is more than one user text, or liquid.
    """
    text = _text_of(file, "a command")
    arguments = [argument.name for argument in file.draft.arguments]
    alone = len(arguments) == 1
    blanks = {
        name: "$ARGUMENTS" if alone else f"${number}" for number, name in enumerate(arguments, 1)
    }
    lost = lost_settings(file.draft, "model_type", "model_config")
    lost += [f"arguments beyond the ninth ('{arguments[9]}')"] if len(arguments) > 9 else []
    if file.draft.template_format == "simple":
        if _COMMAND_BLANK.search(literals(text)):
            lost.append("'$' that is no argument")
        text, unsaid = write_blanks(text, blanks.__getitem__)
        lost += [f"the include of '{reference}'" for reference in unsaid]
    keys = {
        "description": file.metadata.description,
        "argument-hint": " ".join(f"[{name}]" for name in arguments) or None,
        "model": file.draft.model_type,
    }
    return _written(file, keys, text, [*lost, *lost_saying(file.metadata, "folder", "description")])


def read_vscode(text: str, source: str) -> PromptFile:
    """Read a VS Code prompt file: `${input:name:hint}` becomes an argument.

    Raises:
        Invalid: the file can't be read; the sentence names it.
    """
    return reading(source, partial(_read_vscode, *_split(text, source), source))


def write_vscode(file: PromptFile) -> Written:
    """Write a VS Code prompt file.

    Raises:
        Invalid: it is more than one user text, or liquid.
    """
    text = _text_of(file, "a prompt file")
    hints = {argument.name: argument.description for argument in file.draft.arguments}
    described = tuple(replace(each, description=None) for each in file.draft.arguments)
    draft = replace(file.draft, arguments=described)
    lost = lost_settings(draft, "model_type", "model_config")
    if file.draft.template_format == "simple":
        if _INPUT.search(literals(text)):
            lost.append("'${input:…}' that is no argument")
        text, unsaid = write_blanks(text, lambda name: _input(name, hints.get(name)))
        lost += [f"the include of '{reference}'" for reference in unsaid]
    keys = {
        "name": file.metadata.title,
        "description": file.metadata.description,
        "model": file.draft.model_type,
    }
    return _written(file, keys, text, [*lost, *lost_saying(file.metadata, "title", "description")])


def write_skill(file: PromptFile) -> Written:
    """Write an agent skill, as `SKILL.md` in a folder of its name.

    Raises:
        Invalid: it is more than one user text, or liquid.
    """
    text = _text_of(file, "a skill")
    lost = lost_settings(file.draft, "model_config")
    if file.draft.template_format == "simple":
        engine = template_engine("simple")
        if engine.placeholders(text) or engine.includes(text):
            lost.append("its blanks and includes, which are literal text in a skill")
        else:
            text = engine.fill(text, {})
    keys = {
        "name": file.metadata.name,
        "title": file.metadata.title,
        "description": file.metadata.description,
        "tags": list(file.metadata.tags),
    }
    saying = lost_saying(file.metadata, "title", "description", "tags")
    return _written(file, keys, text, [*lost, *saying])


def _read_command(keys: Keys, body: str, source: str) -> PromptFile:
    numbers = sorted({int(match[1]) for match in _COMMAND_BLANK.finditer(body) if match[1]})
    whole = any(match[1] is None for match in _COMMAND_BLANK.finditer(body))
    hints = _HINT.findall(keys.text("argument-hint") or "")
    names = _names(hints, numbers, whole=whole)

    def read(match: re.Match[str]) -> Placeholder:
        return Placeholder(names[int(match[1]) if match[1] else 0])

    template = read_blanks(body, _COMMAND_BLANK, read)
    # As `argument-hint` has them, so that they are numbered the same when they are written again.
    order = sorted(names, key=lambda number: number)
    arguments = [Argument(names[number]) for number in order]
    folder = source.replace("\\", "/").rpartition(_COMMANDS)[2].rpartition("/")[0]
    inside = _COMMANDS in source.replace("\\", "/")
    return _make(keys, template, arguments, source, folder if inside else "")


def _names(hints: list[str], numbers: list[int], *, whole: bool) -> dict[int, str]:
    """Name the arguments by their numbers; 0 is all of them in one text."""
    named = dict(enumerate(hints, 1)) if all(map(is_identifier, hints)) else {}
    named = named if len(set(named.values())) == len(named) else {}
    if whole and not numbers:
        return {0: named[1] if len(named) == 1 else "arguments"}
    names = {number: named.get(number, f"argument_{number}") for number in numbers}
    return ({0: "arguments"} if whole else {}) | names


def _read_vscode(keys: Keys, body: str, source: str) -> PromptFile:
    hints: dict[str, str | None] = {}

    def read(match: re.Match[str]) -> Placeholder:
        hints[match[1]] = hints.get(match[1]) or match[2] or None
        return Placeholder(match[1])

    template = read_blanks(body, _INPUT, read)
    arguments = [Argument(name, description=hint) for name, hint in hints.items()]
    return _make(keys, template, arguments, source, "", title=keys.text("name"))


def _make(
    keys: Keys,
    template: str,
    arguments: list[Argument],
    source: str,
    folder: str,
    *,
    title: str | None = None,
) -> PromptFile:
    stem = PurePath(source).stem.removesuffix(_PROMPT_SUFFIX)
    name = safe_name(stem)
    title = title or (stem if stem != name else None)
    known = {"description", "argument-hint", "model", *(["name"] if title else [])}
    extra = {key: keys.any(key) for key in keys if key not in known}
    draft = make_draft(
        template=template,
        arguments=arguments,
        model_type=keys.text("model"),
        model_config={FRONT_MATTER: extra} if extra else {},
    )
    said = Metadata(name, title, keys.text("description"), folder)
    says = {key for key in ("title", "description", "folder") if getattr(said, key)}
    return PromptFile(check_metadata(said), draft, None, source, frozenset(says))


def _split(text: str, source: str) -> tuple[Keys, str]:
    if not has_front_matter(text):
        return Keys({}), text.removeprefix("\ufeff")
    # Commands are written with hints such as `[issue] [priority]`, which their program takes.
    keys, body = split_front_matter(text, source, lenient=True)
    return Keys(keys), body


def _text_of(file: PromptFile, what: str) -> str:
    name = shown(file.metadata.name)
    text = single_user_text(file.draft.messages)
    if text is None:
        raise Invalid(
            f"The prompt '{name}' is more than one user text, which {what} can't hold. Export it "
            "as Markdown, JSON or YAML."
        )
    check_carried(file.draft, name, what)
    return text


def _written(file: PromptFile, keys: dict[str, Any], text: str, lost: list[str]) -> Written:
    config = dict(file.draft.model_config)
    extra = config.pop(FRONT_MATTER, None)
    if config:
        lost.append("model_config")
    if isinstance(extra, dict):
        keys |= {key: value for key, value in extra.items() if key not in keys}
    if all(value in (None, "", [], {}) for value in keys.values()) and not has_front_matter(text):
        return Written(text, tuple(lost))
    return Written(join_front_matter(keys, text), tuple(lost))


def _input(name: str, hint: str | None) -> str:
    plain = hint is not None and not set(hint) & set("{}\n")
    return f"${{input:{name}:{hint}}}" if hint and plain else f"${{input:{name}}}"
