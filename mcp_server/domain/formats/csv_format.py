"""CSV as prompts.chat publishes it: act, prompt, for_devs, type, contributor.

The format has no descriptions, folders or conversations, and no way to write a literal `${word}`.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from functools import partial

from mcp_server.domain.composition import includes_of
from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.formats.blanks import lost_settings
from mcp_server.domain.formats.files import PromptFile, Written, reading
from mcp_server.domain.formats.labels import read_placeholders, write_placeholders
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import check_metadata, unique_names
from mcp_server.domain.texts import check_author, refused, shown
from storage.values.entities import Metadata
from storage.values.errors import Invalid

COLUMNS = ("act", "prompt", "for_devs", "type", "contributor")
FOR_DEVS = "for-devs"
TYPES = ("structured", "image", "video", "audio", "document", "skill", "taste")
"""The types of prompts.chat other than TEXT, which become tags."""

HEADER = "act,prompt,for_devs,type,contributor\r\n"
GUARDED_HEADER = "act,prompt,for_devs,type,contributor,guarded\r\n"
_NEEDED = ("act", "prompt")
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""The first character of cells that spreadsheets evaluate, as OWASP lists it for CSV injection."""
_GUARDED = re.compile(f"'*{_FORMULA.pattern}")
_APOSTROPHE = re.compile(f"'+{_FORMULA.pattern}")
_TRUE = "TRUE"
_MAX_CELL = 16_000_000
FORMULA = "a cell that spreadsheets run as a formula"

_Row = tuple[str, dict[str, str] | Invalid]


def read_csv(text: str, source: str = "prompts.csv") -> Iterator[PromptFile | Invalid]:
    """Read the prompts of a file, each under a distinct name; a refused row yields its refusal.

    Raises:
        Invalid: a column is missing or repeated. Like the refusals, the message names the line.
    """
    rows = list(_read_rows(text.removeprefix("\ufeff"), source))
    names = iter(unique_names([row["act"] for _, row in rows if not isinstance(row, Invalid)]))
    for place, row in rows:
        if isinstance(row, Invalid):
            yield row
        else:
            yield _attempt(place, row, next(names))


class CsvWriter:
    """Writes prompts as rows of one file, which begins with `header`.

    `guard` puts an apostrophe before cells that a spreadsheet would evaluate, and marks the row in
    a column of its own: `read_csv` only removes apostrophes from marked rows.
    """

    def __init__(self, guard: bool = False) -> None:
        self.header = GUARDED_HEADER if guard else HEADER
        self._titles: set[str] = set()
        self._guard = guard

    def __call__(self, prompt: PromptFile) -> Written:
        """Write a row.

        Raises:
            Invalid: the prompt isn't a single user text, includes others or is liquid.
        """
        tags = prompt.metadata.tags
        kind = next((tag for tag in tags if tag in TYPES), "text")
        title = prompt.metadata.title or prompt.metadata.name
        for_devs = _TRUE if FOR_DEVS in tags else "FALSE"
        cells = (title, _write_text(prompt), for_devs, kind.upper(), prompt.created_by or "")
        row = _row([*map(_guarded, cells), _TRUE] if self._guard else cells)
        lost = _lost(prompt, self.header + row)
        # Names are made from the titles when the file is read.
        if title in self._titles or unique_names([title]) != [prompt.metadata.name]:
            lost.append("its name")
        self._titles.add(title)
        runs = not self._guard and any(map(_FORMULA.match, cells))
        return Written(row, tuple(lost), (FORMULA,) if runs else ())


def _guarded(cell: str) -> str:
    """Guard a cell; one that already looks guarded gets another apostrophe."""
    return f"'{cell}" if _GUARDED.match(cell) else cell


def _unguarded(row: dict[str, str]) -> dict[str, str]:
    if row.get("guarded", "").strip().upper() != _TRUE:
        return row
    return {key: cell[1:] if _APOSTROPHE.match(cell) else cell for key, cell in row.items()}


