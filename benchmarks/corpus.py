"""A library of many realistic prompts, the same for the same seed.

python -m benchmarks.corpus URL [COUNT]

Words follow Zipf's law, lengths are log-normal (a median of 800 characters, a tail to 10,000): so
there are words that most prompts have, and words that one has. Tags, folders and model types are
as unevenly used.
"""

import asyncio
import json
import math
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from uuid import UUID

import asyncpg

from mcp_server.domain.drafts import content_hash
from storage.connectors import UrlConnector
from storage.schema import migrate
from storage.values.codecs import draft_to_json
from storage.values.entities import Argument, Draft, Message, TextContent

SEED = 7
_BATCH = 2_000
_VOCABULARY = 30_000
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

# The words that people's prompts use most, most used first.
_COMMON = """
the and a to for with in of or is you on as if i use your not are that no from user an this name be
will it prompt by only do style high text task act code provide what output all type include context
create at rules specific when analysis subject background ensure description like color identify
focus test language my key content should level step must each time file any natural details list
light design example but skill first project format into structure using based clear check question
system realistic image error want up app add tone can face tools camera how main source technical
information true features body quality their best real new before elements without response find
expert low patterns role agent texture top depth users lens return warm professional model security
over analyze section frame reference angles request about action environment performance core after
pattern creating issues implement build shot constraints white summary location research detailed me
help full missing identity skills dark avoid clean next variables print current provided field
multiple where job web review get instructions practices title state plan maintain experience search
ask product medium through expression have human need answer explain company documentation scene
generate results contrast look server small write deep requirements run edge handling black end blue
version mode process steps other side development tests modern report score risk keep relevant
business start goal why never right architecture module critical testing application problem path
summarize translate kubernetes terraform python invoice letter interview recipe workout budget
meeting email refactor database migration schema deploy incident marketing headline slogan lesson
quiz essay poem story character travel itinerary negotiation contract clause resume cover hiring
"""
_SYLLABLES = (
    "ba be bi bo bu ca ce co da de di do fa fe fi ga go ha he hi ja jo ka ki la le li lo ma me mi "
    "mo na ne ni no pa pe po qua ra re ri ro sa se si so ta te ti to tra tri va ve vi wa we xi za "
    "zo st en er on al ing ment tion ous ic ist"
)
_MODELS = ("gpt-4", "gpt-4o", "claude-sonnet-4", "claude-*", "gemini-2.5-pro", "llama-3", "o3")
_LABELS = ("production", "staging")


