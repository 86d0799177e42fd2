"""`/prompts/{prompt}/versions`, `…/history` and `…/diff`: old versions and their differences."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.rest.conditions import expected_states, is_known
from mcp_server.rest.door import RestDoor
from mcp_server.rest.prompts import IfMatch, IfNoneMatch, saved_response
from mcp_server.rest.queries import DiffQuery, HistoryQuery, VersionsQuery
from mcp_server.rest.reading import JsonRoute
from mcp_server.rest.responses import (
    ETAG,
    NEXT,
    UNCHANGED,
    documented,
    json_response,
    page_headers,
    state_headers,
)
from mcp_server.rest.shapes import (
    HistoryOut,
    PromptPath,
    RestorePost,
    SavedRead,
    VersionPath,
    VersionRead,
    present_version_read,
)
from mcp_server.schemas.versions import DiffOut, VersionsOut, present_diff, present_versions
from mcp_server.service.results import PromptVersion


class VersionRoutes:
    """The routes for versions, and their handlers."""

    def __init__(self, door: RestDoor) -> None:
        self._door = door

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/prompts/{prompt}", tags=["Versions"], route_class=JsonRoute)
        router.add_api_route(
            "/versions",
            self.list,
            operation_id="list_versions",
            summary="List a prompt's versions",
            response_model=VersionsOut,
            responses=documented(404, description="A page of versions.", headers=NEXT),
        )
        router.add_api_route(
            "/versions/{version}",
            self.get,
            operation_id="get_version",
            summary="Read one version",
            response_model=VersionRead,
            responses=documented(404, description="The version.", headers=ETAG) | UNCHANGED,
        )
        router.add_api_route(
            "/versions/{version}/restore",
            self.restore,
            methods=["POST"],
            operation_id="restore_version",
            summary="Bring an old version back",
            response_model=SavedRead,
            responses=documented(
                404, 409, 412, body=True, description="The prompt as it is now.", headers=ETAG
            ),
        )
        router.add_api_route(
            "/history",
            self.history,
            operation_id="get_history",
            summary="Read a prompt's history",
            response_model=HistoryOut,
            responses=documented(
                404, description="A page of versions with their texts.", headers=NEXT
            ),
        )
        router.add_api_route(
            "/diff",
            self.diff,
            operation_id="diff_versions",
            summary="Compare two versions",
            response_model=DiffOut,
            responses=documented(404, description="All that differs."),
        )
        return router

    async def list(
        self, request: Request, prompt: PromptPath, query: Annotated[VersionsQuery, Query()]
    ) -> Response:
        """List a prompt's versions, newest first, without their texts."""
        library = await self._door.library(request)
        page = await library.versions.list(
            prompt, branch=query.branch, limit=query.limit, cursor=query.cursor
        )
        return json_response(
            present_versions(page), headers=page_headers(request, page.next_cursor)
        )

    async def get(
        self,
        request: Request,
        prompt: PromptPath,
        version: VersionPath,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Read a version as it was written; only the labels that point at it ever change."""
        library = await self._door.library(request)
        source = await library.prompts.get(await library.versions.reference(prompt, str(version)))
        headers = state_headers(source.state)
        if is_known(if_none_match, source.state):
            return Response(status_code=304, headers=headers)
        return json_response(present_version_read(source), headers=headers)

    async def restore(
        self,
        request: Request,
        prompt: PromptPath,
        version: VersionPath,
        written: Annotated[RestorePost | None, Body()] = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Write an old version's content as a new version; history stays as it is."""
        library = await self._door.library(request)
        body = written or RestorePost()
        saved = await library.versions.restore(
            await library.versions.reference(prompt, str(version)),
            branch=body.branch,
            terms=body.terms(expected_states(if_match)),
        )
        return saved_response(saved)

    async def history(
        self, request: Request, prompt: PromptPath, query: Annotated[HistoryQuery, Query()]
    ) -> Response:
        """Read a prompt's versions with their texts, newest first."""
        library = await self._door.library(request)
        history = await library.versions.history(prompt, limit=query.limit, cursor=query.cursor)
        page = history.versions
        items = [
            present_version_read(PromptVersion(history.prompt, version)) for version in page.items
        ]
        shape = HistoryOut(items=items, next_cursor=page.next_cursor)
        return json_response(shape, headers=page_headers(request, page.next_cursor))

    async def diff(
        self, request: Request, prompt: PromptPath, query: Annotated[DiffQuery, Query()]
    ) -> Response:
        """Compare two versions: texts by lines, arguments and settings one by one."""
        library = await self._door.library(request)
        old = await library.versions.reference(prompt, query.old)
        new = await library.versions.reference(prompt, query.new)
        comparison = await library.versions.diff(old, new, words=query.words, merge=query.merge)
        return json_response(present_diff(comparison))
