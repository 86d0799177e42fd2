"""The registry of the formats that prompts are read from and written to, and their detection."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import PurePosixPath

from mcp_server.domain.formats import assistant_files, csv_format
from mcp_server.domain.formats.files import PromptFile, Written
from mcp_server.domain.formats.front_matter import has_front_matter
from mcp_server.domain.formats.json_files import (
    PLATFORMS,
    read_any_json,
    read_our_json,
    read_platform_json,
)
from mcp_server.domain.formats.markdown_format import (
    as_meant,
    read_markdown,
    read_plain,
    write_markdown,
)
from mcp_server.domain.formats.records import write_record
from mcp_server.domain.formats.streams import read_yaml_stream
from mcp_server.domain.formats.yaml_text import dump_yaml
from mcp_server.domain.names import did_you_mean, nearest
from mcp_server.domain.templates.lookalikes import remarks_on_blanks
from mcp_server.domain.texts import located, shown
from storage.values.errors import Invalid

Read = Callable[[Iterable[str], str], Iterator[PromptFile | Invalid]]
Write = Callable[[PromptFile], Written]

COMMANDS = ".claude/commands"
PROMPT_FILES = ".github/prompts"
SKILL = "SKILL.md"
MAX_FILE = 16_000_000
"""Characters of a file with one prompt."""
MAX_TABLE = 100_000_000
"""Characters of a table, which is read whole: names depend on all titles together."""

_OWN_BLANKS = ("csv", "claude-command", "vscode")
"""Formats whose blanks aren't written in double braces."""
_MARKDOWN = (".md", ".markdown", ".mdx")
_PLAIN = (".txt", ".prompt")


