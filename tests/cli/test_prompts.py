import json

import pytest

TEXT = "Review this {{language}} code:\r\n\n{{code}}  \n\n"


def _create(run, name="review", template="Review {{code}}", *options):
    return run("create", name, "--template", template, *options)


def test_a_text_comes_out_byte_for_byte_as_it_went_in(run, tmp_path):
    file = tmp_path / "review.txt"
    file.write_bytes(TEXT.encode())
    run("create", "review", "--file", file)
    assert run("get", "review").raw == TEXT.encode()


def test_a_text_is_read_from_standard_input(run):
    run(
        "create", "grüße".replace("ü", "u").replace("ß", "ss"), "--file", "-", input="Grüße, 你好\n"
    )
    assert run("get", "grusse").raw == "Grüße, 你好\n".encode()


def test_creating_says_the_version_and_keeps_every_field(run):
    created = run(
        "create", "review", "--template", "Review {{code}}", "--title", "Review", "--description",
        "Reviews code", "--tag", "a", "--tag", "b", "--folder", "team/x", "--model-type", "gpt-4",
        "--message", "first", "--json",
    )  # fmt: skip
    read = run("get", "review", "--json").json
    assert created.json == {**read, "new_version": True, "changed": True, "warnings": []}
    assert (read["title"], read["description"], read["tags"], read["folder"]) == (
        "Review", "Reviews code", ["a", "b"], "team/x",
    )  # fmt: skip
    assert (read["model_type"], read["commit_message"], read["created_by"]) == (
        "gpt-4", "first", "tester",
    )  # fmt: skip
    assert [argument["name"] for argument in read["arguments"]] == ["code"]


def test_a_verbatim_text_keeps_its_braces(run):
    _create(run, "page", "{{ not_a_blank }}", "--format", "text")
    assert run("get", "page", "--render").out == "{{ not_a_blank }}"


def test_creating_without_a_text_says_how_to_give_one(attempt):
    failed = attempt("create", "review")
    assert (failed.code, failed.out) == (2, "")
    assert (
        "--file FILE, --file - for standard input, --template TEXT, --from-json FILE or --copy-of"
        in failed.err
    )


def test_a_file_and_a_text_exclude_each_other(attempt):
    assert attempt("create", "review", "--file", "-", "--template", "x", input="y").code == 2


def test_a_long_name_is_warned_about_on_standard_error(run):
    created = _create(run, "a" * 50)
    assert "50 characters" in created.err
    assert "wrote version 1" in created.out


def test_updating_writes_a_version_only_for_a_new_text(run):
    _create(run)
    assert run("update", "review", "--template", "New").out == "review: wrote version 2\n"
    assert "stays at version 2" in run("update", "review", "--title", "Title").out
    assert "nothing changed" in run("update", "review", "--template", "New").out


def test_an_empty_tag_takes_all_tags_away(run):
    _create(run, "review", "x", "--tag", "a", "--tag", "b")
    assert run("update", "review", "--tag", "", "--json").json["tags"] == []


def test_an_empty_title_takes_it_away_and_what_isnt_given_stays(run):
    _create(run, "review", "x", "--title", "T", "--description", "D")
    updated = run("update", "review", "--title", "", "--json").json
    assert "title" not in updated
    assert updated["description"] == "D"


def test_a_write_on_a_version_that_isnt_the_newest_is_refused(run, attempt):
    _create(run)
    run("update", "review", "--template", "two")
    failed = attempt("update", "review", "--template", "three", "--expected-version", "1")
    assert (failed.code, failed.out) == (5, "")
    assert "is at version 2" in failed.err
    assert run("get", "review").out == "two"


