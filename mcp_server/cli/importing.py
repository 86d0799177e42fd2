"""`import`: files become prompts, and doing it again changes nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcp_server.cli.options import Force
from mcp_server.cli.printing import counted, write_json, write_line
from mcp_server.cli.progress import progress
from mcp_server.cli.running import EXIT_CODES, fail, use_library, warn
from storage.values.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.cli.sources import Source, Sources
    from mcp_server.domain.formats.files import PromptFile
    from mcp_server.service.library import Library
    from mcp_server.service.outcomes import ImportResult, Options, Outcome, OutcomeKind, OutcomeLog

_REMARKS = 20
"""The number of remarks on prompts that are printed; the others are counted."""
_PLANNED = {"created": "create", "updated": "update"}


def import_files(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files (.json, .jsonl, .yaml, .csv, .md) or folders of them."),
    ],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="json, jsonl, yaml, csv, markdown, skill, claude-command, vscode, langfuse, "
            "mlflow, openai or rows; by default, what a file looks like.",
        ),
    ] = None,
    template_format: Annotated[
        str | None,
        typer.Option(
            help="simple, text or liquid: how texts are meant of which the file doesn't say it; "
            "by default, they are verbatim."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be done with each prompt.")
    ] = False,
    keep_going: Annotated[
        bool,
        typer.Option("--continue", help="Of a file, leave out what can't be taken."),
    ] = False,
    move_labels: Annotated[
        bool,
        typer.Option("--move-labels", help="Move labels to where the files have them."),
    ] = False,
    force: Force = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was done as JSON, as POST /import answers.")
    ] = False,
) -> None:
    """Bring prompts in from files. A text that the prompt has or had writes nothing."""
    from mcp_server.cli.sources import Sources
    from mcp_server.service.outcomes import Options, OutcomeLog

    _check_formats(format_, template_format)
    sources = Sources(paths, format_, template_format)
    options = Options(dry_run=dry_run, keep_going=keep_going, move_labels=move_labels, force=force)
    total = _Total(OutcomeLog(everything=dry_run), quiet=as_json)
    use_library(context, lambda library: _import_all(library, sources, options, total))
    _say_end(total, sources)
    failures = total.failures + len(sources.refused)
    if as_json:
        _print_json(total)
    else:
        write_line(_summary(total.counts, failures))
    if not total.counts and not failures:
        warn("There was nothing to import. Name files, or folders that hold some.")
    if failures:
        raise typer.Exit(EXIT_CODES[Invalid])


def _check_formats(format_: str | None, template_format: str | None) -> None:
    from mcp_server.domain.formats.registry import find_format
    from mcp_server.domain.templates import template_engine

    if format_ is not None:
        find_format(format_)
    if template_format is not None:
        template_engine(template_format)


@dataclass(slots=True)
class _Remarks:
    """Prints the first remarks on prompts, and counts the others."""

    count: int = 0

    def add(self, outcome: "Outcome") -> None:
        """Print the remarks on a prompt, up to the limit."""
        for remark in outcome.remarks:
            self.count += 1
            if self.count <= _REMARKS:
                warn(f"{outcome.source}: {remark}")

    def end(self) -> None:
        """Say how many remarks weren't printed."""
        more = self.count - _REMARKS
        if more > 0:
            warn(f"There are {counted(more, 'more remark')}. Import with --json to read them.")


@dataclass(slots=True)
class _Total:
    """The outcomes of all files together."""

    told: "OutcomeLog"
    quiet: bool = False
    counts: "Counter[OutcomeKind]" = field(default_factory=Counter)
    failures: int = 0
    written: bool = False
    remarks: _Remarks = field(default_factory=_Remarks)
    literal: int = 0

    def add(self, taken: "ImportResult", *, dry_run: bool) -> None:
        """Add the outcomes of a file; if it wasn't written, only failures (except in a dry run)."""
        self.failures += taken.failures
        self.written |= taken.written and sum(taken.counts.values()) > 0
        if taken.written or dry_run:
            self.counts.update(taken.counts)


