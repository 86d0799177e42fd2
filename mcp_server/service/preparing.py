"""Preparing: turns the prompts of a file into histories, without a look at the library."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from mcp_server.domain.arguments import check_patterns, declared_comparisons
from mcp_server.domain.composition import includes_of
from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.histories import with_moves
from mcp_server.domain.patterns import Comparison, Verdicts
from mcp_server.domain.texts import located
from storage.values.entities import MAIN, Branch, History, Version
from storage.values.errors import Invalid


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prompt of a file, and the history that it gets if it is new."""

    file: PromptFile
    history: History


def prepare(files: Iterator[PromptFile | Invalid], size: int, by: str) -> list[Prepared | Invalid]:
    """Read the next few prompts of a file."""
    return [
        file if isinstance(file, Invalid) else Prepared(file, history_of(file, by))
        for file in islice(files, size)
    ]


def comparisons_of(prepared: Prepared) -> list[Comparison]:
    """Return the comparisons that the arguments of all versions have to pass."""
    return [
        comparison
        for version in prepared.history.versions
        for comparison in declared_comparisons(version.draft.arguments)
    ]


def check_prepared(prepared: Prepared, verdicts: Verdicts) -> Prepared | Invalid:
    """Return the prompt, or an error for the first version whose patterns can't be used."""
    for version in prepared.history.versions:
        try:
            check_patterns(version.draft.arguments, verdicts)
        except Invalid as wrong:
            place = f"versions[{version.version - 1}]"
            inside = located(wrong, place) if prepared.file.history else wrong
            return located(inside, prepared.file.source)
    return prepared


def names_of(file: PromptFile) -> list[str]:
    """Return the names that a prompt has and had."""
    former = file.history.former_names if file.history else ()
    return list(dict.fromkeys((file.metadata.name, *former)))


def in_order(waiting: Mapping[str, Prepared]) -> Iterator[Prepared]:
    """Yield prompts after those that they include; prompts in a circle come in any order."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[Prepared]:
        # Marked when it is met, not when it is done: a circle ends here, and is refused later.
        pending = [(name, False)]
        while pending:
            each, is_ready = pending.pop()
            if is_ready:
                yield waiting[each]
            elif each in waiting and each not in done:
                done.add(each)
                pending.append((each, True))
                inside = includes_of(waiting[each].file.draft)
                pending += [(reference.partition("@")[0], False) for reference in inside]

    for name in waiting:
        yield from visit(name)


def history_of(file: PromptFile, by: str) -> History:
    """Return the history of a new prompt."""
    now = datetime.now(UTC)
    if file.history is not None:
        return with_moves(file.history, by, now, f"Import from {file.source}")
    author = file.created_by or by
    first = Version(
        prompt_id=UUID(int=0),
        version=1,
        branch=MAIN,
        parent=None,
        merged_from=None,
        draft=file.draft,
        tags=file.metadata.tags,
        commit_message=note_of(file),
        created_by=author,
        created_at=now,
        content_hash=content_hash(file.draft),
        includes=tuple(includes_of(file.draft)),
    )
    branches = (Branch(MAIN, 1, author, now),)
    alone = History((first,), branches, dict.fromkeys(file.labels, 1), created_at=now)
    return with_moves(alone, by, now, f"Import from {file.source}")


def note_of(file: PromptFile) -> str:
    """Return the commit message of a version with a file's text."""
    return file.commit_message or f"Import from {file.source}"
