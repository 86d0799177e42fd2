"""What is said when the embedded PostgreSQL can't be used, to whom, and when it's tried again."""

from types import SimpleNamespace

import pytest

from storage.connectors import EmbeddedConnector, UrlConnector
from storage.embedded import failures
from storage.embedded.errors import EmbeddedError
from storage.embedded.lifecycle import ensure
from storage.embedded.paths import Root
from storage.values.errors import Unavailable
from tests.storage.embedded.client_process import fetch

pytestmark = pytest.mark.slow


def test_a_server_that_does_not_start_is_tried_again_after_ever_longer_pauses(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(failures, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    settings = root.data(18) / "postgresql.auto.conf"
    settings.write_text("nonsense = 1\n")
    starts = []
    for at in (0.0, 0.9, 1.0, 2.9, 3.0, 6.9):
        clock[0] = at
        with pytest.raises(EmbeddedError, match='parameter "nonsense"'):
            ensure(root)
        starts.append(root.supervisor_log.read_text().count("started the server"))
    settings.write_text("")
    with pytest.raises(EmbeddedError, match='parameter "nonsense"'):
        ensure(root)

    assert [each - starts[0] for each in starts] == [0, 0, 1, 1, 2, 2]
    clock[0] = 7.0
    assert fetch(ensure(root), "SELECT 1") == 1


async def test_a_failed_start_tells_clients_no_folder_and_no_log(root: Root) -> None:
    (root.data(18) / "postgresql.auto.conf").write_text("nonsense = 1\n")

    with pytest.raises(Unavailable) as refused:
        await EmbeddedConnector(root).connect()

    assert "nonsense" not in refused.value.message
    assert str(root.path) not in refused.value.message
    assert "promptstack db status" in refused.value.message
    assert 'unrecognized configuration parameter "nonsense"' in refused.value.local
    assert str(root.path) in refused.value.local


async def test_a_data_folder_that_is_away_is_told_without_its_name(root: Root) -> None:
    ensure(root)
    away = root.path.with_name("away")
    root.path.rename(away)

    with pytest.raises(Unavailable) as refused:
        await EmbeddedConnector(root).connect()

    assert "isn't in its place" in refused.value.message
    assert str(root.path) not in refused.value.message
    assert str(root.path) in refused.value.local
    away.rename(root.path)


async def test_a_password_that_is_not_the_databases_is_said_with_what_heals_it(root: Root) -> None:
    ensure(root)
    root.password.write_text("garbage\n")

    with pytest.raises(Unavailable) as refused:
        await EmbeddedConnector(root).connect()

    assert "garbage" not in refused.value.local
    assert f"'{root.password}'" in refused.value.local
    assert "Delete that file" in refused.value.local
    assert str(root.path) not in refused.value.message
    root.password.unlink()
    connection = await EmbeddedConnector(root).connect()
    await connection.close()


async def test_a_database_that_is_not_there_is_named_to_people_of_this_machine_only() -> None:
    with pytest.raises(Unavailable) as refused:
        await UrlConnector("postgresql://user@/library?host=/nowhere/at/all").connect()

    assert "/nowhere" in refused.value.local
    assert "/nowhere" not in refused.value.message
    assert "library" not in refused.value.message
    assert "whoever runs this server" in refused.value.message
