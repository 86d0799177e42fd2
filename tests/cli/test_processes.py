"""The command line as a process of its own: pipes, terminals, a whole conversation."""

import json
import os
import pty
import sys
from pathlib import Path

import pytest

from tests.support.processes import PIPE, SECONDS, run, started

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "mcp_server"]

pytestmark = pytest.mark.slow


@pytest.fixture
def environ(database_url):
    kept = {name: value for name, value in os.environ.items() if "PROMPTSTACK" not in name}
    return kept | {"DATABASE_URL": database_url, "PROMPTSTACK_USER": "tester"}


def _run(environ, *arguments, **options):
    return run([*PROGRAM, *arguments], cwd=ROOT, env=environ, text=True, **options)


def _fill(environ, tmp_path, count):
    rows = "".join(f"Prompt number {number},Text {number}\n" for number in range(count))
    (tmp_path / "many.csv").write_text(f"act,prompt\n{rows}")
    assert _run(environ, "import", str(tmp_path / "many.csv")).returncode == 0


def test_a_reader_that_has_seen_enough_ends_a_command_quietly(environ, tmp_path):
    text = "line\n" * 200_000
    _run(environ, "create", "long", "--file", "-", given=text, check=True)
    command = [*PROGRAM, "get", "long"]
    with started(command, cwd=ROOT, env=environ, stdout=PIPE, stderr=PIPE) as reading:
        assert reading.stdout.read(5) == b"line\n"
        reading.stdout.close()
        assert reading.stderr.read() == b""
        assert reading.wait(SECONDS) == 0


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("version >/dev/full", 2, "Standard output can't be written: No space left on device"),
        ("--help >/dev/full", 6, "no space left"),
        ("version >&-", 2, "Standard output is closed"),
        ("<&-", 2, "no client to serve"),
        ("</dev/null >&-", 2, "no client to serve"),
        ("create x --file - <&-", 2, "Standard input is closed"),
    ],
)
def test_streams_that_are_full_or_closed_are_one_sentence(environ, command, code, said):
    line = f"exec '{sys.executable}' -m mcp_server {command}"
    done = run(["sh", "-c", line], cwd=ROOT, env=environ, text=True)
    assert done.returncode == code
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_a_closed_standard_error_sends_nothing_to_the_output(environ):
    line = f"exec '{sys.executable}' -m mcp_server get nothing 2>&-"
    done = run(["sh", "-c", line], cwd=ROOT, env=environ)
    assert (done.returncode, done.stdout) == (4, b"")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PROMPTSTACK_USER", "a\nb", "but it has a control character"),
        ("PROMPTSTACK_USER", b"a\xff", "can't be stored"),
        ("PROMPTSTACK_USER", "a" * 5_000, "but it has 5,000 characters; at most 200"),
        ("PROMPTSTACK_DATA_DIR", "~nouser/x", "nobody knows the home of '~nouser'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_short_sentence(environ, variable, value, said):
    done = _run({**environ, variable: value}, "version")
    assert done.returncode == 2
    assert done.stderr.startswith(f"promptstack: {variable} is '")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert len(done.stderr) < 250


def test_texts_are_utf8_whatever_the_locale(environ):
    posix = environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    _run(environ, "create", "greeting", "--template", "你好 ☃", check=True)
    got = run([*PROGRAM, "get", "greeting"], cwd=ROOT, env=posix)
    assert got.stdout == "你好 ☃".encode()


def test_a_failure_shows_no_traceback(environ):
    failed = _run(environ, "get", "nothing")
    assert failed.returncode == 4
    assert failed.stderr.startswith("promptstack: There is no prompt named 'nothing'.")
    assert failed.stderr.count("\n") == 1


def test_on_a_terminal_the_server_explains_itself_and_ends(environ):
    master, terminal = pty.openpty()
    try:
        done = run(PROGRAM, cwd=ROOT, env=environ, stdin=terminal, text=True)
    finally:
        os.close(master)
        os.close(terminal)
    assert (done.returncode, done.stderr) == (0, "")
    assert "an assistant starts it" in done.stdout
    assert "claude mcp add" in done.stdout
    assert '"mcpServers"' in done.stdout


def test_the_doctor_speaks_both_eras_and_prints_a_configuration_that_works(environ, tmp_path):
    _fill(environ, tmp_path, 3)
    done = _run(environ, "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    checks = [line for line in done.stdout.splitlines() if line.startswith("✓")]
    assert len(checks) == 5
    assert "PostgreSQL" in checks[0]
    assert checks[2].endswith("3 prompts")
    assert "speaks 2026-07-28" in checks[3]
    assert "speaks 2025-11-25" in checks[4]
    assert all("3 prompts, " in check for check in checks[3:])
    configuration = done.stdout[done.stdout.index('{\n  "mcpServers"') :].split("\n\n")[0]
    entry = json.loads(configuration)["mcpServers"]["promptstack"]
    assert Path(entry["command"]).is_absolute()
    assert entry["env"]["PROMPTSTACK_USER"] == "tester"
    assert environ["DATABASE_URL"] not in done.stdout


def test_the_doctor_starts_the_server_with_the_options_that_it_was_given(environ, tmp_path):
    _fill(environ, tmp_path, 3)
    done = _run(environ, "--read-only", "--folder", "empty", "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    checks = [line for line in done.stdout.splitlines() if line.startswith("✓ MCP")]
    assert all(": 0 prompts, " in check for check in checks)
    assert '"--read-only"' in done.stdout


def test_the_doctor_tells_how_to_fill_an_empty_library(environ):
    assert "promptstack import PATH" in _run(environ, "doctor").stdout


def test_the_doctor_stops_at_what_is_wrong_with_its_exit_code(environ):
    away = environ | {"DATABASE_URL": "postgresql://u:hush@localhost:1/x"}
    done = _run(away, "doctor")
    assert done.returncode == 6
    assert done.stdout.startswith("✗ Database")
    assert "✓" not in done.stdout
    assert "hush" not in done.stdout + done.stderr
