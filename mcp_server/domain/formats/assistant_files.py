"""Prompts of coding assistants: agent skills, Claude Code commands, VS Code prompt files.

Each is Markdown with a little front matter. Keys that aren't known here stay with the prompt, in
its model_config, and are written back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath, PurePosixPath
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
from mcp_server.domain.formats.claude_blanks import Declared, declared_in
from mcp_server.domain.formats.claude_files import (
    BLANKS,
    HINT,
    NAMES,
    Text,
    read_text,
    write_text,
)
from mcp_server.domain.formats.files import PromptFile, Written, reading
from mcp_server.domain.formats.front_matter import (
    has_front_matter,
    head_of,
    join_front_matter,
    split_front_matter,
    with_mark,
)
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.formats.markdown_format import FRONT_MATTER
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import check_metadata, safe_name
from mcp_server.domain.templates import template_engine
from mcp_server.domain.templates.identifiers import NAMED, identifier, is_named
from mcp_server.domain.templates.simple import Placeholder
from mcp_server.domain.texts import shown
from storage.values.entities import Argument, Draft, Metadata
from storage.values.errors import Invalid

_INPUT = re.compile(rf"\$\{{input:{NAMED}(?::(?P<hint>[^{{}}\n]*))?\}}")
COMMANDS = "commands"
"""The folder of commands: in `.claude`, in a plugin, or in a collection of commands."""
_SPEAKS = re.compile(r"^(?:argument-hint|allowed-tools):", re.MULTILINE)
_OURS = re.compile(r"^template_format:", re.MULTILINE)
_DESCRIBED = re.compile(r"^description:", re.MULTILINE)
_PROMPT_SUFFIX = ".prompt"


def read_command(text: str, source: str) -> PromptFile:
    """Read a Claude Code command; its blanks become optional arguments.

    Their names come from its `arguments` or `argument-hint`.

    Raises:
        Invalid: the file can't be read; the message names it.
    """
    return reading(source, partial(_read_command, *_split(text, source), source))


def write_command(file: PromptFile) -> Written:
    """Write a Claude Code command; one that was read from a file comes back as it was.

    Raises:
        Invalid: the prompt isn't a single user text, or is liquid.
    """
    text = _text_of(file, "a command")
    output = write_text(file.draft, text, _extra_of(file.draft))
    lost = _lost_of(file.draft, output)
    keys = {
        "description": file.metadata.description,
        **output.keys,
        "model": file.draft.model_type,
    }
    saying = lost_saying(file.metadata, "folder", "description")
    return _join(file, keys, output.body, [*lost, *saying])


def is_command(path_name: str, head: str) -> bool:
    """Tell whether Markdown is a command, by its path, its keys and its blanks.

    In a folder `commands`, as in plugins, a description is enough.
    """
    keys, body = head_of(head)
    if _OURS.search(keys):
        return False
    inside = COMMANDS in PurePosixPath(path_name.replace("\\", "/")).parts[:-1]
    speaks = _SPEAKS.search(keys) or (inside and _DESCRIBED.search(keys))
    return "$ARGUMENTS" in body or bool(speaks)


def read_vscode(text: str, source: str) -> PromptFile:
    """Read a VS Code prompt file: `${input:name:hint}` becomes an argument.

    Raises:
        Invalid: the file can't be read; the message names it.
    """
    return reading(source, partial(_read_vscode, *_split(text, source), source))


def write_vscode(file: PromptFile) -> Written:
    """Write a VS Code prompt file.

    Raises:
        Invalid: the prompt isn't a single user text, or is liquid.
    """
    text = _text_of(file, "a prompt file")
    hints = {argument.name: argument.description for argument in file.draft.arguments}
    described = tuple(replace(each, description=None) for each in file.draft.arguments)
    draft = replace(file.draft, arguments=described)
    lost = lost_settings(draft, "model_type", "model_config")
    if file.draft.template_format == "simple":
        if any(map(is_named, _INPUT.finditer(literals(text)))):
            lost.append("'${input:…}' that is no argument")
        text, references = write_blanks(text, lambda name: _input(name, hints.get(name)))
        lost += [f"the include of '{reference}'" for reference in references]
    keys = {
        "name": file.metadata.title,
        "description": file.metadata.description,
        "model": file.draft.model_type,
    }
    return _join(file, keys, text, [*lost, *lost_saying(file.metadata, "title", "description")])


def write_skill(file: PromptFile) -> Written:
    """Write an agent skill, as `SKILL.md` in a folder of its name.

    Raises:
        Invalid: the prompt isn't a single user text, or is liquid.
    """
    text = _text_of(file, "a skill")
    engine = template_engine("simple")
    extra = _extra_of(file.draft)
    lost = lost_settings(file.draft, "model_config")
    blank_keys: Mapping[str, Any] = {}
    if file.draft.template_format == "simple":
        if declared_in(extra) != Declared():
            output = write_text(file.draft, text, extra)
            text, blank_keys, lost = output.body, output.keys, _lost_of(file.draft, output)
        elif engine.placeholders(text) or engine.includes(text):
            lost.append("its blanks and includes, which are literal text in a skill")
        else:
            text = engine.fill(text, {})
    keys = {
        "name": file.metadata.name,
        "title": file.metadata.title,
        "description": file.metadata.description,
        "tags": list(file.metadata.tags),
        **blank_keys,
    }
    saying = lost_saying(file.metadata, "title", "description", "tags")
    return _join(file, keys, text, [*lost, *saying])


def _read_command(keys: Keys, body: str, source: str) -> PromptFile:
    command = read_text(body, {key: keys.any(key) for key in (HINT, NAMES)})
    other_keys = Keys({key: keys.any(key) for key in keys if key not in command.implied})
    folder = _command_folder(source)
    template, arguments = command.body.template, command.body.arguments
    file = _make(other_keys, template, arguments, source, folder, command.settings)
    return replace(file, remarks=command.remarks)


def _command_folder(source: str) -> str:
    """Return a command's folder, relative to the nearest folder `commands` around it."""
    folders = PurePosixPath(source.replace("\\", "/")).parts[:-1]
    if COMMANDS not in folders:
        return ""
    inside = folders[len(folders) - folders[::-1].index(COMMANDS) :]
    return "/".join(safe_name(each) for each in inside)


