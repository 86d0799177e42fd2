"""MLflow's JSON: a prompt of its registry, text or chat."""

from collections.abc import Mapping
from typing import Any

from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.blanks import check_carried, lost_saying, lost_settings
from mcp_server.domain.formats.chats import (
    Json,
    Lost,
    make_file,
    read_braces,
    read_labels,
    read_note,
    read_tags,
    read_texts,
    write_message,
)
from mcp_server.domain.formats.files import Place, PromptFile
from mcp_server.domain.formats.keys import Keys
from mcp_server.domain.messages import single_user_text
from mcp_server.domain.texts import shown

RESPONSE = "response_format"
"""The required form of an answer: a key beside MLflow's settings, and one of the settings here."""
_TELLING = {"creation_timestamp", "aliases", RESPONSE, "version_metadata"}
_VALUELESS = ("", "true")
"""Values of tags that only mean that the tag is set."""


def is_mlflow(value: Json) -> bool:
    """Tell whether a mapping that isn't ours looks like a prompt of MLflow's registry."""
    return "template" in value and (
        isinstance(value["template"], list)
        or isinstance(value.get("tags"), dict)
        or not _TELLING.isdisjoint(value)
    )


def read_mlflow(keys: Keys, place: Place) -> PromptFile:
    """Read a prompt.

    Raises:
        Invalid: it isn't one, or has parts that no prompt here can hold.
    """
    keys.pass_over("version", 1)
    remarks: list[str] = []
    draft = make_draft(
        **read_texts(keys, "template", read_braces), model_config=_settings(keys, remarks)
    )
    return make_file(
        keys,
        draft,
        place,
        remarks,
        tags=read_tags(_tags(keys), remarks),
        labels=read_labels(_labels(keys, remarks), remarks),
        commit_message=read_note(keys, "commit_message"),
    )


def write_mlflow(file: PromptFile) -> tuple[Json, Lost]:
    """Write a prompt; also return the parts that MLflow can't hold.

    Raises:
        Invalid: it is liquid, or a message isn't text.
    """
    check_carried(file.draft, file.metadata.name, "MLflow")
    lost = lost_settings(file.draft, "model_config")
    messages = [write_message(each, file, None, lost) for each in file.draft.messages]
    text = single_user_text(file.draft.messages)
    settings = dict(file.draft.model_config)
    value: Json = {
        "name": file.metadata.name,
        "version": 1,
        "template": messages if text is None else messages[0]["content"],
        "tags": _tag_values(file.metadata.tags),
        "commit_message": None,
    }
    if settings.get(RESPONSE) is not None:
        value[RESPONSE] = settings.pop(RESPONSE)
    if settings:
        value["model_config"] = settings
    if file.metadata.description:
        value["description"] = file.metadata.description
    return value, (*lost, *lost_saying(file.metadata, "tags", "description"))


def _settings(keys: Keys, remarks: list[str]) -> dict[str, Any]:
    """Return the settings, with the form of answers as the last one."""
    settings = dict(keys.mapping("model_config"))
    form = keys.any(RESPONSE)
    if form is not None:
        if settings.get(RESPONSE, form) != form:
            remarks.append(f"The file's 'model_config.{RESPONSE}' isn't kept: '{RESPONSE}' is.")
        settings[RESPONSE] = form
    return settings


def _tags(keys: Keys) -> list[str]:
    """Return tags with their values, as in 'task:sum'."""
    tags = keys.any("tags")
    if not isinstance(tags, Mapping):
        return list(keys.texts("tags"))
    return [
        str(key) if str(value) in _VALUELESS else f"{key}:{value}" for key, value in tags.items()
    ]


def _tag_values(tags: tuple[str, ...]) -> dict[str, str]:
    """Split tags into keys and values; the reverse of `_tags`."""
    values: dict[str, str] = {}
    for tag in tags:
        key, _, value = tag.partition(":")
        parted = key and value not in _VALUELESS and key not in values and key not in tags
        values |= {key: value} if parted else {tag: "true"}
    return values


def _labels(keys: Keys, remarks: list[str]) -> list[str]:
    """Return the aliases of this version, given as names or as mappings with a version."""
    labels = []
    for each in keys.items("aliases"):
        if isinstance(each, str):
            labels.append(each)
        elif isinstance(each, Mapping) and str(each.get("version")) == str(keys.peek("version")):
            labels.append(str(each.get("alias")))
        else:
            remarks.append(f"The alias '{shown(each)}' isn't kept: it is another version's.")
    return labels
