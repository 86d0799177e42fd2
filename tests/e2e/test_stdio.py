"""What clients do to a stdio server: the rough ways included."""

import json
import signal

import asyncpg
import pytest

from tests.e2e.process import serving


def _text(result) -> str:
    assert "messages" in result, result
    return result["messages"][0]["content"]["text"]


def test_a_client_that_leaves_ends_the_server_quietly(environment, tmp_path):
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        server.ask("prompts/list")
        assert server.finish() == (0, "")


def test_a_client_that_leaves_before_saying_anything_ends_the_server_quietly(environment, tmp_path):
    with serving(environment, tmp_path) as server:
        assert server.finish() == (0, "")


def test_a_client_that_closes_the_pipe_in_the_middle_of_a_call_breaks_nothing(
    environment, tmp_path
):
    # Otherwise versions of Python before 3.13 say nothing of what they can't write at the end.
    with serving(environment | {"PYTHONDEVMODE": "1"}, tmp_path) as server:
        server.shake_hands()
        request = {"name": "create_prompt", "arguments": {"name": "last-words", "template": "x"}}
        line = {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": request}
        server.send_line(json.dumps(line))
        server.process.stdout.close()
        server.process.stdin.close()
        assert server.process.wait(timeout=60) == 0
        told = server.process.stderr.read()
        assert "Traceback" not in told
        assert "Exception ignored" not in told
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        answer = server.ask("prompts/get", name="last-words")
        assert _text(answer) == "x"


def test_lines_that_are_no_messages_are_answered_and_the_connection_lives(environment, tmp_path):
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        for line, number, code in [
            ("this is not JSON", None, -32700),
            ('{"jsonrpc": "2.0", "id": 7, "method"', None, -32700),
            ('{"id": 5, "method": 3}', 5, -32600),
            ("[]", None, -32600),
            ("[" * 5000, None, -32600),
        ]:
            server.send_line(line)
            answer = server.read()
            assert (answer["id"], answer["error"]["code"]) == (number, code), line
        assert "prompts" in server.ask("prompts/list")


def test_bytes_that_are_not_utf_8_are_refused_and_nothing_is_stored(environment, tmp_path):
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        request = {"name": "create_prompt", "arguments": {"name": "latin", "template": "caf?"}}
        line = {"jsonrpc": "2.0", "id": 41, "method": "tools/call", "params": request}
        server.send_bytes(json.dumps(line).encode().replace(b"?", b"\xe9") + b"\n")
        answer = server.read()
        assert (answer["id"], answer["error"]["code"]) == (41, -32700)
        assert "isn't UTF-8: byte 0xE9" in answer["error"]["message"]
        assert server.ask("prompts/list")["prompts"] == []


def test_requests_sent_right_before_the_client_leaves_are_done_and_answered(environment, tmp_path):
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        server.call("create_prompt", name="counted", template="0")
        numbers = range(101, 109)
        for number in numbers:
            arguments = {"name": "counted", "template": str(number)}
            params = {"name": "update_prompt", "arguments": arguments}
            line = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            server.send_line(json.dumps(line))
        out, errors = server.process.communicate(timeout=60)
        answers = [json.loads(line) for line in out.splitlines()]
        answered = {each["id"]: each for each in answers if "id" in each}
        assert answered.keys() == set(numbers), errors
        assert not any(each["result"].get("isError") for each in answered.values())
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        versions = server.call("list_versions", name="counted")["structuredContent"]
        assert len(versions["items"]) == 9


def test_a_request_that_was_called_off_and_a_listening_one_hold_up_no_end(environment, tmp_path):
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    with serving(environment, tmp_path) as server:
        for number, method, params in [
            (1, "subscriptions/listen", {"notifications": {"promptsListChanged": True}}),
            (2, "prompts/list", {}),
        ]:
            line = {"id": number, "method": method, "params": {**params, "_meta": meta}}
            server.send_line(json.dumps({"jsonrpc": "2.0", **line}))
        called_off = {"method": "notifications/cancelled", "params": {"requestId": 2}}
        server.send_line(json.dumps({"jsonrpc": "2.0", **called_off}))
        assert server.finish() == (0, "")


def test_output_that_cannot_be_written_is_one_sentence(environment, tmp_path):
    with open("/dev/full", "wb") as full, serving(environment, tmp_path, stdout=full) as server:
        server.send_line('{"jsonrpc": "2.0", "id": 1, "method": "ping"}')
        code, errors = server.finish()
    assert (code, errors.count("\n")) == (6, 1)
    assert "Standard output can't be written: No space left" in errors


def test_a_request_before_the_handshake_is_told_what_comes_first(environment, tmp_path):
    with serving(environment, tmp_path) as server:
        refused = server.ask("prompts/list")
        assert refused["code"] == -32600
        assert "Send 'initialize' first" in refused["message"]
        server.shake_hands()
        assert "prompts" in server.ask("prompts/list")


def test_a_lone_surrogate_is_refused_with_a_sentence_for_the_request_that_held_it(
    environment, tmp_path
):
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        server.send_line(
            '{"jsonrpc": "2.0", "id": 41, "method": "tools/call", "params": {"name": '
            '"create_prompt", "arguments": {"name": "half", "template": "\\ud83d"}}}'
        )
        answer = server.read()
        assert answer["id"] == 41
        assert "lone surrogate" in answer["error"]["message"]


def test_a_nul_byte_is_refused_with_a_sentence(environment, tmp_path):
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        answer = server.call("create_prompt", name="nul", template="a\0b")
        assert answer["isError"]
        assert "NUL" in answer["content"][0]["text"]


def test_a_killed_server_loses_no_committed_write_and_the_next_one_works_at_once(
    environment, tmp_path
):
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        answer = server.call("create_prompt", name="kept", template="still here")
        assert not answer.get("isError"), answer
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with serving(environment, tmp_path) as server:
        server.shake_hands()
        assert _text(server.ask("prompts/get", name="kept")) == "still here"


def test_a_database_that_goes_away_and_comes_back_is_waited_for(
    environment, tmp_path, database_url, postgres
):
    plain = database_url.replace("+asyncpg", "")
    name = plain.rpartition("/")[2].partition("?")[0]

    async def forbid(allowed: bool) -> None:
        keeper = await asyncpg.connect(
            plain.replace(f"/{name}", "/postgres"), user=None if "@" in plain else "postgres"
        )
        await keeper.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}')
        await keeper.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        await keeper.close()

    import asyncio

    with serving(environment, tmp_path) as server:
        server.shake_hands()
        server.call("create_prompt", name="kept", template="still here")
        asyncio.run(forbid(False))
        answer = server.call("create_prompt", name="second", template="x")
        assert answer["isError"]
        assert "ry again" in answer["content"][0]["text"]
        refused = server.ask("prompts/get", name="kept")
        assert refused["code"] == -32603
        asyncio.run(forbid(True))
        answer = server.call("create_prompt", name="second", template="x")
        assert not answer.get("isError"), answer
        assert _text(server.ask("prompts/get", name="kept")) == "still here"
        code, errors = server.finish()
        assert (code, "Traceback" in errors) == (0, False)


