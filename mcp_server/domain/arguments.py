"""Arguments: declarations by a template and its author, and the values that callers pass."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, get_args

from mcp_server.domain.limits import limits
from mcp_server.domain.names import did_you_mean, nearest
from mcp_server.domain.patterns import (
    UNJUDGED,
    Comparison,
    Verdicts,
    declaration_fault,
    length_fault,
    pattern_fault,
    value_fault,
)
from mcp_server.domain.templates.identifiers import IDENTIFIER, JOINERS, identifier, is_identifier
from mcp_server.domain.texts import (
    MAX_DESCRIPTION,
    MAX_TITLE,
    TEXT,
    check_text,
    refused,
    shown,
)
from mcp_server.domain.values import write_value
from storage.values.entities import Argument, ArgumentType
from storage.values.errors import Invalid

MAX_ARGUMENT_NAME = 64
MAX_CHOICES = 1_000
MAX_CHOICE = 10_000
ARGUMENT_LIMITS: Mapping[str, Mapping[str, Any]] = {
    "name": {"pattern": IDENTIFIER, "maxLength": MAX_ARGUMENT_NAME},
    "title": {"pattern": TEXT, "maxLength": MAX_TITLE},
    "description": {"pattern": TEXT, "maxLength": MAX_DESCRIPTION},
    "default": {"pattern": TEXT},
    "choices": {
        "items": {"type": "string", "pattern": TEXT, "maxLength": MAX_CHOICE},
        "maxItems": MAX_CHOICES,
    },
    "pattern": {"format": "regex"},
}
"""JSON Schema constraints on the fields of a declaration, in addition to their types."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bound:
    """A value for every argument, and the given names that match no argument."""

    values: Mapping[str, str]
    ignored: tuple[str, ...] = ()


def declared_comparisons(declared: Sequence[Argument]) -> list[Comparison]:
    """Return the comparisons needed to check declarations: their patterns with their defaults.

    Declarations beyond the maximum number of arguments are left out.
    """
    comparisons = (_declared_comparison(argument) for argument in declared[: limits().arguments])
    return [comparison for comparison in comparisons if comparison is not None]


def given_comparisons(
    arguments: Sequence[Argument], given: Mapping[str, object]
) -> list[Comparison]:
    """Return the comparisons needed before values can be bound.

    Raises:
        Invalid: see `by_identifier`.
    """
    given = by_identifier(given)
    comparisons = (_comparison(argument, given.get(argument.name)) for argument in arguments)
    return [comparison for comparison in comparisons if comparison is not None]


def merge_arguments(
    placeholders: Sequence[str],
    declared: Sequence[Argument],
    verdicts: Verdicts = UNJUDGED,
) -> tuple[Argument, ...]:
    """Return the declared arguments and those that a template merely uses, required first.

    An argument with a default is optional, whatever its declaration says. `verdicts` answer
    `declared_comparisons`; a pattern without a verdict is accepted, since it was checked when it
    was first saved.

    Raises:
        Invalid: declarations contradict themselves or each other; lists all of them.
    """
    faults: dict[str, str] = {}
    merged: dict[str, Argument] = {}
    for declaration in declared:
        argument = replace(declaration, name=identifier(declaration.name))
        fault = "is declared twice" if argument.name in merged else _fault(argument, verdicts)
        if fault:
            faults.setdefault(argument.name, fault)
        required = argument.required and argument.default is None
        merged[argument.name] = replace(argument, required=required)
    for name in placeholders:
        fault = _name_fault(name)
        if fault:
            faults.setdefault(name, fault)
        merged.setdefault(name, Argument(name))
    check_count(merged)
    if faults:
        raise _refused_declarations(faults)
    return tuple(sorted(merged.values(), key=lambda argument: not argument.required))


def check_patterns(declared: Sequence[Argument], verdicts: Verdicts) -> None:
    """Raise Invalid if a verdict rejects the pattern or the default of a declaration."""
    pattern_faults = ((argument.name, _pattern_fault(argument, verdicts)) for argument in declared)
    faults = {name: fault for name, fault in pattern_faults if fault}
    if faults:
        raise _refused_declarations(faults)