@dataclass
class Corpus:
    """Draws prompts, one after the other, from a seeded source of chance."""

    seed: int = SEED
    _taken: set[str] = field(default_factory=set)

    @cached_property
    def _random(self) -> random.Random:
        return random.Random(self.seed)

    @cached_property
    def words(self) -> list[str]:
        """The vocabulary, most used first."""
        made = dict.fromkeys(_COMMON.split())
        source, syllables = random.Random(self.seed), _SYLLABLES.split()
        while len(made) < _VOCABULARY:
            made["".join(source.choices(syllables, k=source.randint(2, 4)))] = None
        return list(made)

    @cached_property
    def _weights(self) -> list[float]:
        return list(accumulate(1 / (rank + 2.7) ** 1.1 for rank in range(_VOCABULARY)))

    @cached_property
    def _tags(self) -> list[str]:
        return [word for word in self.words[200:] if len(word) > 3][:300]

    @cached_property
    def _folders(self) -> list[str]:
        tops = [word for word in self.words[300:] if len(word) > 4][:40]
        return [*tops, *(f"{top}/{below}" for top in tops[:20] for below in self._tags[40:45])]

    def prompts(self, count: int) -> Iterator["Entry"]:
        """Draw prompts."""
        for number in range(count):
            yield self._prompt(number)

    def _prompt(self, number: int) -> "Entry":
        title = self._title()
        source = self._random
        length = min(10_000, max(60, source.lognormvariate(math.log(800), 0.9)))
        tags = (self._skewed(self._tags) for _ in range(source.choice((0, 1, 2, 2, 3))))
        return Entry(
            id=UUID(int=(number << 80) | (7 << 76) | (2 << 62) | source.getrandbits(62)),
            name=self._name(title),
            title=title,
            description=self._sentence(source.randint(6, 18)) if source.random() < 0.7 else None,
            folder=self._skewed(self._folders) if source.random() < 0.8 else "",
            tags=tuple(dict.fromkeys(tags)),
            texts=tuple(self._text(length) for _ in range(3 if source.random() < 0.1 else 1)),
            model_type=self._skewed(_MODELS) if source.random() < 0.5 else None,
            labels=tuple(label for label in _LABELS if source.random() < 0.1),
            created_at=_EPOCH + timedelta(seconds=number),
        )

    def _skewed(self, choices: Sequence[str]) -> str:
        return choices[int(len(choices) * self._random.random() ** 3)]

    def _title(self) -> str:
        if self._random.random() < 0.03:
            return self._unspaced(self._random.randint(3, 8))
        return " ".join(self._draw(self._random.randint(2, 5))).capitalize()

    def _name(self, title: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:50] or "prompt"
        name, number = base, 1
        while name in self._taken:
            number += 1
            name = f"{base}-{self._random.randint(1, 10 ** min(number, 9))}"
        self._taken.add(name)
        return name

    def _text(self, length: float) -> str:
        source, parts, size = self._random, [], 0
        foreign = source.random() < 0.04
        while size < length:
            words = source.randint(4, 20)
            part = self._unspaced(words * 2) + "。" if foreign else self._sentence(words)
            parts.append(part + ("\n\n" if source.random() < 0.15 else " "))
            size += len(part) + 1
        return "".join(parts).strip() + " {{input}}"

    def _sentence(self, words: int) -> str:
        return " ".join(self._draw(words)).capitalize() + "."

    def _draw(self, count: int) -> list[str]:
        return self._random.choices(self.words, cum_weights=self._weights, k=count)

    @cached_property
    def unspaced_words(self) -> list[str]:
        """Words of one to three Chinese or Japanese characters, most used first."""
        source = random.Random(self.seed)
        scripts = [[chr(first + number) for number in range(1_500)] for first in (0x4E00, 0x5E00)]
        scripts.append([chr(0x3042 + number) for number in range(80)])
        known = ["翻译", "代码", "审查", "故事", "学习", "写作", "摘要", "分析"]
        made = ("".join(source.choices(source.choice(scripts), k=source.randint(1, 3)))
                for _ in range(4_000))  # fmt: skip
        return [*known, *made]

    def _unspaced(self, length: int) -> str:
        return "".join(self._skewed(self.unspaced_words) for _ in range(length // 2 + 1))


@dataclass(frozen=True, slots=True)
class Entry:
    """A prompt of the corpus with the text of each of its versions."""

    id: UUID
    name: str
    title: str
    description: str | None
    folder: str
    tags: tuple[str, ...]
    texts: tuple[str, ...]
    model_type: str | None
    labels: tuple[str, ...]
    created_at: datetime

    def prompt(self) -> tuple[object, ...]:
        about = (self.id, self.name, self.title, self.description, self.folder, list(self.tags))
        return (*about, len(self.texts), self.created_at, self.created_at)

    def versions(self) -> Iterator[tuple[object, ...]]:
        for number, text in enumerate(self.texts, 1):
            messages = (Message("user", TextContent(text)),)
            draft = Draft(messages, (Argument("input"),), model_type=self.model_type)
            written = draft_to_json(draft)
            branch = (self.id, number, "main", number - 1 or None)
            texts = (json.dumps(written["messages"]), json.dumps(written["arguments"]))
            content = (*texts, draft.template_format, self.model_type)
            yield (*branch, *content, list(self.tags), "corpus", content_hash(draft))


async def load_corpus(target: str | asyncpg.Connection, count: int, *, seed: int = SEED) -> None:
    """Fill an empty library with `count` prompts, then vacuum and analyze it.

    A URL's database is migrated first; a connection's has to be. Triggers do their work. Only the
    GIN indexes are dropped while rows come in and made anew at the end, so the user has to own
    the tables, and nobody else should be using them.
    """
    if isinstance(target, str):
        connector = UrlConnector(target)
        await migrate(connector)
        connection = await connector.connect()
        try:
            await _load(connection, count, seed)
        finally:
            await connection.close()
    else:
        await _load(target, count, seed)


async def _load(connection: asyncpg.Connection, count: int, seed: int) -> None:
    slow = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes "
        "WHERE schemaname = current_schema() AND indexdef LIKE '% USING gin %'"
    )
    for index in slow:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    batch: list[Entry] = []
    for entry in Corpus(seed).prompts(count):
        batch.append(entry)
        if len(batch) == _BATCH:
            await _copy(connection, batch)
            batch = []
    await _copy(connection, batch)
    await connection.execute("SET maintenance_work_mem = '256MB'")
    for index in slow:
        await connection.execute(index["indexdef"])
    await connection.execute("VACUUM (ANALYZE)")


async def _copy(connection: asyncpg.Connection, batch: Sequence[Entry]) -> None:
    tables = {
        "prompts": (
            "id name title description folder tags last_version created_at updated_at",
            [entry.prompt() for entry in batch],
        ),
        "prompt_versions": (
            "prompt_id version branch parent messages arguments template_format model_type tags "
            "created_by content_hash",
            [version for entry in batch for version in entry.versions()],
        ),
        "prompt_branches": (
            "prompt_id branch head created_by",
            [(entry.id, "main", len(entry.texts), "corpus") for entry in batch],
        ),
        "prompt_labels": (
            "prompt_id label version moved_by",
            [(entry.id, label, 1, "corpus") for entry in batch for label in entry.labels],
        ),
    }
    async with connection.transaction():
        for table, (columns, records) in tables.items():
            await connection.copy_records_to_table(table, records=records, columns=columns.split())


async def _main(url: str, count: int) -> None:
    begun = time.perf_counter()
    await load_corpus(url, count)
    print(f"{count} prompts in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100_000))
