"""`sync` over all formats, whatever changes: nothing unknown is lost, and it settles."""

import asyncio
import io
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_server.cli.sources import Sources
from mcp_server.cli.sync_runs import SyncRun
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.rewriting import agrees
from mcp_server.service.inputs import PromptInput
from storage.connectors import UrlConnector
from storage.database import Database
from storage.values.entities import Argument, Message, PromptFilter, TextContent
from storage.values.errors import PromptError
from tests.support.effort import examples
from tests.support.seeing import as_, seen

FILES = {
    "a.md": "---\nname: a\ntemplate_format: simple\ntitle: A\n---\nalpha {{x}}\n",
    "b.yaml": "# kept\nname: b\ntemplate: alpha {{x}}\n",
    "c.json": '{"name": "c", "template": "alpha {{x}}", "description": "C"}\n',
    "d.jsonl": '{"name": "d", "template": "alpha {{x}}"}\n',
    "e.csv": "act,prompt,stars\r\nE,alpha ${x},3\r\n",
    ".claude/commands/f.md": "---\nargument-hint: '[x]'\n---\nalpha $ARGUMENTS\n",
    ".github/prompts/g.prompt.md": "alpha ${input:x}\n",
    "h/SKILL.md": "---\nname: h\ndescription: H\nlicense: MIT\n---\nalpha\n",
    "i.json": '{"name": "i", "prompt": "alpha {{x}}", "labels": ["best"]}\n',
    "j.json": '{"name": "j", "template": "alpha {{x}}", "aliases": ["best"]}\n',
    "k.json": '{"name": "k", "messages": [{"role": "user", "content": "alpha {{x}}"}]}\n',
    "l.md": "alpha\r\n",
}
FOREIGN = {
    "n1.md": b"---\nname: n1\ntags: [\n---\nalpha",
    "n2.md": b"alpha \xfc",
    "readme.md": b"# alpha",
    "n3.json": b'[{"name": "o1", "template": "alpha"}, {"name": "o2", "template": "alpha"}]',
    "n4.txt": b"alpha",
}
WORDS = ("alpha", "beta", "gamma", "delta")
TEXTS = (
    "{} {{{{x}}}}\n", "{}", "{}\r\nand {{{{x}}}} {{{{y}}}}", "{} $1 and $ARGUMENTS",
    "{} ${{input:y}} and ${{y:z}}", "---\n{}\n---\nmore", "\\{{{{{}}}}} {{{{x}}}}",
    "{}, \"{{{{x}}}}\"\n\n",
)  # fmt: skip

_names = st.sampled_from("abcdefghijkl")
_words = st.sampled_from(WORDS)
_steps = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from(sorted(FILES)), _words),
    st.tuples(st.sampled_from(["break", "delete"]), st.sampled_from(sorted(FILES)), _words),
    st.tuples(st.just("move"), st.sampled_from(["a.md", "b.yaml", "c.json", "i.json"]), _words),
    st.tuples(st.sampled_from(TEXTS), _names, _words),
    st.tuples(
        st.sampled_from(["title", "folder", "tags", "declare", "talk", "archive", "rename"]),
        _names,
        _words,
    ),
    st.tuples(st.just("create"), st.sampled_from(["n1", "n2", "n3", "n4", "readme", "m"]), _words),
)
_numbers = count()


@settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rounds=st.lists(st.lists(_steps, max_size=6), min_size=1, max_size=3))
def test_whatever_changes_nothing_unknown_is_lost_and_a_second_sync_does_nothing(
    postgres, template, rounds
):
    with TemporaryDirectory() as place:
        asyncio.run(_play(postgres, template, Path(place), rounds))


async def _play(postgres, template, folder, rounds):
    for name, content in {**FILES, **FOREIGN}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    name = f"{template}_{next(_numbers)}"
    await postgres.create_database(name, template)
    database = Database(UrlConnector(postgres.url(name)))
    try:
        library = seen(database)
        await _sync(library, folder)
        for steps in [[], *rounds]:
            for step in steps:
                await _change(library, folder, *step)
            broken = _bytes(folder, lambda data: data.startswith(b"\xff"))
            told = await _sync(library, folder)
            assert {key: _bytes(folder)[key] for key in FOREIGN} == FOREIGN
            assert broken.items() <= _bytes(folder).items()
            await _check_agreement(library, folder, told[1])
            before = _bytes(folder), await library.syncing.change_token()
            again = await _sync(library, folder)
            assert again == ("", told[1]) or set(again[1].splitlines()) < set(told[1].splitlines())
            assert again[0] == ""
            assert (await _sync(library, folder, PromptFilter(tags=("alpha",))))[0] == ""
            assert (_bytes(folder), await library.syncing.change_token()) == before
    finally:
        await database.close()
        await postgres.drop_database(name)


def _bytes(folder, chosen=lambda data: True):
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    return {name: data for name, data in found.items() if chosen(data)}


async def _sync(library, folder, chosen=None):
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        await SyncRun(folder, chosen or PromptFilter(), "tester", "markdown").once(library)
    out.flush()
    return out.buffer.getvalue().decode(), err.getvalue()


async def _check_agreement(library, folder, told):
    """Each prompt is the same in its file and in the library, or something was said of it."""
    heads = {}
    async for page in library.syncing.pages(PromptFilter()):
        heads |= page
    files = [
        (source.path.relative_to(folder).as_posix(), prompt)
        for source in Sources([folder])
        if source.alone
        for prompt in source.prompts
        if isinstance(prompt, PromptFile)
    ]
    for place, file in files:
        name = file.metadata.name
        said = f"{place}: " in told
        assert said or (name in heads and agrees(file, heads[name].file)), (place, told)
    names = {file.metadata.name for _, file in files}
    assert all(name in names or re.search(rf"\b{name}\b", told) for name in heads), told


async def _change(library, folder, what, target, word):
    path = folder / target
    if what in ("edit", "break", "delete", "move"):
        if path.is_file():
            _change_file(path, what, word)
        return
    with suppress(PromptError):  # it is archived, or called something else by now
        await _change_prompt(library, what, target, word)


def _change_file(path, what, word):
    match what:
        case "edit":
            old = path.read_bytes()
            path.write_bytes(re.sub("|".join(WORDS).encode(), word.encode(), old, count=1))
        case "break":
            path.write_bytes(b"\xff" + path.read_bytes())
        case "delete":
            path.unlink()
        case "move":
            (path.parent / word).mkdir(exist_ok=True)
            shutil.move(path, path.parent / word / path.name)


async def _change_prompt(library, what, name, word):
    match what:
        case "title" | "folder":
            written = PromptInput(**{what: word})
        case "tags":
            written = PromptInput(tags=[word])
        case "declare":
            written = PromptInput(arguments=[Argument("x", description=word)])
        case "talk":
            messages = [Message(role, TextContent(word)) for role in ("system", "user")]
            written = PromptInput(messages=messages)
        case "archive":
            await library.prompts.archive(name)
            return
        case "rename":
            await as_("tester", library).prompts.update(
                name, PromptInput(), new_name=f"{name}-{word}"
            )
            return
        case "create":
            await as_("tester", library).prompts.create(name, PromptInput(template=word))
            return
        case _:
            meant = "text" if what.startswith("---") else "simple"
            written = PromptInput(template=what.format(word), template_format=meant)
    await as_("tester", library).prompts.update(name, written)