def _row(cells: Sequence[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _lost(prompt: PromptFile, text: str) -> list[str]:
    """Name the parts of a prompt that are lost when the row is read back."""
    back = next(iter(read_csv(text)))
    if isinstance(back, Invalid):
        return ["its text"]
    lost: list[str] = []
    if content_hash(back.draft) != content_hash(prompt.draft):
        lost = lost_settings(prompt.draft) or ["how its text is meant"]
    here, there = prompt.metadata, back.metadata
    fields = ("title", "description", "folder", "tags")
    return lost + [name for name in fields if getattr(here, name) != getattr(there, name)]


def _read_rows(text: str, source: str) -> Iterator[_Row]:
    """Yield each row by its columns, with its file and first line.

    Malformed quoting ends the file: the beginning of the next row can't be found.
    """
    # The module's default stops at 131,072 characters, and prompts are longer.
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    columns: Sequence[str] | None = None
    try:
        for cells in reader:
            if columns is None:
                columns = _read_header(cells, source)
            elif cells:
                yield f"{source}:{line}", _read_cells(columns, cells, f"{source}:{line}")
            line = reader.line_num + 1
    except csv.Error as error:
        place = f"{source}:{line}"
        yield (
            place,
            Invalid(f"{place}: this is no CSV: {error}. Quote the text; what follows wasn't read."),
        )
        return
    if columns is None:
        _read_header((), source)


def _read_header(cells: Sequence[str], source: str) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    missing = [column for column in _NEEDED if column not in columns]
    if missing:
        raise Invalid(
            f"{source}:1: the column '{missing[0]}' is missing. "
            f"Begin the file with the line {','.join(COLUMNS)}."
        )
    repeated = [column for column in columns if column and columns.count(column) > 1]
    if repeated:
        raise Invalid(
            f"{source}:1: there are {columns.count(repeated[0])} columns '{shown(repeated[0])}', "
            "and only one of them could be kept. Rename or remove the others."
        )
    return columns


def _read_cells(
    columns: Sequence[str], cells: Sequence[str], place: str
) -> dict[str, str] | Invalid:
    if len(cells) != len(columns):
        return Invalid(
            f"{place}: there are {len(cells)} cells where the first line has {len(columns)}. "
            "Put cells with commas in double quotes."
        )
    return _unguarded(dict(zip(columns, cells, strict=True)))


def _attempt(place: str, row: dict[str, str], name: str) -> PromptFile | Invalid:
    try:
        return reading(place, partial(_read_row, row, name, place))
    except Invalid as refusal:
        return refusal


def _read_row(row: dict[str, str], name: str, place: str) -> PromptFile:
    if not row["act"].strip():
        raise refused("act", "is blank. Write the prompt's title")
    template, arguments = read_placeholders(row["prompt"])
    kind = row.get("type", "").strip().lower()
    tags = [FOR_DEVS] if row.get("for_devs", "").strip().upper() == _TRUE else []
    tags += [kind] if kind not in ("", "text") else []
    title = row["act"] if row["act"].strip() != name else None
    metadata = Metadata(name=name, title=title, tags=tuple(tags))
    draft = make_draft(template=template, arguments=arguments)
    contributor = row.get("contributor", "").strip()
    says = frozenset({"title"} if title else ())
    author = check_author(contributor, "contributor") if contributor else None
    return PromptFile(check_metadata(metadata), draft, author, place, says)


def _write_text(prompt: PromptFile) -> str:
    text = single_user_text(prompt.draft.messages)
    if text is None:
        raise Invalid(
            f"The prompt '{shown(prompt.metadata.name)}' is more than one user text, which CSV "
            "can't hold. Export it as Markdown."
        )
    if includes_of(prompt.draft):
        raise Invalid(
            f"The prompt '{shown(prompt.metadata.name)}' includes others, which CSV can't say. "
            "Export it as Markdown."
        )
    if prompt.draft.template_format == "liquid":
        raise Invalid(
            f"The prompt '{shown(prompt.metadata.name)}' is liquid, which CSV can't say. Export it "
            "as Markdown."
        )
    if prompt.draft.template_format == "text":
        return text
    return write_placeholders(text, prompt.draft.arguments)
