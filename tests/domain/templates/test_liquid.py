import inspect
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import thread_time
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.templates import liquid
from mcp_server.domain.templates.liquid.environment import parse
from mcp_server.domain.templates.liquid.sizes import weigh
from mcp_server.domain.templates.partials import Source
from storage.values.entities import Argument, Message, TextContent
from storage.values.errors import Invalid
from tests.domain.templates.hostile_liquid import HOSTILE, PARTIALS, TYPES, VALUES
from tests.support.effort import examples
from tests.support.processes import run

SECONDS = 0.25
"""Of processor time, in which whatever a template says has to end."""
MEGABYTES = 64


class Given:
    """Liquid texts that can be included."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.sources = {name: Source(text, "liquid") for name, text in texts.items()}

    def filled(self, reference: str) -> str | None:
        return None


def typed(**types: str) -> list[Argument]:
    return [Argument(name, type=kind) for name, kind in types.items()]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["नाम", "ชื่อ", "பெயர்", "নাম", "שָׁלוֹם", "été", "이름", "क़लम"])
def test_names_are_identifiers_in_every_script_and_in_both_forms(name, form):
    written, composed = normalize(form, name), normalize("NFC", name)
    text = (
        f"{{% if {written} == 'x' %}}{{{{ {written} | append: \"é\u0301\" }}}}{{% endif %}}"
        f"{{% for {written}2 in (1..2) %}}{{{{ {written}2 }}}}{{% endfor %}}"
        f"{{% assign {written}3 = {written} %}}{{% liquid\n echo {written}3 %}}"
        f"{{% render 'card', {written}: {written} %}}"
    )
    liquid.check(text)
    assert liquid.placeholders(text) == (composed,)
    assert liquid.includes(text) == {"card": frozenset({composed})}
    card = Given({"card": f"<{{{{ {composed} }}}}>"})
    assert liquid.fill(text, {composed: "x"}, partials=card) == "xé\u030112x<x>"


def test_a_fault_behind_marks_is_told_with_its_place():
    with pytest.raises(Invalid, match=r"unexpected '\u2014': line 2, column 8"):
        liquid.check("नाम\n{{ नाम \u2014 }}")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {{ who }}!", "Hello Ada!"),
        ("{% if who == 'Ada' %}yes{% else %}no{% endif %}", "yes"),
        ("{% if missing %}yes{% else %}no{% endif %}", "no"),
        ("{% if hollow %}yes{% else %}no{% endif %}", "no"),
        ("{{ missing | default: 'x' }}{{ hollow | default: 'y' }}", "xy"),
        ("{{ count | plus: 1 }}", "3"),
        ("{{ price | times: 2 }}", "3.0"),
        ("{% if off %}on{% else %}off{% endif %}", "off"),
        ("{% for each in items %}{{ each.name }},{% endfor %}", "a,b,"),
        ("{{ items | map: 'name' | join: '+' }}", "a+b"),
        ("{{ items | json }}", '[{"name": "a"}, {"name": "b"}]'),
        ("{{ items | uniq: 'name' | json }}", '[{"name": "a"}, {"name": "b"}]'),
        ("{{ items | concat: items | uniq | json }}", '[{"name": "a"}, {"name": "b"}]'),
        ("{{ '<i>a</i> < b' | strip_html }}", "a < b"),
        ("{{ 'a' | join: ', ' }}", "a"),
        ("{% for i in (1..3) %}{% cycle 'a', 'b' %}{% endfor %}", "aba"),
        ("{% assign r = (1..3) %}{% assign s = r %}{{ s | join: '-' }}", "1-2-3"),
        ("{% raw %}{{ who }}{% endraw %}", "{{ who }}"),
        ("{{ '<b>' }}", "<b>"),
        ("{% liquid\n assign x = who\n echo x %}", "Ada"),
        ("été {{ été }}", "été summer"),
    ],
)
def test_filling(text, filled):
    values = {
        "who": "Ada", "hollow": "", "count": "2", "price": "1.5", "off": "false",
        "items": '[{"name": "a"}, {"name": "b"}]', "été": "summer",
    }  # fmt: skip
    arguments = typed(count="integer", price="number", off="boolean", items="json")
    assert liquid.fill(text, values, arguments=arguments) == filled


def test_a_value_is_never_markup():
    assert liquid.fill("{{ a }}", {"a": "{{ b }}{% if %}"}) == "{{ b }}{% if %}"


@pytest.mark.parametrize(
    "text",
    [
        "{{ a.__class__ }}", "{{ a['__class__'].__mro__ }}", "{{ __builtins__ }}",
        "{{ a.upper }}", "{{ items.pop }}", "{{ items.__len__ }}", "{{ self }}{{ context }}",
    ],
)  # fmt: skip
def test_nothing_of_python_can_be_reached(text):
    values = {"a": "x", "items": "[1]"}
    assert liquid.fill(text, values, arguments=typed(items="json")) == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Hi {{ name", "opens '{{' and never closes it. Write '}}': line 1, column 4"),
        ("a\n{% if a %}x", "expected tag endif"),
        ("a\n  b {{ x | shoot }}", "'shoot', which there isn't. Use 'sort': line 2, column 12"),
        ("{{ x | nofilter }}", "which there isn't. Use one of Liquid's own: line 1, column 8."),
        ("{% render who %}", "what a variable names. Write the prompt's name in quotes"),
        ("{% include 'a' %}", "unexpected tag 'include': line 1, column 4"),
        ("\n\n{% foo %}", "unexpected tag 'foo': line 3, column 4"),
        ("{{ x | }}", "line 1, column"),
        ("{% raw %}{{ a }}", "opens '{% raw %}' and never closes it"),
        ("{% if a %}" * 200 + "{% endif %}" * 200, "nest"),
        ("x" * 250_001, "has 250,001 characters; at most 250,000"),
        ("{{ a }}" * 1_501, "has more than 1,500 tags"),
    ],
)
def test_what_is_no_liquid_is_refused_with_its_place(text, sentence):
    with pytest.raises(Invalid) as refused:
        make_draft(template=text, template_format="liquid")
    assert refused.value.message.startswith("'template' ")
    assert sentence in refused.value.message


def test_of_messages_and_variants_the_place_is_named():
    good, bad = Message("user", TextContent("a")), Message("user", TextContent("{{ a"))
    with pytest.raises(Invalid, match=r"'messages\[1\]\.content' opens '\{\{'"):
        make_draft(messages=[good, bad], template_format="liquid")
    with pytest.raises(Invalid, match=r"'variants\.gpt\[0\]\.content' opens"):
        make_draft(messages=[good], variants={"gpt": [bad]}, template_format="liquid")


def test_arguments_are_the_names_that_nothing_sets():
    text = (
        "{{ b }}{% assign c = a.x[d] %}{{ c }}{% for i in items %}{{ i }}{{ forloop.index }}"
        "{% endfor %}{% capture e %}{% endcapture %}{{ e }}{% render 'other', who: f %}{{ b }}"
    )
    assert liquid.placeholders(text) == ("b", "a", "d", "items", "f")


def test_includes_are_named_with_what_they_are_always_given():
    text = "{% render 'a@3', x: 1, y: 2 %}{% render 'a@3', x: 3 %}{% render 'b' for l as who %}"
    assert liquid.includes(text) == {"a@3": frozenset({"x"}), "b": frozenset({"who"})}


def test_what_is_included_sees_the_arguments_and_what_it_is_given_but_no_variables():
    partials = Given({"a": "{{ who }}{{ x }}{{ v }}", "b": "{{ x }}{% render 'a' %}"})
    text = "{% assign v = 1 %}{% render 'a', x: 2 %}|{% render 'b', x: 3 %}|{% render 'a' %}"
    assert liquid.fill(text, {"who": "Ada"}, partials=partials) == "Ada2|3Ada3|Ada"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{ 1 | divided_by: 0 }}", "can't divide by 0 (line 1, column 8"),
        ("a\n{% render 'gone' %}", "there is no 'gone' to be rendered (line 2"),
        ("{{ (1..999999999) | join }}", "more than 20,000 items. Use a shorter one (line 1"),
    ],
)
def test_what_goes_wrong_while_rendering_is_said_with_its_place(text, sentence):
    with pytest.raises(Invalid) as refused:
        liquid.fill(text, {})
    assert sentence in refused.value.message


def test_the_limit_of_characters_holds():
    assert liquid.fill("{{ a }}", {"a": "12345"}, limit=5) == "12345"
    with pytest.raises(Invalid, match="more than 4 characters"):
        liquid.fill("{{ a }}", {"a": "12345"}, limit=4)


def endure(text: str) -> None:
    """Check and fill a template, whatever comes of it, as long as it is a text or a refusal."""
    for attempt in (
        lambda: liquid.check(text),
        lambda: liquid.fill(
            text,
            VALUES,
            limit=4_000_000,
            partials=Given(PARTIALS),
            arguments=typed(**TYPES),
        ),
    ):
        with suppress(Invalid):
            attempt()


def seconds_of(text: str) -> float:
    parse.cache_clear()
    started = thread_time()
    endure(text)
    return thread_time() - started


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timed
def test_hostile_templates_end_in_time(name):
    # The machine may be busy: what is slow by itself is slow each time.
    assert any(seconds_of(HOSTILE[name]) < SECONDS for _ in range(4))


_GROWTH = """
import re, resource
from pathlib import Path
from tests.domain.templates.test_liquid import HOSTILE, endure

