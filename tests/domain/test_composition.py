from time import thread_time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.composition import (
    MAX_DEPTH,
    Fragment,
    includes_of,
    make_fragment,
    merge_included,
    resolve_includes,
)
from mcp_server.domain.drafts import make_draft
from mcp_server.domain.rendering import render
from mcp_server.domain.templates import simple
from storage.values.entities import Argument, ImageContent, Message, TemplateFormat
from storage.values.errors import Conflict, Invalid, NotFound

ME = UUID(int=1)


def fragment(
    name: str, template: str, *arguments: Argument, template_format: TemplateFormat = "simple"
) -> Fragment:
    draft = make_draft(template=template, arguments=arguments, template_format=template_format)
    key = UUID(bytes=name.encode().ljust(16)[:16])
    return make_fragment(key, name, 1, draft, draft.messages)


def library(**templates: str | Fragment):
    """Return what finds prompts by the name in a reference."""
    known = {
        name: fragment(name, template) if isinstance(template, str) else template
        for name, template in templates.items()
    }

    def find(reference: str) -> Fragment:
        name = reference.partition("@")[0]
        if name not in known:
            raise NotFound(f"There is no '{name}'.")
        return known[name]

    return find


def filled(template: str, find, values=None, *, arguments=(), template_format="simple") -> str:
    draft = make_draft(template=template, arguments=arguments, template_format=template_format)
    fragments = resolve_includes("me", ME, includes_of(draft), find)
    rendered = render(draft, values or {}, allow_unknown=False, fragments=fragments)
    return rendered.messages[0].content.text


def test_an_included_text_stands_where_it_is_included():
    find = library(tone="Be kind.", style="{{> tone}} Be brief.")
    assert filled("Hello. {{> style@3}} Bye. {{ > tone }}", find) == (
        "Hello. Be kind. Be brief. Bye. Be kind."
    )


def test_included_arguments_are_asked_for_and_filled():
    find = library(greet="Hello {{who}}")
    assert filled("{{> greet}}! {{more}}", find, {"who": "Ada", "more": "x"}) == "Hello Ada! x"
    with pytest.raises(Invalid, match="'who'"):
        filled("{{> greet}}", find)


def test_values_and_included_texts_are_not_filled_again():
    find = library(greet="Hello {{who}}")
    assert filled("{{> greet}}", find, {"who": "{{> greet}}"}) == "Hello {{> greet}}"


def test_a_backslash_makes_an_include_literal():
    assert includes_of(make_draft(template=r"\{{> tone}}")) == {}
    assert filled(r"\{{> tone}}", library()) == "{{> tone}}"


@given(st.text(alphabet="\\{}> \tab@1", max_size=24))
def test_an_escaped_text_includes_nothing_and_reads_as_it_was(text):
    escaped = simple.escape(text)
    assert simple.includes(escaped) == {}
    assert simple.placeholders(escaped) == ()
    assert simple.fill(escaped, {}) == text


@given(st.text(alphabet="\\{}> \tab@1", max_size=24))
def test_taking_a_template_apart_and_writing_it_keeps_its_meaning(template):
    written = simple.join_parts(simple.parse(template))
    assert simple.parse(written) == simple.parse(template)


def test_a_circle_is_named():
    find = library(a="{{> b}}", b="{{> c}}", c="{{> a}}")
    with pytest.raises(Conflict, match="'a' → 'b' → 'c' → 'a'"):
        resolve_includes("me", ME, ["a"], find)


def test_depth_is_bounded():
    chain = {f"p{n}": f"{{{{> p{n + 1}}}}}" for n in range(MAX_DEPTH + 5)}
    said = f"'me' includes others more than {MAX_DEPTH} levels deep: 'me' → 'p0' → 'p1' → 'p2' and"
    with pytest.raises(Conflict, match=said):
        resolve_includes("me", ME, ["p0"], library(**chain))


def test_what_doubles_at_each_level_ends_in_time():
    doubling = {f"p{n}": f"{{{{> p{n + 1}}}}}" * 40 for n in range(MAX_DEPTH - 2)}
    find = library(**doubling, **{f"p{MAX_DEPTH - 2}": "x" * 1000})
    with pytest.raises(Invalid, match="more than"):
        filled("{{> p0}}", find)


