"""Faults of liquid texts, each with its place."""

from liquid.exceptions import LiquidError

from mcp_server.domain.texts import refused, shown
from storage.values.errors import Invalid


def fault(reason: str, template: str | None = None, index: int | None = None) -> Invalid:
    """Make the refusal of a template; `reason` continues *'template' …*, `index` is the place."""
    if template is None or index is None:
        return refused("template", reason)
    return refused("template", f"{reason}: {place(template, index)}")


def place(template: str, index: int) -> str:
    """Write an index into a text as line and column, counted from 1."""
    before = template[:index]
    line = before.count("\n") + 1
    column = index - (before.rfind("\n") + 1) + 1
    return f"line {line}, column {column}"


def syntax_fault(error: LiquidError, template: str) -> Invalid:
    """Turn a parser's error into a refusal; an error without a place is at the end of the text."""
    token = error.token
    index = token.start_index if token is not None and token.start_index >= 0 else len(template)
    return fault(f"is no liquid: {shown_reason(error)}", template, min(index, len(template)))


def shown_reason(error: BaseException) -> str:
    """Return an error's own message, on one line."""
    words = error.message if isinstance(error, LiquidError) else error
    return " ".join(str(words or type(error).__name__).split())[:200].rstrip(".")


def rendering_fault(error: BaseException) -> Invalid:
    """Turn an error during rendering into a refusal."""
    if isinstance(error, RecursionError):
        return Invalid("The template can't be rendered: it is nested too deeply. Flatten it.")
    token = error.token if isinstance(error, LiquidError) else None
    where = ""
    if token is not None and token.start_index >= 0:
        where = f" ({place(token.source, token.start_index)}: '{shown(token.value)}')"
    return Invalid(f"The template can't be rendered: {shown_reason(error)}{where}.")
