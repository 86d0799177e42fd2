import json
from pathlib import Path

import pytest

from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.markdown_format import write_markdown
from mcp_server.domain.formats.records import write_record
from mcp_server.domain.formats.registry import read_file
from mcp_server.service import outcomes
from mcp_server.service.inputs import PromptInput
from mcp_server.service.outcomes import Options, Outcome
from mcp_server.service.preparing import in_order, prepare
from mcp_server.service.views import View
from storage.values.entities import Argument, Change, Metadata, PromptFilter
from storage.values.errors import Invalid, NotFound
from tests.support.seeing import seen

CSV = (
    'act,prompt,for_devs,type,contributor\nTravel Guide,"Guide me to ${city:Rome}",TRUE,TEXT,ada\n'
)
SKILL = "---\nname: brief\ndescription: Be brief\n---\nWrite less.\n"


async def _import(library, name: str, text: str, **options: bool) -> list[str]:
    told: list[Outcome] = []
    await library.importing.bring_in(
        read_file(name, text), options=Options(**options), report=told.append
    )
    return [outcome.kind for outcome in told]


async def test_importing_again_changes_nothing(library):
    assert await _import(library, "p.csv", CSV) == ["created"]
    assert await _import(library, "p.csv", CSV) == ["unchanged"]
    read = await library.prompts.get("travel-guide")
    assert (read.prompt.tags, read.version.created_by) == (("for-devs",), "ada")


async def test_what_changed_is_forgotten_one_by_one_and_all_at_once_where_it_is_much(
    library, monkeypatch
):
    heard: list[Change] = []
    monkeypatch.setattr(library.core.catalog, "hear", heard.append)
    lines = [f'{{"name": "p{number}", "template": "x"}}' for number in range(300)]
    await _import(library, "few.jsonl", "\n".join(lines[:299]))
    assert len(heard) == 299
    assert {(change.kind, change.name) for change in heard} == {
        ("prompt", f"p{number}") for number in range(299)
    }
    heard.clear()
    changed = lines[0].replace('"x"', '"y"')
    await _import(library, "few.jsonl", "\n".join([changed, *lines[1:299]]))
    assert [change.name for change in heard] == ["p0"]
    heard.clear()
    await _import(library, "many.jsonl", "\n".join(lines))
    assert heard == [Change("everything")]


async def test_a_number_of_many_digits_comes_back_as_it_went_out(library):
    written = PromptInput(template="x", model_config={"big": 1e23, "bigger": 1e300, "small": 1e-7})
    await library.prompts.create("numbers", written)
    source = await library.prompts.get("numbers")
    file = PromptFile(Metadata("numbers"), source.version.draft, "me", "numbers.md")
    assert await _import(library, "numbers.md", write_markdown(file)) == ["unchanged"]


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        ({"a": "{{> b}} {{> gone}}", "b": "{{> c@1}}", "c": "{{> d}}"}, ["c", "b", "a"]),
        ({"a": "{{> b}}", "b": "{{> a}}"}, ["b", "a"]),
    ],
    ids=["what is included comes first", "a circle ends"],
)
def test_prompts_that_include_each_other_have_an_order(texts, order):
    lines = [json.dumps({"name": name, "template": text}) for name, text in texts.items()]
    prepared = prepare(iter(read_file("a.jsonl", "\n".join(lines))), 9, "me")
    waiting = {each.file.metadata.name: each for each in prepared}
    assert [each.file.metadata.name for each in in_order(waiting)] == order


async def test_whatever_cant_be_taken_keeps_the_others_out(library):
    told: list[Outcome] = []
    files = [
        *read_file("a.json", '{"name": "note", "template": "1"}'),
        *read_file("b.json", '{"name": "note", "template": "2"}'),
        Invalid("c.json: it can't be read: it is broken."),
    ]
    taken = await library.importing.bring_in(files, report=told.append)
    assert not taken.written
    assert [(each.source, each.kind) for each in told] == [
        ("b.json", "conflict"),
        ("c.json", "refused"),
        ("a.json", "created"),
    ]
    with pytest.raises(NotFound):
        await library.prompts.get("note")


