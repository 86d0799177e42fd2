"""`config` shows what is in effect, and no secret."""

KEY = "k" * 32


def test_settings_are_a_table_with_secrets_masked(run, environment):
    environment.setenv("PROMPTSTACK_STATE_KEY", KEY)
    environment.setenv("PROMPTSTACK_ALLOWED_HOSTS", "a.example,b.example")
    environment.setenv("PROMPTSTACK_STATELESS", "yes")
    done = run("config")
    shown = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert shown["PROMPTSTACK_STATE_KEY"] == shown["DATABASE_URL"] == "********"
    assert shown["PROMPTSTACK_ALLOWED_HOSTS"] == "a.example,b.example"
    assert shown["PROMPTSTACK_STATELESS"] == "true"
    assert shown["PROMPTSTACK_ALLOWED_ORIGINS"] == "-"
    assert shown["PROMPTSTACK_USER"] == "tester"
    assert KEY not in done.out


def test_settings_are_json_with_their_types(run, environment):
    environment.setenv("PROMPTSTACK_PORT", "8123")
    shown = run("config", "--json").json
    assert (shown["PROMPTSTACK_PORT"], shown["PROMPTSTACK_STATELESS"]) == (8123, False)
    assert shown["PROMPTSTACK_ALLOWED_HOSTS"] == []
    assert shown["DATABASE_URL"] == "********"
    assert shown["PROMPTSTACK_STATE_KEY"] is None
