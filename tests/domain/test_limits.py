"""Limits: whoever runs the program can set them, and a refusal says how."""

import pytest

from mcp_server.app import make_database
from mcp_server.config import read_settings
from mcp_server.domain.drafts import make_draft
from mcp_server.domain.limits import Limits, limits, use_limits
from mcp_server.domain.names import check_tags
from storage.entities import Argument
from storage.errors import Invalid


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
