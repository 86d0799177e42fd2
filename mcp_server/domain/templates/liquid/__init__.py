"""The format `liquid`: conditions, loops and filters, as in python-liquid.

A template only has access to the values of its arguments: text, numbers, booleans, lists and
objects; the date 'now' is the one exception. `{% render 'name' %}` includes another prompt, whose
name is a literal, so that the includes can be found without rendering. Every template is rendered
within limits of time and memory, or refused.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from liquid import BoundTemplate
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.builtin.tags.render_tag import RenderNode
from liquid.exceptions import LiquidError

from mcp_server.domain.names import nearest
from mcp_server.domain.templates.liquid.environment import ENVIRONMENT, nodes_of, parse
from mcp_server.domain.templates.liquid.faults import fault, rendering_fault
from mcp_server.domain.templates.liquid.metering import Meter, Metered, Output
from mcp_server.domain.templates.partials import NO_PARTIALS, Partials
from mcp_server.domain.texts import shown
from storage.values.entities import Argument
from storage.values.errors import Invalid

MAX_JSON = 200_000
"""Characters of a JSON value."""


def check(template: str, /) -> None:
    """Check a template before it is saved.

    Raises:
        Invalid: it isn't valid liquid, uses an unknown filter, or includes a prompt that a
            variable names; says where.
    """
    parsed = parse(template)
    for name, spans in _analysis(parsed).filters.items():
        if name not in ENVIRONMENT.filters:
            near = nearest(name, sorted(ENVIRONMENT.filters))
            hint = f"'{near[0]}'" if near else "one of Liquid's own"
            reason = f"uses the filter '{shown(name)}', which there isn't. Use {hint}"
            raise fault(reason, template, spans[0].index)
    for node in _renders(parsed):
        if not isinstance(node.name, StringLiteral):
            reason = "includes what a variable names. Write the prompt's name in quotes"
            raise fault(reason, template, node.token.start_index)


def placeholders(template: str, /) -> tuple[str, ...]:
    """Return the names that the template uses and doesn't set, each once, in order of first use."""
    variables = _analysis(parse(template)).globals
    first = {name: min(each.span.index for each in uses) for name, uses in variables.items()}
    return tuple(sorted(first, key=lambda name: first[name]))


def includes(template: str, /) -> Mapping[str, frozenset[str]]:
    """Return the references of `{% render 'reference' %}`, each with the names it always sets."""
    references: dict[str, frozenset[str]] = {}
    for node in _renders(parse(template)):
        reference, names = str(getattr(node.name, "value", "")), _names_set(node)
        references[reference] = references[reference] & names if reference in references else names
    return references


def fill(
    template: str,
    values: Mapping[str, str],
    /,
    *,
    limit: int | None = None,
    partials: Partials = NO_PARTIALS,
    arguments: Sequence[Argument] = (),
    deadline: float | None = None,
) -> str:
    """Render the template with values of the types that the arguments declare.

    An argument without a value is nil. An included text is filled in place, with the values that
    are passed to it there.

    Raises:
        Invalid: it can't be rendered, or not within the limits.
    """
    meter = Meter(limit, deadline)
    try:
        parsed = parse(template)
        context = Metered.__new__(Metered)
        context.meter = meter
        context.partials = partials.sources
        context.__init__(parsed, globals=_typed(values, arguments))  # type: ignore[misc]
        output = Output(meter)
        parsed.render_with_context(context, output)
    except Invalid:
        raise
    except (LiquidError, Exception) as error:
        # Filters raise Python's own errors for odd values.
        raise rendering_fault(error) from None
    return output.getvalue()


def _typed(values: Mapping[str, str], arguments: Sequence[Argument]) -> dict[str, object]:
    types = {argument.name: argument.type for argument in arguments}
    return {name: _read(types.get(name), text) for name, text in values.items() if text != ""}


def _read(kind: str | None, text: str) -> object:
    match kind:
        case "integer":
            return int(text)
        case "number":
            return float(text) if not text.lstrip("+-").isdecimal() else int(text)
        case "boolean":
            return text == "true"
        case "json":
            return _read_json(text)
        case _:
            return text


def _read_json(text: str) -> object:
    if len(text) > MAX_JSON:
        raise Invalid(
            f"A JSON value has {len(text):,} characters; liquid takes at most {MAX_JSON:,}. Give a "
            "shorter one."
        )
    return json.loads(text)


def _analysis(template: BoundTemplate) -> Any:
    return template.analyze(include_partials=False)


def _renders(template: BoundTemplate) -> list[RenderNode]:
    return [node for node in nodes_of(template) if isinstance(node, RenderNode)]


def _names_set(node: RenderNode) -> frozenset[str]:
    scope = node.partial_scope()
    names = scope.in_scope if scope else ()
    return frozenset(str(name).partition("@")[0] for name in names)
