"""Literals: texts of the other formats, included in a liquid one."""

from typing import TextIO, cast

from liquid import Node, RenderContext, Token
from liquid.stringify import to_liquid_string
from liquid.token import TOKEN_CONTENT

from mcp_server.domain.templates import simple
from mcp_server.domain.templates.liquid.metering import Metered
from mcp_server.domain.templates.partials import Source


class LiteralNode(Node):
    """A text in another format: only that format's placeholders and includes are filled."""

    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        super().__init__(Token(TOKEN_CONTENT, "", 0, ""))
        self._source = source

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Write the text, with its placeholders filled from this context."""
        if self._source.template_format == "text":
            return buffer.write(self._source.template)
        return sum(
            self._write(part, cast(Metered, context), buffer)
            for part in simple.parse(self._source.template)
        )

    def _write(self, part: simple.Part, context: Metered, buffer: TextIO) -> int:
        if isinstance(part, str):
            return buffer.write(part)
        context.meter.tick()
        if isinstance(part, simple.Placeholder):
            value = context.resolve(part.name, token=None, default="")
            return buffer.write(to_liquid_string(value, autoescape=False))
        template = context.env.get_template(part.reference, context=context, tag="render")
        inside = context.copy({}, template=template)
        template.render_with_context(inside, buffer, partial=True, block_scope=True)
        return 1