def peak():
    status = Path("/proc/self/status")
    if status.exists():  # what the parent had isn't in it
        return int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text())[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20

endure("{{ a }}")
before = peak()
for text in HOSTILE.values():
    endure(text)
print(peak() - before)
"""


def test_hostile_templates_keep_within_their_memory():
    root = Path(__file__).parents[3]
    done = run([sys.executable, "-c", _GROWTH], cwd=root, text=True, timeout=120, check=True)
    assert int(done.stdout) < MEGABYTES


_FRAGMENTS = [
    "{{", "}}", "{%", "%}", "{{-", "-%}", "{% if a %}", "{% endif %}", "{% for i in list %}",
    "{% endfor %}", "{% raw %}", "{% endraw %}", "{% liquid", "{% render 'self' %}", "{{ big }}",
    "| upcase", "| join: big", "(1..99999)", "'", '"', "a", " ", "\n", "{% assign a = big %}",
    "{% case a %}", "{% when 1 %}", "{% endcase %}", "{# ", "#}", "\\", "{{ list | ", "é", "\x00",
]  # fmt: skip


@settings(max_examples=examples(300))
@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=14).map("".join))
def test_whatever_is_put_together_is_rendered_or_refused(text):
    endure(text)


def test_a_range_is_no_json():
    with pytest.raises(Invalid, match=r"can't be written as JSON \(line 1, column 8: 'json'\)"):
        liquid.fill("{{ r | json }}{% assign r = (1..3) %}", {})


def test_what_variables_hold_is_bounded():
    text = "".join(f"{{% assign v{n} = a | append: '{n}' %}}" for n in range(40))
    with pytest.raises(Invalid, match=r"its variables hold more than [\d,]+ characters"):
        liquid.fill(text, {"a": "x" * 200_000})


def test_a_long_condition_is_nested_too_deeply():
    with pytest.raises(Invalid, match=r"'template' is nested too deeply\. Flatten it"):
        liquid.check("{% if " + "a and " * 1_500 + "a %}x{% endif %}")


def test_a_path_of_paths_is_nested_too_deeply_to_be_filled():
    text = "{{ a" + "[a" * 500 + "]" * 500 + " }}"
    assert liquid.fill(text.replace("[a" * 500, "[a").replace("]" * 500, "]"), {"a": "x"}) == ""
    liquid.check(text)  # it is taken apart now, and kept
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 300)  # how deep it may be hangs on the Python
    try:
        with pytest.raises(Invalid, match="can't be rendered: it is nested too deeply"):
            liquid.fill(text, {"a": "x"})
    finally:
        sys.setrecursionlimit(usual)


def test_loops_turn_so_many_times_in_all():
    loop = "{% for i in (1..20000) %}{% break %}{% endfor %}"
    assert liquid.fill(loop * 5, {}) == ""
    with pytest.raises(Invalid, match="its loops turn more than 100,000 times"):
        liquid.fill(loop * 6, {})


def test_a_filter_for_short_texts_takes_numbers():
    assert liquid.fill("{{ 5 | url_encode }}", {}) == "5"


def test_a_json_value_is_bounded():
    values = [Argument("v", type="json")]
    assert liquid.fill("{{ v | size }}", {"v": '"12345"'}, arguments=values) == "5"
    with pytest.raises(Invalid, match="A JSON value has 200,002 characters; liquid takes at most"):
        liquid.fill("{{ v }}", {"v": f'"{"x" * 200_000}"'}, arguments=values)


def test_what_a_list_weighs_is_what_is_in_it():
    assert weigh(["ab", 1, True, {"k": None}]) == 8 + 8 + (2 + 8) + (8 + 8) + 8 + 8 + (1 + 8) + 8


def test_what_a_filter_is_given_is_bounded():
    values = [Argument("v", type="json")]
    assert liquid.fill("{{ v | size }}", {"v": f"[{'1,' * 9_000}1]"}, arguments=values) == "9001"
    with pytest.raises(Invalid, match="a list or range has more than 20,000 items"):
        liquid.fill("{{ v | size }}", {"v": f"[{'1,' * 20_000}1]"}, arguments=values)
