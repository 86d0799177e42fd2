"""Texts from files and from standard input: what can't be read is said, with its line."""

import pytest


@pytest.mark.parametrize("given", ["file", "input"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"one\ntwo \xff", ":2: this isn't UTF-8 text. Save the file as UTF-8."),
        (b"one\n\ntw\0o", ":3: there is a NUL byte, which can't be stored. Remove it."),
    ],
)
def test_a_text_that_cant_be_stored_is_refused_with_its_line(attempt, tmp_path, data, said, given):
    file = tmp_path / "text"
    file.write_bytes(data)
    place = str(file) if given == "file" else "-"
    done = attempt("create", "p", "--file", place, input=None if given == "file" else data)
    assert (done.code, said in done.err) == (2, True), done


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "this has to be one JSON object, with a prompt's fields."),
        ("[" * 100_000, "this is nested too deep, or holds too long a number. Make it smaller."),
        ('{"template": ' + "9" * 5_000 + "}", "nested too deep, or holds too long a number."),
    ],
)
def test_json_that_is_no_prompt_is_refused(attempt, tmp_path, text, said):
    file = tmp_path / "p.json"
    file.write_text(text)
    done = attempt("create", "p", "--from-json", file)
    assert (done.code, said in done.err) == (2, True), done
