"""`/prompts` and `/prompts/{prompt}`: list, search, create, read, change, archive."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from cachetools import LRUCache
from fastapi import APIRouter, Body, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.rest.conditions import expected_states, is_known
from mcp_server.rest.door import RestDoor
from mcp_server.rest.queries import Force, PromptsQuery, ReadQuery
from mcp_server.rest.reading import JsonRoute
from mcp_server.rest.responses import (
    ETAG,
    LOCATION,
    NEXT,
    UNCHANGED,
    bytes_response,
    documented,
    json_response,
    page_headers,
    state_headers,
    write_json,
)
from mcp_server.rest.shapes import (
    PromptFoundOut,
    PromptPatch,
    PromptPath,
    PromptPost,
    PromptPut,
    PromptRead,
    PromptsOut,
    ReferencePath,
    RenderPost,
    SavedRead,
    present_read,
    present_write,
)
from mcp_server.schemas.archiving import ArchivedOut, present_archived
from mcp_server.schemas.prompts import present_summary
from mcp_server.schemas.reading import RenderedOut, present_rendered
from mcp_server.service.results import PromptVersion, Saved
from mcp_server.service.terms import Terms
from storage.values.entities import SearchHit
from storage.values.errors import Invalid

IfMatch = Annotated[
    str | None,
    Header(
        description="Write only if the prompt is still what this ETag stands for.",
        examples=["*"],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        description="Answer 304 if the prompt is still what this ETag stands for.",
        examples=['"583cbab957e93e9707aed88d"'],
    ),
]

_CACHED_BYTES = 32_000_000


class PromptRoutes:
    """The routes for prompts, and their handlers."""

    def __init__(self, door: RestDoor) -> None:
        self._door = door
        self._bodies: LRUCache[str, bytes] = LRUCache(_CACHED_BYTES, len)

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/prompts", tags=["Prompts"], route_class=JsonRoute)
        router.add_api_route(
            "",
            self.list,
            operation_id="list_prompts",
            summary="List and search prompts",
            response_model=PromptsOut,
            responses=documented(description="A page of prompts.", headers=NEXT),
        )
        router.add_api_route(
            "",
            self.create,
            methods=["POST"],
            operation_id="create_prompt",
            summary="Create a prompt",
            status_code=201,
            response_model=SavedRead,
            responses=documented(
                404,
                409,
                body=True,
                status=201,
                description="It was created.",
                headers=LOCATION | ETAG,
            ),
        )
        router.add_api_route(
            "/{prompt}",
            self.get,
            operation_id="get_prompt",
            summary="Read a prompt",
            response_model=PromptRead,
            responses=documented(404, description="The prompt.", headers=ETAG) | UNCHANGED,
        )
        self._add_changes(router)
        router.add_api_route(
            "/{prompt}/render",
            self.render,
            methods=["POST"],
            operation_id="render_prompt",
            summary="Fill a prompt's blanks",
            response_model=RenderedOut,
            responses=documented(404, body=True, description="The messages, ready to be used."),
        )
        return router

    def _add_changes(self, router: APIRouter) -> None:
        router.add_api_route(
            "/{prompt}",
            self.put,
            methods=["PUT"],
            operation_id="replace_prompt",
            summary="Write a new version",
            response_model=SavedRead,
            responses=documented(
                404, 409, 412, body=True, description="The prompt as it is now.", headers=ETAG
            ),
        )
        router.add_api_route(
            "/{prompt}",
            self.patch,
            methods=["PATCH"],
            operation_id="update_prompt",
            summary="Change some of a prompt",
            response_model=SavedRead,
            responses=documented(
                404, 409, 412, body=True, description="The prompt as it is now.", headers=ETAG
            ),
        )
        router.add_api_route(
            "/{prompt}",
            self.archive,
            methods=["DELETE"],
            operation_id="archive_prompt",
            summary="Archive a prompt",
            status_code=204,
            responses=documented(
                404, 409, 412, writes=True, status=204, description="It is archived."
            )
            | {200: {"description": "It is archived, and what that broke.", "model": ArchivedOut}},
        )
        router.add_api_route(
            "/{prompt}/restore",
            self.restore,
            methods=["POST"],
            operation_id="restore_prompt",
            summary="Bring an archived prompt back",
            response_model=ArchivedOut,
            responses=documented(
                404, 412, writes=True, description="It is listed and served again."
            ),
        )

    async def list(self, request: Request, query: Annotated[PromptsQuery, Query()]) -> Response:
        """List prompts by name, or search them by words: a page at a time.

        All filters hold together. A prompt is listed by what is served of it; archived ones aren't.
        """
        library = await self._door.library(request)
        page = await library.search.find(
            query.words(), query.to_filter(), limit=query.limit, cursor=query.cursor
        )
        searched = bool(query.q.strip())
        shape = PromptsOut(
            items=[_found(hit, searched) for hit in page.items], next_cursor=page.next_cursor
        )
        return json_response(shape, headers=page_headers(request, page.next_cursor))

    async def create(self, request: Request, written: PromptPost) -> Response:
        """Keep a new prompt; its text becomes version 1."""
        library = await self._door.library(request)
        saved = await library.prompts.create(
            written.name,
            written.to_input(),
            copy_of=written.copy_of,
            with_history=written.with_history,
            terms=Terms(commit_message=written.commit_message),
        )
        name = quote(saved.current.prompt.name)
        location = f"{request.scope.get('root_path', '')}/prompts/{name}"
        return saved_response(saved, 201, {"location": location})

    async def get(
        self,
        request: Request,
        prompt: ReferencePath,
        query: Annotated[ReadQuery, Query()],
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Read one version of a prompt with all that is kept about it.

        A bare name means the version that the label `production` points at, else the newest of
        `main`. The ETag changes whenever anything does that is shown here.
        """
        library = await self._door.library(request)
        source = await library.prompts.get(
            prompt, library.caller.reader(query.model_type, query.key)
        )
        state = source.state
        headers = state_headers(state)
        if is_known(if_none_match, state):
            return Response(status_code=304, headers=headers)
        return bytes_response(self._body(source, state), headers=headers)

    async def put(
        self,
        request: Request,
        prompt: PromptPath,
        written: PromptPut,
        if_match: IfMatch = None,
    ) -> Response:
        """Write new texts as a new version on `main`, or on the branch that is given.

        The old versions stay as they are.

        Fields that are left out keep their value. Where nothing differs from the newest version,
        none is written.
        """
        if not written.has_texts:
            raise Invalid(
                "A PUT writes a prompt's text: give 'template' or 'messages'. To change something "
                "else, use PATCH.",
                fields={"template": "is missing"},
            )
        return await self._change(request, prompt, written, if_match)

    async def patch(
        self,
        request: Request,
        prompt: PromptPath,
        written: PromptPatch,
        if_match: IfMatch = None,
    ) -> Response:
        """Change the fields that are given.

        A change of the content writes a new version; one of title, description, folder or tags
        alone doesn't.
        """
        return await self._change(request, prompt, written, if_match)

    async def archive(
        self, request: Request, prompt: PromptPath, force: Force = False, if_match: IfMatch = None
    ) -> Response:
        """Take a prompt out of lists, search and use; nothing is lost, and its name stays taken.

        One that others include is refused, unless it is forced.
        """
        library = await self._door.library(request)
        terms = Terms(expected_states=expected_states(if_match), force=force)
        archiving = await library.prompts.archive(prompt, terms=terms)
        if archiving.warnings:
            return json_response(present_archived(archiving))
        return Response(status_code=204)

    async def restore(
        self, request: Request, prompt: PromptPath, if_match: IfMatch = None
    ) -> Response:
        """Bring an archived prompt back, with all its versions and labels."""
        library = await self._door.library(request)
        terms = Terms(expected_states=expected_states(if_match))
        restored = await library.prompts.archive(prompt, restore=True, terms=terms)
        return json_response(present_archived(restored))

    async def render(
        self,
        request: Request,
        prompt: ReferencePath,
        values: Annotated[RenderPost | None, Body()] = None,
    ) -> Response:
        """Fill the blanks of a version and get the messages that result.

        Arguments that are missing, ill-typed or unknown are refused, all of them at once.
        """
        library = await self._door.library(request)
        body = values or RenderPost()
        rendered = await library.prompts.render(
            prompt,
            body.arguments,
            reader=library.caller.reader(body.model_type, body.key),
        )
        return json_response(present_rendered(rendered))

    async def _change(
        self, request: Request, prompt: str, written: PromptPatch, if_match: str | None
    ) -> Response:
        library = await self._door.library(request)
        saved = await library.prompts.update(
            prompt,
            written.to_input(),
            new_name=written.new_name,
            branch=written.branch,
            expected_name=written.name,
            terms=written.terms(expected_states(if_match)),
        )
        return saved_response(saved)

    def _body(self, source: PromptVersion, state: str) -> bytes:
        key = state if source.variant is None else f"{state} {source.variant}"
        body = self._bodies.get(key)
        if body is None:
            body = write_json(present_read(source))
            if len(body) <= _CACHED_BYTES:
                self._bodies[key] = body
        return body


def _found(hit: SearchHit, searched: bool) -> PromptFoundOut:
    fields = present_summary(hit.prompt)
    if searched:
        fields |= {"score": hit.score, "snippet": hit.snippet}
    return PromptFoundOut(**fields)


def saved_response(
    saved: Saved, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Present a write; its ETag is that of the newest version, on which the next one builds."""
    etag = state_headers(saved.current.state)
    return json_response(present_write(saved), status, {**etag, **(headers or {})})
