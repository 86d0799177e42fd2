"""Importing files that other programs keep: nothing of them comes in unsaid."""


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_patterns_of_fabric_are_named_by_their_folders(run, tmp_path):
    folder = write(
        tmp_path / "patterns",
        {
            "alpha/system.md": "You are alpha.\n",
            "alpha/user.md": "\n",
            "alpha/README.md": "About alpha",
            "beta/system.md": "You are beta.\n",
            "beta/user.md": "Question: {{q}}\n",
            "gamma/user.md": "No prompt\n",
            "delta/notes.md": "A prompt\n",
        },
    )
    done = run("import", folder)
    assert done.out.startswith("3 prompts: 3 created")
    beta = run("get", "beta", "--json").json
    assert [each["role"] for each in beta["messages"]] == ["system", "user"]
    assert [each["role"] for each in run("get", "alpha", "--json").json["messages"]] == ["system"]
    assert "3 unchanged; 0 changes" in run("import", folder).out
    run("import", "--template-format", "simple", folder)
    assert run("get", "beta", "--json").json["arguments"][0]["name"] == "q"


def test_a_pattern_whose_second_file_lies_elsewhere_has_one_message(run, tmp_path):
    write(tmp_path, {"secret.txt": "secret", "patterns/alpha/system.md": "You are alpha."})
    (tmp_path / "patterns/alpha/user.md").symlink_to(tmp_path / "secret.txt")
    done = run("import", tmp_path / "patterns")
    assert "leads out of the folder, and wasn't followed" in done.err
    assert len(run("get", "alpha", "--json").json["messages"]) == 1


def test_a_pattern_that_can_not_be_read_is_refused(run, attempt, tmp_path):
    folder = write(tmp_path, {"patterns/alpha/system.md": "", "patterns/beta/system.md": "x"})
    done = attempt("import", folder)
    assert done.code == 2
    assert "alpha/system.md" in done.err
    assert run("get", "beta", "--json").json["name"] == "beta"


def test_texts_that_keep_their_blanks_literal_are_counted_until_it_is_said_how_they_are_meant(
    run, attempt, tmp_path
):
    folder = write(tmp_path / "in", {"a.md": "On {{topic}}", "b.md": "Of {{x}}", "c.md": "Plain"})
    done = run("import", folder)
    assert "2 texts kept blanks in double braces as literal text." in done.err
    assert "a.md: Its blanks in double braces are literal text" in done.err
    again = run("import", "--template-format", "simple", folder)
    assert "literal" not in again.err
    assert run("get", "a", "-a", "topic=rain").out == "On rain"
    refused = attempt("import", "--template-format", "jinja", folder)
    assert (refused.code, "no template format 'jinja'" in refused.err) == (2, True)


def test_a_command_comes_back_as_it_was(run, tmp_path):
    text = "---\nargument-hint: '[boat] [pier]'\n---\nTow $1 to $2: $ARGUMENTS `awk $9`\n"
    folder = write(tmp_path, {".claude/commands/tow.md": text})
    done = run("import", folder)
    assert "tow.md: '$9' is literal, as in code or money" in done.err
    assert run("get", "tow", "-a", "boat=Ada").out == "Tow Ada to :  `awk $9`\n"
    run("export", tmp_path / "out", "--format", "claude-command")
    assert (tmp_path / "out/.claude/commands/tow.md").read_text() == text