def test_an_archived_prompt_is_gone_from_lists_until_it_is_restored(run, attempt):
    _create(run)
    assert run("archive", "review").out == "review: archived\n"
    assert run("list").out == ""
    assert attempt("get", "review").code == 4
    assert run("list", "--archived").out.startswith("review\t1\t")
    assert run("restore", "review", "--json").json == {"name": "review", "archived": False}
    assert run("list").out.startswith("review\t1\t")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("get", "reviw"), 4),
        (("get", "Review!"), 2),
        (("get", "review@9"), 4),
        (("create", "review", "--template", "x"), 5),
        (("create", "Not A Name", "--template", "x"), 2),
        (("create", "other", "--template", "x", "--format", "xml"), 2),
        (("create", "other", "--file", "/nowhere/at-all"), 2),
        (("--read-only", "archive", "review"), 3),
        (("get", "review", "--arg", "code"), 2),
        (("get", "review", "--render"), 2),
        (("list", "--cursor", "nonsense"), 2),
        (("list", "--limit", 10**19), 2),
        (("list", "--min-version", 2**31), 2),
        (("versions", "review", "--limit", 10**19), 2),
        (("search", "--min-version", 10**19), 2),
        (("nonsense",), 2),
    ],
)
def test_a_failure_is_a_sentence_on_standard_error_and_an_exit_code(run, attempt, arguments, code):
    _create(run)
    failed = attempt(*arguments)
    assert (failed.code, failed.out) == (code, "")
    assert failed.err
    assert "Traceback" not in failed.err


FIELDS = {
    "title": "From a file",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Translate {{text}} into {{language}}."},
    ],
    "arguments": [{"name": "language", "choices": ["Dutch", "Finnish"]}],
    "model_config": {"temperature": 0.5, "stop": None},
    "variants": {"gpt-*": [{"role": "user", "content": "{{text}}!"}]},
}


def test_what_a_json_file_says_is_written_and_options_go_before_it(run, tmp_path):
    (tmp_path / "fields.json").write_text(json.dumps(FIELDS | {"name": "other"}))
    run("create", "translate", "--from-json", tmp_path / "fields.json", "--title", "Mine")
    written = run("get", "translate", "--json").json
    assert written["title"] == "Mine"
    assert [message["role"] for message in written["messages"]] == ["system", "user"]
    assert written["arguments"][0]["choices"] == ["Dutch", "Finnish"]
    assert written["model_config"] == FIELDS["model_config"]
    assert written["variants"].keys() == {"gpt-*"}
    changed = json.dumps({"model_config": {"temperature": 1}, "expected_version": 1})
    run("update", "translate", "--from-json", "-", "-m", "Warmer", input=changed)
    written = run("get", "translate", "--json").json
    assert (written["model_config"], written["version"]) == ({"temperature": 1}, 2)
    assert written["commit_message"] == "Warmer"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n", "fields.json:2: this isn't JSON"),
        ("[]", "has to be one JSON object"),
        ("[" * 100_000, "nested too deep"),
        ('{"titel": "x", "template": "x"}', "'titel' is unknown. Did you mean 'title'?"),
        ('{"title": "x"}', "There is no text"),
        ('{"messages": [], "template": "x"}', "exclude each other"),
    ],
)
def test_a_json_file_that_cannot_be_used_is_one_sentence(attempt, tmp_path, text, said):
    (tmp_path / "fields.json").write_text(text)
    failed = attempt("create", "x", "--from-json", tmp_path / "fields.json")
    assert (failed.code, failed.err.count("\n")) == (2, 1)
    assert said in failed.err


def test_text_and_fields_do_not_both_come_from_standard_input(attempt):
    failed = attempt("create", "x", "--from-json", "-", "--file", "-", input="{}")
    assert failed.code == 2
    assert "can't both be standard input" in failed.err


def test_archived_prompts_are_searched_where_they_are_asked_for(run):
    _create(run)
    assert run("search", "--archived").out == ""
    run("archive", "review")
    assert run("search", "--archived").out.startswith("review\t")
    assert run("search").out == ""


def test_what_may_not_be_written_speaks_of_no_server(run, attempt):
    _create(run)
    failed = attempt("--read-only", "archive", "review")
    assert "With --read-only the library can't be changed. Leave that option out" in failed.err
    assert "his server" not in failed.err


def test_an_unreachable_database_has_its_own_exit_code(environment, attempt):
    environment.setenv("DATABASE_URL", "postgresql://user:hush@localhost:1/none")
    failed = attempt("list")
    assert failed.code == 6
    assert failed.err.startswith("promptstack: The database 'postgresql://localhost:1/none'")
    assert "hush" not in failed.err


def test_a_setting_that_cant_be_used_is_named(environment, attempt):
    environment.setenv("PROMPTSTACK_IDLE_SECONDS", "soon")
    failed = attempt("list")
    assert failed.code == 2
    assert "PROMPTSTACK_IDLE_SECONDS is 'soon'" in failed.err
