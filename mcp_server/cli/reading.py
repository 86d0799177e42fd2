"""Finding and reading prompts: `list`, `search`, `get`."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from mcp_server.cli.options import (
    Archived,
    AsJson,
    Cursor,
    ForModel,
    HavingLabel,
    HavingTag,
    Including,
    InFolder,
    Limit,
    MinVersion,
    Reference,
    make_filter,
    read_values,
)
from mcp_server.cli.printing import is_terminal, write, write_json, write_line, write_rows
from mcp_server.cli.running import Invocation, use_library, warn
from mcp_server.service.readers import Reader
from storage.values.entities import Message, PromptSummary, SearchHit

if TYPE_CHECKING:
    from mcp_server.service.library import Library
    from mcp_server.service.results import PromptVersion, RenderedPrompt
    from storage.values.pages import Page

T = TypeVar("T")

_PAGE = 1_000


def list_prompts(
    context: typer.Context,
    tag: HavingTag = None,
    folder: InFolder = None,
    model_type: ForModel = None,
    label: HavingLabel = None,
    min_version: MinVersion = None,
    includes: Including = None,
    archived: Archived = False,
    limit: Limit = None,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List prompts by name."""
    prompt_filter = make_filter(
        tag, folder, model_type, label, min_version, includes=includes, archived=archived
    )
    page = list_pages(
        context,
        lambda library, size, start: library.prompts.list(prompt_filter, limit=size, cursor=start),
        limit,
        cursor,
    )
    if as_json:
        from mcp_server.schemas.search import present_hits

        # The shape of a search without words, which is a list by name too.
        write_json(present_hits(page.map(lambda it: SearchHit(it, 0.0, it.description or ""))))
        return
    write_rows(("Name", "Version", "Folder", "Tags", "Title"), map(_row, page.items))
    _tell_more(page)


def search(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(help="What to look for.")] = None,
    tag: HavingTag = None,
    folder: InFolder = None,
    model_type: ForModel = None,
    label: HavingLabel = None,
    min_version: MinVersion = None,
    includes: Including = None,
    archived: Archived = False,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Find prompts by words; misspellings are forgiven, and the best match comes first."""
    prompt_filter = make_filter(
        tag, folder, model_type, label, min_version, includes=includes, archived=archived
    )
    query = " ".join(words or ())
    page = use_library(
        context,
        lambda library: library.search.find(query, prompt_filter, limit=limit, cursor=cursor),
    )
    if as_json:
        from mcp_server.schemas.search import present_hits

        write_json(present_hits(page))
        return
    rows = (
        (hit.prompt.name, hit.prompt.version, hit.prompt.title, hit.snippet) for hit in page.items
    )
    write_rows(("Name", "Version", "Title", "Found"), rows)
    _tell_more(page)


def get(
    context: typer.Context,
    reference: Reference,
    arg: Annotated[
        list[str] | None,
        typer.Option("--arg", "-a", help="A value for a blank, name=value (repeatable); renders."),
    ] = None,
    render: Annotated[bool, typer.Option("--render", help="Fill the blanks.")] = False,
    model: Annotated[
        str | None, typer.Option(help="The text for this model, where it has one of its own.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Who it is for, where a label shares its reads out; by default you."),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The text alone, on a terminal too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a prompt's text, byte for byte; with --arg, its blanks filled."""
    reader = Invocation.of(context).caller.reader(model, key)
    if render or arg:
        _show_rendered(context, reference, arg or (), reader, raw=raw, as_json=as_json)
        return
    source = use_library(context, lambda library: library.prompts.get(reference, reader))
    if as_json:
        from mcp_server.schemas.prompts import present_prompt

        write_json(present_prompt(source))
        return
    _show(source, source.messages, raw=raw)


def list_pages(
    context: typer.Context,
    read: Callable[["Library", int, str | None], Awaitable["Page[T]"]],
    limit: int | None,
    cursor: str | None,
) -> "Page[T]":
    """Read a list of the library to its end, or one page of `limit` items."""
    return use_library(context, lambda library: _read(partial(read, library), limit, cursor))


def tell_more(page: "Page[T]") -> None:
    """Say on standard error that a list goes on."""
    if page.next_cursor is not None:
        warn(f"There are more: --cursor {page.next_cursor}")


async def _read(
    read: Callable[[int, str | None], Awaitable["Page[T]"]], limit: int | None, cursor: str | None
) -> "Page[T]":
    from storage.values.pages import Page

    items: list[T] = []
    while True:
        page = await read(_PAGE if limit is None else limit, cursor)
        items += page.items
        cursor = page.next_cursor
        if cursor is None or limit is not None:
            return Page(tuple(items), cursor)


def _row(prompt: PromptSummary) -> Sequence[object]:
    return prompt.name, prompt.version, prompt.folder, ", ".join(prompt.tags), prompt.title


def _tell_more(page: "Page[T]") -> None:
    """Say on standard error that nothing was found, or that a list goes on."""
    if not page.items and is_terminal():
        warn("There is no such prompt. `promptstack import PATH` brings some in.")
    tell_more(page)


def _show_rendered(
    context: typer.Context,
    reference: str,
    arg: Sequence[str],
    reader: Reader,
    *,
    raw: bool,
    as_json: bool,
) -> None:
    values = read_values(arg)
    rendered: RenderedPrompt = use_library(
        context, lambda library: library.prompts.render(reference, values, reader=reader)
    )
    if as_json:
        from mcp_server.schemas.reading import present_rendered

        write_json(present_rendered(rendered))
        return
    _show(rendered.source, rendered.messages, raw=raw)


def _show(source: "PromptVersion", messages: Sequence[Message], *, raw: bool) -> None:
    text = _as_text(messages)
    if not is_terminal():
        write(text)
        return
    if not raw:
        write_line(typer.style(_headline(source), dim=True))
    write(text if text.endswith("\n") else f"{text}\n")


def _headline(source: "PromptVersion") -> str:
    prompt, version = source.prompt, source.version.version
    labels = (label for label, number in prompt.labels.items() if number == version)
    parts = (f"{prompt.name}@{version}", prompt.title, prompt.folder, *sorted(labels))
    return " · ".join(part for part in parts if part)


def _as_text(messages: Sequence[Message]) -> str:
    """Return the text alone of a single message, and several under their roles."""
    if len(messages) == 1:
        return _content(messages[0])
    return "\n\n".join(f"[{message.role}]\n{_content(message)}" for message in messages) + "\n"


def _content(message: Message) -> str:
    from mcp_server.domain.messages import content_text

    text = content_text(message.content)
    if text is not None:
        return text
    content = message.content
    kind = getattr(content, "mime_type", None) or type(content).__name__
    return f"[{kind} {getattr(content, 'uri', '')}".rstrip() + "]"
