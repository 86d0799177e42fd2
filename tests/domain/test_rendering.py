import pytest

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.rendering import MAX_RENDERED, Rendered, render
from storage.values.entities import (
    Argument,
    EmbeddedResource,
    ImageContent,
    Message,
    ResourceLink,
    TextContent,
)
from storage.values.errors import Invalid


def test_texts_are_filled_and_everything_else_stays() -> None:
    verbatim = (
        Message("user", ImageContent("aGk=", "image/png")),
        Message("user", ResourceLink("file:///{{a}}", "{{a}}")),
        Message("user", EmbeddedResource("file:///{{a}}", blob="aGk=")),
    )
    draft = make_draft(
        messages=(
            Message("system", TextContent("Be {{a}}.")),
            Message("assistant", EmbeddedResource("file:///{{a}}", text="<{{a}}>")),
            *verbatim,
        )
    )
    assert render(draft, {"a": "brief"}, allow_unknown=False) == Rendered(
        (
            Message("system", TextContent("Be brief.")),
            Message("assistant", EmbeddedResource("file:///{{a}}", text="<brief>")),
            *verbatim,
        ),
        values={"a": "brief"},
    )


def test_arguments_given_in_vain_are_reported() -> None:
    draft = make_draft(template="x")
    assert render(draft, {"b": "1"}, allow_unknown=True) == Rendered(draft.messages, ("b",))
    with pytest.raises(Invalid):
        render(draft, {"b": "1"}, allow_unknown=False)


def test_values_that_were_given_are_told_from_defaults() -> None:
    draft = make_draft(template="{{a}}{{b}}{{c}}", arguments=[Argument("b", default="x")])
    given = {"a": 3, "b": "", "c": "y"}
    assert render(draft, given, allow_unknown=False).values == {"a": "3", "c": "y"}


def test_a_rendered_prompt_is_bounded_over_all_its_messages() -> None:
    message = Message("user", TextContent("{{a}}"))
    draft = make_draft(messages=[message] * 4)
    quarter = MAX_RENDERED // 4
    render(draft, {"a": "x" * quarter}, allow_unknown=False)
    with pytest.raises(Invalid, match="more than"):
        render(draft, {"a": "x" * (quarter + 1)}, allow_unknown=False)


def test_a_text_format_fills_nothing() -> None:
    draft = make_draft(template="{{a}}", template_format="text")
    assert render(draft, {}, allow_unknown=False).messages[0].content == TextContent("{{a}}")


def test_an_include_that_nothing_was_found_for_stays_as_it_is_written():
    draft = make_draft(template="Hi {{who}}. {{> gone@3}}")
    rendered = render(draft, {"who": "Ada"}, allow_unknown=False)
    assert rendered.messages[0].content == TextContent("Hi Ada. {{> gone@3}}")
