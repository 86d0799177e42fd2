"""Export: what is served of each prompt, or all that is kept of it, as files hold it."""

import json

import pytest

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.registry import FORMATS, read_file
from mcp_server.service.inputs import PromptInput
from mcp_server.service.library import Library
from mcp_server.service.outcomes import Options, Outcome
from storage.values.entities import Metadata, PromptFilter
from storage.values.errors import Invalid, NotFound
from tests.support.seeing import as_
from tests.support.settings import WRITTEN, reversed_keys


async def _files(library: Library, **options: bool):
    return [file async for file in library.exporting.read(PromptFilter(), **options)]


async def _export(library: Library, format_name: str, *, history: bool = True) -> str:
    chosen = FORMATS[format_name]
    write, frame = chosen.writer(), chosen.frame
    rows = [write(file).text for file in await _files(library, history=history)]
    return frame.start + frame.between.join(rows) + frame.end if rows else frame.empty


async def _import(library: Library, name: str, text: str, **options: bool) -> list[Outcome]:
    told: list[Outcome] = []
    files = read_file(name, text)
    await library.importing.bring_in(files, options=Options(**options), report=told.append)
    return told


async def _fill(library: Library) -> None:
    ada = as_("ada", library)
    create, update = ada.prompts.create, ada.prompts.update
    await create("tone", PromptInput(template="Be kind.", tags=["a, b"]))
    await create("review", PromptInput(template="{{> tone}} Review {{code}}."))
    bob = as_("bob", library)
    await bob.prompts.update("review", PromptInput(template="{{> tone@1}} {{code}}"))
    await library.branches.create("review", "terse")
    await update("review", PromptInput(template="Short: {{code}}"), branch="terse")
    await library.branches.merge("review", "terse")
    await as_("eve", library).labels.set("review@2", "production", reason="better: “so”")
    await as_("eve", library).labels.set("review@1", "production")
    await as_("eve", library).labels.set("review", "trial", {1: 90, 2: 10})
    await update("tone", PromptInput(), new_name="voice")
    await create("old", PromptInput(template="x\n---\ny", title="Old"))
    await library.prompts.archive("old")


async def test_prompts_are_given_out_with_what_their_bare_names_mean(library):
    for name in ("b", "a", "c"):
        await library.prompts.create(name, PromptInput(template=f"One {name}"))
        await as_("bob", library).prompts.update(name, PromptInput(template=f"Two {name}"))
    await library.labels.set("a@1", "production")
    files = await _files(library)
    assert [file.metadata for file in files] == [Metadata("a"), Metadata("b"), Metadata("c")]
    assert [file.created_by for file in files] == ["me", "bob", "bob"]


async def test_an_archived_prompt_comes_only_with_the_history(library):
    for name in ("gone", "kept"):
        await library.prompts.create(name, PromptInput(template="x"))
    await library.prompts.archive("gone")
    assert [file.metadata.name for file in await _files(library)] == ["kept"]
    assert [file.metadata.name for file in await _files(library, history=True)] == ["kept", "gone"]


async def test_a_prompt_that_is_archived_while_others_are_read_is_left_out(library, monkeypatch):
    for name in ("a", "b", "c"):
        await library.prompts.create(name, PromptInput(template="x"))
    read = library.core.catalog.read

    async def read_and_archive(work):
        found = await read(work)
        await library.prompts.archive("b")
        return found

    monkeypatch.setattr(library.core.catalog, "read", read_and_archive)
    assert [file.metadata.name for file in await _files(library)] == ["a", "c"]


@pytest.mark.parametrize("format_name", ["json", "jsonl", "yaml"])
async def test_an_export_comes_back_to_the_byte(library, other_library, format_name):
    await _fill(library)
    exported = await _export(library, format_name)
    told = await _import(other_library, f"all.{format_name}", exported)
    assert [outcome.kind for outcome in told] == ["created"] * 3
    assert await _export(other_library, format_name) == exported
    again = await _import(other_library, f"all.{format_name}", exported)
    assert {outcome.kind for outcome in again} == {"unchanged"}
    assert await _export(other_library, format_name) == exported
    read = await other_library.prompts.get("review@branch:terse")
    assert (read.version.version, read.version.created_by) == (3, "ada")
    filled = await other_library.prompts.render("review", {"code": "x"})
    assert filled.messages[0].content.text == "Be kind. Review x."


@pytest.mark.parametrize("format_name", ["json", "jsonl", "yaml"])
async def test_settings_come_back_as_written_with_their_history(
    library, other_library, format_name
):
    other = reversed_keys(WRITTEN)
    await library.prompts.create("p", PromptInput(template="x", model_config=WRITTEN))
    await library.prompts.update("p", PromptInput(model_config=other))
    await library.prompts.copy("p", "q", PromptInput(), with_history=True)
    exported = await _export(library, format_name)
    await _import(other_library, f"a.{format_name}", exported)
    for reference, config in [("p@1", WRITTEN), ("p@2", other), ("q@1", WRITTEN), ("q@2", other)]:
        read = await other_library.prompts.get(reference)
        assert json.dumps(read.version.draft.model_config) == json.dumps(config)
        assert read.version.content_hash == content_hash(read.version.draft)
    assert await _export(other_library, format_name) == exported


