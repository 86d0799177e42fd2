"""Names of prompts, labels, branches, tags and folders: their rules, and likely corrections."""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2s
from itertools import count
from typing import Any

from mcp_server.domain.limits import limits
from mcp_server.domain.texts import (
    LINE,
    LINE_OR_BLANK,
    MAX_DESCRIPTION,
    MAX_TITLE,
    TEXT,
    check_line,
    check_text,
    refused,
    shown,
)
from storage.values.entities import LATEST, Metadata
from storage.values.errors import Invalid

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A prompt's id, which is accepted wherever a name is; so no name may look like one."""
LABEL = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
BRANCH = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
FOLDER = re.compile(r"(?:[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*)*)?")
SHORT_NAME = 40
"""Clients join a server's and a prompt's name, and cut the result if it is too long."""
MAX_FOLDER = 256
MAX_TAG = 64
MAX_MODEL_TYPE = 128
MODEL_TYPE_SCHEMA: Mapping[str, Any] = {"pattern": LINE, "maxLength": MAX_MODEL_TYPE}
"""JSON Schema for the input of `check_model_type`; those below are for the other checks."""
NAME_SCHEMA: Mapping[str, Any] = {"pattern": rf"^{NAME.pattern}$", "maxLength": 64}
LABEL_SCHEMA: Mapping[str, Any] = {"pattern": rf"^{LABEL.pattern}$", "not": {"const": LATEST}}
BRANCH_SCHEMA: Mapping[str, Any] = {"pattern": rf"^{BRANCH.pattern}$"}
FOLDER_SCHEMA: Mapping[str, Any] = {
    "pattern": rf"^\s*/*{FOLDER.pattern}/*\s*$",
    "maxLength": MAX_FOLDER,
}
TITLE_SCHEMA: Mapping[str, Any] = {"pattern": LINE_OR_BLANK, "maxLength": MAX_TITLE}
DESCRIPTION_SCHEMA: Mapping[str, Any] = {"pattern": TEXT, "maxLength": MAX_DESCRIPTION}
TAG_SCHEMA: Mapping[str, Any] = {"pattern": LINE, "minLength": 1, "maxLength": MAX_TAG}
MAX_TITLE_READ = 1_000
"""Characters of a title that are used to make a name."""

_RULE = "1 to 64 of a-z, 0-9, '_' and '-', beginning with a letter or digit"


def check_name(name: str) -> str:
    """Return a prompt's name if it is valid.

    Raises:
        Invalid: it isn't valid; the message proposes a name that is.
    """
    if NAME.fullmatch(name) and not ID.fullmatch(name):
        return name
    sentence = (
        f"it looks like an id. Use '{name[:8]}' or a word."
        if ID.fullmatch(name)
        else f"names are {_RULE}. Use '{safe_name(name)}'."
    )
    raise Invalid(
        f"The name '{shown(name)}' can't be used: {sentence}",
        fields={"name": f"{sentence[0].upper()}{sentence[1:]}"},
    )


def name_warning(name: str) -> str | None:
    """Return a warning if a valid name is too long for some clients; else None."""
    if len(name) <= SHORT_NAME:
        return None
    return (
        f"The name '{shown(name)}' has {len(name)} characters. Clients join it with the server's "
        f"name and may refuse more than {SHORT_NAME}: '{safe_name(name)}' is safer."
    )


def safe_name(title: str) -> str:
    """Make a valid name of at most 40 characters from a title in any script."""
    # Loaded here: its tables are only needed when something is named, never at start-up.
    from anyascii import anyascii

    words = re.sub(r"[^a-z0-9_]+", "-", anyascii(title[:MAX_TITLE_READ]).lower()).strip("-_")
    return _cut(words, SHORT_NAME) or f"prompt-{_digest(title)[:8]}"


def unique_name(title: str, salt: str) -> str:
    """Make a name from a title, with a suffix derived from `salt` to make it unique."""
    return f"{_cut(safe_name(title), SHORT_NAME - 7)}-{_digest(salt)[:6]}"


def unique_names(titles: Sequence[str]) -> list[str]:
    """Make a distinct name for each title.

    Titles that would share a name all get a suffix derived from their text, so that the result
    doesn't depend on their order.
    """
    groups: dict[str, list[str]] = {}
    for title in sorted(titles):
        groups.setdefault(safe_name(title), []).append(title)
    alone = {title: name for name, (title, *others) in groups.items() if not others}
    names = {title: [name] for title, name in alone.items()}
    taken = set(alone.values())
    for base, group in groups.items():
        for title in group if len(group) > 1 else ():
            name = _free_name(base, title, taken)
            taken.add(name)
            names.setdefault(title, []).append(name)
    queues = {title: iter(each) for title, each in names.items()}
    return [next(queues[title]) for title in titles]


