import pytest
from mcp_types import PromptReference, ResourceTemplateReference

from mcp_server.service.inputs import PromptInput
from mcp_server.service.views import View
from storage.values.entities import Argument
from tests.support.seeing import seen

VERSION = ResourceTemplateReference(uri="prompt://{name}/versions/{version}")
LABEL = ResourceTemplateReference(uri="prompt://{name}/labels/{label}")


async def values(client, ref, name, value, context=None):
    answer = await client.complete(ref, {"name": name, "value": value}, context)
    return answer.completion.values


async def test_choices_complete_an_argument(client, write):
    await write(
        "review",
        template="{{language}}",
        arguments=[Argument("language", choices=("Python", "PHP", "Go"))],
    )
    review = PromptReference(name="review")
    assert await values(client, review, "language", "") == ["Python", "PHP", "Go"]
    assert await values(client, review, "language", "p") == ["Python", "PHP"]
    assert await values(client, PromptReference(name="review@1"), "language", "g") == ["Go"]


async def test_values_are_not_remembered_where_that_is_turned_off_or_nothing_is_written(
    database, write
):
    await write("greeting", template="Hello {{name}}")
    for forgetful in (
        seen(database, remember_values=False),
        seen(database, view=View(read_only=True)),
    ):
        await forgetful.prompts.render("greeting", {"name": "Ada"})
        await forgetful.core.values.flush()
        found = await forgetful.completing.argument("greeting", "name", "")
        assert found.values == ()


async def test_values_used_before_complete_an_argument(client, write, library):
    await write("greeting", template="Hello {{name}}")
    await client.get_prompt("greeting", {"name": "Ada"})
    await library.core.values.flush()
    assert await values(client, PromptReference(name="greeting"), "name", "A") == ["Ada"]


async def test_names_versions_and_labels_complete_a_uri(client, write, library):
    await write("greeting")
    await write("review")
    await library.prompts.update("greeting", PromptInput(template="two"))
    await library.labels.set("greeting@1", "production")
    given = {"name": "greeting"}
    assert await values(client, VERSION, "name", "gre") == ["greeting"]
    assert await values(client, VERSION, "version", "", given) == ["2", "1"]
    assert await values(client, LABEL, "label", "", given) == ["production", "latest"]
    assert await values(client, LABEL, "label", "pro", given) == ["production"]


async def test_more_than_a_hundred_values_are_cut_and_counted(client, write):
    choices = tuple(f"choice-{number}" for number in range(250))
    await write("many", template="{{a}}", arguments=[Argument("a", choices=choices)])
    ref = PromptReference(name="many")
    completion = (await client.complete(ref, {"name": "a", "value": "choice"})).completion
    assert (len(completion.values), completion.total, completion.has_more) == (100, 250, True)


@pytest.mark.parametrize(
    ("ref", "argument", "value"),
    [
        (PromptReference(name="nobody"), "a", ""),
        (PromptReference(name="not a name"), "a", ""),
        (PromptReference(name="greeting"), "unknown", ""),
        (PromptReference(name=""), "a", ""),
        (VERSION, "version", ""),
        (VERSION, "unknown", ""),
        (ResourceTemplateReference(uri="file:///{path}"), "path", ""),
    ],
)
async def test_what_means_nothing_has_no_completions_and_is_no_error(
    client, write, ref, argument, value
):
    await write("greeting", template="Hello {{name}}")
    assert await values(client, ref, argument, value) == []
