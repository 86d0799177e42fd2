import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain import names
from mcp_server.domain.limits import Limits
from storage.values.entities import Metadata
from storage.values.errors import Invalid


@given(st.text())
def test_a_safe_name_is_always_a_name_of_at_most_40_characters(title: str) -> None:
    name = names.safe_name(title)
    assert names.check_name(name) == name
    assert len(name) <= 40
    assert names.safe_name(name) == name
    assert names.name_warning(name) is None


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("My Prompt/v2", "my-prompt-v2"),
        ("Écrire à l'équipe", "ecrire-a-l-equipe"),
        ("Привет, мир!", "privet-mir"),
        ("Straße_1", "strasse_1"),
        ("  --x--  ", "x"),
        ("a" * 50, "a" * 40),
        (
            "one two three four five six seven eight nine ten",
            "one-two-three-four-five-six-seven-eight",
        ),
        ("creating-oracle-to-postgres-migration-tests", "creating-oracle-to-postgres-migration"),
    ],
)
def test_a_title_becomes_a_readable_name(title: str, name: str) -> None:
    assert names.safe_name(title) == name


def test_a_title_without_letters_still_gets_a_stable_name() -> None:
    assert names.safe_name("///").startswith("prompt-")
    assert names.safe_name("///") == names.safe_name("///") != names.safe_name("...")


@given(st.lists(st.sampled_from(["A b", "a-b", "A/B", "é", "e", "", "?"]) | st.text(max_size=4)))
def test_unique_names_are_unique_whatever_the_order(titles: list[str]) -> None:
    given_names = names.unique_names(titles)
    assert len(set(given_names)) == len(titles)
    assert all(names.check_name(name) for name in given_names)
    shuffled = list(enumerate(titles))
    random.Random(0).shuffle(shuffled)
    again = names.unique_names([title for _, title in shuffled])
    once = {title for title in titles if titles.count(title) == 1}
    expected = {title: name for title, name in zip(titles, given_names, strict=True)}
    for (_, title), name in zip(shuffled, again, strict=True):
        if title in once:
            assert name == expected[title]
    assert sorted(again) == sorted(given_names)


def test_only_titles_that_collide_get_a_suffix() -> None:
    first, second, third = names.unique_names(["Code Review", "code-review", "Other"])
    assert third == "other"
    assert first != second
    assert first.startswith("code-review-")
    assert second.startswith("code-review-")


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a/b", "a" * 65, "é", "a\n", "a.b", "_a"])
def test_a_name_that_clients_would_stumble_over_is_refused_with_another(name: str) -> None:
    with pytest.raises(Invalid, match="can't be used: names are") as refused:
        names.check_name(name)
    assert f"Use '{names.safe_name(name)}'." in refused.value.message
    assert set(refused.value.fields) == {"name"}


def test_a_refused_name_reads_as_a_sentence() -> None:
    with pytest.raises(Invalid) as refused:
        names.check_name("My Prompt/v2")
    assert refused.value.message == (
        "The name 'My Prompt/v2' can't be used: names are 1 to 64 of a-z, 0-9, '_' and '-', "
        "beginning with a letter or digit. Use 'my-prompt-v2'."
    )


def test_a_long_name_is_warned_about() -> None:
    assert names.name_warning("a" * 40) is None
    assert "has 41 characters" in (names.name_warning("a" * 41) or "")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("greting", ("greeting",)),
        ("review", ("review", "review-code", "code-review")),
        ("GREETING", ("greeting",)),
        ("review-code-please", ("review-code", "review")),
        ("zzz", ()),
        ("", ()),
    ],
)
def test_the_nearest_names_come_best_first(wanted: str, found: tuple[str, ...]) -> None:
    known = ["greeting", "code-review", "review-code", "review", "summarise"]
    assert names.nearest(wanted, known)[: len(found) or None] == found


def test_nearest_names_are_limited() -> None:
    assert len(names.nearest("abc", [f"abc{n}" for n in range(9)], limit=2)) == 2


@pytest.mark.parametrize(
    ("near", "question"),
    [
        ((), ""),
        (("a",), " Did you mean 'a'?"),
        (("a", "b", "c"), " Did you mean 'a', 'b' or 'c'?"),
    ],
)
def test_the_question_lists_what_may_be_meant(near: tuple[str, ...], question: str) -> None:
    assert names.did_you_mean(near) == question


@pytest.mark.parametrize("label", ["production", "v1.2", "a", "a_b-c", "main", "branch"])
def test_a_label_is_accepted(label: str) -> None:
    assert names.check_label(label) == label


@pytest.mark.parametrize("label", ["", "1", "latest", "a:b", "A", "a b", "-a", "a" * 65, "a\n"])
def test_a_label_that_could_be_misread_is_refused(label: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.check_label(label)
    assert set(refused.value.fields) == {"label"}


def test_a_refused_label_comes_with_a_proposal() -> None:
    with pytest.raises(Invalid, match="Use 'production'"):
        names.check_label(" Production ")


@pytest.mark.parametrize(("branch", "valid"), [("terse", True), ("2x", True), ("a/b", False)])
def test_a_branch_is_checked(branch: str, valid: bool) -> None:
    if valid:
        assert names.check_branch(branch) == branch
    else:
        with pytest.raises(Invalid, match="Use 'a-b'"):
            names.check_branch(branch)


def test_tags_are_trimmed_and_kept_once_in_order() -> None:
    assert names.check_tags([" b ", "a", "b", "É"]) == ("b", "a", "É")


@pytest.mark.parametrize("tag", ["", "  ", "a\nb", "a\0", "a" * 65, "\ud800", "a\x7f"])
def test_a_tag_that_can_not_be_shown_is_refused(tag: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.check_tags(["fine", tag])
    assert set(refused.value.fields) == {"tags"}


def test_too_many_tags_are_refused() -> None:
    with pytest.raises(Invalid, match="has 65 tags"):
        names.check_tags(str(n) for n in range(Limits().tags + 1))


@pytest.mark.parametrize(
    ("folder", "path"),
    [("", ""), ("/", ""), ("support/emails", "support/emails"), (" /a/b_1/ ", "a/b_1")],
)
def test_a_folder_loses_the_slashes_around_it(folder: str, path: str) -> None:
    assert names.check_folder(folder) == path


@pytest.mark.parametrize("folder", ["a//b", "A", "a b", "../x", "a/./b", "-a", "x" * 300, "a\0"])
def test_a_folder_of_other_characters_is_refused_with_a_proposal(folder: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.check_folder(folder)
    proposal = refused.value.message.rpartition("Use '")[2].removesuffix("'.")
    assert names.check_folder(proposal) == proposal


def test_metadata_is_checked_as_a_whole() -> None:
    given_metadata = Metadata("a", " Title ", "  ", "/x/", ("b", "b"))
    assert names.check_metadata(given_metadata) == Metadata("a", "Title", None, "x", ("b",))


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        (Metadata("A"), "name"),
        (Metadata("a", title="a\nb"), "title"),
        (Metadata("a", title="a" * 257), "title"),
        (Metadata("a", description="\0"), "description"),
        (Metadata("a", folder="A"), "folder"),
        (Metadata("a", tags=("",)), "tags"),
    ],
)
def test_metadata_at_fault_names_the_field(metadata: Metadata, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        names.check_metadata(metadata)
    assert set(refused.value.fields) == {field}


def test_a_model_type_is_trimmed_and_may_end_in_a_star() -> None:
    assert names.check_model_type(" claude-* ") == "claude-*"
    with pytest.raises(Invalid):
        names.check_model_type(" ")
