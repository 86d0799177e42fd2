"""Arguments are called in every script, and in either form of it, on every door."""

from unicodedata import normalize

import pytest

DECOMPOSED = normalize("NFD", "été")


@pytest.mark.parametrize("template_format", ["simple", "liquid"])
@pytest.mark.parametrize("name", ["नाम", "ชื่อ", "שָׁלוֹם", "été", "이름"])
def test_a_blank_is_declared_and_filled_in_whichever_form_its_name_is_written(
    doors, name, template_format
):
    composed, decomposed = normalize("NFC", name), normalize("NFD", name)
    for door in doors:
        made = door.ask(
            "create_prompt", name="p", template=f"<{{{{ {decomposed} }}}}>",
            arguments=[{"name": decomposed, "description": "Who", "pattern": "[A-Z].*"}],
            template_format=template_format,
        )  # fmt: skip
        (argument,) = made["arguments"]
        assert (argument["name"], argument["description"]) == (composed, "Who"), door
        for given in (composed, decomposed):
            assert door.use("p", **{given: "Ada"}) == "<Ada>", door
            rendered = door.ask("render_prompt", reference="p", arguments={given: "Ada"})
            assert rendered["messages"][0]["content"]["text"] == "<Ada>", door
            told = door.ask("render_prompt", reference="p", arguments={given: "ada"})
            assert told.kind == "invalid", door


def test_a_value_given_twice_in_two_forms_is_refused(doors):
    for door in doors:
        door.ask("create_prompt", name="p", template="{{été}}")
        told = door.ask("render_prompt", reference="p", arguments={"été": "1", DECOMPOSED: "2"})
        assert (told.kind, "'été' is given twice" in told.sentence) == ("invalid", True), door


def test_a_name_with_an_invisible_joiner_is_refused_with_what_to_do(doors):
    for door in doors:
        told = door.ask(
            "create_prompt", name="p", template="x", arguments=[{"name": "نام\u200cها"}]
        )
        assert told.kind == "invalid", door
        assert "an invisible joiner (U+200C or U+200D) in its name; use '_'" in told.sentence