@dataclass(frozen=True, slots=True)
class Frame:
    """The text around the prompts of one file; `empty` is the file without any."""

    start: str
    between: str
    end: str
    empty: str


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    `read` takes a file's text in pieces and its name; a refused prompt yields its refusal.
    `writer` returns a function that writes the prompts of one file, and raises Invalid for those
    that the format can't hold. `file_name` is the path for a prompt in a file of its own; `frame`
    is for several in one file, None if that isn't possible.
    """

    name: str
    title: str
    read: Read
    writer: Callable[[], Write]
    file_name: Callable[[PromptFile], str]
    frame: Frame | None = None
    keeps_history: bool = False
    media_type: str = "text/markdown; charset=utf-8"


def read_file(
    path_name: str,
    text: str | Iterable[str],
    format_name: str | None = None,
    *,
    likely: str | None = None,
    template_format: str | None = None,
) -> Iterator[PromptFile | Invalid]:
    """Read the prompts of a file; a refused one yields its refusal.

    `format_name` is final. `likely` replaces detection by the file's name; JSON is then still read
    by detecting the platform of each value. `template_format` is for texts whose file doesn't
    determine it.

    Raises:
        Invalid: the format is unknown or can't be detected, or nothing of the file can be read.
    """
    pieces = iter([text] if isinstance(text, str) else text)
    head = next(pieces, "")
    chosen = find_format(format_name or likely or detect(path_name, head))
    guessed = format_name is None and chosen.name in ("json", "jsonl")
    read = read_any_json if guessed else chosen.read
    return _completed(read(chain([head], pieces), path_name), chosen.name, template_format)


def _completed(
    files: Iterator[PromptFile | Invalid], format_name: str, template_format: str | None
) -> Iterator[PromptFile | Invalid]:
    """Apply the template format to each prompt, and add its format's name and its remarks.

    A name that the reader has set is kept.
    """
    for file in files:
        if isinstance(file, Invalid):
            yield file
            continue
        name = file.format_name or format_name
        try:
            meant = as_meant(file, template_format)
        except Invalid as refusal:
            yield located(refusal, file.source)
            continue
        remarks = () if name in _OWN_BLANKS else remarks_on_blanks(meant.draft)
        yield replace(meant, format_name=name, remarks=(*meant.remarks, *remarks))


def guarded(chosen: Format) -> Format:
    """Return a format that writes its cells so that no spreadsheet runs one.

    Raises:
        Invalid: the format has no cells.
    """
    if chosen.name != "csv":
        raise Invalid(
            f"{chosen.title} has no cells that a spreadsheet would run. Guard formulas in csv only."
        )
    header = csv_format.GUARDED_HEADER
    return replace(
        chosen,
        writer=partial(csv_format.CsvWriter, guard=True),
        frame=Frame(header, "", "", header),
    )


def find_format(name: str) -> Format:
    """Return a format by its name.

    Raises:
        Invalid: no format has that name.
    """
    if name in FORMATS:
        return FORMATS[name]
    hint = did_you_mean(nearest(name, list(FORMATS))) or f" Use {', '.join(FORMATS)}."
    raise Invalid(f"There is no format '{shown(name)}'.{hint}")


def detect(path_name: str, head: str) -> str:
    """Detect a file's format by its name and its beginning.

    Raises:
        Invalid: it can't be detected.
    """
    path = PurePosixPath(path_name.replace("\\", "/"))
    name, extension = path.name.lower(), path.suffix.lower()
    by_extension = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    if name.endswith(".prompt.md"):
        return "vscode"
    if path.name == SKILL:
        return "skill"
    if extension in _MARKDOWN and f"/{COMMANDS}/" in f"/{path}":
        return "claude-command"
    if extension in _MARKDOWN and assistant_files.is_command(path_name, head):
        return "claude-command"
    if extension in (".yaml", ".yml"):
        return "yaml"
    if extension in by_extension:
        return by_extension[extension]
    if extension in (*_MARKDOWN, *_PLAIN):
        return "markdown"
    if extension:
        raise Invalid(
            f"'{path_name}' is no file that prompts are read from. Give a .json, .yaml, .csv, .md "
            "or .txt file, or say what it is with a format."
        )
    return _sniff(path_name, head.removeprefix("\ufeff").lstrip())


def _sniff(path_name: str, head: str) -> str:
    if head.startswith(("{", "[")):
        return "json"
    columns = [each.strip().strip('"') for each in head.partition("\n")[0].lower().split(",")]
    if "act" in columns and "prompt" in columns:
        return "csv"
    if has_front_matter(head):
        return "markdown"
    raise Invalid(
        f"'{path_name}' is no file that prompts are read from. Give a .json, .yaml, .csv, .md or "
        ".txt file, or say what it is with a format."
    )


def whole(pieces: Iterable[str], source: str, limit: int = MAX_FILE) -> str:
    """Join the pieces of a file.

    Raises:
        Invalid: they are more than `limit` characters.
    """
    parts: list[str] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > limit:
            raise Invalid(
                f"{source}: this has more than {limit:,} characters, which is too much for one "
                "file of this format. Split it."
            )
    return "".join(parts)


def _read_markdown(pieces: Iterable[str], source: str) -> Iterator[PromptFile | Invalid]:
    text = whole(pieces, source)
    read = read_markdown if has_front_matter(text) else read_plain
    yield read(text, source)


def _read_csv(pieces: Iterable[str], source: str) -> Iterator[PromptFile | Invalid]:
    return csv_format.read_csv(whole(pieces, source, MAX_TABLE), source)


def _reading_one(read: Callable[[str, str], PromptFile]) -> Read:
    def stream(pieces: Iterable[str], source: str) -> Iterator[PromptFile | Invalid]:
        yield replace(read(whole(pieces, source), source), named=False)

    return stream


def _as_json(file: PromptFile) -> Written:
    return Written(json.dumps(write_record(file), ensure_ascii=False))


def _as_yaml(file: PromptFile) -> Written:
    return Written(dump_yaml(write_record(file)))


def _as_platform(name: str, file: PromptFile) -> Written:
    value, lost = PLATFORMS[name].write(file)
    return Written(json.dumps(value, ensure_ascii=False), lost)


def _as_markdown(file: PromptFile) -> Written:
    return Written(write_markdown(file))


def _placed(extension: str, place: str = "") -> Callable[[PromptFile], str]:
    def name(file: PromptFile) -> str:
        parts = (place, file.metadata.folder, f"{file.metadata.name}{extension}")
        return "/".join(part for part in parts if part)

    return name


def _platform(name: str) -> Format:
    return Format(
        name,
        PLATFORMS[name].title,
        partial(read_platform_json, name),
        lambda: partial(_as_platform, name),
        _placed(".json"),
        _ARRAY,
        media_type="application/json",
    )


_ARRAY = Frame("[\n", ",\n", "\n]\n", "[]\n")
_LINES = Frame("", "\n", "\n", "")
_DOCUMENTS = Frame("", "---\n", "", "")
_CSV = Frame(csv_format.HEADER, "", "", csv_format.HEADER)

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format(
            "json", "JSON, an array with a prompt a line", read_our_json,
            lambda: _as_json, _placed(".json"), _ARRAY, True, "application/json",
        ),
        Format(
            "jsonl", "JSON Lines", read_our_json,
            lambda: _as_json, _placed(".jsonl"), _LINES, True, "application/jsonl",
        ),
        Format(
            "yaml", "YAML, a document a prompt", read_yaml_stream,
            lambda: _as_yaml, _placed(".yaml"), _DOCUMENTS, True, "application/yaml",
        ),
        Format(
            "csv", "CSV as prompts.chat has it", _read_csv,
            csv_format.CsvWriter, _placed(".csv"), _CSV, False, "text/csv; charset=utf-8",
        ),
        Format(
            "markdown", "Markdown with front matter", _read_markdown,
            lambda: _as_markdown, _placed(".md"),
        ),
        Format(
            "skill", "agent skills", _read_markdown,
            lambda: assistant_files.write_skill, lambda file: f"{file.metadata.name}/{SKILL}",
        ),
        Format(
            "claude-command", "Claude Code commands", _reading_one(assistant_files.read_command),
            lambda: assistant_files.write_command, _placed(".md", COMMANDS),
        ),
        Format(
            "vscode", "VS Code prompt files", _reading_one(assistant_files.read_vscode),
            lambda: assistant_files.write_vscode,
            lambda file: f"{PROMPT_FILES}/{file.metadata.name}.prompt.md",
        ),
        *map(_platform, PLATFORMS),
    )
}  # fmt: skip
