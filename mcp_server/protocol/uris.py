"""The URIs of resources: `prompt://NAME` and the paths below it."""

import re
from dataclasses import dataclass

from storage.values.entities import LATEST
from storage.values.errors import NotFound

PROMPT = "prompt://{name}"
VERSION = "prompt://{name}/versions/{version}"
LABEL = "prompt://{name}/labels/{label}"
HISTORY = "prompt://{name}/history"

# A label may not be a number, so `labels/3` can't be taken for version 3.
_URI = re.compile(
    r"prompt://(?P<name>[^/?#@]{1,200})"
    r"(?:/(?P<history>history)|/versions/(?P<version>\d{1,20})|/labels/(?P<label>[A-Za-z][^/?#@:]{0,200}))?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a URI: a version of a prompt, or with `history` all of them.

    `fixed` means that the URI names its version by number, so its target never changes.
    """

    reference: str
    history: bool = False
    fixed: bool = False


def parse_uri(uri: str) -> Target:
    """Read a URI.

    Raises:
        NotFound: no resource has such a URI.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise NotFound(
            f"There is no resource '{uri[:100]}'. The resources are {PROMPT}, {VERSION}, {LABEL} "
            f"and {HISTORY}."
        )
    name, history, version, label = match.groups()
    point = version or label
    return Target(f"{name}@{point}" if point else name, bool(history), bool(version))


def prompt_uri(name: str) -> str:
    """Return the URI of a prompt's served version."""
    return PROMPT.format(name=name)


def moving_uris(name: str, label: str | None) -> tuple[str, ...]:
    """Return the URIs whose content may change with a prompt, or with one of its labels."""
    return (
        prompt_uri(name),
        HISTORY.format(name=name),
        LABEL.format(name=name, label=label or LATEST),
    )
