"""Records: prompts in JSON or YAML, with all that the library stores of them.

A record is a mapping. `name`, `title`, `description`, `folder` and `tags` are the metadata. Then
comes the one text that is served (`template` or `messages`, `arguments`, …), or else the history:
`versions`, `branches`, `labels`, `moves` of labels, `former_names`.

The library's output for a prompt is read as well: it is such a record with one text, and also has
details of the version with that text.
"""

from collections.abc import Iterable
from functools import partial

from mcp_server.domain.fields import CONTENT, METADATA
from mcp_server.domain.formats.contents import (
    OTHER_NAMES,
    Record,
    present,
    read_draft,
    write_content,
)
from mcp_server.domain.formats.files import EVERYTHING, PromptFile, reading
from mcp_server.domain.formats.histories import HISTORY, read_history, write_history
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.messages import first_line
from mcp_server.domain.names import check_label, check_metadata, check_name, safe_name
from mcp_server.domain.texts import MAX_NOTE, check_author, check_text, refused, shown
from storage.values.entities import MAIN, Draft, Metadata

_SAYING = ("name", *METADATA)
_OF_THE_TEXT = ("created_by", "commit_message", "labels")
_READ_OUT = (
    "id", "version", "latest_version", "branch", "branches", "weights", "variant", "includes",
    "problem", "parent", "merged_from", "content_hash", "created_at", "updated_at", "new_version",
    "changed", "warnings",
)  # fmt: skip
"""Keys of the library's output that no author writes."""


def write_record(file: PromptFile) -> Record:
    """Write a prompt, with its history where it has one."""
    metadata = file.metadata
    record: Record = {
        "name": metadata.name,
        "title": metadata.title,
        "description": metadata.description,
        "folder": metadata.folder,
        "tags": list(metadata.tags),
    }
    if file.history is None:
        record |= {"created_by": file.created_by, **write_content(file.draft)}
    else:
        record |= write_history(file.history)
    return present(record)


def read_record(value: object, source: str) -> PromptFile:
    """Read a prompt from `write_record`, from the library's output or written by hand.

    Without a name, one is made from the title or the text, as when a prompt is created.

    Raises:
        Invalid: it isn't one; the message names the source and the place in it.
    """
    return reading(source, partial(_read, value, source))


def _read(value: object, source: str) -> PromptFile:
    keys = Keys(value)
    if "versions" not in keys:
        keys.only((*_SAYING, *_OF_THE_TEXT, *CONTENT, *OTHER_NAMES), also=_READ_OUT)
        return _read_one(keys, source)
    keys.only((*_SAYING, *HISTORY))
    metadata = _read_metadata(keys, keys.needed("name"))
    history = read_history(keys)
    heads = {each.branch: each.head for each in history.branches}
    main = history.versions[heads[MAIN] - 1]
    return PromptFile(metadata, main.draft, main.created_by, source, history=history)


def _read_one(keys: Keys, source: str) -> PromptFile:
    """Read a prompt with one text."""
    if "variant" in keys:
        raise refused(
            "variant",
            f"is '{shown(keys.any('variant'))}': the texts are that variant's alone. Read the "
            "prompt without a model, and import that",
        )
    draft = read_draft(keys)
    remarks: list[str] = []
    labels = _read_labels(keys, remarks)
    branch = keys.text("branch")
    if branch not in (None, MAIN):
        remarks.append(f"It was read from the branch '{shown(branch)}', and is taken for main.")
    note = keys.text("commit_message")
    return PromptFile(
        _read_metadata(keys, keys.text("name") or _made_name(keys, draft)),
        draft,
        _author(keys),
        source,
        EVERYTHING & set(keys),
        remarks=tuple(remarks),
        labels=labels,
        commit_message=check_text(note, "commit_message", limit=MAX_NOTE) if note else None,
        composed="includes" in keys,
    )


def _made_name(keys: Keys, draft: Draft) -> str:
    title = keys.text("title") or first_line(draft.messages)
    return safe_name(title) if title else keys.needed("name")


def _read_metadata(keys: Keys, name: str) -> Metadata:
    return check_metadata(
        Metadata(
            name=check_name(name),
            title=keys.text("title"),
            description=keys.text("description"),
            folder=keys.text("folder") or "",
            tags=keys.texts("tags"),
        )
    )


def _read_labels(keys: Keys, remarks: list[str]) -> tuple[str, ...]:
    """Return the labels that point at this text; the others get a remark."""
    labels = keys.any("labels")
    if not isinstance(labels, dict):
        return tuple(check_label(label) for label in keys.texts("labels"))
    version = keys.number("version") or 1
    shared = keys.mapping("weights")
    elsewhere = [label for label in labels if label in shared or labels[label] != version]
    if elsewhere:
        remarks.append(
            f"Of the labels, {_quoted(elsewhere)} aren't kept: they point at other versions, which "
            "aren't here, or share their reads out."
        )
    return tuple(check_label(str(label)) for label in labels if label not in elsewhere)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{shown(name)}'" for name in names)


def _author(keys: Keys) -> str | None:
    author = keys.text("created_by")
    return check_author(author, "created_by") if author and author.strip() else None
