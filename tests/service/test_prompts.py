import asyncio
from unicodedata import normalize
from uuid import UUID

import pytest

from mcp_server.service.inputs import PromptInput
from mcp_server.service.terms import Terms
from mcp_server.service.views import View
from storage.values.entities import Argument, Draft, Message, NewVersion, PromptFilter, TextContent
from storage.values.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support.processes import SECONDS
from tests.support.seeing import as_, seen


def _text(read) -> str:
    return read.version.draft.messages[0].content.text


async def _create(library, name="greeting", template="Hello {{who}}", **fields):
    return await library.prompts.create(name, PromptInput(template=template, **fields))


async def test_what_is_created_can_be_read_and_rendered(library):
    saved = await _create(library, title="Greeting", tags=["a", "b"], folder="x/y")
    read = await library.prompts.get("greeting")
    assert read == saved.current
    assert (read.prompt.title, read.prompt.tags, read.prompt.folder) == (
        "Greeting", ("a", "b"), "x/y",
    )  # fmt: skip
    rendered = await library.prompts.render("greeting", {"who": "Ada"})
    assert rendered.messages == (Message("user", TextContent("Hello Ada")),)


async def test_a_taken_name_is_a_conflict_that_says_what_to_do(library):
    await _create(library)
    with pytest.raises(Conflict, match=r"'greeting' already exists.*update the prompt"):
        await _create(library)


async def test_names_that_cant_be_used_come_with_one_that_can(library):
    with pytest.raises(Invalid, match="'my-prompt-v2'"):
        await _create(library, name="My Prompt/v2")


async def test_what_only_looks_like_a_blank_is_said_when_it_is_written_and_not_again(library):
    saved = await _create(library, template="{{who}} is {{1st}}")
    (told,) = saved.warnings
    assert told == (
        "'{{1st}}' looks like a blank and stays literal: the name of a blank has letters, digits "
        "and '_', and begins with no digit."
    )

    async def update(template, **fields):
        written = PromptInput(template=template, **fields)
        return (await library.prompts.update("greeting", written)).warnings

    assert await update("{{who}} was {{1st}}") == ()
    (told,) = await update("{{who}} was {{1st}}, not {{user.name}}")
    assert told.startswith("'{{1st}}', '{{user.name}}' look like blanks and stay literal")
    assert await update("{{user-name}}", template_format="text") == ()


async def test_unchanged_content_writes_no_version_and_says_so(library):
    await _create(library)
    saved = await library.prompts.update("greeting", PromptInput(template="Hello {{who}}"))
    assert (saved.new_version, saved.changed, saved.current.version.version) == (False, False, 1)


async def test_a_changed_title_alone_writes_no_version_but_is_kept(library):
    await _create(library)
    saved = await library.prompts.update("greeting", PromptInput(title="New"))
    assert (saved.new_version, saved.changed) == (False, True)
    assert (await library.prompts.get("greeting")).prompt.title == "New"


async def test_changed_content_is_a_new_version_with_its_parent_and_author(library):
    await _create(library)
    saved = await as_("you", library).prompts.update(
        "greeting", PromptInput(template="Bye {{who}}"), terms=Terms(commit_message="shorter")
    )
    version = saved.current.version
    assert (version.version, version.parent, version.created_by, version.commit_message) == (
        2, 1, "you", "shorter",
    )  # fmt: skip
    assert _text(await library.prompts.get("greeting@1")) == "Hello {{who}}"


async def test_declared_arguments_outlive_an_edit_as_long_as_the_text_uses_them(library):
    declared = [Argument("who", description="Whom to greet", required=False, default="you")]
    await _create(library, arguments=declared)
    await library.prompts.update("greeting", PromptInput(template="{{who}}, {{when}}"))
    arguments = (await library.prompts.get("greeting")).version.draft.arguments
    assert {known.name: known.description for known in arguments} == {
        "who": "Whom to greet",
        "when": None,
    }
    await library.prompts.update("greeting", PromptInput(template="plain"))
    assert (await library.prompts.get("greeting")).version.draft.arguments == ()


async def test_an_expected_version_that_isnt_current_is_refused_and_nothing_is_written(library):
    await _create(library)
    await library.prompts.update("greeting", PromptInput(template="two"))
    with pytest.raises(Conflict, match="is at version 2, not at version 1") as caught:
        await library.prompts.update(
            "greeting", PromptInput(template="three", title="T"), terms=Terms(expected_version=1)
        )
    assert caught.value.current_version == 2
    read = await library.prompts.get("greeting")
    assert (_text(read), read.prompt.title) == ("two", None)


