"""Rows: JSON objects with their text as `prompt`, as in published lists of prompts.

They match the rows of a CSV, with `act` as there or with a `title`, and a `description`.
"""

from collections.abc import Sequence

from mcp_server.domain.composition import includes_of
from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.formats.blanks import check_carried, lost_saying, lost_settings
from mcp_server.domain.formats.chats import Json, Lost, read_braces, read_tags
from mcp_server.domain.formats.csv_format import FOR_DEVS
from mcp_server.domain.formats.files import Place, PromptFile, file_title, unkept
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.formats.labels import read_placeholders
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.names import NAME, check_metadata, safe_name, unique_name, unique_names
from mcp_server.domain.templates.simple import parse
from mcp_server.domain.texts import check_author, refused, shown
from storage.values.entities import Draft, Metadata
from storage.values.errors import Invalid

_TITLES = ("act", "title")


def is_row(value: Json) -> bool:
    """Tell whether a mapping looks like a row."""
    others = ("template", "messages", "template_format", "versions", "latest_version")
    return isinstance(value.get("prompt"), str) and value.keys().isdisjoint(others)


def row_names(values: Sequence[object]) -> list[str | None]:
    """Make names for the rows with a title and no name, independent of their order."""
    titles = [_title_of(value) for value in values]
    names = iter(unique_names([title for title in titles if title is not None]))
    return [None if title is None else next(names) for title in titles]


def read_row(keys: Keys, place: Place, name: str | None = None) -> PromptFile:
    """Read a row; `name` is the one that `row_names` made from its title.

    With an `act`, blanks are `${label}` and `${label:default}`, else `{{name}}`.

    Raises:
        Invalid: a value is of another kind.
    """
    title_key = next((key for key in _TITLES if key in keys), "title")
    draft = _read_draft(keys, notation=title_key)
    given_name = keys.text("name")
    title = keys.text(title_key) or given_name or file_title(place.path_name)
    if given_name:
        name = given_name if NAME.fullmatch(given_name) else safe_name(given_name)
    named = name is not None
    if name is None:
        name = safe_name(title) if place.alone else unique_name(title, content_hash(draft))
    remarks: list[str] = []
    metadata = Metadata(
        name,
        title if title.strip() != name else None,
        keys.text("description"),
        keys.text("folder") or "",
        read_tags([*keys.texts("tags"), *_kinds(keys)], remarks),
    )
    says = {key for key in ("title", "description", "folder", "tags") if getattr(metadata, key)}
    author = keys.text("contributor")
    return PromptFile(
        check_metadata(metadata),
        draft,
        check_author(author, "contributor") if author and author.strip() else None,
        place.source,
        frozenset(says),
        remarks=(*remarks, *unkept(keys.unread())),
        named=named,
    )


def write_row(file: PromptFile) -> tuple[Json, Lost]:
    """Write a row; also return the parts that a row can't hold.

    Raises:
        Invalid: the prompt is more than one user text, is liquid, or includes others.
    """
    name = shown(file.metadata.name)
    check_carried(file.draft, name, "a row")
    text = single_user_text(file.draft.messages)
    if text is None or includes_of(file.draft):
        raise Invalid(
            f"The prompt '{name}' is more than one user text, or includes others, which a row "
            "can't hold. Export it as Markdown, JSON or YAML."
        )
    metadata = file.metadata
    value: Json = {
        "name": metadata.name,
        "title": metadata.title,
        "description": metadata.description,
        "folder": metadata.folder,
        "tags": list(metadata.tags),
        "prompt": _write_text(text, file.draft),
    }
    lost = lost_settings(file.draft)
    back = read_braces(value["prompt"])
    if not lost and content_hash(make_draft(template=back)) != content_hash(file.draft):
        lost.append("how its text is meant")
    present = {key: each for key, each in value.items() if each not in (None, "", [])}
    return present, (*lost, *lost_saying(metadata, "title", "description", "folder", "tags"))


def _title_of(value: object) -> str | None:
    if not isinstance(value, dict) or not is_row(value) or value.get("name"):
        return None
    title = next((value[key] for key in _TITLES if value.get(key) is not None), None)
    return title if isinstance(title, str) and title.strip() else None


def _read_draft(keys: Keys, *, notation: str) -> Draft:
    text = keys.needed("prompt")
    if notation == "title":
        return make_draft(template=read_braces(text))
    template, arguments = read_placeholders(text)
    return make_draft(template=template, arguments=arguments)


def _kinds(keys: Keys) -> list[str]:
    """Return the tags for the columns `for_devs` and `type`."""
    for_devs = keys.any("for_devs")
    if for_devs not in (None, True, False) and str(for_devs).upper() not in ("TRUE", "FALSE"):
        raise refused("for_devs", f"is '{shown(for_devs)}'. Use true or false")
    kind = (keys.text("type") or "").strip().lower()
    tags = [FOR_DEVS] if str(for_devs).upper() == "TRUE" else []
    return tags + ([kind] if kind not in ("", "text") else [])


def _write_text(text: str, draft: Draft) -> str:
    if draft.template_format == "text":
        return text
    return "".join(map(str, parse(text)))