def _read_vscode(keys: Keys, body: str, source: str) -> PromptFile:
    hints: dict[str, str | None] = {}

    def read(match: re.Match[str]) -> Placeholder:
        name = identifier(match["name"])
        hints[name] = hints.get(name) or match["hint"] or None
        return Placeholder(name)

    template = read_blanks(body, _INPUT, read)
    arguments = [Argument(name, description=hint) for name, hint in hints.items()]
    return _make(keys, template, arguments, source, "", {}, title=keys.text("name"))


def _make(
    keys: Keys,
    template: str,
    arguments: Sequence[Argument],
    source: str,
    folder: str,
    settings: Mapping[str, Any],
    *,
    title: str | None = None,
) -> PromptFile:
    stem = PurePath(source).stem.removesuffix(_PROMPT_SUFFIX)
    name = safe_name(stem)
    title = title or (stem if stem != name else None)
    known = {"description", "model", *(["name"] if title else [])}
    extra = {key: keys.any(key) for key in keys if key not in known}
    draft = make_draft(
        template=template,
        arguments=arguments,
        model_type=keys.text("model"),
        model_config={**({FRONT_MATTER: extra} if extra else {}), **settings},
    )
    metadata = Metadata(name, title, keys.text("description"), folder)
    says = {key for key in ("title", "description", "folder") if getattr(metadata, key)}
    return PromptFile(check_metadata(metadata), draft, None, source, frozenset(says))


def _split(text: str, source: str) -> tuple[Keys, str]:
    if not has_front_matter(text):
        return Keys({}), text.removeprefix("\ufeff")
    # Hints such as `[issue] [priority]` aren't valid YAML, but Claude Code accepts them.
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


def _join(file: PromptFile, keys: dict[str, Any], text: str, lost: list[str]) -> Written:
    config = dict(file.draft.model_config)
    config.pop(BLANKS, None)
    extra = _extra_of(file.draft)
    if config.keys() - ({FRONT_MATTER} if extra else set()):
        lost.append("model_config")
    keys |= {key: value for key, value in extra.items() if key not in keys}
    if all(value in (None, "", [], {}) for value in keys.values()) and not has_front_matter(text):
        return Written(with_mark(text), tuple(lost))
    return Written(join_front_matter(keys, text, flow=True), tuple(lost))


def _lost_of(draft: Draft, written: Text) -> list[str]:
    """Name the parts of a draft that its written text doesn't express."""
    draft = replace(draft, arguments=()) if written.declares else draft
    return [*lost_settings(draft, "model_type", "model_config"), *written.unsaid]


def _extra_of(draft: Draft) -> Mapping[str, Any]:
    """Return a file's front matter without the keys that are known here."""
    extra = draft.model_config.get(FRONT_MATTER)
    return extra if isinstance(extra, dict) else {}


def _input(name: str, hint: str | None) -> str:
    plain = hint is not None and not set(hint) & set("{}\n")
    return f"${{input:{name}:{hint}}}" if hint and plain else f"${{input:{name}}}"
