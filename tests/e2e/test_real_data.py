"""Real prompts in every language, from the files to both eras of clients, byte for byte."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_server.app import open_library
from mcp_server.config import read_settings
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.registry import read_file
from storage.values.entities import PromptFilter

DATA = Path(__file__).parents[2].parent / "shared" / "data"
PLACEHOLDER = re.compile(r"\$\{([^{}$:]+)(?::([^{}]*))?\}")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="the real prompts aren't beside this clone"),
]


def _read(path: Path) -> str:
    return path.read_bytes().decode()


def _files() -> Iterator[tuple[PromptFile, str]]:
    """Each prompt with the text that its file holds, read independently of the code under test."""
    path = DATA / "prompts-chat.csv"
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8", newline="") as source:
        texts = [row["prompt"] for row in csv.DictReader(source)]
    yield from zip(read_file(str(path), _read(path)), texts, strict=True)
    for skill in sorted(DATA.glob("skills/*/SKILL.md")):
        (file,) = read_file(str(skill), _read(skill))
        yield file, _read(skill).split("\n---\n", 1)[1]


def _expected(text: str, arguments, given: dict[str, str]) -> str:
    """Fill the placeholders that became arguments; everything else stays as it is."""
    by_label: dict[str, list] = {}
    for argument in arguments:
        by_label.setdefault(argument.title or argument.name, []).append(argument)

    def fill(match: re.Match[str]) -> str:
        label, default = match.groups()
        if label not in by_label:
            return match.group()
        if default is not None:
            return default
        # The same blank again without its default means the same value.
        known = by_label[label][0]
        return given.get(known.name, known.default or "")

    return PLACEHOLDER.sub(fill, text)


@pytest.fixture
async def imported(environment):
    files = list(_files())
    assert len(files) == 1281 + 58
    async with open_library(read_settings(environment)) as library:
        done = await library.importing.bring_in([file for file, _ in files])
        assert (done.counts, done.written) == ({"created": len(files)}, True)
        again = await library.importing.bring_in([file for file, _ in files])
        assert again.counts == {"unchanged": len(files)}
    return files


async def test_every_real_prompt_is_listed_found_and_fetched_in_both_eras(
    imported, connect, environment
):
    names = {file.metadata.name for file, _ in imported}
    # A client of the earlier era is given the same texts: some of them show that it can read them.
    for era, read in (("legacy", imported[::10]), ("auto", imported)):
        async with connect(era) as client:
            listed = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
            assert set(listed) == names
            for file, text in read:
                arguments = listed[file.metadata.name].arguments or []
                given = {known.name: f"<{known.name}>" for known in arguments if known.required}
                got = await client.get_prompt(file.metadata.name, given)
                declared = file.draft.arguments if file.draft.template_format == "simple" else ()
                assert got.messages[0].content.text == _expected(text, declared, given)
    async with open_library(read_settings(environment)) as library:
        for file, _ in imported:
            words = file.metadata.title or file.metadata.name
            found = await library.search.find(words, PromptFilter(), limit=10)
            assert file.metadata.name in {hit.prompt.name for hit in found.items}, words
