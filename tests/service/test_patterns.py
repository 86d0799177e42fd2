"""Patterns of arguments: one budget for all of a request, and nobody else waits for them."""

import asyncio
import os
import signal

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.domain.patterns import Comparison, Verdict
from mcp_server.service import patterns as patterns_module
from mcp_server.service.inputs import PromptInput
from mcp_server.service.patterns import QUICK, SLOW, UNKNOWN, Allowance, Patterns
from mcp_server.service.workers import Crew
from storage.values.entities import Argument
from storage.values.errors import Invalid, Unavailable
from tests.support.effort import examples
from tests.support.judging import verdicts_on
from tests.support.processes import SECONDS
from tests.support.seeing import as_, seen

EVIL = "(?:x|x|xx|(x+x+)+)+$"
EVIL_VALUE = "x" * 999 + "y"
OTHER_EVIL = "(?:(?:(?:x{1,9}){1,9}){1,9}){1,9}"
QUICK_ONE = Comparison("[a-z]+", "abc")
SLOW_FAULT = f"Takes too long to be compared with '{EVIL}'; simplify the pattern."
OVER = "the 250 ms of a request for all its patterns were over"


@pytest.fixture
def patterns():
    patterns = Patterns(Crew(patience_seconds=SECONDS))
    yield patterns
    patterns.close()


@pytest.fixture
def library(database, patterns):
    return seen(database, patterns=patterns)


def template(count: int) -> str:
    return " ".join(f"{{{{a{n}}}}}" for n in range(count))


def declared(count: int, pattern: str, default: str | None = None) -> list[Argument]:
    return [Argument(f"a{n}", pattern=pattern, default=default) for n in range(count)]


def evil(count: int) -> list[Comparison]:
    return [Comparison(EVIL, EVIL_VALUE[n:]) for n in range(count)]


async def create(library, name, *arguments, text=None):
    written = PromptInput(template=text or template(len(arguments)), arguments=arguments)
    return await library.prompts.create(name, written)


async def begun(crew: Crew, many: int = 1) -> int:
    """Return a process that is at work, once there are so many."""
    async with asyncio.timeout(SECONDS):
        while len(crew.processes) < many:
            await asyncio.sleep(0.005)
    return crew.processes[0]


@pytest.mark.parametrize("pattern", [EVIL, OTHER_EVIL])
async def test_all_patterns_of_a_rendering_have_one_budget(library, pattern):
    await create(library, "slow", *declared(20, pattern))
    values = {f"a{n}": EVIL_VALUE for n in range(1, 20)} | {"a20": "x"}
    # Different values, since the same comparison is made but once.
    values |= {f"a{n}": EVIL_VALUE[n:] for n in range(1, 20)}
    with pytest.raises(Invalid) as refused:
        await library.prompts.render("slow", values)
    fields = refused.value.fields
    assert fields["a0"] == "Is missing."
    assert fields["a1"].startswith("Takes too long to be compared with")
    assert {fields[f"a{n}"].partition(" with ")[0] for n in range(2, 20)} == {"Wasn't compared"}
    assert all(fields[f"a{n}"].endswith(f": {OVER}.") for n in range(2, 20))
    assert fields["a20"].startswith("Is unknown.")


async def test_all_patterns_that_are_written_have_one_budget(library):
    arguments = [Argument(f"a{n}", pattern="(a+)+b", default="a" * (1_000 - n)) for n in range(250)]
    with pytest.raises(Invalid) as refused:
        await create(library, "slow", *arguments)
    faults = refused.value.fields
    last = "Has the pattern '(a+)+b', which wasn't looked at: " + OVER + "."
    assert faults["arguments.a249"] == last


async def test_an_honest_prompt_with_many_patterns_is_served(library):
    arguments = [Argument(f"a{n}", pattern=f"[a-z]{{{n},}}") for n in range(250)]
    await create(library, "honest", *arguments)
    values = {f"a{n}": "a" * max(n, 1) for n in range(250)}
    rendered = await library.prompts.render("honest", values)
    assert rendered.messages[0].content.text == " ".join(values.values())


async def test_others_are_served_while_patterns_are_compared(library, patterns):
    await create(library, "slow", *declared(1, EVIL))
    await create(library, "quick", *declared(1, "[a-z]+"))
    slow = asyncio.create_task(library.prompts.render("slow", {"a0": EVIL_VALUE}))
    worker = await begun(patterns._crew)
    os.kill(worker, signal.SIGSTOP)  # now it lasts as long as this test wants
    await library.prompts.render("quick", {"a0": "abc"})
    with pytest.raises(Invalid, match=r"'a0' has to match '\[a-z\]\+', and '1' doesn't"):
        await library.prompts.render("quick", {"a0": "1"})
    await create(library, "another", *declared(1, "[0-9]+", default="7"))
    assert not slow.done()
    os.kill(worker, signal.SIGCONT)
    with pytest.raises(Invalid) as refused:
        await slow
    assert refused.value.fields == {"a0": SLOW_FAULT}