async def test_of_writers_with_the_same_expectation_one_wins(library):
    await _create(library)

    async def write(number: int) -> bool:
        try:
            await library.prompts.update(
                "greeting", PromptInput(template=f"text {number}"), terms=Terms(expected_version=1)
            )
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(write(number) for number in range(8)))) == 1


async def test_more_failing_writers_than_connections_all_get_their_answer(library):
    await _create(library)

    async def write(number: int) -> str:
        with pytest.raises(NotFound) as caught:
            await library.prompts.update(f"greting-{number}", PromptInput(title="x"))
        return caught.value.message

    async with asyncio.timeout(SECONDS):
        answers = await asyncio.gather(*(write(number) for number in range(20)))
    assert all("greeting" in answer for answer in answers)


async def test_a_misspelt_name_is_answered_with_the_nearest(library):
    await _create(library)
    with pytest.raises(NotFound, match="Did you mean 'greeting'") as caught:
        await library.prompts.get("greting")
    assert caught.value.nearest == ("greeting",)


@pytest.mark.parametrize("text", ["a\0b", "half \ud800 pair"])
async def test_texts_that_cant_be_stored_are_refused_before_the_database_sees_them(library, text):
    with pytest.raises(Invalid):
        await _create(library, template=text)
    with pytest.raises(Invalid):
        await _create(library, title=text)


async def test_a_text_of_300_kb_goes_in_and_comes_out_as_it_was(library):
    text = "Zeile – 行 – строка\r\n" * 15_000
    await _create(library, template=text)
    assert _text(await library.prompts.get("greeting")) == text


async def test_writing_to_a_reference_is_refused_with_the_name_to_use(library):
    await _create(library)
    with pytest.raises(Invalid, match="use 'greeting'"):
        await library.prompts.update("greeting@1", PromptInput(title="x"))


async def test_missing_and_unknown_arguments_are_named_at_once(library):
    await _create(library, template="{{a}} {{b}}")
    with pytest.raises(Invalid) as caught:
        await library.prompts.render("greeting", {"c": "x"})
    assert set(caught.value.fields) == {"a", "b", "c"}
    lenient = await library.prompts.render("greeting", {"a": "1", "b": "2", "c": "3"}, lenient=True)
    assert lenient.ignored == ("c",)


async def test_archiving_hides_and_restoring_brings_all_back(library):
    await _create(library)
    await library.labels.set("greeting@1", "production")
    await library.prompts.archive("greeting")
    with pytest.raises(NotFound, match="is archived"):
        await library.prompts.get("greeting")
    assert (await library.prompts.list(PromptFilter(), limit=10)).items == ()
    with pytest.raises(Conflict):
        await _create(library)
    await library.prompts.archive("greeting", restore=True)
    assert (await library.prompts.get("greeting@production")).version.version == 1


async def test_an_archived_prompt_is_restored_before_it_is_changed(library):
    await _create(library)
    await library.branches.create("greeting", "terse")
    await library.labels.set("greeting", "production")
    await library.prompts.archive("greeting")
    attempts = [
        library.prompts.update("greeting", PromptInput(title="x")),
        library.versions.restore("greeting@1"),
        library.branches.create("greeting", "other"),
        library.branches.merge("greeting", "terse"),
        library.branches.delete("greeting", "terse"),
        library.labels.set("greeting", "staging"),
        library.labels.remove("greeting", "production"),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound, match=r"is archived\. Restore it to use or change it"):
            await attempt


async def test_a_prompt_is_found_by_its_id_as_by_its_name(library):
    created = (await _create(library)).current
    assert await library.prompts.get(f"{created.prompt.id}@1") == created
    nobody = UUID(int=1)
    with pytest.raises(NotFound, match=f"There is no prompt named '{nobody}'"):
        await library.prompts.get(str(nobody))


async def test_a_read_only_library_refuses_every_write(database):
    writable, reading = seen(database), seen(database, view=View(read_only=True))
    await _create(writable)
    attempts = [
        reading.prompts.create("x", PromptInput(template="x")),
        reading.prompts.update("greeting", PromptInput(title="x")),
        reading.prompts.archive("greeting"),
        reading.labels.set("greeting", "production"),
        reading.labels.remove("greeting", "production"),
        reading.versions.restore("greeting@1"),
    ]
    for attempt in attempts:
        with pytest.raises(Forbidden, match="--read-only"):
            await attempt


