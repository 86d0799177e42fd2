"""Who includes a prompt isn't broken by a change of it unawares."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from mcp_server.domain.composition import MAX_DEPTH
from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.registry import read_file
from mcp_server.service import including
from mcp_server.service.inputs import PromptInput
from mcp_server.service.outcomes import Options
from mcp_server.service.terms import Terms
from mcp_server.service.views import View
from storage.includes import Includes
from storage.values.entities import Message, PromptFilter, TextContent
from storage.values.errors import Conflict
from tests.support.seeing import seen

TWO = PromptInput(messages=[Message("user", TextContent("1")), Message("user", TextContent("2"))])


async def _create(library, name, template, **fields):
    await library.prompts.create(name, PromptInput(template=template, **fields))


async def _text(library, name):
    return (await library.prompts.render(name, {})).messages[0].content.text


@pytest.fixture
async def base(library):
    """A prompt with two versions, a label, a trial and a branch, each included by somebody."""
    await _create(library, "base", "One")
    await library.prompts.update("base", PromptInput(template="Two"))
    await library.labels.set("base@1", "live")
    await library.branches.create("base", "terse")
    for name, point in [
        ("bare", "base"), ("labelled", "base@live"), ("branched", "base@branch:terse"),
        ("pinned", "base@1"),
    ]:  # fmt: skip
        await _create(library, name, f"{{{{> {point}}}}}")
    return library


async def _refused(base, change, includer, reason):
    """Check that a change is refused and does nothing, and when forced says what it broke."""
    before = (await base.prompts.get("base")).prompt
    text = await _text(base, includer)
    with pytest.raises(Conflict) as refused:
        await change(force=False)
    said = f"'base' is included by '{includer}', which couldn't be used any more. "
    assert refused.value.message.startswith(said)
    assert reason in refused.value.message
    assert refused.value.message.endswith("take the includes out first, or do it with force.")
    assert (await base.prompts.get("base")).prompt == before
    assert await _text(base, includer) == text
    (warning,) = (await change(force=True)).warnings
    assert warning.startswith(f"'base' is included by '{includer}', which can't be used any more. ")
    assert reason in warning
    assert (await base.prompts.get(includer)).composition.problem is not None


async def test_a_label_that_others_include_is_taken_away_only_by_force(base):
    async def remove(force):
        return await base.labels.remove("base", "live", terms=Terms(force=force))

    await _refused(base, remove, "labelled", "has no label 'live'")


async def test_a_branch_that_others_include_is_deleted_only_by_force(base):
    async def delete(force):
        return await base.branches.delete("base", "terse", terms=Terms(force=force))

    await _refused(base, delete, "branched", "has no branch 'terse'")


async def test_a_new_version_that_cant_be_included_is_written_only_by_force(base):
    async def update(force):
        return await base.prompts.update("base", TWO, terms=Terms(force=force))

    await _refused(base, update, "bare", "is 2 messages")


async def test_a_label_is_moved_to_what_cant_be_included_only_by_force(base):
    await base.branches.create("base", "odd")
    await base.prompts.update("base", TWO, branch="odd")

    async def move(force):
        return await base.labels.set("base@3", "live", terms=Terms(force=force))

    await _refused(base, move, "labelled", "is 2 messages")


async def test_every_version_of_a_trial_has_to_be_includable(base):
    await base.branches.create("base", "odd")
    await base.prompts.update("base", TWO, branch="odd")

    async def share(force):
        return await base.labels.set("base", "live", {1: 90, 3: 10}, terms=Terms(force=force))

    with pytest.raises(Conflict, match="included by 'labelled'"):
        await share(force=False)
    assert "'labelled'" in (await share(force=True)).warnings[0]


async def test_production_is_what_the_bare_name_means(base):
    await base.branches.create("base", "odd")
    await base.prompts.update("base", TWO, branch="odd")

    async def promote(force):
        return await base.labels.set("base@3", "production", terms=Terms(force=force))

    await _refused(base, promote, "bare", "is 2 messages")


async def test_a_circle_is_made_only_by_force(base):
    await base.branches.create("base", "round")
    await _create(base, "other", "Other")
    await base.labels.set("other@1", "production")
    await base.prompts.update("base", PromptInput(template="{{> other}}"), branch="round")
    await base.prompts.update("other", PromptInput(template="{{> base@live}}"))

    async def move(force):
        return await base.labels.set("base@branch:round", "live", terms=Terms(force=force))

    with pytest.raises(Conflict, match=r"included by 'other', which.*in a circle"):
        await move(force=False)
    assert "'other', which" in (await move(force=True)).warnings[0]
    with pytest.raises(Conflict, match=r"included by 'base', 'labelled', which.*in a circle"):
        await base.labels.remove("other", "production")


async def test_a_merge_that_breaks_others_is_made_only_by_force(base):
    await base.prompts.update("base", TWO, branch="terse", terms=Terms(force=True))

    async def merge(force):
        return await base.branches.merge("base", "terse", terms=Terms(force=force))

    await _refused(base, merge, "bare", "is 2 messages")


async def test_a_branch_that_others_include_goes_with_a_merge_only_by_force(base):
    await base.prompts.update("base", PromptInput(template="Three"), branch="terse")

    async def merge(force):
        return await base.branches.merge(
            "base", "terse", delete_branch=True, terms=Terms(force=force)
        )

    await _refused(base, merge, "branched", "has no branch 'terse'")


async def test_a_version_that_cant_be_included_is_restored_only_by_force(base):
    await base.prompts.update("base", TWO, terms=Terms(force=True))
    await base.prompts.update("base", PromptInput(template="Back"))

    async def restore(force):
        return await base.versions.restore("base@3", terms=Terms(force=force))

    await _refused(base, restore, "bare", "is 2 messages")


async def test_an_included_prompt_is_archived_only_by_force_which_tells_everybody(base):
    with pytest.raises(
        Conflict, match=r"included by 'bare', 'branched', 'labelled', 'pinned', which.*is archived"
    ):
        await base.prompts.archive("base")
    (warning,) = (await base.prompts.archive("base", terms=Terms(force=True))).warnings
    assert "'pinned', which can't be used any more" in warning
    assert (await base.prompts.archive("base", restore=True)).warnings == ()


async def test_what_was_broken_before_and_what_stays_usable_are_no_reason_to_refuse(base):
    await base.labels.remove("base", "live", terms=Terms(force=True))
    assert (await base.labels.set("base@2", "other")).warnings == ()
    assert (await base.prompts.update("base", PromptInput(template="Three"))).warnings == ()
    assert (await base.labels.remove("base", "other")).warnings == ()


async def test_of_many_the_first_are_named_and_all_are_counted(library):
    await _create(library, "base", "x")
    await library.labels.set("base@1", "live")
    for number in range(12):
        await _create(library, f"user-{number:02}", "{{> base@live}}")
    with pytest.raises(Conflict, match="'user-09' and 2 more, which"):
        await library.labels.remove("base", "live")


async def _chain(library, start, end, length):
    """Let `start` include `end` through others: `length` texts are taken in."""
    names = [end, *(f"{start}-{number:02}" for number in range(1, length)), start]
    for included, name in pairwise(names):
        await _create(library, name, f"{{{{> {included}}}}}")


async def test_that_not_all_of_very_many_were_asked_is_said(base, monkeypatch):
    monkeypatch.setattr(including, "_ASKED", 3)
    (warning,) = (await base.prompts.update("base", PromptInput(template="3"))).warnings
    assert warning.startswith("More than 2 versions include 'base': only the first")
    monkeypatch.undo()
    saved = await base.prompts.update("base", PromptInput(template="4"))
    assert saved.warnings == ()


async def test_a_circle_that_only_an_includer_of_an_includer_is_in_is_found(library):
    await _create(library, "core", "Core")
    await _create(library, "mid", "{{> core}}")
    await _create(library, "top", "Top")
    await library.labels.set("top@1", "production")
    await library.prompts.update("top", PromptInput(template="{{> mid}}"))
    await _create(library, "bystander", "{{> mid}}")

    async def update(force):
        written = PromptInput(template="{{> top}}")
        return await library.prompts.update("core", written, terms=Terms(force=force))

    with pytest.raises(Conflict) as refused:
        await update(force=False)
    assert refused.value.message.startswith("'core' is included by 'top', which couldn't be used")
    assert "in a circle: 'top' → 'mid' → 'core' → 'top'." in refused.value.message
    assert (await library.prompts.get("core")).prompt.latest_version == 1
    (warning,) = (await update(force=True)).warnings
    assert warning.startswith("'core' is included by 'top', which can't be used any more.")
    assert (await library.prompts.get("top@2")).composition.problem is not None
    assert (await library.prompts.get("mid")).composition.problem is None


async def test_what_becomes_too_deep_far_up_is_found(library):
    await _create(library, "deep", "Deep")
    await _create(library, "core", "Core")
    await _chain(library, "top", "core", MAX_DEPTH - 1)
    written = PromptInput(template="{{> deep}}")
    with pytest.raises(Conflict, match=r"included by 'top', which.*more than 16 levels deep"):
        await library.prompts.update("core", written)
    await library.prompts.archive("top")
    assert (await library.prompts.update("core", written)).warnings == ()


async def test_what_takes_in_too_many_texts_far_up_is_found(library):
    for number in range(60):
        await _create(library, f"piece-{number:02}", "x")
    pieces = [f"{{{{> piece-{number:02}}}}}" for number in range(60)]
    await _create(library, "core", "Core")
    await _create(library, "mid", "{{> core}}")
    await _create(library, "top", "".join([*pieces, "{{> mid}}"]))
    again = [piece.replace("}}", "@latest}}") for piece in pieces]
    with pytest.raises(Conflict, match=r"included by 'top', which.*more than 100 other texts"):
        await library.prompts.update("core", PromptInput(template="".join(again)))
    shared = PromptInput(template="".join(pieces))
    assert (await library.prompts.update("core", shared)).warnings == ()


async def test_everybody_above_is_named_where_what_all_include_is_gone(base):
    await _create(base, "above", "{{> labelled}}")
    await _create(base, "beside", "{{> labelled@1}} {{> bare}}")
    await base.prompts.update("beside", PromptInput(template="{{> bare}}"))
    with pytest.raises(Conflict, match=r"included by 'above', 'labelled', which.*no label 'live'"):
        await base.labels.remove("base", "live")


async def test_what_one_sees_is_kept_although_what_is_between_is_hidden(database, library):
    await _create(library, "core", "Core", tags=["public"])
    await _create(library, "hidden", "{{> core}}")
    await _create(library, "top", "Top", tags=["public"])
    await library.labels.set("top@1", "production")
    await library.prompts.update("top", PromptInput(template="{{> hidden}}"))
    narrowed = seen(database, view=View(tags=("public",)))
    with pytest.raises(Conflict) as refused:
        await narrowed.prompts.update("core", PromptInput(template="{{> top}}"))
    assert "included by 'top', which" in refused.value.message
    assert "in a circle" in refused.value.message
    assert "hidden" not in refused.value.message


async def test_reasons_name_nothing_that_is_hidden(database, library):
    await _create(library, "deep", "Deep")
    await _create(library, "core", "Core", tags=["public"])
    await library.labels.set("core@1", "live")
    await _create(library, "middle", "{{> deep}}")
    await _create(library, "top", "{{> middle}}", tags=["public"])
    await _create(library, "user", "{{> core@live}}", tags=["public"])
    await library.prompts.update("core", PromptInput(template="{{> middle}}"))
    await library.prompts.archive("deep", terms=Terms(force=True))
    narrowed = seen(database, view=View(tags=("public",)))
    for _ in "twice":  # from the database, then from memory
        hidden = (await narrowed.prompts.get("top")).composition.problem
        assert "that this server doesn't show" in hidden.message
        assert (
            "'deep' is archived" in (await library.prompts.get("top")).composition.problem.message
        )

    async def move(force):
        return await narrowed.labels.set("core@2", "live", terms=Terms(force=force))

    with pytest.raises(Conflict, match=r"by 'user', which.*that this server doesn't show") as told:
        await move(force=False)
    (warning,) = (await move(force=True)).warnings
    with pytest.raises(Conflict, match="that this server doesn't show") as written:
        await narrowed.prompts.update("user", PromptInput(template="{{> top}}"))
    for sentence in (hidden.message, told.value.message, warning, written.value.message):
        assert "deep" not in sentence
        assert "middle" not in sentence


async def test_includers_that_one_doesnt_see_are_neither_counted_nor_named(database, library):
    await _create(library, "base", "x", tags=["public"])
    await library.labels.set("base@1", "live")
    await _create(library, "secret", "{{> base@live}}")
    await _create(library, "open", "{{> base@live}}", tags=["public"])
    narrowed = seen(database, view=View(tags=("public",)))
    with pytest.raises(Conflict) as refused:
        await narrowed.labels.remove("base", "live")
    assert "included by 'open', which" in refused.value.message
    await library.prompts.archive("open")
    assert (await narrowed.labels.remove("base", "live")).warnings == ()


def _next(version, messages):
    draft = replace(version.draft, messages=messages)
    return replace(
        version, version=version.version + 1, parent=version.version, draft=draft,
        content_hash=content_hash(draft),
    )  # fmt: skip


def _record(name, template, **also):
    return {"name": name, "template_format": "simple", "template": template, **also}


def _two(name, **also):
    messages = [{"role": "user", "content": text} for text in "12"]
    return {"name": name, "template_format": "simple", "messages": messages, **also}


async def _import(library, *records, **options):
    """Import records, and return what was told of each by its name, and whether it is kept."""
    told = {}
    taken = await library.importing.bring_in(
        read_file("a.jsonl", "\n".join(map(json.dumps, records)), "jsonl"),
        options=Options(**options),
        report=lambda outcome: told.update({outcome.name: outcome}),
    )
    return told, taken.written


async def test_an_import_writes_what_cant_be_included_only_by_force(base):
    files = _two("base"), _record("new", "New")
    told, written = await _import(base, *files)
    assert (told["base"].kind, told["new"].kind, written) == ("conflict", "created", False)
    said = "a.jsonl: 'base' is included by 'bare', which couldn't be used any more. "
    assert told["base"].message.startswith(said)
    assert told["base"].message.endswith("take the includes out first, or do it with force.")
    told, written = await _import(base, *files, keep_going=True)
    assert (told["base"].kind, told["new"].kind, written) == ("conflict", "created", True)
    assert (await base.prompts.get("base")).prompt.latest_version == 2
    assert await _text(base, "bare") == "Two"
    told, written = await _import(base, *files, force=True)
    assert (told["base"].kind, told["new"].kind, written) == ("new version", "unchanged", True)
    (remark,) = told["base"].remarks
    assert remark.startswith("'base' is included by 'bare', which can't be used any more. ")
    assert (await base.prompts.get("bare")).composition.problem is not None


async def test_an_import_may_break_what_it_mends_itself(base):
    told, written = await _import(base, _two("base"), _record("bare", "{{> base@1}}"))
    assert ({name: each.kind for name, each in told.items()}, written) == (
        {"bare": "new version", "base": "new version"},
        True,
    )
    assert (told["base"].remarks, await _text(base, "bare")) == ((), "One")
    assert (await base.prompts.get("base")).prompt.latest_version == 3


@pytest.mark.parametrize("force", [False, True])
async def test_the_order_in_which_an_import_mends_what_it_breaks_is_its_own(library, force):
    await _create(library, "low", "Low")
    await _create(library, "mid", "{{> low}}")
    await _create(library, "top", "{{> mid}}")
    files = _two("low"), _two("mid"), _record("top", "None")
    told, written = await _import(library, *files, force=force)
    assert {name: (each.kind, each.remarks) for name, each in told.items()} == {
        name: ("new version", ()) for name in ("low", "mid", "top")
    }
    assert written


async def test_an_import_takes_what_includes_a_prompt_that_has_to_wait(library):
    await _create(library, "base", "One")
    await _create(library, "user", "{{> base}}")
    (exported,) = [
        each async for each in library.exporting.read(PromptFilter(), history=True)
        if each.metadata.name == "base"
    ]  # fmt: skip
    (first,) = exported.history.versions
    second = _next(first, (Message("user", TextContent("Two")),))
    third = _next(second, tuple(TWO["messages"]))
    (main,) = exported.history.branches
    versions = (first, second, third)
    longer = replace(exported.history, versions=versions, branches=(replace(main, head=3),))
    told = []
    files = [
        replace(exported, history=longer),
        *read_file("new.json", '{"name": "new", "template": "{{> base@2}}"}'),
        *read_file("user.json", '{"name": "user", "template": "None"}'),
    ]
    await library.importing.bring_in(files, report=told.append)
    kinds = {each.name: each.kind for each in told}
    assert kinds == {"base": "new version", "new": "created", "user": "new version"}
    assert await _text(library, "new") == "Two"


async def test_an_import_moves_labels_that_others_include_only_by_force(base):
    await base.prompts.update("base", TWO, terms=Terms(force=True))
    file = _two("base", labels=["live"])
    told, written = await _import(base, file, move_labels=True)
    assert (told["base"].kind, written) == ("conflict", False)
    assert "included by 'labelled', which couldn't" in told["base"].message
    assert (await base.prompts.get("base")).prompt.labels["live"] == 1
    told, written = await _import(base, file, move_labels=True, force=True)
    assert (told["base"].kind, written) == ("updated", True)
    assert "included by 'labelled', which can't" in told["base"].remarks[0]


async def test_an_import_moves_heads_that_others_include_only_by_force(base):
    (exported,) = [
        each async for each in base.exporting.read(PromptFilter(), history=True)
        if each.metadata.name == "base"
    ]  # fmt: skip
    history = exported.history
    newest = history.versions[-1]
    draft = replace(newest.draft, messages=tuple(TWO["messages"]))
    next_one = replace(
        newest, version=3, branch="terse", parent=2, draft=draft, content_hash=content_hash(draft)
    )
    heads = tuple(
        replace(each, head=3) if each.branch == "terse" else each for each in history.branches
    )
    longer = replace(history, versions=(*history.versions, next_one), branches=heads)
    for force, kind in (False, "conflict"), (True, "new version"):
        told = []
        await base.importing.bring_in(
            [replace(exported, history=longer)],
            options=Options(force=force),
            report=told.append,
        )
        assert told[0].kind == kind
        assert "included by 'branched', which" in (told[0].message or told[0].remarks[0])


async def test_an_import_makes_a_circle_only_by_force(library):
    await _create(library, "core", "Core")
    await _create(library, "mid", "{{> core}}")
    await _create(library, "top", "Top")
    await library.labels.set("top@1", "production")
    await library.prompts.update("top", PromptInput(template="{{> mid}}"))
    told, written = await _import(library, _record("core", "{{> top}}"))
    assert (told["core"].kind, written) == ("conflict", False)
    assert "included by 'top', which" in told["core"].message
    assert "in a circle" in told["core"].message
    told, written = await _import(library, _record("core", "{{> top}}"), force=True)
    assert (told["core"].kind, written) == ("new version", True)
    assert "included by 'top', which can't be used any more" in told["core"].remarks[0]


async def test_importing_what_others_include_again_asks_nobody(base, monkeypatch):
    async def list_includers(*_, **__):
        raise AssertionError("asked")

    monkeypatch.setattr(Includes, "list_includers", list_includers)
    told, written = await _import(base, _record("base", "Two"), _record("bare", "{{> base}}"))
    assert ({each.kind for each in told.values()}, written) == ({"unchanged"}, True)
    await _import(base, _record("pinned", "Nobody includes it"))


async def test_what_was_broken_otherwise_is_no_reason_to_refuse(base, monkeypatch):
    monkeypatch.setattr(including, "_AT_ONCE", 1)  # others get their turn after each
    await _create(base, "gone", "Gone")
    await _create(base, "both", "{{> base}} {{> gone@1}}")
    await _create(base, "above", "{{> both}}")
    await base.labels.set("gone@1", "live")
    await base.prompts.update("both", PromptInput(template="{{> base}} {{> gone@live}}"))
    await base.labels.remove("gone", "live", terms=Terms(force=True))
    saved = await base.prompts.update("base", PromptInput(template="Three"))
    assert (saved.new_version, saved.warnings) == (True, ())
