"""`/prompts/{prompt}/labels` and `…/label-history`: the movable pointers."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.rest.conditions import expected_states
from mcp_server.rest.door import RestDoor
from mcp_server.rest.prompts import IfMatch
from mcp_server.rest.queries import Force, LabelHistoryQuery, ReasonQuery
from mcp_server.rest.reading import JsonRoute
from mcp_server.rest.responses import NEXT, documented, json_response, page_headers
from mcp_server.rest.shapes import LabelPath, LabelPut, LabelsOut, PromptPath, point_of, shares_of
from mcp_server.schemas.labels import (
    LabelHistoryOut,
    LabelMoveOut,
    present_label_history,
    present_move,
)
from mcp_server.service.terms import Terms
from storage.values.entities import LATEST


class LabelRoutes:
    """The routes for labels, and their handlers."""

    def __init__(self, door: RestDoor) -> None:
        self._door = door

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/prompts/{prompt}", tags=["Labels"], route_class=JsonRoute)
        router.add_api_route(
            "/labels",
            self.list,
            operation_id="list_labels",
            summary="List a prompt's labels",
            response_model=LabelsOut,
            responses=documented(404, description="The labels."),
        )
        router.add_api_route(
            "/labels/{label}",
            self.set,
            methods=["PUT"],
            operation_id="set_label",
            summary="Set or move a label",
            response_model=LabelMoveOut,
            responses=documented(404, 409, 412, body=True, description="Where it points now."),
        )
        router.add_api_route(
            "/labels/{label}",
            self.remove,
            methods=["DELETE"],
            operation_id="remove_label",
            summary="Take a label away",
            response_model=LabelMoveOut,
            responses=documented(404, 409, 412, writes=True, description="Where it pointed."),
        )
        router.add_api_route(
            "/label-history",
            self.history,
            operation_id="get_label_history",
            summary="Read what a prompt's labels did",
            response_model=LabelHistoryOut,
            responses=documented(404, description="A page of moves.", headers=NEXT),
        )
        return router

    async def history(
        self, request: Request, prompt: PromptPath, query: Annotated[LabelHistoryQuery, Query()]
    ) -> Response:
        """Read who moved which label when, from where to where and why, newest first."""
        library = await self._door.library(request)
        page = await library.labels.list_moves(
            prompt, label=query.label, limit=query.limit, cursor=query.cursor
        )
        headers = page_headers(request, page.next_cursor)
        return json_response(present_label_history(page), headers=headers)

    async def list(self, request: Request, prompt: PromptPath) -> Response:
        """List a prompt's labels and the version that each points at now."""
        library = await self._door.library(request)
        source = await library.prompts.get(await library.versions.reference(prompt, LATEST))
        return json_response(LabelsOut(labels=dict(source.prompt.labels)))

    async def set(
        self,
        request: Request,
        prompt: PromptPath,
        label: LabelPath,
        written: LabelPut,
        if_match: IfMatch = None,
    ) -> Response:
        """Point a label at a version, or share its reads out among several by weight.

        `production` decides what the bare name means.
        """
        library = await self._door.library(request)
        terms = Terms(expected_states=expected_states(if_match), force=written.force)
        shares, wanted = shares_of(written), prompt
        if shares is None:
            wanted = await library.versions.reference(prompt, point_of(written))
        move = await library.labels.set(wanted, label, shares, reason=written.reason, terms=terms)
        return json_response(present_move(move))

    async def remove(
        self,
        request: Request,
        prompt: PromptPath,
        label: LabelPath,
        reason: ReasonQuery = None,
        force: Force = False,
        if_match: IfMatch = None,
    ) -> Response:
        """Take a label away; the versions stay.

        One by which others include the prompt is refused, unless it is forced.
        """
        library = await self._door.library(request)
        move = await library.labels.remove(
            prompt,
            label,
            reason=reason,
            terms=Terms(expected_states=expected_states(if_match), force=force),
        )
        return json_response(present_move(move))