@pytest.mark.parametrize(
    ("url", "exit_code"),
    [
        ("nonsense", 2),
        ("postgresql://nobody:secret@127.0.0.1:1/none", 6),
        ("postgresql://nobody:secret@host.invalid/none", 6),
    ],
)
def test_a_wrong_database_url_is_one_line_and_an_exit_code(environment, tmp_path, url, exit_code):
    with serving(environment | {"DATABASE_URL": url}, tmp_path) as server:
        server.shake_hands()
        code, errors = server.process.wait(timeout=60), server.process.stderr.read()
    assert code == exit_code
    assert errors.count("\n") == 1
    assert "DATABASE_URL" in errors
    assert "secret" not in errors


def test_a_request_made_before_the_database_is_found_wrong_is_answered(environment, tmp_path):
    wrong = environment | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    with serving(wrong, tmp_path) as server:
        server.shake_hands()
        answer = server.ask("prompts/list")
        assert answer["message"].endswith("whoever runs this server finds the reason in its log.")
        _, errors = server.finish()
    assert "DATABASE_URL" in errors


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PROMPTSTACK_LOG_FORMAT", "xml"), ("PROMPTSTACK_IDLE_SECONDS", "soon")],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(environment, tmp_path, variable, value):
    with serving(environment | {variable: value}, tmp_path) as server:
        code, errors = server.finish()
    assert code == 2
    assert errors.count("\n") == 1
    assert f"{variable} is '{value}'" in errors


def test_logs_go_to_standard_error_as_json_where_asked(environment, tmp_path):
    talkative = environment | {"PROMPTSTACK_LOG_LEVEL": "info"}
    with serving(talkative, tmp_path, "--log-format", "json") as server:
        server.shake_hands()
        server.send_line("not JSON")
        assert "error" in server.read()
        _, errors = server.finish()
    records = [json.loads(line) for line in errors.splitlines()]
    assert any("isn't JSON" in record["message"] for record in records)


def test_a_read_only_server_offers_no_tool_that_writes(environment, tmp_path):
    with serving(environment, tmp_path, "--read-only") as server:
        server.shake_hands()
        tools = server.ask("tools/list")["tools"]
        assert tools
        assert all(tool["annotations"]["readOnlyHint"] for tool in tools)
        answer = server.call("create_prompt", name="x", template="x")
        assert answer["isError"]
