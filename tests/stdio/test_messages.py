"""The end of a client: what it asked for last is waited for, and not for ever."""

import io
import json
import logging

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse

from mcp_server.stdio import messages
from mcp_server.stdio.messages import Incoming, Outgoing, Unanswered
from tests.support.processes import SECONDS


class Sent:
    """Keeps what is sent."""

    def __init__(self):
        self.items = []

    async def send(self, item):
        self.items.append(item.message)

    async def aclose(self):
        pass


def line(number, method="prompts/list", **fields):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, **fields}).encode() + b"\n"


def connect(*lines):
    ended, unanswered = [], Unanswered()
    outgoing = Outgoing(Sent(), unanswered)
    file = anyio.wrap_file(io.BytesIO(b"".join(lines)))
    return Incoming(file, outgoing, unanswered, lambda: ended.append(True)), outgoing, ended


async def test_the_end_waits_for_the_answers():
    incoming, outgoing, ended = connect(line(1), line("2"))
    async with anyio.create_task_group() as tasks:

        async def answer_late():
            while not ended:
                await anyio.lowlevel.checkpoint()
            for number in (1, 2):
                answer = JSONRPCResponse(jsonrpc="2.0", id=number, result={})
                await outgoing.send(SessionMessage(answer))

        tasks.start_soon(answer_late)
        with anyio.fail_after(SECONDS):
            assert len([message async for message in incoming]) == 2
    assert ended == [True]


async def test_an_answer_that_never_comes_is_not_waited_for_for_ever(monkeypatch, caplog):
    monkeypatch.setattr(messages, "LAST_ANSWERS_SECONDS", 0.01)
    incoming, _, _ = connect(line(1))
    with anyio.fail_after(SECONDS), caplog.at_level(logging.WARNING):
        assert len([message async for message in incoming]) == 1
    assert "not all of its requests could be answered" in caplog.text


@pytest.mark.parametrize("number", [1, "1"])
async def test_a_request_that_was_called_off_is_not_waited_for(number):
    off = {"method": "notifications/cancelled", "params": {"requestId": number}}
    off_line = json.dumps({"jsonrpc": "2.0", **off}).encode() + b"\n"
    incoming, _, _ = connect(line(1), off_line)
    with anyio.fail_after(SECONDS):
        assert len([message async for message in incoming]) == 2


async def test_a_line_that_is_no_message_is_answered_and_passed_over():
    incoming, outgoing, _ = connect(b"no JSON\n", b"\n")
    assert [message async for message in incoming] == []
    (answer,) = outgoing._stream.items
    assert (answer.id, answer.error.code) == (None, -32700)
