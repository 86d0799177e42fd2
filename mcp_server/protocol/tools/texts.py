"""Outcomes in words, for models that are shown the text and not the structure."""

from collections.abc import Iterable, Sequence

from mcp_server.schemas.messages import ArgumentShape, ContentShape, MessageShape


def join(lines: Iterable[str | None]) -> str:
    """Put lines below each other; None leaves one out."""
    return "\n".join(line for line in lines if line is not None)


def labelled(labels: dict[str, int]) -> str:
    """Write which version each label points at."""
    written = ", ".join(f"{label} → {version}" for label, version in sorted(labels.items()))
    return written or "none"


def listed(values: Sequence[str]) -> str:
    """Write values in a row."""
    return ", ".join(values) or "none"


def arguments(declared: Sequence[ArgumentShape]) -> str:
    """Write the arguments, each with what has to be known to fill it."""
    return "; ".join(_argument(each) for each in declared) or "none"


def messages(shapes: Sequence[MessageShape]) -> str:
    """Write messages: a single user text bare, several under their roles."""
    first, *others = shapes
    if not others and first.role == "user":
        return _content(first.content)
    return "\n\n".join(f"[{shape.role}]\n{_content(shape.content)}" for shape in shapes)


def next_page(cursor: str | None) -> str | None:
    """Write how to get the next page."""
    return cursor and f"There are more: call again with cursor {cursor}"


def _argument(argument: ArgumentShape) -> str:
    facts = [
        "required" if argument.required else "optional",
        argument.type if argument.type != "string" else "",
        f"one of {', '.join(argument.choices)}" if argument.choices else "",
        f"default {argument.default}" if argument.default else "",
        argument.description or "",
    ]
    return f"{argument.name} ({', '.join(fact for fact in facts if fact)})"


def _content(content: ContentShape) -> str:
    if content.text is not None:
        return content.text
    about = " ".join(fact for fact in (content.name, content.uri, content.mime_type) if fact)
    return f"({content.type}: {about})"
