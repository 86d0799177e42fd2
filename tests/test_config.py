"""Settings from the environment: what is meant, and a sentence for each that can't be used."""

import getpass
import os
from pathlib import Path

import pytest

from mcp_server import config
from mcp_server.config import SETTINGS, Settings, read_origins, read_settings
from storage.values.errors import Invalid

KEY = "k" * 32


def test_nothing_and_nothing_but_blanks_are_the_defaults():
    blank = {known.variable: "  " for known in SETTINGS}
    assert read_settings({}) == read_settings(blank) == Settings()


@pytest.mark.parametrize(
    ("variable", "written", "field", "meant"),
    [
        ("PROMPTSTACK_PORT", "0", "port", 0),
        ("PROMPTSTACK_PORT", " 65535 ", "port", 65_535),
        ("PROMPTSTACK_STATELESS", "Yes", "stateless", True),
        ("PROMPTSTACK_REMEMBER_VALUES", "off", "remember_values", False),
        ("PROMPTSTACK_ALLOWED_HOSTS", "a.b, c.d,,", "allowed_hosts", ("a.b", "c.d")),
        ("PROMPTSTACK_ALLOWED_ORIGINS", "https://a.b/, *", "allowed_origins", ("https://a.b", "*")),
        ("PROMPTSTACK_STATE_KEY", f"{KEY},{KEY}2", "state_keys", (KEY, f"{KEY}2")),
        ("PROMPTSTACK_DATA_DIR", "~/x", "data_dir", Path.home() / "x"),
        ("PROMPTSTACK_IDLE_SECONDS", "0.1", "idle_seconds", 0.1),
        ("PROMPTSTACK_LOG_FORMAT", "JSON", "log_format", "json"),
        ("PROMPTSTACK_USER", "ada", "user", "ada"),
    ],
)  # fmt: skip
def test_a_text_becomes_what_it_means(variable, written, field, meant):
    assert getattr(read_settings({variable: written}), field) == meant


@pytest.mark.parametrize(
    ("variable", "written", "said"),
    [
        ("PROMPTSTACK_PORT", "65536", "is '65536', but it has to be a whole number from 0 to"),
        ("PROMPTSTACK_PORT", "-1", "is '-1', but it has to be a whole number from 0 to 65535."),
        ("PROMPTSTACK_PORT", "٣", "is '٣', but it has to be a whole number from 0 to 65535."),
        ("PROMPTSTACK_WORKERS", "0", "is '0', but it has to be a whole number from 1 to 64."),
        ("PROMPTSTACK_STATELESS", "maybe", "is 'maybe', but it has to be true or false."),
        ("PROMPTSTACK_ALLOWED_ORIGINS", "a.example", "'a.example' is no origin: write it"),
        ("PROMPTSTACK_ALLOWED_ORIGINS", "https://a/b", "'https://a/b' is no origin: write"),
        ("PROMPTSTACK_STATE_KEY", "short", "holds a key of less than 32 characters."),
        ("PROMPTSTACK_IDLE_SECONDS", "0.09", "a number of seconds between 0.1 and 86400."),
        ("PROMPTSTACK_IDLE_SECONDS", "soon", "a number of seconds between 0.1 and 86400."),
        ("PROMPTSTACK_LOG_LEVEL", "loud", "it has to be one of debug, info, warning, error."),
    ],
)  # fmt: skip
def test_what_cant_be_used_is_a_sentence_that_quotes_it(variable, written, said):
    with pytest.raises(Invalid) as refused:
        read_settings({variable: written})
    assert refused.value.message.startswith(variable)
    assert said in refused.value.message
    assert set(refused.value.fields) == {variable}


def test_every_variable_at_fault_is_named():
    with pytest.raises(Invalid) as refused:
        read_settings({"PROMPTSTACK_PORT": "x", "PROMPTSTACK_STATELESS": "y"})
    assert set(refused.value.fields) == {"PROMPTSTACK_PORT", "PROMPTSTACK_STATELESS"}


def test_no_secret_is_quoted():
    with pytest.raises(Invalid) as refused:
        read_settings({"PROMPTSTACK_STATE_KEY": "hush"})
    assert "hush" not in refused.value.message


def test_a_secret_may_lie_in_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    assert read_settings({"PROMPTSTACK_STATE_KEY_FILE": str(file)}).state_keys == (KEY,)
    with pytest.raises(Invalid, match="is set, and so is PROMPTSTACK_STATE_KEY_FILE: unset one"):
        read_settings({"PROMPTSTACK_STATE_KEY": KEY, "PROMPTSTACK_STATE_KEY_FILE": str(file)})
    with pytest.raises(Invalid, match=r"PROMPTSTACK_STATE_KEY can't be read from '.*none'"):
        read_settings({"PROMPTSTACK_STATE_KEY_FILE": str(tmp_path / "none")})
    # What is no secret isn't read from files.
    assert read_settings({"PROMPTSTACK_PORT_FILE": str(file)}).port == Settings().port


def test_origins_of_options_are_read_alike():
    assert read_origins(["https://a.example/"]) == ("https://a.example",)
    with pytest.raises(Invalid, match="'nowhere' is no origin") as refused:
        read_origins(["nowhere"])
    assert refused.value.fields == {"allowed_origin": "is no origin"}


def test_who_writes_is_the_user_that_is_set_or_the_systems_or_a_number(monkeypatch):
    assert Settings(user="ada").actor == "ada"
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    assert Settings().actor == "grace"

    def fail() -> str:
        raise KeyError("uid")

    monkeypatch.setattr(config.getpass, "getuser", fail)
    assert Settings().actor == f"uid-{os.getuid()}"
