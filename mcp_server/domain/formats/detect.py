"""Which format a file is in."""

from pathlib import PurePath

from mcp_server.domain.formats.csv_format import read_csv
from mcp_server.domain.formats.files import PromptFile
from mcp_server.domain.formats.front_matter import has_front_matter
from mcp_server.domain.formats.markdown_format import read_markdown, read_plain
from storage.errors import Invalid

_MARKDOWN = (".md", ".markdown", ".mdx")
_PLAIN = (".txt", ".prompt")


def read_file(path_name: str, text: str) -> list[PromptFile | Invalid]:
    """Read the prompts of a file, by its extension or else by how it begins.

    Of a file with several prompts, those that are refused are their refusals.

    Raises:
        Invalid: the file is of another kind, or nothing of it can be read.
    """
    extension = PurePath(path_name).suffix.lower()
    if extension == ".csv" or (not extension and _begins_as_csv(text)):
        return list(read_csv(text, path_name))
    if has_front_matter(text) and extension in (*_MARKDOWN, *_PLAIN, ""):
        return [read_markdown(text, path_name)]
    if extension in (*_MARKDOWN, *_PLAIN):
        return [read_plain(text, path_name)]
    raise Invalid(
        f"'{path_name}' is no file that prompts are read from. Give a .csv, .md or .txt file."
    )


def _begins_as_csv(text: str) -> bool:
    first = text.removeprefix("\ufeff").partition("\n")[0].lower()
    columns = [column.strip().strip('"') for column in first.split(",")]
    return "act" in columns and "prompt" in columns
