import pytest

from mcp_server.domain.templates.lookalikes import look_alikes


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{{1st}} {{a.b}} {{a-b}} {{1st}}", ("{{1st}}", "{{a.b}}", "{{a-b}}")),
        ("{{ a b }}{{#if x}}{{x | upper}}", ("{{ a b }}", "{{#if x}}", "{{x | upper}}")),
        ("{{a}} {{ b }} {{> other}} {{>other}}", ()),
        (r"\{{a.b}} {{{a.b}}} {{}} {{ }} {{...}} {a.b}", ()),
        ('{{"a": 1}} {{a\nb}} {{f(x)}}', ()),
        ("{{" * 50_000 + "a.b", ()),
    ],
)  # fmt: skip
def test_what_looks_like_a_blank_and_is_none_is_found(
    template: str, found: tuple[str, ...]
) -> None:
    assert look_alikes(template) == found
