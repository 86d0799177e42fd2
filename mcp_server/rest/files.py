"""`/import` and `/export`: the library as a file."""

import asyncio
import codecs
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.registry import (
    FORMATS,
    Format,
    Write,
    find_format,
    guarded,
    read_file,
)
from mcp_server.problems import Problem
from mcp_server.rest.door import RestDoor
from mcp_server.rest.naming import named, path_name
from mcp_server.rest.responses import documented, json_response
from mcp_server.schemas.base import Shape
from mcp_server.schemas.importing import ImportOut, present_import
from mcp_server.service.outcomes import ImportResult, Options, Outcome, OutcomeLog
from storage.values.entities import PromptFilter, TemplateFormat
from storage.values.errors import Conflict, Invalid

_MEMORY = 1_000_000
_AT_ONCE = 20
"""Prompts that are serialised in one go."""
_PIECE = 1 << 16
_PATIENCE = 30.0
"""Seconds within which the next piece of a body has to arrive."""
_LONGEST = 900.0
"""Seconds within which the whole body has to arrive."""
_TYPES = {
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
    "text/csv": "csv",
    "text/markdown": "markdown",
    "text/plain": "markdown",
}
_DOCUMENTED = ("application/yaml", "text/plain")
"""The others are named in a sentence: tools that read the document can't make examples of them."""
_EXAMPLES = {
    "json": "",
    "jsonl": '{"name": "greeting", "template": "Hello {{who}}"}\n',
    "yaml": "name: greeting\ntemplate: Hello {{who}}\n",
    "csv": "act,prompt\nGreeting,Hello ${who}\n",
    "markdown": "---\nname: greeting\ntemplate_format: simple\n---\nHello {{who}}",
}
_ALL = tuple(name for name, each in FORMATS.items() if each.frame is not None)


STREAMED = frozenset({("POST", "/import")})
"""The routes that read a body piece by piece: files may be larger than other bodies."""


class ImportQuery(Shape):
    """How a file is imported."""

    format: str | None = Field(
        None,
        description="What the file is: " + ", ".join(FORMATS) + ". By default its Content-Type "
        "says it; JSON of other programs is recognised then, and never where this is given.",
        json_schema_extra={"enum": list(FORMATS)},
    )
    name: str | None = Field(
        None,
        description="The prompt's name, for a text that says none itself; without this it is made "
        "of the file's name in the header Content-Disposition.",
        examples=["code-review"],
    )
    template_format: TemplateFormat | None = Field(
        None,
        description="How texts are meant of which the file doesn't say it, as Markdown without "
        "arguments; by default they are verbatim.",
    )
    dry_run: bool = Field(False, description="Only tell what would be done with each prompt.")
    keep_going: bool = Field(
        False,
        alias="continue",
        description="Leave out what can't be taken, instead of writing nothing at all.",
    )
    move_labels: bool = Field(
        False, description="Move labels of prompts that are there to where the file has them."
    )
    force: bool = Field(
        False,
        description="Also make changes by which prompts that include one of these can't be used "
        "any more; `remarks` name those. Otherwise such a change is a conflict.",
    )


class ExportQuery(Shape):
    """What is exported, and how."""

    format: str = Field(
        "json",
        description="What to write: " + ", ".join(_ALL) + ".",
        json_schema_extra={"enum": list(_ALL)},
    )
    history: bool = Field(
        False,
        description="With all versions, branches and labels, and archived prompts: json, jsonl and "
        "yaml have place for them.",
    )
    guard_formulas: bool = Field(
        False,
        description="For csv: put an apostrophe before cells that spreadsheets would run as "
        "formulas. An import takes it away again.",
    )
    tag: list[str] = Field(
        default_factory=list, description="Only prompts with this tag (repeatable: all of them)."
    )
    folder: str | None = Field(None, description="Only prompts in this folder and below it.")


