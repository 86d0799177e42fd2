"""Writing prompts: `create`, `update`, `archive`, `restore`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcp_server.cli.options import AsJson, Expected, Force, Message, Name, OnBranch
from mcp_server.cli.printing import write_json, write_line
from mcp_server.cli.running import use_library, warn
from mcp_server.cli.texts import STANDARD_INPUT, read_json, read_text
from storage.values.entities import MAIN
from storage.values.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.service.results import Saved

File = Annotated[
    str | None, typer.Option("--file", "-f", help="A file with the text; '-' is standard input.")
]
FromJson = Annotated[
    str | None,
    typer.Option(
        "--from-json",
        help="A file with fields as the MCP tool takes them: messages, arguments, model_config, …; "
        "'-' is standard input. What else is given here goes before it.",
    ),
]
Template = Annotated[str | None, typer.Option("--template", "-t", help="The text itself.")]
Title = Annotated[str | None, typer.Option("--title", help="The name for people; '' removes it.")]
Description = Annotated[
    str | None, typer.Option("--description", help="What it is for; '' removes it.")
]
Tag = Annotated[
    list[str] | None,
    typer.Option("--tag", help="A tag (repeatable: all there shall be); '' alone removes all."),
]
Folder = Annotated[str | None, typer.Option("--folder", help="Where it lies; '' is the root.")]
ModelType = Annotated[
    str | None, typer.Option("--model-type", help="The model it is written for; '' removes it.")
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="`simple` fills {{argument}}; `liquid` has conditions, loops and filters; `text` is "
        "served as it is.",
    ),
]


def create(
    context: typer.Context,
    name: Name,
    file: File = None,
    template: Template = None,
    title: Title = None,
    description: Description = None,
    tag: Tag = None,
    folder: Folder = None,
    model_type: ModelType = None,
    template_format: Format = None,
    message: Message = None,
    from_json: FromJson = None,
    copy_of: Annotated[
        str | None, typer.Option("--copy-of", help="Begin with this prompt or version of one.")
    ] = None,
    with_history: Annotated[
        bool,
        typer.Option("--with-history", help="Copy every version, branch and label of it too."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create a prompt: of one user message, of what a JSON file says, or as a copy."""
    from mcp_server.schemas.prompts import PromptCreate

    fields = read_fields(from_json, file, template) | _fields(
        title, description, tag, folder, model_type, template_format, message
    )
    if copy_of is not None:
        fields["copy_of"] = copy_of
    if with_history:
        fields["with_history"] = True
    if fields.keys().isdisjoint(("template", "messages", "copy_of")):
        raise Invalid(
            "There is no text. Give it with --file FILE, --file - for standard input, "
            "--template TEXT, --from-json FILE or --copy-of NAME."
        )
    request = PromptCreate.read(fields | {"name": name})
    saved = use_library(
        context,
        lambda library: library.prompts.create(
            request.name,
            request.to_input(),
            copy_of=request.copy_of,
            with_history=request.with_history,
            terms=request.terms(),
        ),
    )
    show_saved(saved, as_json=as_json)


def update(
    context: typer.Context,
    name: Name,
    file: File = None,
    template: Template = None,
    title: Title = None,
    description: Description = None,
    tag: Tag = None,
    folder: Folder = None,
    model_type: ModelType = None,
    template_format: Format = None,
    message: Message = None,
    new_name: Annotated[
        str | None,
        typer.Option("--new-name", help="Rename it; the old name keeps leading to it."),
    ] = None,
    branch: OnBranch = None,
    expected_version: Expected = None,
    force: Force = False,
    from_json: FromJson = None,
    as_json: AsJson = False,
) -> None:
    """Change a prompt; what isn't given stays. A new text becomes a new version."""
    from mcp_server.schemas.prompts import PromptUpdate

    fields = read_fields(from_json, file, template) | _fields(
        title, description, tag, folder, model_type, template_format, message
    )
    guards = {"new_name": new_name, "branch": branch, "expected_version": expected_version}
    fields |= {key: value for key, value in guards.items() if value is not None}
    fields |= {"force": True} if force else {}
    request = PromptUpdate.read(fields | {"name": name})
    saved = use_library(
        context,
        lambda library: library.prompts.update(
            request.name,
            request.to_input(),
            new_name=request.new_name,
            branch=request.branch,
            terms=request.terms(),
        ),
    )
    show_saved(saved, as_json=as_json)


def archive(
    context: typer.Context,
    name: Name,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Take a prompt out of lists and search; nothing of it is lost."""
    _set_archived(context, name, restore=False, force=force, as_json=as_json)


def restore(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Bring an archived prompt back."""
    _set_archived(context, name, restore=True, as_json=as_json)


def show_saved(saved: "Saved", *, as_json: bool) -> None:
    """Print the warnings of a write and its outcome."""
    for warning in saved.warnings:
        warn(warning)
    if as_json:
        from mcp_server.schemas.prompts import present_saved

        write_json(present_saved(saved))
        return
    name, version = saved.current.prompt.name, saved.current.version.version
    if saved.new_version:
        branch = saved.current.version.branch
        write_line(f"{name}: wrote version {version}" + ("" if branch == MAIN else f" on {branch}"))
    elif saved.changed:
        write_line(f"{name}: changed, the text stays at version {version}")
    else:
        write_line(f"{name}: nothing changed, it stays at version {version}")


def _set_archived(
    context: typer.Context, name: str, *, restore: bool, force: bool = False, as_json: bool
) -> None:
    from mcp_server.service.terms import Terms

    terms = Terms(force=force)
    archiving = use_library(
        context, lambda library: library.prompts.archive(name, restore=restore, terms=terms)
    )
    for warning in archiving.warnings:
        warn(warning)
    if as_json:
        from mcp_server.schemas.archiving import present_archived

        write_json(present_archived(archiving))
        return
    prompt = archiving.prompt
    write_line(f"{prompt.name}: archived" if prompt.archived_at else f"{prompt.name}: in use")


def read_fields(from_json: str | None, file: str | None, template: str | None) -> dict[str, Any]:
    """Read fields from a JSON file, and the text from another file or the option.

    Raises:
        Invalid: a file can't be read, or two options exclude each other.
    """
    if file is not None and template is not None:
        raise Invalid("--file and --template exclude each other. Give one of them.")
    if file == from_json == STANDARD_INPUT:
        raise Invalid("--file and --from-json can't both be standard input. Name a file.")
    fields = {} if from_json is None else read_json(from_json)
    text = template if file is None else read_text(file)
    return fields if text is None else fields | {"template": text}


def _fields(
    title: str | None,
    description: str | None,
    tag: Sequence[str] | None,
    folder: str | None,
    model_type: str | None,
    template_format: str | None,
    commit_message: str | None,
) -> dict[str, Any]:
    """Return the options that were given, under the field names that all doors share."""
    fields = {
        "title": title,
        "description": description,
        "tags": [each for each in tag if each] if tag else None,
        "folder": folder,
        "model_type": model_type,
        "template_format": template_format,
        "commit_message": commit_message,
    }
    return {name: value for name, value in fields.items() if value is not None}