async def test_included_arguments_are_compared_too(library):
    await create(library, "inner", Argument("who", pattern="[A-Z][a-z]+"), text="Hi {{who}}")
    await create(library, "outer", text="{{> inner}}!")
    with pytest.raises(Invalid, match="'ada' doesn't"):
        await library.prompts.render("outer", {"who": "ada"})
    rendered = await library.prompts.render("outer", {"who": "Ada"})
    assert rendered.messages[0].content.text == "Hi Ada!"


async def test_new_patterns_are_judged_wherever_they_are_written(library):
    await create(library, "good", *declared(1, "[a-z]+", default="a"))
    bad = PromptInput(arguments=declared(1, "("))
    fault = {"arguments.a0": "Has the pattern '(', which is no regular expression: "
             "missing ) at position 1."}  # fmt: skip
    for write in (
        as_("a", library).prompts.create(
            "bad", PromptInput(template="x", arguments=declared(1, "("))
        ),
        library.prompts.update("good", bad),
        library.prompts.copy("good", "bad", bad),
    ):
        with pytest.raises(Invalid) as refused:
            await write
        assert refused.value.fields == fault
    assert (await library.prompts.get("good")).prompt.latest_version == 1


async def test_patterns_that_were_kept_are_not_compared_again(library, patterns):
    await create(library, "kept", *declared(1, "[a-z]+", default="a"))
    patterns.close()
    updated = await library.prompts.update("kept", PromptInput(template="More {{a0}}"))
    kept = Argument("a0", pattern="[a-z]+", default="a", required=False)
    assert updated.current.version.draft.arguments == (kept,)
    with pytest.raises(Unavailable, match="Try again"):
        await library.prompts.render("kept", {"a0": "b"})


async def test_what_a_merge_brings_together_is_judged(library):
    one = Argument("a0", pattern="[a-z]*", default="a", required=False)
    await create(library, "both", one)
    await library.branches.create("both", "other")
    digits = [Argument("a0", pattern="[a-z0-9]*", default="a")]
    narrow = [Argument("a0", pattern="[a-z]*", default="b")]
    await library.prompts.update("both", PromptInput(arguments=narrow))
    await library.prompts.update("both", PromptInput(arguments=digits), branch="other")
    merged = await library.branches.merge("both", "other")
    (argument,) = merged.current.version.draft.arguments
    assert (argument.pattern, argument.default) == ("[a-z0-9]*", "b")
    await library.branches.create("both", "third")
    await library.prompts.update(
        "both", PromptInput(arguments=[Argument("a0", pattern="[b]", default="b")])
    )
    await library.prompts.update(
        "both",
        PromptInput(arguments=[Argument("a0", pattern="[a-z0-9]*", default="7")]),
        branch="third",
    )
    with pytest.raises(Invalid) as refused:
        await library.branches.merge("both", "third")
    assert refused.value.fields == {
        "arguments.a0": "Has the default '7', but it has to match '[b]', and '7' doesn't."
    }


async def test_what_decides_a_merge_is_judged(library):
    await create(library, "torn", Argument("a0", pattern="[a-z]"))
    await library.branches.create("torn", "other")
    for branch in ("main", "other"):
        written = PromptInput(arguments=[Argument("a0", pattern=f"[{branch}]")])
        await library.prompts.update("torn", written, branch=branch)
    resolution = PromptInput(arguments=[Argument("a0", pattern="(")])
    with pytest.raises(Invalid, match="no regular expression"):
        await library.branches.merge("torn", "other", resolution=resolution)
    decided = PromptInput(arguments=[Argument("a0", pattern="[c]", default="c")])
    merged = await library.branches.merge("torn", "other", resolution=decided)
    assert merged.current.version.draft.arguments[0].pattern == "[c]"


async def test_the_same_comparison_is_made_once(patterns):
    first = await patterns.judge([QUICK_ONE, Comparison("("), QUICK_ONE])
    patterns.close()
    assert await patterns.judge([Comparison("("), QUICK_ONE]) == first
    assert await patterns.judge([]) == {}


