import pytest

from mcp_server.service.inputs import PromptInput
from tests.protocol.calling import REVIEW, call, failure, outcome


async def test_the_history_lists_compares_and_restores_versions(client, library):
    await call(client, "create_prompt", **REVIEW)
    await call(client, "update_prompt", name="review", template="Look: {{code}}\n")
    listed = await call(client, "list_versions", name="review")
    assert [each["version"] for each in listed.structured_content["items"]] == [2, 1]
    diff = await call(client, "diff_versions", old="review@1", new="review@latest")
    assert diff.structured_content["identical"] is False
    assert "+Look: {{code}}" in diff.content[0].text
    assert diff.structured_content["arguments"][0]["kind"] == "removed"
    saved = await outcome(client, "restore_version", reference="review@1", expected_version=2)
    assert (saved["version"], saved["template"]) == (3, REVIEW["template"])
    same = await outcome(client, "diff_versions", old="review@1", new="review@3")
    assert same["identical"] is True


async def test_versions_come_page_by_page(client, library, write):
    await write("greeting")
    for number in range(3):
        await library.prompts.update("greeting", PromptInput(template=f"{number}"))
    first = await outcome(client, "list_versions", name="greeting", limit=3)
    assert [each["version"] for each in first["items"]] == [4, 3, 2]
    last = await outcome(client, "list_versions", name="greeting", cursor=first["next_cursor"])
    assert [each["version"] for each in last["items"]] == [1]


async def test_a_label_is_set_moved_and_removed(client, write, library):
    await write("greeting")
    await library.prompts.update("greeting", PromptInput(template="two"))
    label = {"label": "production"}
    first = await outcome(client, "set_label", reference="greeting@1", **label)
    assert first == {
        "name": "greeting",
        "label": "production",
        "to_version": 1,
        "served_version": 1,
        "labels": {"production": 1},
    }
    moved = await outcome(client, "set_label", reference="greeting@latest", **label)
    assert (moved["from_version"], moved["to_version"], moved["served_version"]) == (1, 2, 2)
    again = await call(client, "set_label", reference="greeting@2", **label)
    assert "already" in again.content[0].text
    removed = await call(client, "set_label", reference="greeting", remove=True, **label)
    assert "to_version" not in removed.structured_content
    assert removed.structured_content["labels"] == {}
    assert "Took the label" in removed.content[0].text


@pytest.mark.parametrize("label", ["latest", "3", "a:b", ""])
async def test_a_label_that_can_be_none_is_refused(client, write, label):
    await write("greeting")
    _, data = await failure(client, "set_label", {"reference": "greeting", "label": label})
    assert data["kind"] == "invalid"


async def test_an_archived_prompt_is_gone_until_it_is_restored(client, write):
    await write("greeting")
    archived = await outcome(client, "archive_prompt", name="greeting")
    assert archived["archived"] is True
    assert archived["archived_at"].endswith("Z")
    assert (await outcome(client, "search_prompts"))["items"] == []
    _, data = await failure(client, "get_prompt", {"reference": "greeting"})
    assert data["kind"] == "not_found"
    restored = await outcome(client, "archive_prompt", name="greeting", restore=True)
    assert restored == {"name": "greeting", "archived": False}
    assert (await outcome(client, "get_prompt", reference="greeting"))["version"] == 1
