import pytest

from mcp_server.cli import printing


@pytest.fixture
def filled(run):
    run("create", "alpha", "-t", "Summarise {{text}}", "--tag", "short", "--folder", "a/b")
    run(
        "create",
        "beta",
        "-t",
        "Translate",
        "--tag",
        "short",
        "--tag",
        "long",
        "--title",
        "Beta\u00a0B",
    )
    run("update", "beta", "-t", "Translate it", "--model-type", "gpt-4")
    run("label", "beta@1", "staging")
    return run


@pytest.fixture
def terminal(monkeypatch):
    for module in ("printing", "reading", "versions"):
        monkeypatch.setattr(f"mcp_server.cli.{module}.is_terminal", lambda: True)


def _names(ran):
    return [line.split("\t")[0] for line in ran.out.splitlines()]


def test_a_list_has_one_line_a_prompt_with_tabs_between(filled):
    assert filled("list").out == "alpha\t1\ta/b\tshort\t\nbeta\t2\t\tshort, long\tBeta B\n"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--tag", "short"), ["alpha", "beta"]),
        (("--tag", "short", "--tag", "long"), ["beta"]),
        (("--folder", "a"), ["alpha"]),
        (("--model-type", "gpt-4"), ["beta"]),
        (("--label", "staging"), ["beta"]),
        (("--min-version", "2"), ["beta"]),
        (("--min-version", "3"), []),
    ],
)
def test_filters_narrow_a_list_and_a_search_alike(filled, options, names):
    assert _names(filled("list", *options)) == names
    assert _names(filled("search", *options)) == names


def test_options_before_the_command_narrow_what_there_is(filled, attempt):
    assert _names(filled("--tag", "long", "list")) == ["beta"]
    assert attempt("--folder", "a", "get", "beta").code == 4


def test_a_cut_list_says_how_to_go_on(filled):
    first = filled("list", "--limit", "1")
    assert _names(first) == ["alpha"]
    cursor = first.err.split("--cursor ")[1].strip()
    assert filled("list", "--limit", "1", "--json").json["next_cursor"] == cursor
    rest = filled("list", "--cursor", cursor)
    assert (_names(rest), rest.err) == (["beta"], "")


def test_a_list_as_json_is_a_search_without_words(filled):
    listed = filled("list", "--json").json
    assert listed == filled("search", "--json").json
    assert [prompt["name"] for prompt in listed["items"]] == ["alpha", "beta"]


def test_a_search_finds_misspelt_words_best_match_first(filled):
    assert _names(filled("search", "alfa")) == ["alpha"]
    assert _names(filled("search", "translate", "it")) == ["beta"]


def test_arguments_fill_the_blanks(filled):
    assert filled("get", "alpha", "--arg", "text=a=b, 'c'\n").raw == b"Summarise a=b, 'c'\n"


def test_a_rendered_prompt_as_json_has_its_messages(filled):
    rendered = filled("get", "alpha", "--arg", "text=x", "--json").json
    assert rendered == {
        "name": "alpha",
        "version": 1,
        "messages": [{"role": "user", "content": {"type": "text", "text": "Summarise x"}}],
    }


def test_every_missing_and_unknown_argument_is_named_at_once(filled, attempt):
    failed = attempt("get", "alpha", "--arg", "txt=x")
    assert failed.code == 2
    assert "'text'" in failed.err
    assert "'txt'" in failed.err


def test_a_conversation_is_shown_under_its_roles(filled, tmp_path):
    (tmp_path / "talk.md").write_text(
        "---\nname: talk\ntemplate_format: simple\nmessages:\n"
        "- {role: system, content: {type: text, text: Be brief.}}\n"
        "- {role: user, content: {type: image, data: aGk=, mime_type: image/png}}\n---\n"
    )
    filled("import", tmp_path / "talk.md")
    assert filled("get", "talk").out == "[system]\nBe brief.\n\n[user]\n[image/png]\n"


def test_on_a_terminal_a_text_has_a_headline_and_a_last_line_end(filled, terminal):
    shown = filled("get", "beta@staging").out
    assert "beta@1 · Beta\u00a0B · staging" in shown
    assert shown.endswith("\nTranslate\n")
    assert filled("get", "beta@staging", "--raw").out == "Translate\n"


def test_on_a_terminal_a_list_is_a_table(filled, terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    shown = filled("list").out
    assert [word.lower() for word in shown.splitlines()[0].split()] == [
        "name", "version", "folder", "tags", "title",
    ]  # fmt: skip
    assert "alpha" in shown


def test_a_narrow_terminal_cuts_titles_and_never_names(filled, terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    filled("create", "a-name-of-some-length", "-t", "x", "--title", "A title that is too long")
    shown = filled("list").out
    assert "a-name-of-some-length" in shown
    assert "too long" not in shown
    assert max(map(len, shown.splitlines())) <= 30


def test_an_empty_library_says_on_a_terminal_how_to_fill_it(run, terminal):
    empty = run("list")
    assert empty.out == ""
    assert "promptstack import" in empty.err


def test_a_cell_stays_on_one_line():
    assert printing._on_one_line("a\n b\tc") == "a b c"
