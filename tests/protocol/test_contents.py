import pytest

from mcp_server.protocol.contents import argument_description, prompt_messages
from storage.values.entities import Argument, ImageContent, Message, TextContent


def system(text):
    return Message("system", TextContent(text))


def user(text):
    return Message("user", TextContent(text))


def assistant(text):
    return Message("assistant", TextContent(text))


IMAGE = ImageContent("aW1n", "image/png")


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        ([user("a")], [("user", "a")]),
        ([system("s")], [("user", "s")]),
        ([system("s"), user("a")], [("user", "s\n\na")]),
        ([user("a"), system("s")], [("user", "s\n\na")]),
        ([system("s"), system("t"), user("a")], [("user", "s\n\nt\n\na")]),
        (
            [system("s"), assistant("b"), user("a")],
            [("user", "s"), ("assistant", "b"), ("user", "a")],
        ),
        ([assistant("b")], [("assistant", "b")]),
    ],
)
def test_system_text_comes_first_whatever_the_order_was(messages, sent):
    assert [(m["role"], m["content"]["text"]) for m in prompt_messages(messages)] == sent


def test_system_text_before_a_picture_becomes_a_message_of_its_own():
    sent = prompt_messages([system("s"), Message("user", IMAGE)])
    assert [message["content"]["type"] for message in sent] == ["text", "image"]
    assert {message["role"] for message in sent} == {"user"}


def test_a_system_picture_is_shown_by_the_user():
    assert prompt_messages([Message("system", IMAGE)]) == [
        {"role": "user", "content": {"type": "image", "data": "aW1n", "mimeType": "image/png"}}
    ]


@pytest.mark.parametrize(
    ("argument", "described"),
    [
        (Argument("a"), ""),
        (Argument("a", description="The code"), "The code."),
        (Argument("a", description="Which?"), "Which?"),
        (Argument("a", choices=("x", "y"), type="enum"), "One of: x, y."),
        (Argument("a", type="integer", default="2"), "A whole number. Default: 2."),
        (Argument("a", choices=tuple("abcdefghijklmnopqrstuvwxyz")), None),
    ],
)
def test_an_argument_is_described_with_what_the_protocol_has_no_field_for(argument, described):
    written = argument_description(argument)
    if described is None:
        assert written.endswith("t, …")
    else:
        assert written == described
