"""`/prompts/{prompt}/labels`: the movable pointers."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mcp_server.rest.conditions import expected_states
from mcp_server.rest.door import RestDoor
from mcp_server.rest.prompts import IfMatch
from mcp_server.rest.reading import JsonRoute
from mcp_server.rest.responses import documented, json_response
from mcp_server.rest.shapes import LabelPath, LabelPut, LabelsOut, PromptPath, point_of
from mcp_server.schemas.labels import LabelMoveOut, present_move
from storage.entities import LATEST


class LabelRoutes:
    """The handlers of what can be done with labels."""

    def __init__(self, door: RestDoor) -> None:
        self._door = door

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(
            prefix="/prompts/{prompt}/labels", tags=["Labels"], route_class=JsonRoute
        )
        router.add_api_route(
            "",
            self.list,
            operation_id="list_labels",
            summary="List a prompt's labels",
            response_model=LabelsOut,
            responses=documented(404, description="The labels."),
        )
        router.add_api_route(
            "/{label}",
            self.set,
            methods=["PUT"],
            operation_id="set_label",
            summary="Set or move a label",
            response_model=LabelMoveOut,
            responses=documented(404, 412, body=True, description="Where it points now."),
        )
        router.add_api_route(
            "/{label}",
            self.remove,
            methods=["DELETE"],
            operation_id="remove_label",
            summary="Take a label away",
            response_model=LabelMoveOut,
            responses=documented(404, 412, writes=True, description="Where it pointed."),
        )
        return router

    async def list(self, prompt: PromptPath) -> Response:
        """List a prompt's labels and the version that each points at now."""
        library = await self._door.ready()
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
        """Point a label at a version. `production` decides what the bare name means."""
        library = await self._door.ready()
        wanted = await library.versions.reference(prompt, point_of(written))
        move = await library.labels.set(
            wanted,
            label,
            by=self._door.actor_of(request),
            expected_states=expected_states(if_match),
        )
        return json_response(present_move(move))

    async def remove(
        self, request: Request, prompt: PromptPath, label: LabelPath, if_match: IfMatch = None
    ) -> Response:
        """Take a label away; the versions stay."""
        library = await self._door.ready()
        move = await library.labels.remove(
            prompt,
            label,
            by=self._door.actor_of(request),
            expected_states=expected_states(if_match),
        )
        return json_response(present_move(move))