async def test_what_is_read_with_its_includes_comes_back_with_its_own_arguments_alone(library):
    await library.prompts.create("tone", PromptInput(template="Be {{how}} to {{who}}."))
    name = Argument("who", title="Name")
    written = PromptInput(template="Hi {{who}}. {{> tone}}", arguments=[name])
    await library.prompts.create("letter", written)
    record = {
        "name": "letter", "template": "Hi {{who}}. {{> tone}}", "template_format": "simple",
        "arguments": [{"name": "who", "title": "Name"}, {"name": "how"}], "includes": ["tone"],
    }  # fmt: skip
    assert await _import(library, "a.json", json.dumps(record)) == ["unchanged"]
    record["arguments"][0]["title"] = "Whom"
    assert await _import(library, "a.json", json.dumps(record)) == ["new version"]
    kept = (await library.prompts.get("letter")).version.draft.arguments
    assert [(each.name, each.title) for each in kept] == [("who", "Whom")]


async def test_a_changed_text_becomes_a_new_version(library):
    await _import(library, "p.csv", CSV)
    assert await _import(library, "p.csv", CSV.replace("Guide me", "Lead me")) == ["new version"]
    assert (await library.prompts.get("travel-guide")).version.version == 2


async def test_an_old_file_never_overrides_what_came_after_it(library):
    await _import(library, "p.csv", CSV)
    await library.prompts.update("travel-guide", PromptInput(template="Mine"))
    assert await _import(library, "p.csv", CSV) == ["unchanged"]
    assert (await library.prompts.get("travel-guide")).version.version == 2


async def test_what_a_file_says_nothing_about_stays_as_it_is(library):
    await _import(library, "p.csv", CSV)
    written = PromptInput(description="Kept", folder="trips", tags=["mine"])
    await library.prompts.update("travel-guide", written)
    assert await _import(library, "p.csv", CSV) == ["unchanged"]
    assert await _import(library, "p.csv", CSV.replace("Guide me", "Lead me")) == ["new version"]
    prompt = (await library.prompts.get("travel-guide")).prompt
    assert (prompt.description, prompt.folder, prompt.tags) == ("Kept", "trips", ("mine",))


async def test_what_a_file_says_replaces_what_was_there(library):
    await _import(library, "brief/SKILL.md", SKILL)
    changed = SKILL.replace("Be brief", "Be briefer")
    assert await _import(library, "brief/SKILL.md", changed) == ["updated"]
    assert (await library.prompts.get("brief")).prompt.description == "Be briefer"


async def test_labels_stay_where_they_are(library):
    await _import(library, "p.csv", CSV)
    await library.labels.set("travel-guide@1", "production")
    await _import(library, "p.csv", CSV.replace("Guide me", "Lead me"))
    assert (await library.prompts.get("travel-guide")).version.version == 1


async def test_an_archived_prompt_is_left_alone(library):
    await _import(library, "p.csv", CSV)
    await library.prompts.archive("travel-guide")
    assert await _import(library, "p.csv", CSV.replace("Guide me", "Lead me")) == ["unchanged"]


@pytest.mark.parametrize("name", ["p.docx", str(Path("a") / "b.pdf")])
async def test_other_files_are_named_in_full(library, name):
    with pytest.raises(Invalid, match=name.replace(".", r"\.")):
        await _import(library, name, "x")


RECORDS = [
    {"name": "good", "template": "{{a}}", "arguments": [{"name": "a", "pattern": "[a-z]+"}]},
    {"name": "bad", "template": "{{a}}", "arguments": [{"name": "a", "pattern": "("}]},
    {
        "name": "torn",
        "template": "{{a}}",
        "arguments": [{"name": "a", "pattern": "[a-z]+", "default": "1"}],
    },
]