class FileRoutes:
    """The routes for files, and their handlers."""

    def __init__(self, door: RestDoor) -> None:
        self._door = door

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["Files"])
        content: dict[str, Any] = {
            kind: {"schema": {}, "example": _EXAMPLES[_TYPES[kind]]} for kind in _DOCUMENTED
        }
        content["application/json"] = {"schema": {}}
        router.add_api_route(
            "/import",
            self.import_files,
            methods=["POST"],
            operation_id="import_prompts",
            summary="Import a file",
            response_model=ImportOut,
            responses=documented(409, body=True, description="What became of its prompts."),
            openapi_extra={"requestBody": {"required": True, "content": content}},
        )
        answers = documented(description="The file.")
        answers[200]["content"] = {
            FORMATS[name].media_type: {"schema": {}, "example": _EXAMPLES[name]}
            for name in _EXAMPLES
            if FORMATS[name].frame is not None
        }
        answers[200]["content"]["application/json"] = {"schema": {"type": "array", "items": {}}}
        router.add_api_route(
            "/export",
            self.export_files,
            operation_id="export_prompts",
            summary="Export to a file",
            response_class=Response,
            responses=answers,
        )
        return router

    async def import_files(
        self, request: Request, query: Annotated[ImportQuery, Query()]
    ) -> Response:
        """Bring the prompts of a file in, all or, unless told to go on, none of them.

        Doing it again changes nothing. Labels of prompts that are there stay where they are. A text
        that doesn't say its own name needs one, by `name` or by Content-Disposition. Other types of
        content are application/jsonl, text/csv and text/markdown; with `format` it may be any.
        """
        library = await self._door.library(request)
        if query.format is not None:
            find_format(query.format)
        likely = None if query.format else _format_of(request)
        path = path_name(query.name, request.headers.get("content-disposition"))
        options = Options(
            dry_run=query.dry_run,
            keep_going=query.keep_going,
            move_labels=query.move_labels,
            force=query.force,
        )
        outcomes = OutcomeLog(everything=query.dry_run)
        with SpooledTemporaryFile(_MEMORY) as spool:
            await _receive(request, spool, self._door.max_import)
            spool.seek(0)
            files = named(
                read_file(
                    path,
                    _pieces(spool),
                    query.format,
                    likely=likely,
                    template_format=query.template_format,
                ),
                path,
            )
            result = await library.importing.bring_in(files, options=options, report=outcomes.add)
        if not result.written and not options.dry_run:
            raise _refusal(result, outcomes.failures)
        return json_response(present_import(result, outcomes))

    async def export_files(
        self, request: Request, query: Annotated[ExportQuery, Query()]
    ) -> Response:
        """Write prompts by name, as a file that can be imported again, here or elsewhere.

        What a format has no place for is left out of it, or the whole prompt.
        """
        library = await self._door.library(request)
        file_format = find_format(query.format)
        if file_format.frame is None:
            raise Invalid(
                f"In the format '{file_format.name}' each prompt has a file of its own. Use "
                f"{', '.join(_ALL)}, or `promptstack export` into a folder."
            )
        if query.guard_formulas:
            file_format = guarded(file_format)
        if query.history and not file_format.keeps_history:
            raise Invalid(
                f"{file_format.title} has no place for a history. Use json, jsonl or yaml."
            )
        prompt_filter = PromptFilter(tags=tuple(query.tag), folder=query.folder)
        files = library.exporting.read(prompt_filter, history=query.history)
        # Errors of the request have to be raised before the answer begins.
        first = await anext(files, None)
        extension = (
            file_format.name if file_format.keeps_history or file_format.name == "csv" else "json"
        )
        return StreamingResponse(
            _file_pieces(file_format, first, files),
            media_type=file_format.media_type,
            headers={"content-disposition": f'attachment; filename="prompts.{extension}"'},
        )


async def _file_pieces(
    file_format: Format, first: PromptFile | None, files: AsyncIterator[PromptFile]
) -> AsyncIterator[str]:
    """Yield the text of a file in pieces of a reasonable size."""
    frame, write = file_format.frame, file_format.writer()
    if frame is None:  # `export_files` refuses such a format
        return
    pending: list[str] = []
    begun = False
    async for batch in _batches(first, files):
        # Serialising takes CPU time, for which the event loop would be blocked.
        for text in await asyncio.to_thread(_texts, write, batch):
            pending += [frame.between if begun else frame.start, text]
            begun = True
        if sum(map(len, pending)) > _PIECE:
            yield "".join(pending)
            pending.clear()
    yield "".join([*pending, frame.end if begun else frame.empty])


async def _batches(
    first: PromptFile | None, files: AsyncIterator[PromptFile]
) -> AsyncIterator[list[PromptFile]]:
    file, batch = first, list[PromptFile]()
    while file is not None:
        batch.append(file)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
        file = await anext(files, None)
    if batch:
        yield batch


def _texts(write: Write, batch: Sequence[PromptFile]) -> list[str]:
    """Serialise prompts; those that the format can't hold are left out, as documented."""
    texts = []
    for file in batch:
        with suppress(Invalid):
            texts.append(write(file).text)
    return texts


async def _receive(request: Request, spool: IO[bytes], limit: int) -> None:
    size = 0
    try:
        async with asyncio.timeout(_LONGEST):
            async for piece in _patiently(request.stream()):
                size += len(piece)
                if size > limit:
                    raise _Refused(
                        413,
                        f"The file is larger than {limit:,} bytes, the most that this server "
                        "imports. Split it, or ask its operator to raise PROMPTSTACK_MAX_IMPORT.",
                    )
                spool.write(piece)
    except TimeoutError:
        raise _Refused(
            408,
            f"Nothing more of the file arrived within {_PATIENCE:g} seconds, or not all of it "
            f"within {_LONGEST:g}. Send it again.",
        ) from None
    except ClientDisconnect:
        raise _Refused(400, "The client left before it had sent the whole file.") from None


async def _patiently(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(_PATIENCE):
            piece = await anext(stream, None)
        if piece is None:
            return
        yield piece


def _pieces(spool: IO[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while data := spool.read(_PIECE):
            if b"\0" in data:
                raise Invalid("There is a NUL byte in the file, which can't be stored. Remove it.")
            yield decoder.decode(data)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        raise Invalid("The file isn't UTF-8 text. Save it as UTF-8.") from None


def _format_of(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _TYPES:
        return _TYPES[kind]
    raise _Refused(
        415,
        f"The body's Content-Type is '{kind[:100]}'. Send one of {', '.join(_TYPES)}, or say what "
        "it is with 'format'.",
    )


class _Refused(Exception):
    """A refusal that has a status of its own."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.problem = Problem(status, detail, headers={"connection": "close"})


async def on_refused(request: Request, error: Exception) -> Response:
    """Answer a request whose file was refused before it was parsed."""
    assert isinstance(error, _Refused)
    return error.problem.response(request.scope["path"])


REFUSED: type[Exception] = _Refused


def _refusal(result: ImportResult, refused: list[Outcome]) -> Exception:
    """Return the error of an import that wrote nothing: the first reason, and a count."""
    first = refused[0].message or ""
    others = result.failures - 1
    more = f" {others} more can't be taken." if others else ""
    sentence = (
        f"Nothing was written. {first}{more} Mend the file, or send it with 'continue=true' to "
        "leave out what can't be taken."
    )
    conflicts = all(each.kind == "conflict" for each in refused)
    fields = {each.source: each.message or "" for each in refused}
    return Conflict(sentence) if conflicts else Invalid(sentence, fields=fields)
