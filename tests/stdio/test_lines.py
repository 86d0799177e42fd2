"""Lines as messages: what is refused, in which words, and to whom."""

import json

import pytest
from mcp_types import JSONRPCNotification, JSONRPCRequest

from mcp_server.stdio.lines import Unreadable, read_message


def refusal(line: bytes) -> Unreadable:
    with pytest.raises(Unreadable) as refused:
        read_message(line)
    return refused.value


def request(**fields: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 4, "method": "ping", **fields}).encode()


@pytest.mark.parametrize("number", [1.5, 1.0, None, True, [1], {"a": 1}])
def test_a_request_whose_id_cannot_be_answered_is_refused_by_naming_it(number):
    refused = refusal(request(id=number))
    assert (refused.code, refused.request_id) == (-32600, None)
    assert f"not '{json.dumps(number)}'" in refused.sentence


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"method": 3}, "'method' has to be text, not '3'"),
        ({"params": [1]}, "'params' has to be an object, not '[1]'"),
        ({"jsonrpc": "1.0"}, "'jsonrpc' has to be '2.0', not '\"1.0\"'"),
    ],
)
def test_a_request_with_a_wrong_field_is_answered_under_its_own_id(fields, named):
    refused = refusal(request(**fields))
    assert (refused.code, refused.request_id) == (-32600, 4)
    assert named in refused.sentence


@pytest.mark.parametrize("line", [request(result=3, method=None), b'{"id": 4, "error": 1}'])
def test_an_answer_that_is_none_is_not_answered_under_its_id(line):
    message = json.loads(line)
    message.pop("method", None)
    assert refusal(json.dumps(message).encode()).request_id is None


def test_an_integer_of_too_many_digits_is_called_that():
    line = request(params={"a": "?"}).replace(b'"?"', b"1" * 5000)
    refused = refusal(line)
    assert (refused.code, refused.request_id) == (-32600, 4)
    assert "integer of more than 4,300 digits" in refused.sentence


@pytest.mark.parametrize("depth", [201, 500, 100_000])
def test_a_message_that_is_nested_too_deep_is_called_that(depth):
    line = request(params={"a": "?"}).replace(b'"?"', b"[" * depth + b"]" * depth)
    refused = refusal(line)
    assert (refused.code, refused.request_id) == (-32600, 4)
    assert "nested too deep" in refused.sentence


@pytest.mark.parametrize(
    ("line", "number"),
    [
        (b'{"params": {"id": 3}, "id": "a", "method": "\xff"}', "a"),
        (b'{"method": "id", "params": ["id"], "x": "\xff", "id": 7}', 7),
        (b'{"method": "\xff"}', None),
        (b"\xff\xfe{\0", None),
    ],
)
def test_a_line_that_is_not_utf_8_is_refused_under_the_id_that_it_has(line, number):
    refused = refusal(line)
    assert (refused.code, refused.request_id) == (-32700, number)
    assert "isn't UTF-8" in refused.sentence


def test_a_byte_order_mark_is_no_part_of_a_message():
    assert isinstance(read_message(b"\xef\xbb\xbf" + request()), JSONRPCRequest)


def test_a_batch_is_refused_with_what_to_do():
    assert "one by one" in refusal(b"[" + request() + b"]").sentence


def test_a_notification_may_write_its_missing_id_as_null():
    line = b'{"jsonrpc": "2.0", "id": null, "method": "notifications/initialized"}'
    assert isinstance(read_message(line), JSONRPCNotification)


def test_a_notification_may_speak_of_ids():
    line = b'{"jsonrpc": "2.0", "method": "notifications/x", "params": {"id": 1.5}}'
    assert isinstance(read_message(line), JSONRPCNotification)


def test_a_blank_line_is_no_message_and_no_fault():
    assert read_message(b" \r\n") is None