async def test_patterns_of_files_are_judged_before_anything_is_kept(library):
    told: list[Outcome] = []
    options = Options(keep_going=True)
    files = list(read_file("p.json", json.dumps(RECORDS)))
    await library.importing.bring_in(files, options=options, report=told.append)
    assert [(each.kind, each.message) for each in told] == [
        (
            "refused",
            "p.json#2: The arguments can't be used as they are declared: 'a' has the pattern '(', "
            "which is no regular expression: missing ) at position 1.",
        ),
        (
            "refused",
            "p.json#3: The arguments can't be used as they are declared: 'a' has the default '1', "
            "but it has to match '[a-z]+', and '1' doesn't.",
        ),
        ("created", None),
    ]


async def test_patterns_of_every_version_of_a_history_are_judged(library):
    await _import(library, "p.json", json.dumps(RECORDS[:1]))
    await library.prompts.update("good", PromptInput(template="{{a}}!"))
    exported = [file async for file in library.exporting.read(PromptFilter(), history=True)]
    record = write_record(exported[0])
    record["versions"][1]["arguments"][0]["pattern"] = "("
    told: list[Outcome] = []
    await library.importing.bring_in(
        read_file("p.json", json.dumps([record | {"name": "other"}])), report=told.append
    )
    assert [each.message for each in told] == [
        "p.json: versions[1]: The arguments can't be used as they are declared: 'a' has the "
        "pattern '(', which is no regular expression: missing ) at position 1."
    ]


async def test_slow_patterns_of_a_file_have_a_requests_budget_and_honest_ones_go_in(library):
    value = "x" * 999 + "y"
    evil = [
        {"name": f"a{n}", "pattern": "(?:x|x|xx|(x+x+)+)+$", "default": value[n:]}
        for n in range(20)
    ]
    records = [{"name": "slow", "template": "x", "arguments": evil}, *RECORDS[:1]]
    told: list[Outcome] = []
    files = list(read_file("p.json", json.dumps(records)))
    options = Options(keep_going=True)
    await library.importing.bring_in(files, options=options, report=told.append)
    assert [(each.name, each.kind) for each in told] == [(None, "refused"), ("good", "created")]
    assert "'a19' has the pattern" in (told[0].message or "")


async def test_a_name_that_is_hidden_here_is_taken(library, database):
    await library.prompts.create("secret", PromptInput(template="x"))
    narrowed = seen(database, view=View(tags=("public",)))
    told: list[Outcome] = []
    record = {"name": "secret", "template": "y", "tags": ["public"]}
    await narrowed.importing.bring_in(read_file("p.json", json.dumps([record])), report=told.append)
    assert [(each.kind, each.message) for each in told] == [
        ("conflict", "p.json: The name 'secret' is taken. Choose another one.")
    ]


async def test_a_history_that_says_nothing_new_may_describe_the_prompt_otherwise(library):
    await library.prompts.create("good", PromptInput(template="1", title="Good"))
    await library.prompts.update("good", PromptInput(template="2"))
    (exported,) = [file async for file in library.exporting.read(PromptFilter(), history=True)]
    record = write_record(exported)
    assert await _import(library, "p.json", json.dumps([record])) == ["unchanged"]
    told = json.dumps([record | {"title": "Better"}])
    assert await _import(library, "p.json", told) == ["updated"]
    prompt = (await library.prompts.get("good")).prompt
    assert (prompt.title, prompt.last_version) == ("Better", 2)
    assert await _import(library, "p.json", told) == ["unchanged"]


def test_what_an_answer_tells_of_an_import_has_a_place_for_so_many(monkeypatch):
    monkeypatch.setattr(outcomes, "MAX_TOLD", 2)
    told = outcomes.OutcomeLog()
    quiet = Outcome("a", "a", "created")
    remarked = Outcome("b", "b", "created", remarks=("Look.",))
    failed = Outcome("c", "c", "refused", "No.")
    for outcome in [quiet, *[remarked] * 3, *[failed] * 3]:
        told.add(outcome)
    assert told.items == [remarked, remarked, failed, failed]
    assert (told.failures, told.remarked) == ([failed, failed], 3)
    everything = outcomes.OutcomeLog(everything=True)
    everything.add(quiet)
    assert everything.items == [quiet]