async def test_a_file_that_differs_only_in_the_order_of_settings_brings_a_version(library):
    record = {"name": "p", "template": "x", "model_config": WRITTEN}
    for config, kind in [
        (WRITTEN, "created"), (WRITTEN, "unchanged"), (reversed_keys(WRITTEN), "new version"),
    ]:  # fmt: skip
        told = await _import(library, "a.json", json.dumps(record | {"model_config": config}))
        assert [each.kind for each in told] == [kind]
    read = await library.prompts.get("p")
    assert json.dumps(read.version.draft.model_config) == json.dumps(reversed_keys(WRITTEN))


async def test_a_merge_keeps_the_order_of_settings(library):
    first, changed = {"z": 1, "schema": {"why": 1, "answer": 2}}, {"schema": {"b": 1, "a": 2}}
    await library.prompts.create("p", PromptInput(template="x", model_config=first))
    await library.branches.create("p", "b")
    written = PromptInput(model_config=changed | {"z": 1})
    await library.prompts.update("p", written, branch="b")
    await library.prompts.update("p", PromptInput(template="y"))
    await library.branches.merge("p", "b")
    merged = (await library.prompts.get("p")).version.draft
    assert json.dumps(merged.model_config) == '{"schema": {"b": 1, "a": 2}, "z": 1}'


async def test_a_history_goes_on_where_the_library_stopped(library, other_library):
    await library.prompts.create("p", PromptInput(template="one"))
    await _import(other_library, "a.json", await _export(library, "json"))
    await as_("bob", library).prompts.update("p", PromptInput(template="two"))
    await library.labels.set("p@2", "staging")
    newer = await _export(library, "json")
    assert [each.kind for each in await _import(other_library, "a.json", newer)] == ["new version"]
    read = await other_library.prompts.get("p")
    assert (read.version.version, read.version.created_by, read.prompt.labels) == (2, "bob", {})
    told = await _import(other_library, "a.json", newer, move_labels=True)
    assert [each.kind for each in told] == ["updated"]
    assert (await other_library.prompts.get("p@staging")).version.version == 2


async def test_histories_that_parted_are_a_conflict_and_nothing_is_written(library, other_library):
    await library.prompts.create("p", PromptInput(template="one"))
    await library.prompts.create("q", PromptInput(template="q"))
    exported = await _export(library, "json")
    await other_library.prompts.create("p", PromptInput(template="mine"))
    told = await _import(other_library, "a.json", exported)
    assert [each.kind for each in told] == ["conflict", "created"]
    assert "Version 1 of 'p' is another one here" in told[0].message
    assert [file.metadata.name for file in await _files(other_library)] == ["p"]
    await _import(other_library, "a.json", exported, keep_going=True)
    assert [file.metadata.name for file in await _files(other_library)] == ["p", "q"]
    assert (await other_library.prompts.get("p")).version.version == 1


async def test_a_dry_run_tells_and_writes_nothing(library, other_library):
    await _fill(library)
    exported = await _export(library, "json")
    told = await _import(other_library, "a.json", exported, dry_run=True)
    assert [each.kind for each in told] == ["created"] * 3
    assert await _files(other_library) == []


async def test_what_is_included_may_stand_later_in_the_file(library):
    records = "\n".join(
        f'{{"name": "{name}", "template": "{text}"}}'
        for name, text in [("a", "{{> b}}"), ("b", "{{> c}} b"), ("c", "c")]
    )
    told = await _import(library, "a.jsonl", records)
    assert {each.name: each.kind for each in told} == dict.fromkeys("abc", "created")
    rendered = await library.prompts.render("a", {})
    assert rendered.messages[0].content.text == "c b"


async def test_a_circle_in_a_file_is_refused(library):
    records = '{"name": "a", "template": "{{> b}}"}{"name": "b", "template": "{{> a}}"}'
    told = await _import(library, "a.jsonl", records, keep_going=True)
    assert {each.kind for each in told} == {"refused"}
    assert await _files(library) == []


async def test_many_prompts_are_announced_once_and_heard(library):
    records = "".join(f'{{"name": "p{n}", "template": "t{n}"}}\n' for n in range(600))
    with pytest.raises(NotFound):
        await library.prompts.get("p7")
    told = await _import(library, "a.jsonl", records)
    assert len(told) == 600
    assert (await library.prompts.get("p7")).version.draft.messages[0].content.text == "t7"
    assert len((await library.prompts.list_published()).items) == 600


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ('{"name": "a"}', "'template'"),
        ('{"name": "a", "template": 3}', "'template' has to be text, not '3'"),
        ('{"nam": "a", "template": "x"}', "'nam' is no key that a prompt has. Did you mean 'name'"),
        ('{"versions": []}', "'name' is missing"),
        ("[1]", "has to be an object"),
        ("null", "has to be an object"),
        ('{"name": "a", "versions": []}', "'branches' doesn't name 'main'"),
        ('{"name": "a", "versions": [{"version": 2}]}', "'versions[0].version' has to be 1"),
        ('{"name": "a", "template": "x"', "this is no JSON that can be read"),
        ('{"name": "a", "name": "b"}', "the key 'name' stands twice"),
        ('{"name": NaN}', "JSON has no NaN"),
        ('{"name": ' + "9" * 5000 + "}", "too many digits"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"name": "a", "template": "x"}', "isn't closed"),
    ],
)
async def test_what_is_no_record_is_refused_in_a_sentence(library, record, sentence):
    told = await _import(library, "a.json", record)
    (refused,) = [each for each in told if each.kind == "refused"]
    assert sentence in refused.message
    assert refused.message.startswith("a.json")
    assert await _files(library) == []


