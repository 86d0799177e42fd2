"""Rewriting: files with one prompt each, written so that reading them gives that prompt back."""

from dataclasses import replace

from mcp_server.domain.drafts import content_hash
from mcp_server.domain.formats.files import PromptFile, Written
from mcp_server.domain.formats.registry import Format, read_file
from storage.entities import Draft
from storage.errors import Invalid


def write_alone(file: PromptFile, chosen: Format) -> Written:
    """Write a prompt as a file of its own, which knows nothing of others, as their titles.

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
    """Tell whether a file's text is a draft, as far as its format can carry that."""
    if content_hash(file.draft) == content_hash(draft):
        return True
    try:
        written = write_alone(replace(file, draft=draft, history=None), chosen)
        back = read_alone(path_name, written.text, chosen.name)
    except Invalid:
        return False
    return content_hash(back.draft) == content_hash(file.draft)
