"""`import`: files become prompts, and doing it again changes nothing."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server.cli.printing import counted, write_line
from mcp_server.cli.progress import progress
from mcp_server.cli.running import EXIT_CODES, Invocation, fail, use_library, warn
from storage.errors import Conflict, Forbidden, Invalid, NotFound, PromptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_server.domain.formats.files import PromptFile
    from mcp_server.service.importing import Outcome
    from mcp_server.service.library import Library

_AT_ONCE = 4
_BATCH = 32
_OF_THE_PROMPT = (Conflict, Forbidden, Invalid, NotFound)
"""Refusals that concern one prompt; the others still go in."""


def import_files(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files (.csv as prompts.chat has it, .md) or folders of them."),
    ],
) -> None:
    """Bring prompts in from files. A text that the prompt has or had writes nothing."""
    from mcp_server.cli.sources import read_sources

    found = read_sources(paths)
    actor = Invocation.of(context).actor
    outcomes: Counter[Outcome] = Counter()
    refused: list[PromptError] = [*found.refused]
    if found.prompts:
        taken = use_library(context, lambda library: _take_all(library, found.prompts, actor))
        for outcome in taken:
            if isinstance(outcome, PromptError):
                refused.append(outcome)
            else:
                outcomes[outcome] += 1
    for error in refused:
        fail(error)
    write_line(_summary(outcomes, len(refused)))
    if not found.prompts and not refused:
        warn("There was nothing to import. Name .csv or .md files, or folders that hold some.")
    if refused:
        raise typer.Exit(EXIT_CODES[Invalid])


async def _take_all(
    library: "Library", prompts: Sequence["PromptFile"], actor: str
) -> "list[Outcome | PromptError]":
    """Bring prompts in, a few at a time; the outcomes are in the order of the files."""
    outcomes: list[Outcome | PromptError] = []
    slots = asyncio.Semaphore(_AT_ONCE)
    with progress("Importing", len(prompts)) as advance:
        for start in range(0, len(prompts), _BATCH):
            batch = prompts[start : start + _BATCH]
            taken = await asyncio.gather(
                *(_take(library, prompt, actor, slots, advance) for prompt in batch),
                return_exceptions=True,
            )
            outcomes += map(_expected, taken)
    return outcomes


async def _take(
    library: "Library",
    prompt: "PromptFile",
    actor: str,
    slots: asyncio.Semaphore,
    advance: "Callable[[], None]",
) -> "Outcome":
    async with slots:
        try:
            return await library.importing.take(prompt, by=actor)
        except _OF_THE_PROMPT as error:
            raise type(error)(f"{prompt.source}: {error.message}") from None
        finally:
            advance()


def _expected(outcome: "Outcome | BaseException") -> "Outcome | PromptError":
    """Return an outcome, or the refusal of one prompt; raise what concerns them all."""
    if isinstance(outcome, BaseException) and not isinstance(outcome, _OF_THE_PROMPT):
        raise outcome
    return outcome


def _summary(outcomes: "Counter[Outcome]", refused: int) -> str:
    total = sum(outcomes.values())
    parts = (
        f"{outcomes['created']} created",
        counted(outcomes["new version"], "new version"),
        f"{outcomes['updated']} updated",
        f"{outcomes['unchanged']} unchanged",
    )
    changes = counted(total - outcomes["unchanged"], "change")
    failed = f"; {refused} refused" if refused else ""
    return f"{counted(total, 'prompt')}: {', '.join(parts)}; {changes}{failed}"
