"""Export: what is served of each prompt, as files hold it."""

from mcp_server.service.inputs import PromptInput
from storage.entities import Metadata, PromptFilter


async def test_prompts_are_given_out_with_what_their_bare_names_mean(library):
    for name in ("b", "a", "c"):
        await library.prompts.create(name, PromptInput(template=f"One {name}"), by="ada")
        await library.prompts.update(name, PromptInput(template=f"Two {name}"), by="bob")
    await library.labels.set("a@1", "production", by="ada")
    first = await library.exporting.read(PromptFilter(), limit=2)
    last = await library.exporting.read(PromptFilter(), limit=2, cursor=first.next_cursor)
    assert [file.metadata for file in first.items] == [Metadata("a"), Metadata("b")]
    assert [file.created_by for file in first.items] == ["ada", "bob"]
    assert [file.metadata.name for file in last.items] == ["c"]
    assert last.next_cursor is None


async def test_a_prompt_that_is_archived_while_it_is_given_out_is_left_out(library, monkeypatch):
    for name in ("gone", "kept"):
        await library.prompts.create(name, PromptInput(template="x"), by="ada")
    listing = library.prompts.list

    async def list_and_archive(*arguments, **options):
        page = await listing(*arguments, **options)
        await library.prompts.archive("gone")
        return page

    monkeypatch.setattr(library.prompts, "list", list_and_archive)
    page = await library.exporting.read(PromptFilter(), limit=5)
    assert [file.metadata.name for file in page.items] == ["kept"]