def test_an_unknown_format_is_refused_with_those_there_are():
    with pytest.raises(Invalid, match=r"There is no format 'yml'. Did you mean 'yaml'"):
        read_file("a.txt", "x", "yml")


async def test_ten_thousand_versions_come_in_and_are_listed_by_page(library):
    versions = [
        {
            "version": number, "branch": "main", "parent": number - 1 or None, "created_by": "ada",
            "created_at": "2026-01-01T00:00:00Z", "template": f"text {number}",
        }
        for number in range(1, 10_001)
    ]  # fmt: skip
    head = {"head": 10_000, "created_by": "ada", "created_at": "2026-01-01T00:00:00Z"}
    record = {"name": "long", "branches": {"main": head}, "versions": versions}
    told = await _import(library, "a.json", json.dumps(record))
    assert [each.kind for each in told] == ["created"], told
    found: list[int] = []
    cursor = None
    while True:
        page = await library.versions.list("long", limit=100, cursor=cursor)
        found += [each.version for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == list(range(10_000, 0, -1))
    assert (await library.prompts.get("long@5000")).version.draft.messages[0].content.text == (
        "text 5000"
    )


def _history_of(name: str, **also: object) -> dict[str, object]:
    made = {"created_by": "ada", "created_at": "2026-01-01T00:00:00Z"}
    versions = [{"version": 1, "template": "x", **made}]
    return {"name": name, "branches": {"main": {"head": 1, **made}}, "versions": versions, **also}


async def test_a_former_name_that_another_prompt_has_is_a_conflict(library):
    await library.prompts.create("b", PromptInput(template="x"))
    record = json.dumps(_history_of("a", former_names=["b"]))
    (told,) = await _import(library, "a.json", record, keep_going=True)
    assert told.kind == "conflict"
    assert "'a' was called 'b' once" in told.message
    both = "\n".join(json.dumps(_history_of(name, former_names=["old"])) for name in ("c", "d"))
    told = await _import(library, "a.jsonl", both, keep_going=True)
    # What can't be taken is told of before the rest is written.
    assert [each.kind for each in told] == ["conflict", "created"]
    assert (await library.prompts.get("old")).prompt.name == "c"


async def test_a_prompt_under_two_of_its_names_is_taken_once(library):
    await library.prompts.create("old", PromptInput(template="x"))
    await library.prompts.update("old", PromptInput(), new_name="new")
    records = '{"name": "new", "template": "y"}{"name": "old", "template": "z"}'
    told = await _import(library, "a.jsonl", records, keep_going=True)
    assert [each.kind for each in told] == ["new version", "conflict"]
    assert "'old' is 'new' here, which is in this import already" in told[1].message


@pytest.mark.parametrize(
    ("also", "sentence"),
    [
        ({"branches": {"main": {"head": 2}}}, "'branches.main.head' is 2, and there are 1"),
        ({"labels": {"latest": 1}}, "can't be 'latest'"),
        ({"labels": {"production": 7}}, "'labels.production' is 7"),
        ({"labels": {"production": {"1": 0}}}, "'labels.production.1' is '0'"),
        ({"moves": [{"label": "a", "moved_by": "x", "moved_at": "soon"}]}, "is 'soon'. Write it"),
        ({"former_names": ["A B"]}, "A B"),
        ({"versions": [{"version": 1, "parent": 1}]}, "'versions[0].parent'"),
        ({"created_at": 3}, "'created_at' has to be text"),
    ],
)
async def test_a_history_that_cant_be_is_refused_with_its_place(library, also, sentence):
    record = _history_of("a")
    versions = also.pop("versions", None)
    if versions:
        record["versions"] = [{**record["versions"][0], **versions[0]}]
    branches = also.pop("branches", None)
    if branches:
        record["branches"]["main"] |= branches["main"]
    (told,) = await _import(library, "a.json", json.dumps(record | also))
    assert told.kind == "refused"
    assert sentence in told.message


def test_too_much_yaml_is_refused_before_it_is_read():
    pieces = ("name: a\n", *("# " + "x" * 1_000_000 + "\n" for _ in range(17)))
    (told,) = read_file("a.yaml", pieces)
    assert "more than 16,000,000 characters of YAML" in told.message
