"""The environment: the tags and filters that exist, and a cache of parsed templates."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate, Environment, Node
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import LiquidError, ResourceLimitError, TemplateNotFoundError
from liquid.expression import Expression
from liquid.loader import BaseLoader, TemplateSource

from mcp_server.domain.templates.liquid.faults import fault, syntax_fault
from mcp_server.domain.templates.liquid.filters import add_filters
from mcp_server.domain.templates.liquid.literals import LiteralNode
from mcp_server.domain.templates.liquid.metering import Metered
from mcp_server.domain.templates.liquid.scanning import scan
from mcp_server.domain.templates.liquid.sizes import check_range
from mcp_server.domain.templates.liquid.words import read_all_scripts

_REMEMBERED = 200


class _BoundedRange(RangeLiteral):
    """A range that is refused if it is too long, before anything iterates over it."""

    __slots__ = ()

    def _make_range(self, start: Any, stop: Any) -> range:
        result = super()._make_range(start, stop)
        check_range(result)
        return result


class _Template(BoundTemplate):
    context_class = Metered


class _Partials(BaseLoader):
    """Loads included templates from the partials of the rendering."""

    def get_source(
        self, env: Environment, template_name: str, *, context: Any = None, **kwargs: object
    ) -> TemplateSource:
        raise AssertionError("unreachable: `load` asks for no text")

    def load(
        self, env: Environment, name: str, *, globals: Any = None, context: Any = None, **_: object
    ) -> BoundTemplate:
        if not isinstance(context, Metered) or name not in context.partials:
            raise TemplateNotFoundError(f"there is no '{name}' to be rendered", token=None)
        context.meter.tick()
        source = context.partials[name]
        liquid = source.template_format == "liquid"
        nodes: list[Node] = parse(source.template).nodes if liquid else [LiteralNode(source)]
        # In `{% render 'card@3' with x %}` the value is called 'card'.
        return env.template_class(env, nodes, name.partition("@")[0])


class _Liquid(Environment):
    template_class = _Template
    context_depth_limit = 30
    block_nesting_limit = 30


def _environment() -> Environment:
    read_all_scripts()
    environment = _Liquid(loader=_Partials())
    add_filters(environment)
    # Its includes couldn't be found without rendering.
    del environment.tags["include"]
    return environment


ENVIRONMENT = _environment()


@lru_cache(_REMEMBERED)
def parse(template: str) -> BoundTemplate:
    """Parse a template.

    Raises:
        Invalid: it isn't valid liquid, or too large; says where.
    """
    scan(template)
    try:
        parsed = ENVIRONMENT.from_string(template)
        for expression in expressions_of(parsed):
            if type(expression) is RangeLiteral:
                expression.__class__ = _BoundedRange
    except ResourceLimitError as error:
        raise fault(f"can't be read: {error.message}") from None
    except LiquidError as error:
        if isinstance(error.__cause__, RecursionError):
            raise fault("is nested too deeply. Flatten it") from None
        raise syntax_fault(error, template) from None
    return parsed


def nodes_of(template: BoundTemplate) -> Iterator[Node]:
    """Yield every node of a template, outer ones first, in the order of the text."""
    context = _static(template)
    waiting = list(reversed(template.nodes))
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(node.children(context, include_partials=False)))


def expressions_of(template: BoundTemplate) -> Iterator[Expression]:
    """Yield every expression of a template."""
    for node in nodes_of(template):
        waiting = list(node.expressions())
        while waiting:
            expression = waiting.pop()
            yield expression
            waiting += expression.children()


def _static(template: BoundTemplate) -> Any:
    from liquid import RenderContext

    return RenderContext(template)
