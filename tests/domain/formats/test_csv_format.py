import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain import limits
from mcp_server.domain.drafts import make_draft
from mcp_server.domain.formats.csv_format import FORMULA, CsvWriter, read_csv
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.labels import read_placeholders, write_placeholders
from mcp_server.domain.rendering import render
from storage.values.entities import Argument, Message, Metadata, TextContent
from storage.values.errors import Invalid

HEADER = "act,prompt,for_devs,type,contributor\r\n"
REAL = Path(__file__).parents[3].parent / "shared/data/prompts-chat.csv"
PLACEHOLDERS = ["${a}", "${a:1}", "${a:2}", "${A b}", "${A b: x}", "${A b:1}", "${a_b}", "${a b:}"]
LOOKALIKES = [
    "${x.y}",
    "${",
    "}",
    "{{a}}",
    "{{ a }}",
    "\\",
    "{",
    "$",
    ":",
    "${a\nb}",
    "${1}",
    "${${b}}",
]
PIECES = st.sampled_from([*PLACEHOLDERS, *LOOKALIKES, "${नाम}", "${${b}}"])
STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.lists(PIECES | st.text(STORABLE, max_size=2), max_size=12).map("".join)


def real_text() -> str:
    if not REAL.exists():
        pytest.skip(f"{REAL.name} isn't beside the repository")
    with REAL.open(encoding="utf-8", newline="") as file:
        return file.read()


def read(text: str, source: str = "prompts.csv") -> list[PromptFile]:
    """Read a file of which nothing is refused."""
    prompts = list(read_csv(text, source))
    assert not [each for each in prompts if isinstance(each, Invalid)]
    return prompts  # type: ignore[return-value]


def write_csv(prompts: list[PromptFile]) -> str:
    writer = CsvWriter()
    return "".join([writer.header, *(writer(prompt).text for prompt in prompts)])


def cells(text: str, column: str) -> list[str]:
    csv.field_size_limit(10**7)
    return [row[column] for row in csv.DictReader(io.StringIO(text, newline=""))]


def test_every_real_prompt_is_written_back_byte_for_byte() -> None:
    text = real_text()
    prompts = read(text)
    written = write_csv(prompts)
    assert len(prompts) == 1_281
    for column in ("prompt", "for_devs", "type", "contributor"):
        assert cells(written, column) == cells(text, column)
    assert cells(written, "act") == [act.strip() for act in cells(text, "act")]


def test_every_real_prompt_has_a_name_of_its_own() -> None:
    prompts = read(real_text())
    assert len({prompt.metadata.name for prompt in prompts}) == len(prompts)


def test_every_real_prompt_with_defaults_renders_as_its_text_with_them() -> None:
    prompts = read(real_text())
    rendered = 0
    for prompt in prompts:
        if all(argument.default is not None for argument in prompt.draft.arguments):
            message = render(prompt.draft, {}, allow_unknown=False).messages[0]
            text = write_placeholders(text_of(prompt), prompt.draft.arguments)
            assert message.content == TextContent(with_defaults(text, prompt.draft.arguments))
            rendered += 1
    assert rendered > 1_000


def text_of(prompt: PromptFile) -> str:
    content = prompt.draft.messages[0].content
    assert isinstance(content, TextContent)
    return content.text


def with_defaults(text: str, arguments: tuple[Argument, ...]) -> str:
    for argument in arguments:
        label = argument.title or argument.name
        text = text.replace(f"${{{label}:{argument.default}}}", argument.default or "")
    for argument in arguments:
        text = text.replace(f"${{{argument.title or argument.name}}}", argument.default or "")
    return text


@given(TEXTS)
def test_placeholders_are_written_back_as_they_were(text: str) -> None:
    template, arguments = read_placeholders(text)
    draft = make_draft(template=f"x{template}", arguments=arguments)
    assert write_placeholders(template, draft.arguments) == text


@given(TEXTS)
def test_nothing_else_in_the_text_is_touched(text: str) -> None:
    template, arguments = read_placeholders(text)
    draft = make_draft(template=f"x{template}", arguments=arguments)
    values = {each.name: each.default or "?" for each in draft.arguments}
    assert len(draft.arguments) == len(arguments)
    rendered = render(draft, values, allow_unknown=False).messages[0].content
    assert isinstance(rendered, TextContent)
    if not arguments:
        assert rendered.text == f"x{text}"