def test_the_number_of_texts_is_bounded():
    many = {f"p{n}": "x" for n in range(101)}
    with pytest.raises(Conflict, match="100 other texts"):
        resolve_includes("me", ME, list(many), library(**many))


def merged_with(inner: Fragment, *own: Argument) -> dict[str, Argument]:
    merged = merge_included(own, {"tone": frozenset()}, {"tone": inner})
    return {each.name: each for each in merged}


def test_the_including_declaration_goes_before_unless_it_says_nothing():
    inner = fragment("tone", "{{who}} {{how}}", Argument("who", description="inner"))
    declared = Argument("who", description="outer")
    merged = merged_with(inner, declared)
    assert merged["who"].description == "outer"
    assert set(merged) == {"who", "how"}
    bare = merged_with(inner, Argument("who"))
    assert bare["who"].description == "inner"


def test_a_conversation_or_a_picture_cannot_be_included():
    for messages in (
        [Message("user", ImageContent("aGk=", "image/png"))],
        make_draft(template="a").messages * 2,
    ):
        draft = make_draft(messages=messages)
        with pytest.raises(Conflict, match="can't be included"):
            make_fragment(ME, "talk", 1, draft, draft.messages)


LIQUID = "{% for each in items %}{% render 'item', who: each %}{% endfor %}"


def liquid(name: str, template: str, *arguments: Argument) -> Fragment:
    return fragment(name, template, *arguments, template_format="liquid")


@pytest.mark.parametrize(
    "item",
    [
        fragment("item", "<{{who}}>"),
        liquid("item", "<{{ who }}>"),
        fragment("item", "{{> inner}}"),
        liquid("item", "{% render 'inner' %}"),
    ],
)
def test_liquid_gives_values_to_what_it_includes_whatever_its_format(item):
    find = library(item=item, inner="<{{who}}>")
    items = Argument("items", type="json")
    values = {"items": '["a", "b"]'}
    assert filled(LIQUID, find, values, arguments=[items], template_format="liquid") == "<a><b>"


def test_what_is_given_on_every_side_is_not_asked_for():
    inner = fragment("item", "{{who}} {{how}}")
    draft = make_draft(template="{% render 'item', who: 1 %}", template_format="liquid")
    needed = merge_included((), includes_of(draft), {"item": inner})
    assert [each.name for each in needed] == ["how"]
    twice = "{% render 'item', who: 1 %}{% render 'item', how: 1 %}"
    draft = make_draft(template=twice, template_format="liquid")
    needed = merge_included((), includes_of(draft), {"item": inner})
    assert [each.name for each in needed] == ["who", "how"]


def test_simple_includes_liquid_with_the_values_of_the_whole():
    find = library(shout=liquid("shout", "{% if who %}{{ who | upcase }}{% endif %}!"))
    assert filled("{{> shout}} {{who}}", find, {"who": "ada"}) == "ADA! ada"


def test_an_included_text_is_no_markup():
    find = library(plain=fragment("plain", "{{a}} {% if %} }}", template_format="text"))
    assert filled("{% render 'plain' %}", find, template_format="liquid") == "{{a}} {% if %} }}"
    find = library(plain=r"{% if %} \{{a}} {% endraw %}")
    assert filled("{% render 'plain' %}", find, template_format="liquid") == (
        "{% if %} {{a}} {% endraw %}"
    )


@pytest.mark.timed
def test_many_liquid_texts_share_the_time_of_one_rendering():
    slow = "{% for a in (1..900) %}{% for b in (1..90) %}{{ b }}{% endfor %}{% endfor %}"
    find = library(**{f"p{n}": liquid(f"p{n}", slow) for n in range(40)})
    template = "".join(f"{{{{> p{n}}}}}" for n in range(40))
    started = thread_time()
    with pytest.raises(Invalid, match=r"too long|more than"):
        filled(template, find)
    assert thread_time() - started < 5


def test_a_text_that_nothing_was_found_for_asks_for_nothing():
    includes = includes_of(make_draft(template="{{> tone}}{{> gone}}"))
    found = {"tone": fragment("tone", "Be {{mood}}.")}
    assert merge_included([Argument("who")], includes, found) == (
        Argument("who"),
        Argument("mood"),
    )
