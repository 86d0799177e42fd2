import time
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.templates import simple, template_engine
from mcp_server.domain.templates.simple import Placeholder, is_identifier
from storage.values.errors import Invalid

PIECES = st.sampled_from(
    ["{", "}", "{{", "}}", "\\", " ", "a", "{{a}}", "{{ é1 }}", "\n", "1", "$"]
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join)
NAMES = [
    "नाम", "ชื่อ", "பெயர்", "নাম", "שָׁלוֹם", "été", "이름", "имя", "名前", "الاسم",
    "a\u203fb", "x²", "_1", "क़लम", "ﬁ",
]  # fmt: skip
VALUES = {"a": "{{b}}", "b": "2", "é1": "\\", "名前": "値"}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{{a}}", "{{b}}"),
        ("{{ b }}", "2"),
        ("{{\tb\t}}", "2"),
        ("{{\nb}}", "{{\nb}}"),
        ("{{名前}}さん", "値さん"),
        ("{{{b}}}", "{2}"),
        ("{{b.c}}", "{{b.c}}"),
        ("{{1b}}", "{{1b}}"),
        ("{{b c}}", "{{b c}}"),
        ("{{}}", "{{}}"),
        ("{b}", "{b}"),
        (r"\{{b}}", "{{b}}"),
        (r"\\{{b}}", r"\2"),
        (r"\\\{{b}}", r"\{{b}}"),
        (r"\{b}", r"\{b}"),
        (r"\{{b c}}", r"\{{b c}}"),
        (r"\{{{b}}", r"\{2"),
        ("{{b}}{{b}}", "22"),
    ],
)
def test_a_template_is_filled(template: str, filled: str) -> None:
    assert simple.fill(template, VALUES) == filled


def test_placeholders_are_named_once_in_order_of_use() -> None:
    assert simple.placeholders(r"{{b}} {{ a }} {{b}} \{{c}} \\{{d}}") == ("b", "a", "d")


@given(TEXTS)
def test_an_escaped_text_is_served_as_it_was(text: str) -> None:
    assert simple.fill(simple.escape(text), {}) == text


@given(TEXTS)
def test_an_escaped_text_has_no_placeholders(text: str) -> None:
    assert simple.placeholders(simple.escape(text)) == ()


@given(TEXTS)
def test_values_are_never_scanned_again(value: str) -> None:
    assert simple.fill("<{{a}}|{{a}}>", {"a": value}) == f"<{value}|{value}>"


@given(TEXTS)
def test_what_is_filled_is_what_the_placeholders_name(text: str) -> None:
    names = simple.placeholders(text)
    filled = simple.fill(text, {name: "x" for name in names})
    for name in names:
        assert simple.fill(text, {other: "x" for other in names if other != name}) != filled


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_an_identifier_in_every_script_and_in_both_forms(name: str) -> None:
    composed, decomposed = normalize("NFC", name), normalize("NFD", name)
    template = f"{{{{{decomposed}}}}} {{{{ {composed} }}}}"
    assert is_identifier(composed)
    assert is_identifier(decomposed)
    assert simple.placeholders(template) == (composed,)
    assert simple.fill(template, {composed: "x"}) == "x x"
    assert simple.fill(rf"\{{{{{decomposed}}}}}", {}) == f"{{{{{decomposed}}}}}"


@pytest.mark.parametrize(
    "name",
    [
        "\u0301a", "\u093e", "1\u0301", "a\u200cb", "ア\u30fbア", "a\uff65b",
        "\u0915\u094d\u200d\u0937", "a\xa0b", "a\u2014b", "\U0001f600",
    ],
)  # fmt: skip
def test_what_is_no_identifier_is_literal(name: str) -> None:
    assert not is_identifier(name)
    for text in (f"{{{{{name}}}}}", rf"\{{{{{name}}}}}", rf"\\{{{{ {name} }}}}"):
        assert simple.placeholders(text) == ()
        assert simple.fill(text, {}) == simple.escape(text) == text


def test_a_name_without_a_value_stays_as_it_is_written() -> None:
    text = r"\\{{नाम}} {{ a }} {{ नाम }}"
    assert simple.fill(text, {"a": "1"}) == r"\\{{नाम}} 1 {{ नाम }}"


@given(st.lists(TEXTS | st.builds(Placeholder, st.sampled_from(["a", "b"]), st.booleans())))
def test_a_composed_template_serves_its_parts(parts: list[str | Placeholder]) -> None:
    values = {"a": "\\", "b": "{{a}}"}
    served = "".join(part if isinstance(part, str) else values[part.name] for part in parts)
    assert simple.fill(simple.join_parts(parts), values) == served


@given(TEXTS)
def test_a_parsed_template_serves_the_same_once_it_is_composed_again(text: str) -> None:
    values = {name: f"<{name}>" for name in simple.placeholders(text)}
    again = simple.join_parts(simple.parse(text))
    assert simple.fill(again, values) == simple.fill(text, values)
    assert simple.join_parts(simple.parse(again)) == again


@pytest.mark.parametrize(
    "hostile",
    [
        "{" * 1_000_000,
        "\\" * 1_000_000,
        "{{ " * 330_000,
        "{{" + "a" * 999_998,
        "{{" + " " * 999_998,
        "\\" * 500_000 + "{" * 500_000,
        "{{a" * 330_000,
        "\\{{a" * 250_000,
        "{{a }" * 200_000,
        "{{a" + "\u0323\u0301" * 300_000,
        "{{é" * 300_000,
        ("{{\u0301" + "\u0323\u0301" * 500 + "}}") * 500,
    ],
    ids=range(12),
)
@pytest.mark.timed
def test_a_hostile_text_takes_linear_time(hostile: str) -> None:
    start = time.process_time()
    assert simple.fill(hostile, {}) == hostile
    assert simple.placeholders(hostile) == ()
    assert simple.join_parts(simple.parse(hostile)) == simple.escape(hostile) == hostile
    assert time.process_time() - start < 2


def test_filling_stops_at_its_limit_before_memory_does() -> None:
    with pytest.raises(Invalid, match="more than 4,000,000 characters"):
        simple.fill("{{a}}" * 200_000, {"a": "x" * 1_000_000}, limit=4_000_000)


@pytest.mark.parametrize(("limit", "fits"), [(7, True), (6, False)])
def test_the_limit_counts_what_is_served(limit: int, fits: bool) -> None:
    values = {"a": "", "b": "12345"}
    if fits:
        assert simple.fill("{{a}}<{{b}}>", values, limit=limit) == "<12345>"
    else:
        with pytest.raises(Invalid):
            simple.fill("{{a}}<{{b}}>", values, limit=limit)


def test_the_text_format_is_verbatim() -> None:
    engine = template_engine("text")
    assert engine.placeholders(r"{{a}} \{{b}}") == ()
    assert engine.fill(r"{{a}} \{{b}}", {"a": "1"}) == r"{{a}} \{{b}}"
    with pytest.raises(Invalid):
        engine.fill("long", {}, limit=3)


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        Invalid, match=r"no template format 'jinja'\. Use 'text', 'simple' or 'liquid'"
    ):
        template_engine("jinja")


def test_without_any_partials_an_include_stays_as_it_is_written():
    assert simple.fill("{{> a}} {{b}}", {"b": "x"}) == "{{> a}} x"
