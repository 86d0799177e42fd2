import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from mcp_server import version
from storage.embedded.lifecycle import stop
from storage.schema import needed_revision
from tests.cli.conftest import invoke
from tests.support.embedded import root_in
from tests.support.postgres import memory_or_disk


@pytest.fixture
def embedded(monkeypatch):
    """Run commands on an embedded PostgreSQL of the test's own."""
    parent = memory_or_disk(2**31, runs_programs=True)
    folder = Path(tempfile.mkdtemp(prefix="ps-cli-", dir=parent))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("PROMPTSTACK_DATA_DIR", str(folder))
    yield folder
    stop(root_in(folder))
    shutil.rmtree(folder)


def test_the_schema_is_migrated_once(environment, empty_database_url, attempt):
    environment.setenv("DATABASE_URL", empty_database_url)
    revision = needed_revision()
    assert attempt("migrate").out == f"The schema is migrated to revision {revision}.\n"
    assert attempt("migrate").out == f"The schema is up to date at revision {revision}.\n"


def test_the_version_is_printed(run):
    assert run("version").out == f"promptstack {version()}\n"


@pytest.mark.parametrize(
    "arguments", [("status",), ("stop",), ("dump",), ("restore", "x"), ("shell",)]
)
def test_another_database_isnt_looked_after(attempt, arguments):
    failed = attempt("db", *arguments)
    assert (failed.code, failed.out) == (2, "")
    assert "DATABASE_URL names another one" in failed.err


@pytest.mark.slow
def test_the_embedded_database_is_started_dumped_restored_and_stopped(embedded, capfd):
    assert json.loads(invoke("db", "status", "--json").out)["running"] is False
    assert invoke("db", "stop").out == "It wasn't running.\n"
    invoke("create", "kept", "--template", "x")
    status = json.loads(invoke("db", "status", "--json").out)
    assert (status["running"], status["data"].startswith(str(embedded))) == (True, True)
    assert "running: True\n" in invoke("db", "status").out
    dumped = invoke("db", "dump", embedded / "all.dump")
    assert dumped.out == f"Dumped to {embedded / 'all.dump'}\n"
    invoke("create", "lost", "--template", "x")
    unsure = invoke("db", "restore", embedded / "all.dump")
    assert (unsure.code, unsure.out) == (2, "")
    assert "nothing was done. Add --yes." in unsure.err
    assert invoke("list").out.count("\n") == 2
    restored = invoke("db", "restore", embedded / "all.dump", "--yes")
    before = Path(restored.out.strip().partition("what was there before is in ")[2])
    assert invoke("list").out.startswith("kept\t1")
    assert invoke("list").out.count("\n") == 1
    assert invoke("db", "shell", "--", "-Atc", "SELECT name FROM prompts").code == 0
    assert capfd.readouterr().out == "kept\n"
    assert invoke("db", "restore", before, "--yes").code == 0
    assert invoke("list").out.count("\n") == 2
    refused = invoke("db", "restore", embedded / "postgres" / "password", "--yes")
    assert refused.code == 2
    assert "isn't an archive" in refused.err
    assert invoke("db", "stop").out == "Stopped.\n"
