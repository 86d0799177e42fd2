import pytest

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.rendering import render
from mcp_server.domain.variants import choose_variant, for_variant
from storage.values.entities import Message, TextContent
from storage.values.errors import Invalid


def _said(text: str):
    return (Message("user", TextContent(text)),)


DRAFT = make_draft(
    template="base {{a}}",
    variants={
        "claude-*": _said("any claude {{b}}"),
        "claude-sonnet-*": _said("any sonnet"),
        "gpt-4": _said("just gpt-4"),
    },
)


@pytest.mark.parametrize(
    ("model_type", "variant"),
    [
        ("gpt-4", "gpt-4"),
        ("gpt-4o", None),
        ("claude-opus-4", "claude-*"),
        ("claude-sonnet-4", "claude-sonnet-*"),
        ("claude-*", "claude-*"),
        ("claude", None),
        ("", None),
        (None, None),
    ],
)
def test_a_model_gets_its_own_text_else_that_of_the_longest_prefix_else_the_base(
    model_type, variant
):
    chosen = choose_variant(DRAFT, model_type)
    assert chosen.variant == variant
    assert chosen.messages == (DRAFT.variants[variant] if variant else DRAFT.messages)


def test_a_variant_needs_only_what_its_own_text_uses():
    rendered = render(for_variant(DRAFT, "gpt-4"), {}, allow_unknown=False)
    assert rendered.messages == _said("just gpt-4")
    rendered = render(
        for_variant(DRAFT, "claude-*"), {"b": "1", "a": "unused"}, allow_unknown=False
    )
    assert rendered.messages == _said("any claude 1")
    with pytest.raises(Invalid, match="'b'"):
        render(for_variant(DRAFT, "claude-*"), {"a": "1"}, allow_unknown=False)
    with pytest.raises(Invalid, match="'a'"):
        render(for_variant(DRAFT, None), {"b": "1"}, allow_unknown=False)
