import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from storage.connectors import UrlConnector
from storage.database import Database
from storage.notifications import EVERYTHING_CHANGED, Listener
from storage.values.entities import Change, Metadata, Place
from storage.values.errors import Unavailable
from tests.support.library import add_prompt, move_label
from tests.support.network import Network
from tests.support.processes import SECONDS


class Heard:
    """Collects changes and lets a test wait for one."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._more = asyncio.Event()

    def __call__(self, change: Change) -> None:
        self.changes.append(change)
        self._more.set()

    async def until(self, wanted) -> None:
        async with asyncio.timeout(SECONDS):
            while not any(wanted(change) for change in self.changes):
                self._more.clear()
                await self._more.wait()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def listener(connector, database, heard):
    listening = Listener(connector, heard, database.notify)
    await listening.start()
    running = asyncio.create_task(listening.run())
    yield listening
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _cut(connector) -> None:
    """End every other connection to this database, as a restart would."""
    connection = await connector.connect()
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


async def test_a_commit_is_heard_with_the_prompts_name(database, listener, heard):
    prompt_id = await add_prompt(database, "fresh")
    there = (Place("", ()),)
    await heard.until(lambda change: change == Change("prompt", "fresh", prompt_id, places=there))


async def test_a_commit_tells_where_a_prompt_lay_and_lies(database, listener, heard):
    metadata = Metadata("moving", folder="a", tags=("x",))
    moved = replace(metadata, name="moved", folder="b", tags=("x", "y"))
    prompt_id = await add_prompt(database, "moving", folder="a", tags=("x",))
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "staging", 1)
        await tx.branches.insert(prompt_id, "terse", 1, created_by="me")
    async with database.transaction() as tx:
        await tx.prompts.update(prompt_id, moved)
    await heard.until(lambda change: change.name == "moved")
    here, there = Place("a", ("x",)), Place("b", ("x", "y"))
    told = {(each.kind, each.name, each.label): each.places for each in heard.changes}
    assert told["label", "moving", "staging"] == (here,)
    assert told["prompt", "moving", None] == (here, there)
    assert told["version", "moved", None] == (here, there)


async def test_places_that_a_notification_has_no_room_for_are_told_to_nobody(
    database, listener, heard
):
    tags = tuple(f"{number:02}" + "\U0001f600" * 62 for number in range(64))
    prompt_id = await add_prompt(database, "much", tags=tags)
    await heard.until(lambda change: change == Change("prompt", "much", prompt_id))


async def test_a_rollback_is_never_heard(database, listener, heard):
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            from storage.ids import new_id
            from storage.values.entities import Metadata

            await tx.prompts.insert(new_id(), Metadata("ghost"))
            raise RuntimeError
    await add_prompt(database, "real")
    await heard.until(lambda change: change.name == "real")
    assert {change.name for change in heard.changes} == {"real"}


async def test_a_label_is_named_when_it_moves(database, listener, heard):
    prompt_id = await add_prompt(database, "moved")
    async with database.transaction() as tx:
        await move_label(tx.labels, prompt_id, "staging", 1)
    await heard.until(lambda change: (change.kind, change.label) == ("label", "staging"))


async def test_a_cut_connection_comes_back_and_says_that_anything_may_have_changed(
    connector, database, listener, heard
):
    await _cut(connector)
    await heard.until(lambda change: change.kind == "everything")
    async with asyncio.timeout(SECONDS):
        while not listener.listening:
            await asyncio.sleep(0.01)
    await add_prompt(database, "after-the-gap")
    await heard.until(lambda change: change.name == "after-the-gap")


async def test_a_payload_that_cant_be_read_means_anything_may_have_changed(
    connector, listener, heard, caplog
):
    connection = await connector.connect()
    await connection.execute("NOTIFY promptstack, 'nonsense'")
    await connection.close()
    await heard.until(lambda change: change == Change("everything"))


async def test_rows_that_came_without_their_triggers_are_told_of(connector, listener, heard):
    connection = await connector.connect()
    await connection.execute(EVERYTHING_CHANGED)
    await connection.close()
    await heard.until(lambda change: change == Change("everything"))


async def _until(condition) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch):
    for name, seconds in {"EVERY": 0.2, "EVERY_ON_A_SOCKET": 0.2, "PATIENCE": 0.5}.items():
        monkeypatch.setattr(f"storage.notifications._{name}", seconds)


@asynccontextmanager
async def _listening(connector, database, heard) -> AsyncIterator[Listener]:
    listener = Listener(connector, heard, database.notify)
    await listener.start()
    running = asyncio.create_task(listener.run())
    yield listener
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_listener_is_believed_at_once_and_its_own_proof_is_no_change(
    impatient, connector, database, heard
):
    async with (
        _listening(connector, database, heard) as listener,
        _listening(connector, database, heard) as other,
    ):
        assert listener.listening
        assert other.listening
        for _ in range(4):
            believed_until = listener._believed_until
            await _until(lambda: listener._believed_until > believed_until)  # noqa: B023
        assert heard.changes == []


async def test_a_connection_that_fell_silent_is_noticed_and_replaced(
    impatient, database_url, database, heard
):
    async with Network(database_url) as network:
        behind_a_network = UrlConnector(network.url)
        async with _listening(behind_a_network, database, heard) as listener:
            assert listener.listening
            network.fall_silent()
            await add_prompt(database, "unheard")
            await _until(lambda: not listener.listening)
            await heard.until(lambda change: change == Change("everything"))
            heard.changes.clear()
            network.cut()
            network.speak_again()
            await _until(lambda: listener.listening)
            assert heard.changes == [Change("everything")]
            await add_prompt(database, "heard")
            await heard.until(lambda change: change.name == "heard")


async def test_silence_is_noticed_within_five_seconds(database_url, database, heard):
    async with (
        Network(database_url) as network,
        _listening(UrlConnector(network.url), database, heard) as listener,
    ):
        network.fall_silent()
        began = time.monotonic()
        await _until(lambda: not listener.listening)
        assert time.monotonic() - began < 5


async def test_a_connection_that_hears_nothing_of_what_is_sent_is_never_believed(
    impatient, database, empty_database_url, heard, caplog
):
    elsewhere = UrlConnector(empty_database_url)
    async with _listening(elsewhere, database, heard) as listener:
        assert not listener.listening
        await _until(lambda: "DATABASE_LISTEN_URL" in caplog.text)
        assert not listener.listening
        assert caplog.text.count("DATABASE_LISTEN_URL") == 1


async def test_while_every_connection_is_busy_the_listener_is_still_believed(
    impatient, connector, heard
):
    narrow = Database(connector, pool_size=1)
    async with _listening(connector, narrow, heard) as listener:
        assert listener.listening
        async with narrow.reading():
            believed_until = listener._believed_until
            await _until(lambda: time.monotonic() > believed_until)
            assert listener.listening
    await narrow.close()


async def test_a_listener_that_cant_prove_itself_is_not_believed(impatient, connector, heard):
    async def tell(channel: str, payload: str) -> bool:
        raise Unavailable("The database went away.")

    listener = Listener(connector, heard, tell)
    await listener.start()
    assert not listener.listening
    listener._drop()


async def test_starting_without_a_database_says_so():
    nowhere = UrlConnector("postgresql://nobody@127.0.0.1:1/none")
    listener = Listener(nowhere, Heard(), Database(nowhere).notify)
    with pytest.raises(Unavailable, match="check DATABASE_URL"):
        await listener.start()
    assert not listener.listening
