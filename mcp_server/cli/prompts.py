"""Writing prompts: `create`, `update`, `archive`, `restore`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcp_server.cli.options import AsJson, Expected, Message, Name
from mcp_server.cli.printing import write_json, write_line
from mcp_server.cli.running import Invocation, use_library, warn
from mcp_server.cli.texts import read_text
from storage.errors import Invalid

if TYPE_CHECKING:
    from mcp_server.service.results import Saved

File = Annotated[
    str | None, typer.Option("--file", "-f", help="A file with the text; '-' is standard input.")
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
    typer.Option("--format", help="`simple` fills {{argument}}; `text` is served as it is."),
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
    as_json: AsJson = False,
) -> None:
    """Create a prompt of one user message."""
    from mcp_server.schemas.prompts import PromptCreate

    text = _read_template(file, template)
    if text is None:
        raise Invalid(
            "There is no text. Give it with --file FILE, --file - for standard input, "
            "or --template TEXT."
        )
    given = PromptCreate.read({
        **_fields(title, description, tag, folder, model_type, template_format),
        "name": name, "template": text, "commit_message": message,
    })  # fmt: skip
    actor = Invocation.of(context).actor
    saved = use_library(
        context,
        lambda library: library.prompts.create(
            given.name, given.to_input(), by=actor, commit_message=given.commit_message
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
    expected_version: Expected = None,
    as_json: AsJson = False,
) -> None:
    """Change a prompt; what isn't given stays. A new text becomes a new version."""
    from mcp_server.schemas.prompts import PromptUpdate

    given = PromptUpdate.read({
        **_fields(title, description, tag, folder, model_type, template_format),
        "name": name, "template": _read_template(file, template),
        "commit_message": message, "expected_version": expected_version,
    })  # fmt: skip
    actor = Invocation.of(context).actor
    saved = use_library(
        context,
        lambda library: library.prompts.update(
            given.name,
            given.to_input(),
            by=actor,
            expected_version=given.expected_version,
            commit_message=given.commit_message,
        ),
    )
    show_saved(saved, as_json=as_json)


def archive(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Take a prompt out of lists and search; nothing of it is lost."""
    _set_archived(context, name, restore=False, as_json=as_json)


def restore(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Bring an archived prompt back."""
    _set_archived(context, name, restore=True, as_json=as_json)


def show_saved(saved: "Saved", *, as_json: bool) -> None:
    """Present what a write left behind."""
    for warning in saved.warnings:
        warn(warning)
    if as_json:
        from mcp_server.schemas.prompts import present_saved

        write_json(present_saved(saved))
        return
    name, version = saved.current.prompt.name, saved.current.version.version
    if saved.new_version:
        write_line(f"{name}: wrote version {version}")
    elif saved.changed:
        write_line(f"{name}: changed, the text stays at version {version}")
    else:
        write_line(f"{name}: nothing changed, it stays at version {version}")


def _set_archived(context: typer.Context, name: str, *, restore: bool, as_json: bool) -> None:
    prompt = use_library(context, lambda library: library.prompts.archive(name, restore=restore))
    if as_json:
        from mcp_server.schemas.prompts import present_archived

        write_json(present_archived(prompt))
        return
    write_line(f"{prompt.name}: archived" if prompt.archived_at else f"{prompt.name}: in use")


def _read_template(file: str | None, template: str | None) -> str | None:
    if file is not None and template is not None:
        raise Invalid("--file and --template exclude each other. Give one of them.")
    return template if file is None else read_text(file)


def _fields(
    title: str | None,
    description: str | None,
    tag: Sequence[str] | None,
    folder: str | None,
    model_type: str | None,
    template_format: str | None,
) -> dict[str, Any]:
    """Name the fields as every door does; None is what wasn't written."""
    return {
        "title": title,
        "description": description,
        "tags": [each for each in tag if each] if tag else None,
        "folder": folder,
        "model_type": model_type,
        "template_format": template_format,
    }