async def _import_all(
    library: "Library", sources: "Sources", options: "Options", total: _Total
) -> None:
    """Import the single-prompt files as one batch, so that they may include each other."""
    from mcp_server.domain.formats.markdown_format import LITERAL

    source_by_name: dict[str, str] = {}
    many: list[Source] = []
    with progress("Importing") as advance:

        def report(outcome: "Outcome") -> None:
            advance()
            total.told.add(outcome)
            total.remarks.add(outcome)
            total.literal += LITERAL in outcome.remarks
            if not total.quiet or outcome.is_failure:
                _tell(outcome, options)

        def alone() -> "Iterator[PromptFile | Invalid]":
            for source in sources:
                if source.alone:
                    yield from source.prompts
                else:
                    many.append(source)

        each = replace(options, keep_going=True)
        prompts = _with_unique_names(alone(), source_by_name)
        result = await library.importing.bring_in(prompts, options=each, report=report)
        total.add(result, dry_run=options.dry_run)
        for source in many:
            prompts = _with_unique_names(source.prompts, source_by_name)
            result = await library.importing.bring_in(prompts, options=options, report=report)
            total.add(result, dry_run=options.dry_run)
            if not (result.written or options.dry_run):
                _say_nothing_written(source.path, result)


def _with_unique_names(
    prompts: "Iterator[PromptFile | Invalid]", source_by_name: dict[str, str]
) -> "Iterator[PromptFile | Invalid]":
    """Refuse a second prompt of the same name: it would become the first one's next version."""
    for prompt in prompts:
        if isinstance(prompt, Invalid):
            yield prompt
            continue
        name = prompt.metadata.name
        first = source_by_name.setdefault(name, prompt.source)
        if first == prompt.source:
            yield prompt
        else:
            yield Invalid(
                f"{prompt.source}: the name '{name}' is taken by {first} in this import. "
                "Give one of them another name, or leave one out where they are versions of one "
                "prompt."
            )


def _say_end(total: _Total, sources: "Sources") -> None:
    """Report refused files, remarks that weren't printed, and links that weren't followed."""
    from mcp_server.cli.sources import leaving

    for refusal in sources.refused:
        fail(refusal)
    total.remarks.end()
    if total.literal and not total.quiet:
        warn(
            f"{counted(total.literal, 'text')} kept blanks in double braces as literal text. "
            "Import with --template-format simple to have them filled."
        )
    for path in sources.unfollowed:
        warn(leaving(path))


def _print_json(total: _Total) -> None:
    from mcp_server.schemas.importing import present_import
    from mcp_server.service.outcomes import ImportResult

    counts = dict(total.counts)
    counts["conflict"], counts["refused"] = 0, total.failures
    write_json(present_import(ImportResult(counts, total.written), total.told))


def _tell(outcome: "Outcome", options: "Options") -> None:
    if outcome.message is not None and outcome.is_failure:
        fail(Invalid(outcome.message))
    elif options.dry_run:
        kind = _PLANNED.get(outcome.kind, outcome.kind)
        write_line(f"{kind:<12} {outcome.name}  ({outcome.source})")


def _say_nothing_written(path: Path, taken: "ImportResult") -> None:
    warn(
        f"{path}: nothing of it was written, since {taken.failures} of its "
        f"{sum(taken.counts.values())} prompts can't be. Mend the file, or import it with "
        "--continue to leave them out."
    )


def _summary(outcomes: "Counter[OutcomeKind]", refused: int) -> str:
    failed = outcomes["conflict"] + outcomes["refused"]
    total = sum(outcomes.values()) - failed
    parts = (
        f"{outcomes['created']} created",
        counted(outcomes["new version"], "new version"),
        f"{outcomes['updated']} updated",
        f"{outcomes['unchanged']} unchanged",
    )
    changes = counted(total - outcomes["unchanged"], "change")
    failed_words = f"; {refused} refused" if refused else ""
    return f"{counted(total, 'prompt')}: {', '.join(parts)}; {changes}{failed_words}"
