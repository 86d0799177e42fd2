"""Rewriting: files with one prompt each, written so that reading them returns that prompt.

An existing file is its author's. It keeps its format, and only the necessary parts change: the rest
of its front matter, keys, columns, indentation and line ends stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.files import EVERYTHING, PromptFile, Written
from mcp_server.domain.formats.registry import Format, detect, find_format, read_file
from mcp_server.domain.formats.shapes import Change, ended, shape_of
from mcp_server.domain.texts import shown
from storage.values.entities import Draft, Metadata
from storage.values.errors import Invalid


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The text of a file, the prompt that it is read as, and the metadata that it leaves out."""

    text: str
    file: PromptFile
    unsaid: frozenset[str]


def rewrite(before: str, here: PromptFile, wanted: PromptFile, path_name: str) -> Rewritten:
    """Write a prompt into the file that held `before`, which was read as `here`.

    Raises:
        Invalid: the file's format can't hold it, or the file holds a history.
    """
    if here.history is not None:
        raise Invalid("This file holds the prompt's history. Export it again with --history.")
    chosen = _format_of(here)
    author = here.created_by if chosen.name == "csv" else here.created_by and wanted.created_by
    wanted = replace(wanted, created_by=author)
    for text in _candidates(before, here, wanted, chosen):
        rewritten = _verified(text, wanted, path_name)
        if rewritten is not None:
            return rewritten
    raise cannot_hold(wanted, chosen, path_name)


def write_new(wanted: PromptFile, path_name: str) -> Rewritten:
    """Write a prompt into a new file, in the format that the file's name is read as.

    Raises:
        Invalid: that format can't hold it.
    """
    chosen = find_format(detect(path_name, ""))
    written = write_alone(wanted, chosen)
    rewritten = _verified(written.text, wanted, path_name)
    if rewritten is None:
        raise cannot_hold(wanted, chosen, path_name)
    return rewritten


def write_alone(file: PromptFile, chosen: Format) -> Written:
    """Write a prompt as a file of its own, independent of other prompts and their titles.

    Raises:
        Invalid: the format can't hold it.
    """
    written, frame = chosen.writer()(file), chosen.frame
    return replace(written, text=f"{frame.start}{written.text}{frame.end}") if frame else written


def read_alone(path_name: str, text: str, format_name: str | None = None) -> PromptFile:
    """Read a file that holds one prompt.

    Raises:
        Invalid: it can't be read, or holds another number of prompts.
    """
    found = list(read_file(path_name, text, format_name))
    refusals = [each for each in found if isinstance(each, Invalid)]
    prompts = [each for each in found if isinstance(each, PromptFile)]
    if refusals:
        raise refusals[0]
    if len(prompts) != 1:
        raise Invalid(f"{path_name}: this holds {len(prompts)} prompts. Give it one.")
    return prompts[0]


def holds(file: PromptFile, draft: Draft, chosen: Format, path_name: str) -> bool:
    """Tell whether a file has the text of a draft, as far as its format can hold that."""
    if content_hash(file.draft) == content_hash(draft):
        return True
    try:
        written = write_alone(replace(file, draft=draft, history=None), chosen)
        back = read_alone(path_name, written.text, chosen.name)
    except Invalid:
        return False
    return content_hash(back.draft) == content_hash(file.draft)


def as_meant(file: PromptFile, library: PromptFile) -> PromptFile:
    """Return a file's prompt, with the parts that its format can't express as in the library.

    A command can't express that an argument is required.
    """
    if file.format_name != "claude-command":
        return file
    needed = {argument.name: argument.required for argument in library.draft.arguments}
    arguments = tuple(
        replace(each, required=needed.get(each.name, each.required))
        for each in file.draft.arguments
    )
    return replace(file, draft=replace(file.draft, arguments=arguments))


def same_text(file: PromptFile, library: PromptFile) -> bool:
    """Tell whether a file has the same text and settings as the library."""
    return content_hash(as_meant(file, library).draft) == content_hash(library.draft)


def agrees(file: PromptFile, library: PromptFile, says: frozenset[str] = frozenset()) -> bool:
    """Tell whether a file and the library agree on the text and on the metadata in the file.

    `says` adds fields to those in the file.
    """
    stated = file.says | says
    return same_text(file, library) and all(not _differ(file, library, key) for key in stated)


def speaks_of(file: PromptFile, before: frozenset[str]) -> frozenset[str]:
    """Return the metadata fields that a file determines: its own, and any `before` it could hold.

    A field that was removed from a file is meant to be deleted. One that the file's format, which
    may have changed, has no place for wasn't removed.
    """
    if before <= file.says:
        return file.says
    chosen, metadata = _format_of(file), file.metadata
    full = replace(file, metadata=Metadata(metadata.name, "x", "x", "x", ("x",)), history=None)
    try:
        written = write_alone(full, chosen)
        possible = read_alone(chosen.file_name(full), written.text, chosen.name).says
    except Invalid:
        return file.says
    return file.says | (before & possible)


def cannot_hold(wanted: PromptFile, chosen: Format, path_name: str) -> Invalid:
    """Make the refusal of a prompt that a format has no place for, which names the lost parts."""
    written = write_alone(wanted, chosen)
    lost = [each for each in written.lost if each not in EVERYTHING]
    try:
        back = read_alone(path_name, written.text)
    except Invalid:  # the format's own output can't be read back
        back = None
    differing = {key for key in back.says if _differ(back, wanted, key)} if back else set()
    reasons = [*lost, *sorted(differing)] or ["how its text is meant"]
    return Invalid(
        f"{chosen.title} can't hold '{shown(wanted.metadata.name)}' as it is in the library: "
        f"{', '.join(dict.fromkeys(reasons))}. Change it there, or keep it in a file of Markdown, "
        "JSON or YAML."
    )


def _differ(one: PromptFile, other: PromptFile, key: str) -> bool:
    return bool(getattr(one.metadata, key) != getattr(other.metadata, key))


def _format_of(here: PromptFile) -> Format:
    """Return the format of a file; a SKILL.md may be our own Markdown."""
    ours = here.format_name == "skill" and here.says == EVERYTHING
    return find_format("markdown" if ours else here.format_name)


def _candidates(before: str, here: PromptFile, wanted: PromptFile, chosen: Format) -> Iterator[str]:
    """Yield texts for a file, the one closest to its present text first."""
    mark = "\ufeff" if before.startswith("\ufeff") else ""
    plain = before.removeprefix(mark)
    try:
        change = Change(plain, chosen.writer()(here).text, chosen.writer()(wanted).text)
        unchanged = [plain] if change.before == change.after else []
        shaped = [*unchanged, *shape_of(chosen.name)(change)]
    except (Invalid, ValueError, LookupError, AttributeError):  # another shape: written anew
        shaped = []
    for text in [*shaped, write_alone(wanted, chosen).text]:
        yield from (f"{mark}{each}" for each in ended(text, plain))


def _verified(text: str, wanted: PromptFile, path_name: str) -> Rewritten | None:
    """Return a text and the prompt that it is read as; None if that is another prompt."""
    try:
        back = read_alone(path_name, text)
    except Invalid:
        return None
    if back.metadata.name != wanted.metadata.name or not agrees(back, wanted):
        return None
    unsaid = {
        key
        for key in EVERYTHING - back.says
        if getattr(wanted.metadata, key) and _differ(back, wanted, key)
    }
    return Rewritten(text, back, frozenset(unsaid))
