"""YAML of front matter: only the types of JSON, so that dates and versions stay as written."""

import re
from functools import cache
from typing import Any

from mcp_server.domain.texts import shown
from storage.values.errors import Invalid

_RESOLVED = {
    "null": (r"~|null|Null|NULL|", "~nN"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    "float": (r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?", "-+0123456789"),
}
_TAGS = (None, "!", "tag:yaml.org,2002:str")
"""The tags that are allowed: only text. Other types are recognized by their notation."""
_DEEP = "it is nested too deep"
# Line breaks of YAML and unprintable characters: only double quotes keep them.
_QUOTED = re.compile(
    "[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def load_yaml(text: str, source: str, line: int, what: str = "the front matter") -> Any:
    """Read YAML that begins at a line of a file.

    Raises:
        Invalid: it is malformed, repeats a key, or uses aliases (which can blow a small file up) or
            tags (which make types that JSON doesn't have); the message calls it `what`.
    """
    import yaml

    try:
        return yaml.load(text, Loader=_loader())  # derived from SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = line + (mark.line if mark else text.count("\n", 0, getattr(error, "position", 0)))
        reasons = (getattr(error, name, None) for name in ("problem", "reason"))
        fallback = "it holds a number that is too long" if isinstance(error, ValueError) else _DEEP
        reason = next(filter(None, reasons), fallback)
        raise Invalid(
            f"{source}:{at}: {what} is no YAML that can be read: {reason}. "
            "Put texts with ':', '#' or quotes in them in quotes."
        ) from None


def dump_yaml(value: dict[str, Any], *, flow: bool = False) -> str:
    """Write a mapping, its keys in the order given and long texts as blocks.

    With `flow`, a list of words is on one line, as in `[Read, Grep]`.
    """
    import yaml

    return yaml.dump(
        value, Dumper=_dumper(flow), sort_keys=False, allow_unicode=True, width=1 << 30
    )


def _problem(event: Any) -> str | None:
    """Return the reason why an event of YAML isn't allowed; None if it is."""
    import yaml

    if isinstance(event, yaml.AliasEvent):
        return "aliases aren't allowed"
    tag = getattr(event, "tag", None)
    if tag not in _TAGS:
        short_tag = shown(tag.replace("tag:yaml.org,2002:", "!!"))
        return f"the tag '{short_tag}' isn't allowed; leave it out"
    return None


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads the types of JSON only; YAML 1.1 makes other things of dates, yes and 12:30."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            parser: Any = self  # its stubs leave peek_event without types
            event = parser.peek_event()
            problem = _problem(event)
            if problem is not None:
                raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys: set[str] = set()
            for each, _ in node.value:
                key = self.construct_object(each, deep=True)
                if not isinstance(key, str) or key in keys:
                    problem = f"the key '{shown(key)}' is repeated or is no text"
                    raise yaml.constructor.ConstructorError(None, None, problem, each.start_mark)
                keys.add(key)
            return super().construct_mapping(node, deep=deep)

    Loader.yaml_implicit_resolvers = {}
    for tag, (pattern, first) in _RESOLVED.items():
        characters = [*first, ""] if tag == "null" else list(first)
        regexp = re.compile(rf"^(?:{pattern})$")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", regexp, characters)
    return Loader


@cache
def _dumper(flow: bool) -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts of several lines as blocks, and no aliases."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent_text(dumper: Any, text: str) -> Any:
        style = '"' if _QUOTED.search(text) else "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def represent_list(dumper: Any, items: list[Any]) -> Any:
        words = all(each is None or isinstance(each, str | int | float) for each in items)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flow and words)

    Dumper.add_representer(str, represent_text)
    Dumper.add_representer(list, represent_list)
    return Dumper