@pytest.mark.parametrize(
    ("text", "template", "arguments"),
    [
        ("${topic}", "{{topic}}", [Argument("topic")]),
        (
            "${Mother Language:Turkish}",
            "{{mother_language}}",
            [Argument("mother_language", "Mother Language", required=False, default="Turkish")],
        ),
        (
            "${x: y, z}${x}",
            "{{x}}{{ x }}",
            [Argument("x", required=False, default=" y, z")],
        ),
        (
            "${x}${x:1}${x:2}${x_2}",
            "{{ x }}{{x}}{{x_3}}{{x_2}}",
            [
                Argument("x", required=False, default="1"),
                Argument("x_3", "x", required=False, default="2"),
                Argument("x_2"),
            ],
        ),
        ("${a b}${a_b}", "{{a_b_2}}{{a_b}}", [Argument("a_b_2", "a b"), Argument("a_b")]),
        ("${Şehir adı}", "{{şehir_adı}}", [Argument("şehir_adı", "Şehir adı")]),
        ("${नाम}", "{{नाम}}", [Argument("नाम")]),
        ("${आपका नाम}", "{{आपका_नाम}}", [Argument("आपका_नाम", "आपका नाम")]),
        (
            "${e\u0301te\u0301}${été}",
            "{{été}}{{été_2}}",
            [Argument("été", "e\u0301te\u0301"), Argument("été_2", "été")],
        ),
        ("${Brand's name}", "{{brands_name}}", [Argument("brands_name", "Brand's name")]),
        ("${a/b-c}", "{{a_b_c}}", [Argument("a_b_c", "a/b-c")]),
        ("${${int}", "${{{int}}", [Argument("int")]),
        ("\\${x}", "\\\\{{x}}", [Argument("x")]),
        ("{{x}} ${error.message} ${f(x)} ${1} ${a ? b}", None, []),
    ],
)
def test_labels_become_arguments(
    text: str, template: str | None, arguments: list[Argument]
) -> None:
    expected = text.replace("{{x}}", "\\{{x}}") if template is None else template
    assert read_placeholders(text) == (expected, tuple(arguments))


@pytest.mark.parametrize(
    ("template", "arguments", "text"),
    [
        ("{{ a }}", [Argument("a", default="1")], "${a:1}"),
        ("{{a}} {{ a }}", [Argument("a", default="1")], "${a:1} ${a}"),
        ("{{a}}", [Argument("a", title="What (exactly)?")], "${a}"),
        ("{{a}}{{b}}", [Argument("a", title="x"), Argument("b", title="x")], "${a}${b}"),
        ("{{a}}", [Argument("a", default="{}")], "${a}"),
        ("\\{{a}}", [], "{{a}}"),
    ],
)
def test_templates_that_were_written_elsewhere_are_written_as_well_as_can_be(
    template: str, arguments: list[Argument], text: str
) -> None:
    assert write_placeholders(template, arguments) == text


def test_a_row_becomes_a_prompt() -> None:
    row = 'Crème "x"/y,"Say ${a}, {{b}}",TRUE,STRUCTURED,ann\r\n'.replace('"x"', "x")
    (prompt,) = read(HEADER + row, "p.csv")
    assert prompt == PromptFile(
        Metadata("creme-x-y", "Crème x/y", tags=("for-devs", "structured")),
        make_draft(template="Say {{a}}, \\{{b}}"),
        "ann",
        "p.csv:2",
    )
    assert write_csv([prompt]) == HEADER + row


def test_a_byte_order_mark_and_missing_columns_do_no_harm() -> None:
    (prompt,) = read("\ufeffPrompt,Act\nhello,Greeting\n")
    assert (prompt.metadata.name, prompt.metadata.tags, prompt.created_by) == ("greeting", (), None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.csv:1: the column 'act' is missing"),
        ("act,text\n", "p.csv:1: the column 'prompt' is missing"),
        ("act,prompt,Prompt \na,b,c\n", "p.csv:1: there are 2 columns 'prompt'"),
    ],
)
def test_a_file_that_can_not_be_read_names_the_line(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        list(read_csv(text, "p.csv"))
    assert refused.value.message.startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER + "a,b\n", "p.csv:2: there are 2 cells where the first line has 5"),
        (HEADER + 'a,"b\nc"d,FALSE,TEXT,x\n', "p.csv:2: this is no CSV"),
        (HEADER + "a,b,,,\n,b,,,\n", "p.csv:3: 'act' is blank"),
        (HEADER + '"a","x\ny",,,\nb,,,,\n', "p.csv:4: 'template' is empty"),
    ],
)
def test_a_row_that_is_refused_names_the_line(text: str, said: str) -> None:
    *_, refused = read_csv(text, "p.csv")
    assert isinstance(refused, Invalid)
    assert refused.message.startswith(said)