def check_count(arguments: Collection[object]) -> None:
    """Raise Invalid if a prompt would have too many arguments."""
    most = limits().arguments
    if len(arguments) > most:
        raise refused(
            "arguments",
            f"has {len(arguments)} arguments; a prompt has at most {most}. Use fewer, or raise "
            "PROMPTSTACK_MAX_ARGUMENTS",
        )


def bind_arguments(
    arguments: Sequence[Argument],
    given: Mapping[str, object],
    *,
    allow_unknown: bool,
    verdicts: Verdicts = UNJUDGED,
) -> Bound:
    """Bind every argument to its given value, else its default, else the empty text.

    An empty text or None counts as missing, since some clients send one for every empty field.
    `verdicts` must cover all of `given_comparisons`.

    Raises:
        Invalid: values are missing, ill-typed or unknown; lists all of them.
    """
    faults: dict[str, str] = {}
    values: dict[str, str] = {}
    given = by_identifier(given)
    for argument in arguments:
        try:
            values[argument.name] = _bind(argument, given.get(argument.name), verdicts)
        except ValueError as fault:
            faults[argument.name] = str(fault)
    unknown = tuple(name for name in given if name not in values and name not in faults)
    if not allow_unknown:
        known = [argument.name for argument in arguments]
        faults |= {name: _unknown(name, known) for name in unknown}
    if faults:
        raise _refusal("The prompt can't be rendered", faults)
    return Bound(values, unknown)


def by_identifier(given: Mapping[str, T]) -> dict[str, T]:
    """Return the values by the composed form of their names, which arguments have.

    Raises:
        Invalid: two of the names have the same composed form.
    """
    composed = {identifier(name): value for name, value in given.items()}
    if len(composed) < len(given):
        names = [identifier(name) for name in given]
        twice = [name for name in composed if names.count(name) > 1]
        faults = dict.fromkeys(twice, "is given twice, in two forms that look alike; give it once")
        raise _refusal("The prompt can't be rendered", faults)
    return composed


def missing_arguments(
    arguments: Sequence[Argument], given: Mapping[str, object]
) -> tuple[Argument, ...]:
    """Return the required arguments without a value.

    Raises:
        Invalid: see `by_identifier`.
    """
    given = by_identifier(given)
    return tuple(
        argument
        for argument in arguments
        if argument.required and given.get(argument.name) in (None, "")
    )


def _fault(argument: Argument, verdicts: Verdicts) -> str | None:
    """Return the first fault of a single declaration; None if it has none."""
    if argument.type not in get_args(ArgumentType):
        known = ", ".join(get_args(ArgumentType))
        return f"has the unknown type '{shown(argument.type)}'; the types are {known}"
    return (
        _name_fault(argument.name)
        or _text_fault(argument)
        or _choices_fault(argument)
        or (pattern_fault(argument.pattern) if argument.pattern is not None else None)
        or _default_fault(argument)
        or _pattern_fault(argument, verdicts)
    )


def _name_fault(name: str) -> str | None:
    if len(name) > MAX_ARGUMENT_NAME:
        return (
            f"has a name of {len(name)} characters; at most {MAX_ARGUMENT_NAME} are allowed; "
            "shorten it"
        )
    if any(joiner in name for joiner in JOINERS):
        return "has an invisible joiner (U+200C or U+200D) in its name; use '_' instead"
    if not is_identifier(name):
        return "is no identifier: use letters, digits and '_', beginning with a letter or '_'"
    return None


def _text_fault(argument: Argument) -> str | None:
    """Return the first fault in the texts of a declaration: not storable, or too long."""
    texts = [
        (argument.title, "title", MAX_TITLE),
        (argument.description, "description", MAX_DESCRIPTION),
        (argument.default, "default", None),
        (argument.pattern, "pattern", None),
        *((choice, "choices", MAX_CHOICE) for choice in argument.choices),
    ]
    for value, field, limit in texts:
        try:
            check_text(value or "", field, limit=limit)
        except Invalid as error:
            return f"has a problem: its {error.message.rstrip('.')}"
    return None


