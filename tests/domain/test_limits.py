"""Limits: whoever runs the program can set them, and a refusal says how."""

from collections.abc import Callable

import pytest

from mcp_server.app import make_database
from mcp_server.config import read_settings
from mcp_server.domain.drafts import make_draft
from mcp_server.domain.limits import Limits, limits, use_limits
from mcp_server.domain.names import check_metadata, check_tags
from mcp_server.domain.texts import check_author
from storage.values.entities import (
    Argument,
    ImageContent,
    Message,
    Metadata,
    ResourceLink,
    TextContent,
)
from storage.values.errors import Invalid


@pytest.fixture
def small():
    use_limits(Limits(text=10, arguments=2, tags=1))
    yield
    use_limits(Limits())


@pytest.mark.usefixtures("small")
def test_what_is_beyond_a_limit_is_refused_with_the_setting_that_raises_it():
    assert make_draft(template="0123456789")
    with pytest.raises(Invalid, match=r"have 11 characters.*10 are allowed.*PROMPTSTACK_MAX_TEXT"):
        make_draft(template="0123456789a")
    with pytest.raises(Invalid, match=r"at most 2\. Use fewer, or raise PROMPTSTACK_MAX_ARGUMENTS"):
        make_draft(template="x", arguments=[Argument(name) for name in "abc"])
    with pytest.raises(Invalid, match=r"at most 1\. Leave some out, or raise PROMPTSTACK_MAX_TAGS"):
        check_tags(["a", "b"])


def test_settings_are_the_limits_of_a_process():
    url = "postgresql://u@127.0.0.1:1/none"
    make_database(read_settings({"DATABASE_URL": url, "PROMPTSTACK_MAX_TAGS": "3"}))
    try:
        assert limits() == Limits(tags=3)
    finally:
        use_limits(Limits())


def _messages(*contents):
    return [Message("user", content) for content in contents]


def _declared(**said):
    return make_draft(template="x", arguments=[Argument(**{"name": "a"} | said)])


FIXED: dict[str, tuple[int, Callable[[int], object]]] = {
    "title": (256, lambda n: check_metadata(Metadata("a", "x" * n))),
    "description": (8_000, lambda n: check_metadata(Metadata("a", description="x" * n))),
    "folder": (256, lambda n: check_metadata(Metadata("a", folder="x" * n))),
    "tag": (64, lambda n: check_tags(["x" * n])),
    "author": (200, lambda n: check_author("x" * n, "by")),
    "model_type": (128, lambda n: make_draft(template="x", model_type="x" * n)),
    "messages": (256, lambda n: make_draft(messages=_messages(*[TextContent("x")] * n))),
    "base64, by fours": (
        2_000_000,
        lambda n: make_draft(messages=_messages(ImageContent("AAAA" * n, "image/png"))),
    ),
    "link": (2_048, lambda n: make_draft(messages=_messages(ResourceLink("x" * n, "x")))),
    "variants": (
        64,
        lambda n: make_draft(
            template="x", variants={f"m{i}": _messages(TextContent("x")) for i in range(n)}
        ),
    ),
    "settings": (
        100_000 - len('{"k": ""}'),
        lambda n: make_draft(template="x", model_config={"k": "x" * n}),
    ),
    "name of an argument": (64, lambda n: _declared(name="x" * n)),
    "title of an argument": (256, lambda n: _declared(title="x" * n)),
    "choices": (1_000, lambda n: _declared(type="enum", choices=tuple(map(str, range(n))))),
    "choice": (10_000, lambda n: _declared(type="enum", choices=("x" * n,))),
}


@pytest.mark.parametrize("what", FIXED)
def test_as_much_is_kept_as_is_said_and_no_more(what):
    limit, keep = FIXED[what]
    keep(limit)
    with pytest.raises(Invalid):
        keep(limit + 1)