async def test_only_what_wasnt_done_in_time_is_left_out(patterns):
    asked = [QUICK_ONE, *evil(3), Comparison("[0-9]", "7")]
    kinds = [each.kind for each in (await patterns.judge(asked)).values()]
    assert kinds == ["match", "slow", "unreached", "unreached", "unreached"]


async def test_a_worker_that_somebody_kills_is_replaced(patterns):
    asked = asyncio.create_task(patterns.judge(evil(2)))
    os.kill(await begun(patterns._crew), signal.SIGKILL)
    assert [each.kind for each in (await asked).values()] == ["slow", "unreached"]


async def test_who_waits_for_too_long_is_asked_to_try_again(monkeypatch):
    crew = Crew(patience_seconds=SECONDS)
    endless = [Comparison(OTHER_EVIL, EVIL_VALUE)]
    others = []
    try:
        for many in (1, 2):
            others.append(asyncio.create_task(crew.compare(endless, seconds=600, rank=UNKNOWN)))
            await begun(crew, many)
        # Not before: on a busy machine it takes longer than that until a worker begins.
        monkeypatch.setattr(crew, "_patience", 0.01)
        with pytest.raises(Unavailable, match=r"too many others .* Try again"):
            await Patterns(crew).judge([Comparison("a", "a")])
        assert not any(task.done() for task in others)
    finally:
        crew.close()
        await asyncio.gather(*others, return_exceptions=True)


async def test_what_takes_too_much_memory_is_told_and_nothing_else_is_lost():
    hungry = Comparison("(?:(?:(?:(a)?){50}){20}){19}")
    patterns = Patterns(Crew(memory=32 * 1024 * 1024))
    try:
        verdicts = await patterns.judge([QUICK_ONE, hungry, Comparison("a", "b")])
        assert [each.kind for each in verdicts.values()] == ["match", "large", "mismatch"]
    finally:
        patterns.close()


async def test_patterns_are_known_by_how_quick_they_were(patterns):
    """From unknown to quick, at once to slow, and step by step back."""
    values = iter(range(100))

    async def rank_after(value: str) -> int:
        await patterns.judge([Comparison(EVIL, f"{value}{next(values)}")])
        return patterns._ranks[EVIL]

    assert patterns._ranks.get(EVIL, UNKNOWN) == UNKNOWN
    assert await rank_after("y") == QUICK
    assert await rank_after("y") == QUICK
    assert await rank_after(EVIL_VALUE[10:]) == SLOW
    assert await rank_after("y") == UNKNOWN
    assert await rank_after("y") == QUICK


async def test_what_is_done_but_was_not_quick_is_not_taken_for_quick(patterns, monkeypatch):
    monkeypatch.setattr(patterns_module, "QUICK_SECONDS", 0.0)
    await patterns.judge([QUICK_ONE])
    assert patterns._ranks["[a-z]+"] == UNKNOWN


async def test_an_allowance_is_spent_and_grows_again_up_to_a_requests(patterns):
    allowance = Allowance()
    await patterns.judge(evil(1), allowance)
    assert allowance.seconds == 0
    assert [each.kind for each in (await patterns.judge(evil(2), allowance)).values()] == [
        "slow",
        "unreached",
    ]
    allowance.add(0.01)
    assert allowance.seconds == 0.01
    allowance.add(1)
    assert allowance.seconds == 0.25


PIECES = st.sampled_from(
    ["a", "b", "1", ".", "^", "$", "|", "(", ")", "(?:", "*", "+", "?", "{1,2}", "[ab]", "[^a]",
     r"\d", r"\w", r"\b", r"\1", "(?i)", "(?=", "(?<n>", "-", "&&", "[[", "é", "\n"]
)  # fmt: skip
ASKED = st.lists(
    st.tuples(st.lists(PIECES, max_size=8).map("".join), st.none() | st.text("ab1é\n", max_size=6)),
    max_size=20,
)


@pytest.fixture(scope="module")
def crew():
    crew = Crew()
    yield crew
    crew.close()


@settings(deadline=None, max_examples=examples(50))
@given(pairs=ASKED)
@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
def test_verdicts_are_those_of_the_library_that_patterns_are_written_for(crew, pairs):
    asked = [Comparison(pattern, value) for pattern, value in pairs]
    verdicts = asyncio.run(Patterns(crew).judge(asked))
    expected = {}
    for each in asked:
        try:
            found = regex.compile(each.pattern).fullmatch(each.value or "")
        except regex.error as error:
            expected[each] = Verdict("invalid", str(error))
        else:
            matches = each.value is None or found is not None
            expected[each] = Verdict("match" if matches else "mismatch")
    assert verdicts == expected == verdicts_on(asked)