async def test_a_narrowed_library_shows_and_touches_only_its_part(database):
    everything = seen(database)
    await _create(everything, name="inside", tags=["team"], folder="a/b")
    await _create(everything, name="outside")
    narrow = seen(database, view=View(tags=("team",), folders=("a",)))
    assert [known.name for known in (await narrow.prompts.list_published()).items] == ["inside"]
    assert [hit.prompt.name for hit in (
        await narrow.search.find("hello", PromptFilter(), limit=9)
    ).items] == ["inside"]  # fmt: skip
    for attempt in (
        narrow.prompts.get("outside"),
        narrow.prompts.update("outside", PromptInput(title="x")),
        narrow.labels.set("outside", "production"),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(Forbidden, match="tagged 'team' and in the folder 'a'"):
        await _create(narrow, name="new")
    with pytest.raises(Forbidden):
        await narrow.prompts.update("inside", PromptInput(tags=[]))


async def test_a_folder_that_is_filtered_by_may_be_written_with_slashes_around_it(library):
    await _create(library, name="inside", folder="a/b")
    for written in ("a/b/", "/a", " a/b "):
        listed = await library.prompts.list(PromptFilter(folder=written), limit=5)
        assert [known.name for known in listed.items] == ["inside"], written
        found = await library.search.find("hello", PromptFilter(folder=written), limit=5)
        assert [hit.prompt.name for hit in found.items] == ["inside"], written


async def test_a_folder_that_cannot_be_one_is_refused_as_a_filter(library):
    with pytest.raises(Invalid, match="Use 'team-a'"):
        await library.prompts.list(PromptFilter(folder="Team A"), limit=5)


def test_what_a_server_publishes_is_named_as_prompts_name_it():
    assert View(tags=(" a ",), folders=("/x/y/",)) == View(tags=("a",), folders=("x/y",))
    assert View(folders=("x", "/")).folders == ()
    with pytest.raises(Invalid, match="Use 'team-a'"):
        View(folders=("Team A",))
    with pytest.raises(Invalid, match="blank"):
        View(tags=("",))


async def test_filters_and_messages_that_cant_be_stored_are_refused_before_the_database(library):
    await _create(library)
    for chosen in (
        PromptFilter(tags=("a\0",)),
        PromptFilter(folder="\ud800"),
        PromptFilter(label="\0"),
        PromptFilter(model_type="\0"),
    ):
        with pytest.raises(Invalid):
            await library.search.find("hello", chosen, limit=5)
        with pytest.raises(Invalid):
            await library.prompts.list(chosen, limit=5)
    with pytest.raises(Invalid, match="commit_message"):
        await library.prompts.update(
            "greeting", PromptInput(template="x"), terms=Terms(commit_message="a\0b")
        )
    with pytest.raises(Invalid):
        await library.completing.argument("greeting", "who", "\0")


async def _append(library, database, text: str, *arguments: str):
    """Write a version as a release did that knew fewer identifiers."""
    made = await library.prompts.create("p", PromptInput(template="x"))
    draft = Draft((Message("user", TextContent(text)),), tuple(map(Argument, arguments)))
    async with database.transaction() as tx:
        await tx.versions.append(
            made.current.prompt.id,
            NewVersion(draft=draft, tags=(), created_by="ada", parent=1),
            "then",
        )


async def test_what_was_literal_when_a_version_was_written_stays_literal_in_it(library, database):
    await _append(library, database, r"\\{{नाम}} {{a}} {{ नाम }}", "a")
    rendered = await library.prompts.render("p", {"a": "1"})
    assert rendered.messages[0].content.text == r"\\{{नाम}} 1 {{ नाम }}"
    assert [each.name for each in (await library.prompts.get("p")).arguments] == ["a"]
    with pytest.raises(Invalid, match="'नाम' is unknown"):
        await library.prompts.render("p", {"a": "1", "नाम": "2"})
    await library.prompts.update("p", PromptInput(template="{{a}} {{नाम}}"))
    rendered = await library.prompts.render("p", {"a": "1", "नाम": "2"})
    assert rendered.messages[0].content.text == "1 2"


async def test_a_version_whose_names_were_kept_decomposed_takes_them_in_both_forms(
    library, database
):
    decomposed = normalize("NFD", "이름")
    await _append(library, database, f"{{{{{decomposed}}}}}!", decomposed)
    for name in ("이름", decomposed):
        rendered = await library.prompts.render("p", {name: "Ada"})
        assert rendered.messages[0].content.text == "Ada!"
    assert (await library.prompts.missing("p", {decomposed: "Ada"})).arguments == ()
    offered = await library.completing.argument("p", decomposed, "")
    assert offered.values == ()
    await library.core.values.flush()
    assert (await library.completing.argument("p", decomposed, "")).values == ("Ada",)
