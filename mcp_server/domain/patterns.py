"""Patterns that an argument's value has to match: regular expressions in a bounded time.

Anyone who may write a prompt may write a pattern, and `re` takes exponential time for some of them.
So a pattern is parsed by `re` but run as a set of states, whose time grows with the product of the
two lengths and no faster. What such a machine can't do (backreferences, looking around) is refused.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]  # without stubs; the tree it makes is stable
from typing import Any, TypeAlias

from mcp_server.domain.texts import shown

MAX_PATTERN = 500
MAX_MATCHED = 1_000
"""Characters of a value that has a pattern."""
MAX_STATES = 1_000

_Accepts: TypeAlias = Callable[[str], bool]
_Allows: TypeAlias = Callable[[str, int], bool]

_FLAGS = re.IGNORECASE | re.DOTALL | re.VERBOSE | re.UNICODE
_CATEGORIES: dict[str, _Accepts] = {
    "DIGIT": str.isdecimal,
    "SPACE": str.isspace,
    "WORD": lambda character: character.isalnum() or character == "_",
}


def pattern_fault(pattern: str) -> str | None:
    """Tell why a pattern can't be used; None where it can."""
    if len(pattern) > MAX_PATTERN:
        return f"has a pattern of {len(pattern):,} characters; at most {MAX_PATTERN} are allowed"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"has the pattern '{shown(pattern)}', which is no regular expression: {error}"
    try:
        _machine(pattern)
    except ValueError as error:
        return f"has the pattern '{shown(pattern)}', which can't be used: {error}"
    return None


def mismatch(pattern: str, value: str) -> str | None:
    """Tell why a value as a whole doesn't match a pattern; None where it does."""
    if len(value) > MAX_MATCHED:
        return f"has {len(value):,} characters; with a pattern at most {MAX_MATCHED:,} are allowed"
    if _machine(pattern).matches(value):
        return None
    return f"has to match '{shown(pattern)}', and '{shown(value)}' doesn't"


class _Machine:
    """A pattern as states. State 0 is the end; every other one leads to states made before it,
    but for loops.
    """

    def __init__(self, pattern: str) -> None:
        self._consumes: dict[int, tuple[_Accepts, int]] = {}
        self._allows: dict[int, _Allows] = {}
        self._leads: list[list[int]] = [[]]
        tree = _parser.parse(pattern)
        if tree.state.flags & ~_FLAGS:
            raise ValueError("it uses a flag other than i, s and x")
        self._start = self._sequence(tree, tree.state.flags, 0)

    def matches(self, value: str) -> bool:
        """Tell whether the whole value matches."""
        states = self._reach([self._start], value, 0)
        for position, character in enumerate(value, 1):
            consuming = (self._consumes[state] for state in states if state in self._consumes)
            entered = [lead for accepts, lead in consuming if accepts(character)]
            states = self._reach(entered, value, position)
        return 0 in states

    def _reach(self, states: Iterable[int], value: str, position: int) -> set[int]:
        """Return the states that are entered without reading a character."""
        reached: set[int] = set()
        pending = list(states)
        while pending:
            state = pending.pop()
            if state in reached:
                continue
            allows = self._allows.get(state)
            if allows is None or allows(value, position):
                reached.add(state)
                pending += self._leads[state]
        return reached

    def _state(self, *leads: int) -> int:
        if len(self._leads) >= MAX_STATES:
            raise ValueError("it is too large; use smaller repetitions")
        self._leads.append(list(leads))
        return len(self._leads) - 1

    def _sequence(self, tree: Sequence[tuple[Any, Any]], flags: int, lead: int) -> int:
        for operation, operand in reversed(tree):
            lead = self._step(str(operation), operand, flags, lead)
        return lead

    def _step(self, operation: str, operand: Any, flags: int, lead: int) -> int:
        """Return the state in which one part of a pattern begins and which leads on."""
        match operation:
            case "SUBPATTERN":
                _, added, removed, tree = operand
                return self._sequence(tree, (flags | added) & ~removed, lead)
            case "BRANCH":
                return self._state(*(self._sequence(each, flags, lead) for each in operand[1]))
            case "MAX_REPEAT" | "MIN_REPEAT":
                low, high, tree = operand
                return self._repeat(tree, flags, lead, low, high)
            case "AT":
                state = self._state(lead)
                self._allows[state] = _anchor(str(operand))
                return state
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                state = self._state()
                self._consumes[state] = (_characters(operation, operand, flags), lead)
                return state
        raise ValueError("it refers back, looks around or is possessive; write it without that")

    def _repeat(self, tree: Any, flags: int, lead: int, low: int, high: Any) -> int:
        if high is _parser.MAXREPEAT:
            entry = self._state(lead)
            self._leads[entry].append(self._sequence(tree, flags, entry))
        else:
            entry = lead
            for _ in range(high - low):
                entry = self._state(lead, self._sequence(tree, flags, entry))
        for _ in range(low):
            entry = self._sequence(tree, flags, entry)
        return entry


@lru_cache(maxsize=256)
def _machine(pattern: str) -> _Machine:
    return _Machine(pattern)


def _characters(operation: str, operand: Any, flags: int) -> _Accepts:
    """Return the test of a part that reads one character."""
    if operation == "ANY":
        return lambda character: bool(flags & re.DOTALL) or character != "\n"
    members = operand if operation == "IN" else [("LITERAL", operand)]
    negated = operation == "NOT_LITERAL" or str(members[0][0]) == "NEGATE"
    tests = [_member(str(kind), each) for kind, each in members if str(kind) != "NEGATE"]

    def accepts(character: str) -> bool:
        spellings = {character}
        if flags & re.IGNORECASE:
            spellings |= {character.lower(), character.upper()}
        found = any(test(each) for test in tests for each in spellings if len(each) == 1)
        return found != negated

    return accepts


def _member(kind: str, operand: Any) -> _Accepts:
    """Return the test of one member of a character class."""
    if kind == "LITERAL":
        return lambda character: ord(character) == operand
    if kind == "RANGE":
        return lambda character: operand[0] <= ord(character) <= operand[1]
    name = str(operand).removeprefix("CATEGORY_")
    positive = _CATEGORIES[name.removeprefix("NOT_")]
    if name.startswith("NOT_"):
        return lambda character: not positive(character)
    return positive


def _anchor(kind: str) -> _Allows:
    """Return the test of a place between characters."""
    match kind:
        case "AT_BEGINNING" | "AT_BEGINNING_STRING":
            return lambda value, position: position == 0
        case "AT_END_STRING":
            return lambda value, position: position == len(value)
        case "AT_END":
            return lambda value, position: value[position:] in ("", "\n")
        case "AT_BOUNDARY":
            return _is_boundary
        case _:
            return lambda value, position: not _is_boundary(value, position)


def _is_boundary(value: str, position: int) -> bool:
    word = _CATEGORIES["WORD"]
    before = position > 0 and word(value[position - 1])
    after = position < len(value) and word(value[position])
    return before != after
