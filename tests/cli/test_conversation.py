"""What the doctor says of a server that doesn't do as it should."""

import sys

import pytest

from mcp_server.cli.conversation import ConversationFailed, converse

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_server_that_ends_is_quoted(legacy):
    program = "import sys; sys.exit('the database is on fire')"
    with pytest.raises(ConversationFailed, match="the database is on fire"):
        await converse([sys.executable, "-c", program], legacy=legacy)


async def test_a_command_that_isnt_there_is_a_sentence():
    with pytest.raises(ConversationFailed, match="No such file"):
        await converse(["/nowhere/promptstack"], legacy=True)
