"""That each field of a version's content is on every door, in every table and in our own files."""

from dataclasses import fields
from inspect import signature

import pytest

from mcp_server.cli.prompts import create, update
from mcp_server.domain.fields import CONTENT, PLAIN
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.markdown_format import KNOWN, write_markdown
from mcp_server.domain.formats.records import write_record
from mcp_server.rest.shapes import PromptPatch, PromptPost, PromptRead, VersionRead
from mcp_server.schemas.prompts import ContentFields, PromptCreate, PromptOut, PromptUpdate
from storage.tables import prompt_versions
from storage.values.entities import Draft, Message, Metadata, TextContent

_ONLY_AS_JSON = {"model_config"}
"""What the command line takes by `--from-json` alone."""


@pytest.mark.parametrize(
    "shape", [ContentFields, PromptCreate, PromptUpdate, PromptOut, PromptPost, PromptPatch,
              PromptRead, VersionRead],
)  # fmt: skip
def test_each_field_is_in_the_shape(shape):
    assert set(CONTENT) <= set(shape.names())


def test_each_field_has_its_column():
    assert {field.name for field in fields(Draft)} <= set(prompt_versions.columns.keys())


@pytest.mark.parametrize("command", [create, update])
def test_each_plain_field_is_an_option(command):
    assert set(PLAIN) - _ONLY_AS_JSON <= set(signature(command).parameters)


def test_each_field_is_in_our_files():
    draft = Draft(
        (Message("system", TextContent("x")), Message("user", TextContent("y"))),
        model_type="gpt-4",
        model_config={"temperature": 1},
        variants={"gpt-*": (Message("user", TextContent("z")),)},
    )
    file = PromptFile(Metadata("a"), draft, None, "a")
    said = set(PLAIN) | {"messages", "variants"}
    assert said <= set(write_record(file))
    assert all(f"\n{name}:" in write_markdown(file) for name in said)
    assert set(CONTENT) - {"template"} <= set(KNOWN)
