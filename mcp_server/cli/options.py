"""Options that several commands share, and the parsing of their values."""

from collections.abc import Sequence
from typing import Annotated

import typer

from storage.values.entities import MAX_VERSION, PromptFilter
from storage.values.errors import Invalid

Name = Annotated[str, typer.Argument(help="The prompt's name.")]
Reference = Annotated[
    str,
    typer.Argument(
        help="name (what it means now), name@3, name@production, name@latest or name@branch:terse."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the MCP tools answer.")]
Message = Annotated[
    str | None, typer.Option("--message", "-m", help="Why this version exists; kept with it.")
]
OnBranch = Annotated[
    str | None, typer.Option("--branch", help="Write on this branch instead of main.")
]
Expected = Annotated[
    int | None,
    typer.Option(
        "--expected-version",
        min=1,
        max=MAX_VERSION,
        help="Write only if this is still the newest version of main, or of the branch.",
    ),
]
HavingTag = Annotated[
    list[str] | None, typer.Option("--tag", help="Only with this tag (repeatable: all of them).")
]
InFolder = Annotated[str | None, typer.Option("--folder", help="Only in or below this folder.")]
ForModel = Annotated[str | None, typer.Option("--model-type", help="Only written for this model.")]
HavingLabel = Annotated[str | None, typer.Option("--label", help="Only with this label.")]
MinVersion = Annotated[
    int | None,
    typer.Option(
        "--min-version", min=1, max=MAX_VERSION, help="Only served at this version or above."
    ),
]
Including = Annotated[
    str | None, typer.Option("--includes", help="Only prompts that include the one of this name.")
]
Archived = Annotated[
    bool, typer.Option("--archived", help="The archived ones instead of those in use.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Also where prompts that include it can't be used then.")
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")
]
Cursor = Annotated[
    str | None, typer.Option("--cursor", help="Go on where a list with --limit stopped.")
]


def make_filter(
    tag: Sequence[str] | None,
    folder: str | None,
    model_type: str | None = None,
    label: str | None = None,
    min_version: int | None = None,
    *,
    includes: str | None = None,
    archived: bool = False,
) -> PromptFilter:
    """Return the filter that the options describe."""
    return PromptFilter(
        tags=tuple(tag or ()),
        folder=folder,
        model_type=model_type,
        label=label,
        min_version=min_version,
        includes=includes,
        archived=archived,
    )


def read_values(options: Sequence[str]) -> dict[str, str]:
    """Read options written as `name=value`.

    Raises:
        Invalid: there is no '=' in one of them.
    """
    values: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise Invalid(f"'--arg {option}' gives no value. Write --arg name=value.")
        values[name] = value
    return values
