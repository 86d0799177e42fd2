from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.references import Reference, label_of, parse_reference, resolve_reference
from storage.values.entities import Prompt
from storage.values.errors import Invalid, NotFound

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True)
LABELS = st.from_regex(r"[a-z][a-z0-9_.-]{0,63}", fullmatch=True)
BRANCHES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,63}", fullmatch=True)
REFERENCES = st.one_of(
    st.builds(Reference, NAMES),
    st.builds(Reference, NAMES, version=st.integers(1, 999_999_999)),
    st.builds(Reference, NAMES, label=LABELS),
    st.builds(Reference, NAMES, branch=BRANCHES),
)


@given(REFERENCES)
def test_a_printed_reference_reads_back(reference: Reference) -> None:
    assert parse_reference(str(reference)) == reference


@given(st.text(alphabet="aA0@:/ .-_é", max_size=12) | st.text())
def test_any_text_is_a_reference_or_gets_a_valid_proposal(text: str) -> None:
    try:
        assert str(parse_reference(text)) == text
    except Invalid as refused:
        proposal = refused.message.rpartition("Use '")[2].removesuffix("'.")
        assert str(parse_reference(proposal)) == proposal


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("review", Reference("review")),
        ("review@3", Reference("review", version=3)),
        ("review@production", Reference("review", label="production")),
        ("review@latest", Reference("review", label="latest")),
        ("review@branch:terse", Reference("review", branch="terse")),
        ("review@branch", Reference("review", label="branch")),
        ("1@1", Reference("1", version=1)),
    ],
)
def test_a_reference_is_read(text: str, reference: Reference) -> None:
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    ("text", "proposal"),
    [
        ("My Prompt/v2", "my-prompt-v2"),
        ("My Prompt/v2@3", "my-prompt-v2@3"),
        ("review@", "review"),
        ("review@0", "review@latest"),
        ("review@007", "review@7"),
        ("review@-1", "review@1"),
        ("review@9999999999", "review@latest"),
        ("review@Production", "review@production"),
        ("review@Branch:Terse", "review@branch:terse"),
        ("review@branch:", "review"),
        ("review@a@b", "review@a-b"),
        ("review:production", "review@production"),
        ("review:3", "review@3"),
    ],
)
def test_what_is_no_reference_is_refused_with_what_was_meant(text: str, proposal: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_reference(text)
    assert refused.value.message.endswith(f"Use '{proposal}'.")


def prompt(**labels: int) -> Prompt:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    branches = {"main": 4, "terse": 5}
    return Prompt(UUID(int=1), "review", None, None, "", (), 5, labels, branches, now, now)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("review", 2),
        ("review@latest", 4),
        ("review@production", 2),
        ("review@staging", 3),
        ("review@branch:terse", 5),
        ("review@branch:main", 4),
        ("review@1", 1),
        ("review@5", 5),
    ],
)
def test_a_reference_means_one_version(text: str, version: int) -> None:
    assert resolve_reference(prompt(production=2, staging=3), parse_reference(text)) == version


def test_a_bare_name_without_production_means_the_head_of_main() -> None:
    assert resolve_reference(prompt(staging=3), parse_reference("review")) == 4


@pytest.mark.parametrize(
    ("text", "said", "nearest"),
    [
        ("review@6", "has no version 6: it has versions 1 to 5", ("review@5",)),
        ("review@prod", "has no label 'prod'. Did you mean 'production'?", ("production",)),
        ("review@zzz", "has no label 'zzz'. Its labels are 'production', 'staging'.", ()),
        ("review@branch:ters", "has no branch 'ters'. Did you mean 'terse'?", ("terse",)),
        ("review@terse", "There is a branch of that name: 'review@branch:terse'.", ()),
    ],
)
def test_what_is_not_there_comes_with_what_is(text: str, said: str, nearest: tuple[str]) -> None:
    with pytest.raises(NotFound) as missing:
        resolve_reference(prompt(production=2, staging=3), parse_reference(text))
    assert said in missing.value.message
    assert missing.value.nearest == nearest


def test_a_prompt_without_labels_says_so() -> None:
    with pytest.raises(NotFound, match=r"has no label 'zzz'\. It has no labels yet\."):
        resolve_reference(prompt(), parse_reference("review@zzz"))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("review", "production"),
        ("review@staging", "staging"),
        ("review@latest", None),
        ("review@1", None),
        ("review@branch:terse", None),
    ],
)
def test_a_label_decides_where_none_else_was_named(text: str, label: str | None) -> None:
    assert label_of(prompt(production=2, staging=3), parse_reference(text)) == label
    assert label_of(prompt(), Reference("review")) is None
