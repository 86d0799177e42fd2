import pytest


@pytest.fixture
def review(run):
    run("create", "review", "-t", "one", "-m", "first")
    run("update", "review", "-t", "two\n")
    return run


def test_versions_are_listed_newest_first_with_their_labels(review):
    review("label", "review@1", "production")
    lines = [line.split("\t") for line in review("versions", "review").out.splitlines()]
    assert [(*line[:3], *line[4:]) for line in lines] == [
        ("2", "main", "1", "tester", "", ""),
        ("1", "main", "", "tester", "production", "first"),
    ]
    as_json = review("versions", "review", "--json").json
    assert [version["version"] for version in as_json["items"]] == [2, 1]


def test_a_cut_list_of_versions_says_how_to_go_on(review):
    first = review("versions", "review", "--limit", "1")
    assert first.out.startswith("2\t")
    rest = review("versions", "review", "--cursor", first.err.split("--cursor ")[1].strip())
    assert rest.out.startswith("1\t")


def test_a_diff_reads_like_a_patch(review):
    shown = review("diff", "review@1", "review@2").out
    assert "-one\n" in shown
    assert "+two\n" in shown
    assert "\x1b" not in shown
    assert review("diff", "review@1", "review@2", "--json").json["text"] == shown


def test_restoring_a_version_writes_a_new_one(review, attempt):
    assert review("restore-version", "review@1").out == "review: wrote version 3\n"
    assert review("get", "review").out == "one"
    assert attempt("restore-version", "review@2", "--expected-version", "2").code == 5


def test_production_decides_what_the_bare_name_means(review):
    moved = review("label", "review@1", "production")
    assert moved.out == "review: production points at version 1 now\n"
    assert review("get", "review").out == "one"
    assert "stays at version 1" in review("label", "review@1", "production").out
    assert "before at 1" in review("label", "review@latest", "production").out
    assert "taken away from version 2" in review("unlabel", "review", "production").out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("label", "review@1", "latest"), 2),
        (("label", "review@7", "production"), 4),
        (("unlabel", "review", "production"), 4),
        (("versions", "nothing"), 4),
        (("diff", "review@1", "review@9"), 4),
    ],
)
def test_what_isnt_there_or_cant_be_is_refused(review, attempt, arguments, code):
    assert attempt(*arguments).code == code
