import logging

import pytest
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, PaginatedRequestParams
from pydantic import BaseModel

import mcp_server.service.library  # noqa: F401  so that every kind of failure is known
from mcp_server.protocol.errors import KINDS, kind_of, to_failed_result, to_protocol_error
from mcp_server.protocol.server import ServerOptions, build_server
from mcp_server.service.callers import Caller
from storage.values.errors import Conflict, Forbidden, Invalid, NotFound, PromptError, Unavailable
from tests.protocol.conftest import ERAS


def below(error: type[PromptError]) -> set[type[PromptError]]:
    return {error}.union(*(below(each) for each in error.__subclasses__()))


def test_every_kind_of_failure_is_mapped():
    assert set(PromptError.__subclasses__()) == set(KINDS)
    for failure in below(PromptError) - {PromptError}:
        assert kind_of(failure("A sentence.")).name


def test_a_failure_of_no_kind_is_a_bug():
    with pytest.raises(LookupError):
        kind_of(PromptError("A sentence."))


@pytest.mark.parametrize(
    ("error", "code", "data"),
    [
        (NotFound("No.", nearest=["a"]), INVALID_PARAMS, {"kind": "not_found", "nearest": ["a"]}),
        (
            Conflict("No.", current_version=3),
            INVALID_PARAMS,
            {"kind": "conflict", "current_version": 3},
        ),
        (
            Invalid("No.", fields={"a": "b"}),
            INVALID_PARAMS,
            {"kind": "invalid", "fields": {"a": "b"}},
        ),
        (Forbidden("No."), INVALID_PARAMS, {"kind": "forbidden"}),
        (Unavailable("No."), INTERNAL_ERROR, {"kind": "unavailable"}),
    ],
)
def test_a_failure_keeps_its_sentence_and_its_data(error, code, data):
    refused = to_protocol_error(error, {})
    assert (refused.code, refused.message, refused.data) == (code, "No.", data)
    failed = to_failed_result(error)
    assert failed == {
        "content": [{"type": "text", "text": "No."}],
        "isError": True,
        "_meta": {"promptstack/error": data},
    }


class Strict(BaseModel):
    number: int


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("method", ["list_prompts", "list_resources", "call"])
@pytest.mark.parametrize("bug", [RuntimeError("secret"), None])
async def test_a_bug_says_nothing_and_is_logged_once(era, method, bug, caplog):
    async def ready():
        if bug is not None:
            raise bug
        Strict.model_validate({"number": "secret"})

    door = build_server(ready, ServerOptions("1", Caller("ada")))
    async with Client(door.server, mode=era) as client:
        calls = {
            "list_prompts": client.list_prompts,
            "list_resources": client.list_resources,
            "call": lambda: client.call_tool("search_prompts", {}),
        }
        with pytest.raises(MCPError) as refused:
            await calls[method]()
    assert refused.value.code == INTERNAL_ERROR
    assert refused.value.message == "Internal server error"
    assert refused.value.data is None
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(logged) == 1
    assert logged[0].exc_info is not None


@pytest.mark.parametrize(
    ("era", "code", "message"),
    [("auto", INTERNAL_ERROR, "Internal server error"), ("legacy", 0, "secret")],
)
async def test_of_what_a_handler_raises_the_sdk_keeps_only_an_mcp_errors_code(era, code, message):
    """Pins why `answering` lets nothing else out: a legacy client would read a bug's own text."""

    async def list_prompts(ctx, params):
        raise RuntimeError("secret")

    async def list_tools(ctx, params):
        raise MCPError(INVALID_PARAMS, "A sentence.", {"kind": "invalid"})

    server = Server("bare")
    server.add_request_handler("prompts/list", PaginatedRequestParams, list_prompts)
    server.add_request_handler("tools/list", PaginatedRequestParams, list_tools)
    async with Client(server, mode=era) as client:
        with pytest.raises(MCPError) as bug:
            await client.list_prompts()
        with pytest.raises(MCPError) as sentence:
            await client.list_tools()
    assert (bug.value.code, bug.value.message) == (code, message)
    assert (sentence.value.code, sentence.value.message) == (INVALID_PARAMS, "A sentence.")
    assert sentence.value.data == {"kind": "invalid"}