def test_a_refused_row_keeps_no_other_one_out() -> None:
    text = HEADER + "a,1,,,\nb\n,2,,,\nc,,,,\nd,3,,,\n" + 'e,"4"x,,,\nf,5,,,\n'
    rows = list(read_csv(text, "p.csv"))
    assert [each.metadata.name for each in rows if isinstance(each, PromptFile)] == ["a", "d"]
    refusals = [each.message[:7] for each in rows if isinstance(each, Invalid)]
    assert refusals == ["p.csv:3", "p.csv:4", "p.csv:5", "p.csv:7"]


def test_what_csv_can_not_hold_is_refused() -> None:
    say = Message("user", TextContent("x"))
    for messages in ([say, say], [Message("system", TextContent("x"))]):
        prompt = PromptFile(Metadata("a"), make_draft(messages=messages), None, "")
        with pytest.raises(Invalid, match="Export it as Markdown"):
            write_csv([prompt])


def test_a_verbatim_text_is_written_verbatim() -> None:
    draft = make_draft(template="\\{{a}}", template_format="text")
    assert cells(write_csv([PromptFile(Metadata("a"), draft, None, "")]), "prompt") == ["\\{{a}}"]


def a_row(title, text="x", **said):
    return PromptFile(Metadata("a", title), make_draft(template=text), said.get("author"), "")


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "＋1", "－1", "＠x"]


@pytest.mark.parametrize("cell", FORMULAS)
@pytest.mark.parametrize("guard", [True, False])
def test_a_cell_that_spreadsheets_run_is_told_of_or_guarded_and_comes_back(cell, guard):
    writer = CsvWriter(guard=guard)
    written = writer(a_row("T", cell))
    assert written.risks == (() if guard else (FORMULA,))
    text = writer.header + written.text
    assert cells(text, "prompt") == [f"'{cell}" if guard else cell]
    (read,) = read_csv(text)
    assert read.draft == make_draft(template=cell)


@pytest.mark.parametrize("cell", ["'=1", "''=1", "'", "'x", "a=b", " =1", "x\n=1"])
@pytest.mark.parametrize("guard", [True, False])
def test_a_cell_that_is_no_formula_comes_back_too(cell, guard):
    writer = CsvWriter(guard=guard)
    written = writer(a_row("T", cell))
    assert written.risks == ()
    (read,) = read_csv(writer.header + written.text)
    assert read.draft == make_draft(template=cell)


def test_titles_and_contributors_are_cells_too():
    for file in (a_row("=T"), a_row("T", author="@kim")):
        assert CsvWriter()(file).risks == (FORMULA,)
        writer = CsvWriter(guard=True)
        written = writer(file)
        assert (written.risks, "'" in written.text) == ((), True)
        (read,) = read_csv(writer.header + written.text)
        assert (read.metadata.title, read.created_by) == (file.metadata.title, file.created_by)


def test_an_apostrophe_that_no_guard_of_ours_put_there_stays():
    (read,) = read_csv(HEADER + """'@user' and others,"'- a' is a bullet",FALSE,TEXT,\r\n""")
    assert read.metadata.title == "'@user' and others"
    assert read.draft == make_draft(template="'- a' is a bullet")


def test_an_include_can_not_be_said_in_csv() -> None:
    prompt = PromptFile(Metadata("a"), make_draft(template="{{> tone}}"), None, "")
    with pytest.raises(Invalid, match="'a' includes others, which CSV can't say"):
        write_csv([prompt])


def test_a_blank_line_is_no_row_and_counts_as_a_line() -> None:
    good, refused = read_csv(HEADER + "a,b,,,\n\n,c,,,\n", "p.csv")
    assert isinstance(good, PromptFile)
    assert isinstance(refused, Invalid)
    assert refused.message.startswith("p.csv:4: 'act' is blank")


def test_a_text_that_escapes_make_too_long_is_lost(monkeypatch):
    """Read back, each '{{a}}' that is literal has a backslash more."""
    monkeypatch.setattr(limits, "_in_use", limits.Limits(text=100))
    draft = make_draft(template="{{a}}" * 18, template_format="text")
    written = CsvWriter()(PromptFile(Metadata("t", "T"), draft, None, ""))
    assert written.lost == ("its text",)
