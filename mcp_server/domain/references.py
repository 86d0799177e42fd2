"""References: the notation for a version of a prompt, and its resolution to a version number."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_server.domain.names import BRANCH, LABEL, NAME, did_you_mean, nearest, safe_name
from mcp_server.domain.texts import shown
from mcp_server.domain.weights import choose
from storage.values.entities import LATEST, PRODUCTION, VERSION_PATTERN, Prompt
from storage.values.errors import Invalid, NotFound

BRANCH_PREFIX = "branch:"

_VERSION = re.compile(VERSION_PATTERN)
_POINT = rf"{_VERSION.pattern}|{LABEL.pattern}|{BRANCH_PREFIX}{BRANCH.pattern}"
POINT_SCHEMA: Mapping[str, Any] = {"pattern": rf"^(?:{_POINT})$"}
"""JSON Schema for the part of a reference after the '@'."""
REFERENCE_SCHEMA: Mapping[str, Any] = {"pattern": rf"^{NAME.pattern}(?:@(?:{_POINT}))?$"}
_FORMS = "a name, name@3, name@production, name@latest or name@branch:main"


@dataclass(frozen=True, slots=True)
class Reference:
    """A name with at most one of a version, a label (or the word 'latest') and a branch."""

    name: str
    version: int | None = None
    label: str | None = None
    branch: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name}@{self.version}"
        if self.branch is not None:
            return f"{self.name}@{BRANCH_PREFIX}{self.branch}"
        return self.name if self.label is None else f"{self.name}@{self.label}"


def parse_reference(text: str) -> Reference:
    """Parse a reference.

    Raises:
        Invalid: the text isn't a reference; the message proposes a likely one.
    """
    name, at, point = text.partition("@")
    reference = _parse_point(name, point) if at else Reference(name)
    if reference and NAME.fullmatch(name):
        return reference
    proposal = _correction(name, point)
    raise Invalid(
        f"'{shown(text)}' can't be a reference: write {_FORMS}. Use '{proposal}'.",
        fields={"reference": f"Not a reference. Use '{proposal}'."},
    )


def resolve_reference(prompt: Prompt, reference: Reference, key: str | None = None) -> int:
    """Return the number of the version that a reference to this prompt points at.

    If the label splits its reads among versions, `key` selects the reader's share; without a key
    it is the version with the largest share.

    Raises:
        NotFound: the prompt has no such version, label or branch.
    """
    if reference.version is not None:
        return _existing_version(prompt, reference.version)
    if reference.branch is not None:
        return branch_head(prompt, reference.branch)
    if reference.label == LATEST:
        return prompt.latest_version
    label = label_of(prompt, reference)
    if label is None:
        return prompt.latest_version
    weights = prompt.weights.get(label)
    if weights and key:
        return choose(weights, prompt.id, label, key)
    return prompt.labels[label]


def label_of(prompt: Prompt, reference: Reference) -> str | None:
    """Return the label that a reference resolves through; None if it uses no label.

    Raises:
        NotFound: the prompt doesn't have the label.
    """
    if reference.version is not None or reference.branch is not None or reference.label == LATEST:
        return None
    if reference.label is None:
        return PRODUCTION if PRODUCTION in prompt.labels else None
    if reference.label in prompt.labels:
        return reference.label
    raise no_such_label(prompt, reference.label)


def no_such_label(prompt: Prompt, label: str) -> NotFound:
    """Make the error for a missing label, which lists the prompt's labels."""
    return _missing(prompt, "label", "labels", label, prompt.labels)


def branch_head(prompt: Prompt, branch: str) -> int:
    """Return the number of a branch's newest version.

    Raises:
        NotFound: the prompt has no such branch.
    """
    if branch in prompt.branches:
        return prompt.branches[branch]
    raise _missing(prompt, "branch", "branches", branch, prompt.branches)


def _parse_point(name: str, point: str) -> Reference | None:
    """Parse the part after the '@'; None if it isn't valid."""
    if _VERSION.fullmatch(point):
        return Reference(name, version=int(point))
    if LABEL.fullmatch(point):
        return Reference(name, label=point)
    branch = point.removeprefix(BRANCH_PREFIX)
    if branch != point and BRANCH.fullmatch(branch):
        return Reference(name, branch=branch)
    return None


def _correction(name: str, point: str) -> str:
    """Write the valid reference that is closest to an invalid one."""
    if not point and not NAME.fullmatch(name):
        # Other libraries write name:label.
        before, _, after = name.rpartition(":")
        name, point = (before, after) if NAME.fullmatch(before) else (name, "")
    safe = name if NAME.fullmatch(name) else safe_name(name)
    reference = _parse_point(safe, re.sub(r"[^a-z0-9_.:-]+", "-", point.strip().lower()).strip("-"))
    if reference is None and point.strip().isdecimal():
        reference = _parse_point(safe, point.strip().lstrip("0")) or Reference(safe, label=LATEST)
    return str(reference or Reference(safe))


def _existing_version(prompt: Prompt, version: int) -> int:
    if 1 <= version <= prompt.last_version:
        return version
    held = f"versions 1 to {prompt.last_version}" if prompt.last_version > 1 else "only version 1"
    raise NotFound(
        f"Prompt '{prompt.name}' has no version {version}: it has {held}. "
        f"Use '{prompt.name}@{prompt.last_version}' or '{prompt.name}@{LATEST}'.",
        nearest=(f"{prompt.name}@{prompt.last_version}",),
    )


def _missing(
    prompt: Prompt, noun: str, plural: str, wanted: str, existing: Collection[str]
) -> NotFound:
    """Make the error for a missing label or branch, which lists the existing ones."""
    near = nearest(wanted, existing)
    listed = ", ".join(f"'{known}'" for known in sorted(existing)[:10])
    known = f"Its {plural} are {listed}." if existing else f"It has no {plural} yet."
    hint = did_you_mean(near) or f" {known}"
    if noun == "label" and wanted in prompt.branches:
        hint += f" There is a branch of that name: '{prompt.name}@{BRANCH_PREFIX}{wanted}'."
    return NotFound(f"Prompt '{prompt.name}' has no {noun} '{shown(wanted)}'.{hint}", nearest=near)
