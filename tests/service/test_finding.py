"""Finding: what goes away between two queries is refused, or left out, and never half there."""

from dataclasses import replace

import pytest

from mcp_server.domain.lineage import Lineage
from mcp_server.service.inputs import PromptInput
from storage.values.entities import PromptFilter, Reached
from storage.values.errors import NotFound


@pytest.fixture
async def note(library):
    created = await library.prompts.create("note", PromptInput(template="{{a}}"))
    return created.current.prompt


@pytest.fixture
async def letter(library, note):
    """A prompt that includes the other one."""
    await library.prompts.create("letter", PromptInput(template="{{> note}} {{b}}"))


def _answer(monkeypatch, library, question, answer):
    async def answered(*_):
        return answer

    monkeypatch.setattr(library.core.catalog, question, answered)


async def test_a_prompt_that_was_archived_before_it_was_locked_isnt_changed(
    library, note, monkeypatch
):
    await library.prompts.archive("note")
    _answer(monkeypatch, library, "find_prompt", note)
    with pytest.raises(NotFound, match=r"'note' is archived\. Restore it"):
        await library.prompts.update("note", PromptInput(title="x"))


async def test_a_prompt_that_went_before_it_was_locked_isnt_there(library, note, monkeypatch):
    _answer(monkeypatch, library, "find_prompt", replace(note, name="gone"))
    with pytest.raises(NotFound, match="There is no prompt named 'gone'"):
        await library.prompts.update("gone", PromptInput(title="x"))


@pytest.mark.usefixtures("note")
async def test_a_version_that_went_while_it_was_read_isnt_there(library, monkeypatch):
    _answer(monkeypatch, library, "find_version", None)
    with pytest.raises(NotFound, match="'note' was purged while it was read"):
        await library.prompts.get("note")


@pytest.mark.usefixtures("letter")
async def test_a_listed_prompt_whose_version_went_is_listed_as_it_was(library, monkeypatch):
    whole, _ = (await library.prompts.list(PromptFilter(), limit=10)).items
    assert [each.name for each in whole.arguments] == ["b", "a"]
    _answer(monkeypatch, library, "find_version", None)
    alone, _ = (await library.prompts.list_published()).items
    assert (alone.name, [each.name for each in alone.arguments]) == ("letter", ["b"])


@pytest.mark.usefixtures("letter")
async def test_an_included_version_that_went_is_said(library, note, monkeypatch):
    _answer(monkeypatch, library, "reach", Reached({"note": note}, {}))
    read = await library.prompts.get("letter")
    assert "'note', which is to be included, can't be found. Try again." in str(
        read.composition.problem
    )


async def test_versions_with_nothing_in_common_cant_be_merged(library, note, monkeypatch):
    await library.prompts.update("note", PromptInput(template="{{b}}"))
    monkeypatch.setattr(Lineage, "parting", lambda self, ours, theirs: None)
    with pytest.raises(NotFound, match="Versions 1 and 2 of 'note' were made from nothing in"):
        await library.versions.diff("note@1", "note@2", merge=True)