def nearest(name: str, candidates: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Return up to `limit` candidates that resemble a name, best first."""
    # Loaded here: the import takes longer than the whole of this module, and few calls need it.
    from difflib import SequenceMatcher

    wanted = name.casefold()
    matcher = SequenceMatcher(b=wanted, autojunk=False)
    scored: list[tuple[float, str]] = []
    for candidate in set(candidates):
        folded = candidate.casefold()
        score = _containment(wanted, folded)
        matcher.set_seq1(folded)
        if not score and matcher.real_quick_ratio() >= 0.6 and matcher.quick_ratio() >= 0.6:
            score = matcher.ratio()
        if score >= 0.6:
            scored.append((-score, candidate))
    return tuple(candidate for _, candidate in sorted(scored)[:limit])


def did_you_mean(near: Sequence[str]) -> str:
    """Write the question that ends a sentence about something missing; '' for no candidates."""
    if not near:
        return ""
    *others, last = [f"'{candidate}'" for candidate in near]
    return f" Did you mean {', '.join(others)} or {last}?" if others else f" Did you mean {last}?"


def check_label(label: str) -> str:
    """Return a label if it is valid.

    Raises:
        Invalid: it isn't valid, or is the reserved word 'latest'.
    """
    if label == LATEST:
        raise refused("label", f"can't be '{LATEST}': that always means the newest version of main")
    if LABEL.fullmatch(label):
        return label
    raise refused(
        "label",
        f"can't be '{shown(label)}': labels are 1 to 64 of a-z, 0-9, '_', '.' and '-', beginning "
        f"with a letter{_proposal(label, LABEL)}",
    )


def check_branch(branch: str) -> str:
    """Return the name of a branch if it is valid.

    Raises:
        Invalid: it isn't valid.
    """
    if BRANCH.fullmatch(branch):
        return branch
    raise refused(
        "branch",
        f"can't be '{shown(branch)}': branches are 1 to 64 of a-z, 0-9, '_', '.' and '-', "
        f"beginning with a letter or digit{_proposal(branch, BRANCH)}",
    )


def check_tag(tag: str) -> str:
    """Return the tag, trimmed.

    Raises:
        Invalid: it is blank, too long or holds a control character.
    """
    return check_line(tag, "tags", limit=MAX_TAG)


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags, trimmed and without duplicates, in the order given.

    Raises:
        Invalid: one of them isn't valid, or there are too many.
    """
    checked = tuple(dict.fromkeys(check_tag(tag) for tag in tags))
    most = limits().tags
    if len(checked) > most:
        raise refused(
            "tags",
            f"has {len(checked)} tags; a prompt has at most {most}. Leave some out, or raise "
            "PROMPTSTACK_MAX_TAGS",
        )
    return checked


def check_folder(folder: str) -> str:
    """Return a folder's path without slashes around it; '' is the root.

    Raises:
        Invalid: the path is too long, or not made of a-z, 0-9, '_' and '-' between slashes.
    """
    path = folder.strip().strip("/")
    if FOLDER.fullmatch(path) and len(path) <= MAX_FOLDER:
        return path
    safe = "/".join(safe_name(segment) for segment in path.split("/") if segment.strip())
    raise refused(
        "folder",
        f"can't be '{shown(folder)}': a folder is made of a-z, 0-9, '_' and '-', with '/' between "
        f"segments and at most {MAX_FOLDER} characters. Use '{_cut(safe, MAX_FOLDER)}'",
    )


def check_model_type(model_type: str, field: str = "model_type") -> str:
    """Return a model type, trimmed; it may end in '*' to match a prefix.

    Raises:
        Invalid: it is blank, too long or holds a control character.
    """
    return check_line(model_type, field, limit=MAX_MODEL_TYPE)


def check_metadata(metadata: Metadata) -> Metadata:
    """Return a prompt's metadata, checked and trimmed; a blank title or description becomes None.

    Raises:
        Invalid: a field isn't valid; only the first one is reported.
    """
    title, description = metadata.title, metadata.description
    return Metadata(
        name=check_name(metadata.name),
        title=check_line(title, "title", limit=MAX_TITLE) if title and title.strip() else None,
        description=check_text(description, "description", limit=MAX_DESCRIPTION)
        if description and description.strip()
        else None,
        folder=check_folder(metadata.folder),
        tags=check_tags(metadata.tags),
    )


def _cut(words: str, length: int) -> str:
    """Cut at a word boundary, or inside the first word if that alone is too long."""
    if len(words) <= length:
        return words
    head = words[: length + 1]
    boundary = max(head.rfind("-"), head.rfind("_"), head.rfind("/"))
    return head[: boundary if boundary > 0 else length].rstrip("-_/")


def _digest(text: str) -> str:
    return blake2s(text.encode("utf-8", "surrogatepass")).hexdigest()


def _free_name(base: str, title: str, taken: set[str]) -> str:
    """Return the first name for a colliding title that isn't taken."""
    for attempt in count():
        suffix = _digest(f"{title}\0{attempt}" if attempt else title)[:6]
        name = f"{_cut(base, SHORT_NAME - 7)}-{suffix}"
        if name not in taken:
            return name
    raise AssertionError("unreachable: count() never ends")


def _containment(wanted: str, candidate: str) -> float:
    """Score how much of the longer text the shorter one covers; 0 if it isn't part of it."""
    if wanted == candidate:
        return 2.0
    shorter, longer = sorted((wanted, candidate), key=len)
    if len(shorter) < 2 or shorter not in longer:
        return 0.0
    share = len(shorter) / len(longer)
    return (1.0 if longer.startswith(shorter) else 0.7) + share * 0.3


def _proposal(text: str, pattern: re.Pattern[str]) -> str:
    """Propose a spelling that fits a pattern; '' if the text doesn't yield one."""
    safe = re.sub(r"[^a-z0-9_.-]+", "-", text.strip().lower()).strip("-_.")
    return f". Use '{safe}'" if pattern.fullmatch(safe) and safe != LATEST else ""
