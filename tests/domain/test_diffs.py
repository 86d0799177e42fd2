import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.diffs import ArgumentDiff, FieldDiff, MessageDiff, diff_versions
from mcp_server.domain.drafts import content_hash, make_draft
from mcp_server.domain.line_diffs import align, unified_diff
from storage.values.entities import (
    Argument,
    Draft,
    ImageContent,
    Message,
    ResourceLink,
    TextContent,
    Version,
)

LINES = st.lists(st.sampled_from(["a", "b", "", "c c", "\r", "\x0b", "d\u2028e"]), max_size=14)
TEXTS = LINES.map("\n".join)


def patched(old: str, patch: str) -> str:
    """Apply a unified diff, checking every line that it claims is there."""
    lines = re.findall(r"[^\n]*\n|[^\n]+\Z", old)
    result: list[str] = []
    position = 0
    rows = re.findall(r"[^\n]*\n", patch)
    for index, row in enumerate(rows):
        if row.startswith("@@"):
            start, length = re.findall(r"-(\d+)(?:,(\d+))?", row)[0]
            start = int(start) - (length != "0")
            result += lines[position:start]
            position = start
        elif not row.startswith("\\"):
            bare = index + 1 < len(rows) and rows[index + 1].startswith("\\")
            line = row[1:-1] if bare else row[1:]
            if row[0] != "+":
                assert lines[position] == line
                position += 1
            if row[0] != "-":
                result.append(line)
    return "".join(result + lines[position:])


@given(TEXTS, TEXTS)
def test_a_diff_turns_the_old_text_into_the_new_one(old: str, new: str) -> None:
    assert patched(old, unified_diff(old, new)) == new
    assert patched(new, unified_diff(new, old)) == old


@given(TEXTS)
def test_equal_texts_have_no_diff(text: str) -> None:
    assert unified_diff(text, text) == ""


@given(st.lists(st.integers(0, 4), max_size=20), st.lists(st.integers(0, 4), max_size=20))
def test_what_lies_outside_the_blocks_is_equal(old: list[int], new: list[int]) -> None:
    position, other = 0, 0
    for i, j, k, m in [*align(old, new), (len(old), len(old), len(new), len(new))]:
        assert old[position:i] == new[other:k]
        position, other = j, m


def test_a_missing_newline_at_the_end_is_told() -> None:
    assert unified_diff("a\nb\n", "a\nb") == (
        "@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n"
    )


def test_distant_changes_are_separate_hunks() -> None:
    old = "".join(f"{n}\n" for n in range(1, 21))
    new = old.replace("\n2\n", "\ntwo\n").replace("\n19\n", "\n19\nand a half\n")
    assert unified_diff(old, new) == (
        "@@ -1,5 +1,5 @@\n 1\n-2\n+two\n 3\n 4\n 5\n"
        "@@ -17,4 +17,5 @@\n 17\n 18\n 19\n+and a half\n 20\n"
    )


