"""Dumps that can be restored, and those that can't."""

import os
import stat
from pathlib import Path

import pytest

from storage.embedded.dumps import dump, restore, shell_command
from storage.embedded.errors import EmbeddedError, UnusableFile
from storage.embedded.lifecycle import ensure
from storage.embedded.paths import Root
from tests.storage.embedded.client_process import fetch
from tests.support.processes import run

pytestmark = pytest.mark.slow


def test_what_was_dumped_is_restored(root: Root, folder: Path) -> None:
    connection = ensure(root)
    fetch(connection, "CREATE EXTENSION pg_trgm")
    fetch(connection, "CREATE TABLE kept AS SELECT 'Bücher'::text AS title")
    fetch(connection, "CREATE INDEX ON kept USING gin (title gin_trgm_ops)")

    archive = dump(root, folder / "a dump.dump")
    fetch(connection, "UPDATE kept SET title = 'lost'")
    fetch(connection, "ALTER TABLE kept ADD COLUMN later int")
    restore(root, archive)

    assert fetch(connection, "SELECT row_to_json(kept)::text FROM kept") == '{"title":"Bücher"}'


def test_a_dump_without_a_name_goes_to_the_backups_and_only_its_owner_reads_it(root: Root) -> None:
    archive = dump(root)

    assert archive.parent == root.backups
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert list(root.backups.iterdir()) == [archive]


def test_backups_made_at_once_do_not_replace_each_other(root: Root) -> None:
    connection = ensure(root)
    fetch(connection, "CREATE TABLE kept AS SELECT 1 AS number")
    archive = dump(root)
    fetch(connection, "UPDATE kept SET number = 2")

    before = restore(root, archive)
    restore(root, before, then="CREATE TABLE told ()")

    assert fetch(connection, "SELECT to_regclass('told')::text") == "told"
    assert fetch(connection, "SELECT number FROM kept") == 2
    assert len(list(root.backups.iterdir())) == 3


def test_a_dump_that_cannot_be_written_leaves_nothing(root: Root, folder: Path) -> None:
    with pytest.raises(UnusableFile, match="No such file or directory"):
        dump(root, folder / "missing" / "dump")

    (folder / "taken").mkdir()
    with pytest.raises(UnusableFile, match="Is a directory"):
        dump(root, folder / "taken")
    assert {path.name for path in folder.iterdir()} == {"postgres", "taken"}


@pytest.mark.parametrize("content", [b"", b"SELECT 1;", b"PGDM"])
def test_a_file_that_is_no_archive_is_refused(content: bytes, root: Root, folder: Path) -> None:
    file = folder / "file"
    file.write_bytes(content)

    with pytest.raises(UnusableFile, match=f"'{file}' isn't an archive"):
        restore(root, file)


def test_a_missing_file_is_refused(root: Root, folder: Path) -> None:
    with pytest.raises(UnusableFile, match="can't be read"):
        restore(root, folder / "missing")


def test_a_restore_that_fails_changes_nothing(root: Root, folder: Path) -> None:
    connection = ensure(root)
    fetch(connection, "CREATE TABLE kept AS SELECT generate_series(1, 100000) AS number")
    archive = dump(root, folder / "dump")
    os.truncate(archive, archive.stat().st_size * 2 // 3)

    with pytest.raises(EmbeddedError, match="pg_restore"):
        restore(root, archive)

    assert fetch(connection, "SELECT count(*) FROM kept") == 100_000


def test_the_shell_connects_without_showing_the_password(root: Root) -> None:
    command, variables = shell_command(root)

    asked = [*command, "-At", "-c", "SELECT current_user"]
    done = run(asked, env=variables, check=True, text=True)

    assert done.stdout == "promptstack\n"
    assert root.password.read_text() not in "".join([*command, *variables.values()])
    assert stat.S_IMODE(root.passfile.stat().st_mode) == 0o600
