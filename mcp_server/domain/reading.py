"""Reading: JSON values from outside, converted to the types of the domain.

It reads the types that `storage.values.entities` is made of: text, booleans, choices, lists,
mappings, dataclasses, and contents, which are told apart by their `type`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from mcp_server.domain.names import did_you_mean, nearest
from mcp_server.domain.texts import refused, shown
from storage.values.codecs import CONTENT_TYPES
from storage.values.entities import Content

T = TypeVar("T")
Read = Callable[[object, str], Any]

_WORDS = {str: "text", bool: "true or false", list: "a list", dict: "an object"}


def read(kind: Any, value: object, path: str) -> Any:
    """Read a JSON value as a type; a key whose value is null counts as absent.

    Raises:
        Invalid: the value has the wrong shape; the message names the place, as in
            `messages[2].role`.
    """
    return reader_of(kind)(value, path)


def has_value(value: object) -> bool:
    """Tell whether a value isn't empty: leaving out an empty one loses nothing."""
    return value not in (None, "", [], {}, ())


def expect(kind: type[T], value: object, path: str) -> T:
    """Return a value if it is of a kind: text, a boolean, a list or an object.

    Raises:
        Invalid: it is of another kind.
    """
    if isinstance(value, kind):
        return value
    hint = ". Put it in quotes" if kind is str and not isinstance(value, list | dict | None) else ""
    raise refused(path, f"has to be {_WORDS[kind]}, not '{shown(value)}'{hint}")


def one_of(known: Sequence[str], value: object, path: str) -> str:
    """Return a value if it is one of the known texts.

    Raises:
        Invalid: it is none of them.
    """
    if isinstance(value, str) and value in known:
        return value
    raise refused(path, f"is '{shown(value)}'. Use one of {', '.join(known)}")


@cache
def reader_of(kind: Any) -> Read:
    """Return the reader of a type, made once for each type."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind == Content:
        return _read_content
    if kind is Any:
        return lambda value, path: value
    if is_dataclass(kind):
        return _object_reader(kind)
    if origin is Literal:
        return lambda value, path: one_of(parts, value, path)
    if origin is UnionType and len(parts) == 2 and parts[1] is NoneType:
        return reader_of(parts[0])  # `_present` has dropped nulls
    if origin is Mapping:
        return _mapping_reader(reader_of(parts[1]))
    if origin in (tuple, Sequence):
        return _list_reader(reader_of(parts[0]))
    if kind in _WORDS:
        return lambda value, path: expect(kind, value, path)
    raise TypeError(f"Values of the type {kind} can't be read. Teach it to this module.")


def _list_reader(read_each: Read) -> Read:
    def read_list(value: object, path: str) -> tuple[Any, ...]:
        items = expect(list, value, path)
        return tuple(read_each(item, f"{path}[{index}]") for index, item in enumerate(items))

    return read_list


def _mapping_reader(read_each: Read) -> Read:
    def read_mapping(value: object, path: str) -> dict[str, Any]:
        mapping = expect(dict, value, path)
        for key in mapping:
            if not isinstance(key, str):
                raise refused(path, f"has the key {shown(key)}, which is no text. Put it in quotes")
        return {key: read_each(each, f"{path}.{key}") for key, each in mapping.items()}

    return read_mapping


def _object_reader(kind: Any) -> Read:
    """Make a reader of a dataclass, which refuses unknown and missing fields."""
    hints = get_type_hints(kind)
    readers = {field.name: reader_of(hints[field.name]) for field in fields(kind)}
    needed = [
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    ]

    def read_object(value: object, path: str) -> Any:
        present = _present(expect(dict, value, path))
        for key in present:
            if key not in readers:
                hint = did_you_mean(nearest(str(key), readers)) or f" Use {', '.join(readers)}"
                raise refused(path, f"has the unknown key '{shown(key)}'.{hint}")
        for key in needed:
            if key not in present:
                raise refused(f"{path}.{key}", "is missing. Write it")
        return kind(**{key: readers[key](each, f"{path}.{key}") for key, each in present.items()})

    return read_object


def _read_content(value: object, path: str) -> Any:
    """Read a content; bare text is text content."""
    if isinstance(value, str):
        value = {"type": "text", "text": value}
    present = _present(expect(dict, value, path))
    if "type" not in present:
        raise refused(path, f"has no 'type'. Use one of {', '.join(CONTENT_TYPES)}")
    name = one_of(tuple(CONTENT_TYPES), present.pop("type"), f"{path}.type")
    return read(CONTENT_TYPES[name], present, path)


def _present(value: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: each for key, each in value.items() if each is not None}