def shuffled(count: int, distinct: int) -> tuple[str, str]:
    """Two texts with the same lines in an order that a small generator decides."""
    lines, state = [], 1
    for _ in range(count):
        state = state * 6_364_136_223_846_793_005 % (1 << 64) + 1
        lines.append(str((state >> 33) % distinct))
    return "\n".join(lines), "\n".join(lines[count // 2 :] + lines[: count // 2][::-1])


def hard_cases() -> Iterator[Any]:
    for distinct in (2, 50, 5_000, 10**6):
        yield pytest.param(*shuffled(120_000, distinct), id=f"{distinct} lines shuffled")
    numbered = [f"line {n}" for n in range(60_000)]
    other = [f"{line}!" if n % 3 else line for n, line in enumerate(numbered)]
    yield pytest.param("\n".join(numbered), "\n".join(other), id="two lines of three edited")
    yield pytest.param("\n\n".join(numbered), "\n\n".join(other), id="blank lines between")
    doubled = numbered + numbered[::-1]
    yield pytest.param("\n".join(doubled), "\n".join(numbered[::-1] + numbered), id="mirrored")
    yield pytest.param("x" * 1_000_000, "y" * 1_000_000, id="one line")


@pytest.mark.parametrize(("old", "new"), list(hard_cases()))
@pytest.mark.timed
def test_large_texts_are_compared_in_a_bounded_time(old: str, new: str) -> None:
    start = time.process_time()
    patch = unified_diff(old, new)
    assert time.process_time() - start < 3
    assert patched(old, patch) == new


def version(number: int, draft: Draft, *tags: str) -> Version:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    return Version(
        UUID(int=1), number, "main", None, None, draft, tags, None, "ann", now, content_hash(draft)
    )


def say(*texts: str) -> list[Message]:
    return [Message("user", TextContent(text)) for text in texts]


def test_identical_versions_say_so() -> None:
    draft = make_draft(template="a")
    diff = diff_versions(version(1, draft), version(2, draft))
    assert diff.identical
    assert (diff.messages, diff.arguments, diff.metadata) == ((), (), ())
    assert diff.text == "Versions 1 and 2 are identical.\n"


def test_settings_in_another_order_are_told() -> None:
    one, other = {"a": {"why": 1, "answer": 2}}, {"a": {"answer": 2, "why": 1}}
    drafts = [make_draft(template="a", model_config=each) for each in (one, other)]
    diff = diff_versions(version(1, drafts[0]), version(2, drafts[1]))
    assert [(each.field, list(each.new["a"])) for each in diff.metadata] == [
        ("model_config", ["answer", "why"])
    ]


def test_everything_that_changed_is_told() -> None:
    old = make_draft(
        template="Hi {{name}}\n",
        arguments=[Argument("name", description="who")],
        model_type="gpt-4",
    )
    new = make_draft(
        messages=[Message("system", TextContent("Be brief.")), *say("Hello {{name}} {{day}}\n")],
        arguments=[Argument("name", description="whom")],
        model_config={"temperature": 0},
    )
    diff = diff_versions(version(1, old, "a"), version(3, new, "a", "b"))
    was, now = old.arguments[0], new.arguments[0]
    assert not diff.identical
    assert diff.arguments == (
        ArgumentDiff("changed", "name", was, now, ("description",)),
        ArgumentDiff("added", "day", None, Argument("day")),
    )
    assert diff.metadata == (
        FieldDiff("tags", ("a",), ("a", "b")),
        FieldDiff("model_type", "gpt-4", None),
        FieldDiff("model_config", {}, {"temperature": 0}),
    )
    assert diff.text == (
        "--- version 1\n+++ version 3\n"
        "message 1 (user -> system) changed\n"
        "@@ -1 +1 @@\n-Hi {{name}}\n+Be brief.\n\\ No newline at end of file\n"
        "message 2 (user) added\n@@ -0,0 +1 @@\n+Hello {{name}} {{day}}\n"
        "argument name changed\n-description: who\n+description: whom\n"
        "argument day added\n"
        "tags\n-a\n+a, b\n"
        "model_type\n-gpt-4\n+(none)\n"
        "model_config\n-(none)\n+{'temperature': 0}\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        (say("a", "b"), say("x", "a", "b"), [("added", None, 0)]),
        (say("a", "b", "c"), say("a", "c"), [("removed", 1, None)]),
        (say("a", "b", "c"), say("a", "y", "c"), [("changed", 1, 1)]),
        (say("a"), [Message("assistant", TextContent("a"))], [("changed", 0, 0)]),
    ],
)
def test_messages_are_matched_before_they_are_compared(
    old: Sequence[Message], new: Sequence[Message], kinds: list[tuple[str, int | None, int | None]]
) -> None:
    first, second = make_draft(messages=old), make_draft(messages=new)
    diff = diff_versions(version(1, first), version(2, second))
    assert [(each.kind, each.old, each.new) for each in diff.messages] == kinds


def test_a_role_that_changed_alone_has_no_text() -> None:
    old = make_draft(template="a")
    new = replace(old, messages=(Message("assistant", TextContent("a")),))
    diff = diff_versions(version(1, old), version(2, new))
    assert diff.messages == (MessageDiff("changed", 0, 0, "user", "assistant", ""),)
    assert "message 1 (user -> assistant) changed\n" in diff.text


def test_variants_are_compared_too() -> None:
    old = make_draft(template="a", variants={"gpt-4": say("b")})
    new = make_draft(template="a", variants={"claude-*": say("b")})
    diff = diff_versions(version(1, old), version(2, new))
    assert [(each.kind, each.variant) for each in diff.messages] == [
        ("added", "claude-*"),
        ("removed", "gpt-4"),
    ]
    assert "variant gpt-4, message 1 (user) removed\n" in diff.text


def test_pictures_are_compared_by_their_fingerprint() -> None:
    drafts = [
        make_draft(messages=[Message("user", ImageContent(data, "image/png"))])
        for data in ("aGk=", "aG8=")
    ]
    diff = diff_versions(version(1, drafts[0]), version(2, drafts[1]))
    assert "-data: 4 characters of base64, SHA-256 " in diff.messages[0].text
    assert " mime_type: image/png" in diff.messages[0].text


def test_of_links_only_what_they_say_is_compared() -> None:
    old, new = (
        make_draft(messages=[Message("user", ResourceLink("file:///a", name))])
        for name in ("before", "after")
    )
    (changed,) = diff_versions(version(1, old), version(2, new)).messages
    assert changed.text is not None
    assert [line for line in changed.text.splitlines() if line[0] in " -+"][-3:] == [
        " uri: file:///a",
        "-name: before",
        "+name: after",
    ]
