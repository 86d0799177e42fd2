"""The base of all shapes: exact fields, one way to read and one to write them."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mcp_server.domain.names import did_you_mean, nearest
from mcp_server.domain.texts import shown
from storage.values.errors import Invalid


class Shape(BaseModel):
    """A shape: only the fields it describes, and absent fields left out when written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        """Treat null as absent."""
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def read(cls, given: Mapping[str, Any] | None) -> Self:
        """Read the fields that a caller wrote.

        Raises:
            Invalid: fields are missing, unknown or ill-typed; names all of them.
        """
        try:
            return cls.model_validate(given or {})
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            raise refusal("The arguments", faults, cls.names()) from None

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the fields, as callers write them."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    def write(self) -> dict[str, Any]:
        """Write the shape as JSON values."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _as_text(value: object) -> object:
    """Turn a bare number or boolean into text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _unwrapped(value: object) -> object:
    """Read a list or an object that was handed over as its JSON text, as models sometimes do."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _not_boolean(value: object) -> object:
    """Refuse true, which Python takes for 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


def _whole(value: object) -> object:
    """Read 3.0 as 3: JSON has but one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


LooseText = Annotated[str, BeforeValidator(_as_text)]
"""Text that may also be given as a bare number or boolean."""
Unwrapped = BeforeValidator(_unwrapped)
"""Marks a list or an object that may also be given as its JSON text."""
NotBoolean = BeforeValidator(_not_boolean)
"""Marks a number that must not be a boolean; comes after the number's bounds."""
Whole = BeforeValidator(_whole)
"""Marks a whole number that JSON may also write with a zero fraction."""
Time = Annotated[
    datetime,
    PlainSerializer(
        lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        return_type=str,
        when_used="json",
    ),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment, written as RFC 3339 in UTC."""


def refusal(what: str, found: Sequence[Mapping[str, Any]], known: Collection[str] = ()) -> Invalid:
    """Return the refusal of pydantic's faults; `known` names the fields that exist."""
    faults: dict[str, str] = {}
    for fault in found:
        faults.setdefault(_place(fault["loc"]), _reason(fault, known))
    sentences = "; ".join(f"'{place}' {reason}" for place, reason in faults.items())
    return Invalid(
        _stopped(f"{what} can't be used: {sentences}"),
        fields={
            place: _stopped(f"{reason[:1].upper()}{reason[1:]}") for place, reason in faults.items()
        },
    )


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."


def _place(location: tuple[int | str, ...]) -> str:
    place = ""
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f".{shown(step)}"
    return place.lstrip(".")


def _reason(fault: Mapping[str, Any], known: Collection[str]) -> str:
    if fault["type"] == "missing":
        return "is missing"
    if fault["type"] == "extra_forbidden":
        near = nearest(str(fault["loc"][0]), known) if len(fault["loc"]) == 1 else ()
        return f"is unknown.{did_you_mean(near)}" if near else "is unknown"
    if fault["type"] in ("dict_type", "model_type"):
        return f"should be an object, not '{shown(fault['input'])}'"
    expected = str(fault["msg"]).removeprefix("Input ")
    return f"{expected[:1].lower()}{expected[1:]}, not '{shown(fault['input'])}'"