def _choices_fault(argument: Argument) -> str | None:
    if argument.type == "enum" and not argument.choices:
        return "is an enum without choices; list them or make it a string"
    if len(argument.choices) > MAX_CHOICES:
        return (
            f"has {len(argument.choices):,} choices; at most {MAX_CHOICES:,} are allowed; "
            "leave some out, or use a pattern"
        )
    for choice in argument.choices:
        if not choice:
            return "has an empty choice; leave it out and make the argument optional"
        try:
            write_value(argument.type, choice)
        except ValueError as fault:
            return f"has the choice '{shown(choice)}', but it {fault}"
    return None


def _default_fault(argument: Argument) -> str | None:
    """Return the fault of a default, without the verdict on its pattern."""
    if not argument.default:
        return None
    try:
        text = _fit(argument, argument.default)
    except ValueError as error:
        return _of_default(argument, str(error))
    fault = length_fault(text) if argument.pattern is not None else None
    return _of_default(argument, fault) if fault else None


def _pattern_fault(argument: Argument, verdicts: Verdicts) -> str | None:
    """Return the fault that the verdict finds in a pattern or in the default beside it."""
    comparison = _declared_comparison(argument)
    verdict = None if comparison is None else verdicts.get(comparison)
    if comparison is None or verdict is None:
        return None
    fault = declaration_fault(comparison.pattern, verdict)
    if fault or comparison.value is None:
        return fault
    fault = value_fault(comparison, verdict)
    return _of_default(argument, fault) if fault else None


def _of_default(argument: Argument, fault: str) -> str:
    return f"has the default '{shown(argument.default)}', but it {fault}"


def _declared_comparison(argument: Argument) -> Comparison | None:
    """Return the comparison for a declaration: its pattern, with its default if that fits."""
    if argument.pattern is None or pattern_fault(argument.pattern):
        return None
    return _comparison(argument, argument.default) or Comparison(argument.pattern)


def _comparison(argument: Argument, value: object) -> Comparison | None:
    """Return the comparison for a value; None if there is no pattern or the value doesn't fit."""
    if argument.pattern is None or value is None or value == "":
        return None
    try:
        text = _fit(argument, value)
    except ValueError:
        return None
    return None if length_fault(text) else Comparison(argument.pattern, text)


def _bind(argument: Argument, value: object, verdicts: Verdicts) -> str:
    if value is None or value == "":
        if argument.required:
            raise ValueError("is missing")
        return argument.default or ""
    text = _fit(argument, value)
    if argument.pattern is None:
        return text
    fault = length_fault(text)
    if fault is None:
        comparison = Comparison(argument.pattern, text)
        fault = value_fault(comparison, verdicts[comparison])
    if fault:
        raise ValueError(fault)
    return text


def _fit(argument: Argument, value: object) -> str:
    """Return a value as text, checked against its argument's type and choices, not its pattern."""
    text = write_value(argument.type, value)
    if argument.choices and text not in argument.choices:
        listed = ", ".join(f"'{shown(choice)}'" for choice in argument.choices[:10])
        more = ", …" if len(argument.choices) > 10 else ""
        raise ValueError(f"has to be one of {listed}{more}, not '{shown(text)}'")
    return text


def _unknown(name: str, known: Sequence[str]) -> str:
    if not known:
        return "is unknown: the prompt takes no arguments"
    listed = " The prompt takes " + ", ".join(f"'{each}'" for each in known[:10]) + "."
    return f"is unknown.{did_you_mean(nearest(name, known)) or listed}"


def _refused_declarations(faults: Mapping[str, str]) -> Invalid:
    return _refusal("The arguments can't be used as they are declared", faults, "arguments.")


def _refusal(problem: str, faults: Mapping[str, str], prefix: str = "") -> Invalid:
    """Make one refusal of all faults: together in its message, and each in its field."""
    return Invalid(
        f"{problem}: {_join(faults.items())}",
        fields={f"{prefix}{shown(name)}": _stop(fault) for name, fault in faults.items()},
    )


def _join(faults: Iterable[tuple[str, str]]) -> str:
    return _stop("; ".join(f"'{shown(name)}' {fault.rstrip('.')}" for name, fault in faults))


def _stop(sentence: str) -> str:
    sentence = sentence[:1].upper() + sentence[1:] if sentence[:1] != "'" else sentence
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."
