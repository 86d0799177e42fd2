"""Who acts: what they may do, and that all they do is signed."""

import logging
import pickle
from dataclasses import replace

import pytest

from mcp_server.domain.formats.registry import read_file
from mcp_server.service.callers import READ, Caller, caller_in
from mcp_server.service.inputs import PromptInput
from mcp_server.service.readers import Reader
from mcp_server.service.terms import Terms
from mcp_server.service.views import View
from storage.values.errors import Conflict, Forbidden
from tests.support.seeing import as_

TEXT = PromptInput(template="one")
CALLER = Caller("ada", door="rest", client="curl", request_id="r-1")


@pytest.fixture
async def story(library):
    """A prompt with two versions, a label and a branch."""
    await library.prompts.create("story", TEXT)
    await library.prompts.update("story", PromptInput(template="two"))
    await library.labels.set("story@1", "live")
    await library.branches.create("story@1", "terse")
    return library


def _import(library):
    return library.importing.bring_in(read_file("a.json", '{"name": "new", "template": "x"}'))


WRITES = {
    "create": ("create_prompt", "new", lambda it: it.prompts.create("new", TEXT)),
    "copy": ("create_prompt", "new", lambda it: it.prompts.create("new", TEXT, copy_of="story")),
    "copy all": (
        "create_prompt",
        "new",
        lambda it: it.prompts.create("new", PromptInput(), copy_of="story", with_history=True),
    ),
    "new text": ("update_prompt", "story", lambda it: it.prompts.update("story", TEXT)),
    "rename": (
        "update_prompt",
        "story",
        lambda it: it.prompts.update("story", PromptInput(), new_name="tale"),
    ),
    "retitle": (
        "update_prompt",
        "story",
        lambda it: it.prompts.update("story", PromptInput(title="S", folder="a", tags=["t"])),
    ),
    "archive": ("archive_prompt", "story", lambda it: it.prompts.archive("story")),
    "bring back": ("restore_prompt", "story", lambda it: it.prompts.archive("story", restore=True)),
    "restore": ("restore_version", "story", lambda it: it.versions.restore("story@1")),
    "branch": ("create_branch", "story", lambda it: it.branches.create("story", "long")),
    "no branch": ("delete_branch", "story", lambda it: it.branches.delete("story", "terse")),
    "merge": ("merge_branch", "story", lambda it: it.branches.merge("story", "terse")),
    "label": ("set_label", "story", lambda it: it.labels.set("story@2", "live")),
    "share": ("set_label", "story", lambda it: it.labels.set("story", "live", {1: 1, 2: 1})),
    "no label": ("remove_label", "story", lambda it: it.labels.remove("story", "live")),
    "import": ("import_prompts", "", _import),
}


def _signed(caplog):
    return [record.fields for record in caplog.records if hasattr(record, "fields")]


@pytest.mark.parametrize(("act", "prompt", "write"), WRITES.values(), ids=WRITES)
async def test_every_write_is_signed(story, caplog, act, prompt, write):
    caplog.set_level(logging.INFO, logger="mcp_server.service")
    await write(story.core.seen_by(CALLER))
    known = {"caller": "ada", "act": act, "door": "rest", "client": "curl", "request_id": "r-1"}
    assert _signed(caplog) == [known | ({"prompt": prompt} if prompt else {})]


async def test_what_isnt_written_is_signed_by_nobody(story, caplog):
    caplog.set_level(logging.INFO, logger="mcp_server.service")
    with pytest.raises(Conflict):
        await story.prompts.update("story", TEXT, terms=Terms(expected_version=1))
    with pytest.raises(Conflict):
        await story.prompts.create("story", TEXT)
    await story.prompts.get("story")
    assert _signed(caplog) == []


@pytest.mark.parametrize("write", [each[2] for each in WRITES.values()], ids=WRITES)
@pytest.mark.parametrize(
    ("caller", "reason"),
    [
        (Caller("bob", View(read_only=True)), "With --read-only the library can't be changed"),
        (Caller("bob", scopes=frozenset((READ,))), "'bob' may only read. Ask .*'prompts:write'"),
    ],
    ids=["a server that only reads", "a caller without the scope"],
)
async def test_who_may_only_read_writes_nothing(story, caller, reason, write):
    reading = story.core.seen_by(caller)
    with pytest.raises(Forbidden, match=reason):
        await write(reading)
    assert [each.name for each in (await story.prompts.list_published()).items] == ["story"]
    assert (await story.prompts.get("story")).prompt.latest_version == 2


async def test_who_may_only_read_leaves_no_values_behind(story):
    await story.prompts.create("note", PromptInput(template="{{who}}"))
    reading = story.core.seen_by(Caller("bob", scopes=frozenset((READ,))))
    for library, used in ((reading, ()), (story, ("Ada",))):
        await library.prompts.render("note", {"who": "Ada"})
        await story.core.flush()
        assert (await story.completing.argument("note", "who", "")).values == used


async def test_each_caller_is_the_author_of_what_they_write(story):
    await as_("bob", story).prompts.update("story", PromptInput(template="three"))
    await as_("ann", story).labels.set("story@3", "live")
    assert (await story.prompts.get("story")).version.created_by == "bob"
    assert (await story.labels.list_moves("story", limit=1)).items[0].moved_by == "ann"


def test_without_a_key_a_caller_reads_for_themselves():
    assert Caller("ada").reader("gpt-4") == Reader("gpt-4", "ada")
    assert Caller("ada").reader(key="user-1") == Reader(None, "user-1")


class _State:
    def __init__(self, **noted):
        self.__dict__ |= noted


def test_whom_a_guard_noted_goes_before_the_usual_one():
    usual = Caller("me", door="rest")
    assert caller_in(None, usual) == usual
    noted = Caller("ada", View(tags=("t",)), scopes=frozenset((READ,)))
    state = _State(caller=noted, request_id="r-1")
    assert caller_in(state, usual, "curl") == replace(
        noted, door="rest", client="curl", request_id="r-1"
    )


def test_a_caller_can_be_handed_to_a_worker():
    caller = Caller("ada", View(tags=("t",), folders=("a",)), client="x")
    assert pickle.loads(pickle.dumps(caller)) == caller
