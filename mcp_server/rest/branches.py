"""`/prompts/{prompt}/branches` and `…/merge`: named lines of versions."""

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.domain.references import BRANCH_PREFIX
from mcp_server.rest.conditions import expected_states
from mcp_server.rest.door import RestDoor
from mcp_server.rest.prompts import IfMatch
from mcp_server.rest.queries import Force
from mcp_server.rest.reading import JsonRoute
from mcp_server.rest.responses import (
    ETAG,
    LOCATION,
    documented,
    json_response,
    state_headers,
)
from mcp_server.rest.shapes import (
    BranchPath,
    BranchPost,
    MergePost,
    MergeRead,
    PromptPath,
    point_of,
    present_merge_read,
)
from mcp_server.schemas.branches import BranchesOut, BranchOut, present_branch, present_branches
from mcp_server.service.terms import Terms
from storage.values.entities import LATEST


class BranchRoutes:
    """The routes for branches, and their handlers."""

    def __init__(self, door: RestDoor) -> None:
        self._door = door

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/prompts/{prompt}", tags=["Branches"], route_class=JsonRoute)
        router.add_api_route(
            "/branches",
            self.list,
            operation_id="list_branches",
            summary="List a prompt's branches",
            response_model=BranchesOut,
            responses=documented(404, description="The branches."),
        )
        router.add_api_route(
            "/branches",
            self.create,
            methods=["POST"],
            operation_id="create_branch",
            summary="Begin a branch",
            status_code=201,
            response_model=BranchOut,
            responses=documented(
                404, 409, body=True, status=201, description="It began.", headers=LOCATION
            ),
        )
        router.add_api_route(
            "/branches/{branch}",
            self.delete,
            methods=["DELETE"],
            operation_id="delete_branch",
            summary="Delete a branch",
            response_model=BranchOut,
            responses=documented(404, 409, 412, writes=True, description="It is gone."),
        )
        router.add_api_route(
            "/merge",
            self.merge,
            methods=["POST"],
            operation_id="merge_branch",
            summary="Merge a branch",
            response_model=MergeRead,
            responses=documented(
                404, 409, 412, body=True, description="The prompt as it is now.", headers=ETAG
            ),
        )
        return router

    async def list(self, request: Request, prompt: PromptPath) -> Response:
        """List a prompt's branches by name, each compared with `main`."""
        library = await self._door.library(request)
        return json_response(present_branches(await library.branches.list(prompt)))

    async def create(self, request: Request, prompt: PromptPath, written: BranchPost) -> Response:
        """Begin a branch at a version: at the newest of `main`, where none is given."""
        library = await self._door.library(request)
        wanted = await library.versions.reference(prompt, point_of(written, default=LATEST))
        change = await library.branches.create(wanted, written.branch)
        place = quote(f"{change.prompt.name}@{BRANCH_PREFIX}{change.branch}", safe="@:")
        location = f"{request.scope.get('root_path', '')}/prompts/{place}"
        return json_response(present_branch(change), 201, {"location": location})

    async def delete(
        self,
        request: Request,
        prompt: PromptPath,
        branch: BranchPath,
        force: Force = False,
        if_match: IfMatch = None,
    ) -> Response:
        """Take a branch's name away; the versions that were written on it stay.

        One by which others include the prompt is refused, unless it is forced.
        """
        library = await self._door.library(request)
        change = await library.branches.delete(
            prompt, branch, terms=Terms(expected_states=expected_states(if_match), force=force)
        )
        return json_response(present_branch(change))

    async def merge(
        self, request: Request, prompt: PromptPath, written: MergePost, if_match: IfMatch = None
    ) -> Response:
        """Bring what was written on a branch into another one.

        Where both sides changed the same place, nothing is written: the answer is a 409 whose
        `conflicts` show each such place. Send the request again with a `resolution`.
        """
        library = await self._door.library(request)
        merged = await library.branches.merge(
            prompt,
            written.branch,
            into=written.into,
            resolution=written.to_resolution(),
            delete_branch=written.delete_branch,
            terms=written.terms(expected_states(if_match)),
        )
        return json_response(present_merge_read(merged), 200, state_headers(merged.current.state))
