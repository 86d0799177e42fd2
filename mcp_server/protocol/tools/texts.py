"""Outcomes in words, for models that are shown the text and not the structure."""

from collections.abc import Iterable, Sequence

from mcp_server.schemas.messages import ArgumentShape, ContentShape, MessageShape


def join(lines: Iterable[str | None]) -> str:
    """Join lines, leaving out None."""
    return "\n".join(line for line in lines if line is not None)


def labelled(labels: dict[str, int]) -> str:
    """Write labels with the version that each points at, or 'none'."""
    pairs = ", ".join(f"{label} → {version}" for label, version in sorted(labels.items()))
    return pairs or "none"


def listed(values: Sequence[str]) -> str:
    """Write values with commas between them, or 'none'."""
    return ", ".join(values) or "none"


def arguments(declared: Sequence[ArgumentShape]) -> str:
    """Write arguments, each with its type, choices, default and description."""
    return "; ".join(_argument(each) for each in declared) or "none"


def messages(shapes: Sequence[MessageShape]) -> str:
    """Write messages: a single user message as bare text, others under their roles."""
    first, *others = shapes
    if not others and first.role == "user":
        return _content(first.content)
    return "\n\n".join(f"[{shape.role}]\n{_content(shape.content)}" for shape in shapes)


def next_page(cursor: str | None) -> str | None:
    """Write how to get the next page, or None on the last one."""
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
