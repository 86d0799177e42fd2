"""Metering: limits on the time and memory of one rendering."""

import time
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any, TextIO, cast

from liquid import BoundTemplate, RenderContext
from liquid.exceptions import ResourceLimitError
from liquid.token import Token

from mcp_server.domain.templates.liquid.sizes import MAX_ITEMS, check_value, weigh
from mcp_server.domain.templates.partials import MAX_SECONDS, Source

MAX_OUTPUT = 2_000_000
"""Characters written, including captured ones."""
MAX_HELD = 2_000_000
"""Characters in variables."""
MAX_ITERATIONS = 100_000
"""Turns of all loops together, counted in full even if a loop breaks off."""


class Meter:
    """Counts the time and memory that a rendering and its includes use."""

    def __init__(self, limit: int | None, deadline: float | None) -> None:
        self._ends = time.thread_time() + MAX_SECONDS if deadline is None else deadline
        self._writable = min(limit or MAX_OUTPUT, MAX_OUTPUT)
        self._limit = self._writable
        self._holdable = MAX_HELD
        self._turns = MAX_ITERATIONS

    def tick(self) -> None:
        """Stop a rendering that is out of time."""
        if time.thread_time() > self._ends:
            raise ResourceLimitError(
                "it takes too long. Use fewer loops and shorter values", token=None
            )

    def write(self, characters: int) -> None:
        """Count characters that are written."""
        self._writable -= characters
        if self._writable < 0:
            raise ResourceLimitError(
                f"it would have more than {self._limit:,} characters. Give shorter values",
                token=None,
            )

    def hold(self, weight: int) -> None:
        """Count the weight of values in variables; a negative weight is released."""
        self._holdable -= weight
        if self._holdable < 0:
            raise ResourceLimitError(
                f"its variables hold more than {MAX_HELD:,} characters. Keep less in them",
                token=None,
            )

    def turn(self, times: int) -> None:
        """Count the turns of a loop before it begins."""
        self.tick()
        self._turns -= times
        if self._turns < 0 or times > MAX_ITERATIONS:
            raise ResourceLimitError(
                f"its loops turn more than {MAX_ITERATIONS:,} times. Loop over less", token=None
            )


class Output(StringIO):
    """Text that is being written, counted by the meter of its rendering."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def write(self, text: str, /) -> int:
        """Write some text."""
        self._meter.write(len(text))
        return super().write(text)


class Metered(RenderContext):
    """A rendering, or the part of one in an included text, that is metered at every step."""

    __slots__ = ("_disabled_tags", "_weights", "meter", "partials")

    meter: Meter
    partials: Mapping[str, Source]

    def __init__(self, template: BoundTemplate, **kwargs: Any) -> None:
        parent = cast("Metered | None", kwargs.get("parent_context"))
        self._weights: dict[str, int] = {}
        if parent is not None:
            self.meter, self.partials = parent.meter, parent.partials
        super().__init__(template, **kwargs)

    @property
    def disabled_tags(self) -> list[str]:
        """The disabled tags, which every node reads before it renders; so time is checked here."""
        self.meter.tick()
        return self._disabled_tags

    @disabled_tags.setter
    def disabled_tags(self, tags: list[str]) -> None:
        self._disabled_tags = tags

    def assign(self, key: str, val: Any) -> None:
        """Set a variable, and count its weight."""
        weight = check_value(val)
        self.meter.hold(weight - self._weights.get(key, 0))
        self._weights[key] = weight
        self.locals[key] = val

    def cycle(self, key: object, length: int) -> int:
        """Return the position of a cycle; its key stays in memory, so its weight counts."""
        self.meter.hold(weigh(key))
        return super().cycle(key, length)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """Return a filter that checks its arguments and its result."""
        function = super().filter(name, token)

        def metered(*args: object, **kwargs: object) -> object:
            self.meter.tick()
            for each in (*args, *kwargs.values()):
                check_value(each)
            result = function(*args, **kwargs)
            check_value(result)
            return result

        return metered

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Count the turns of a loop that begins."""
        self.meter.turn(length)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:
        """Return a metered buffer for a captured text."""
        return Output(self.meter)


__all__ = ["MAX_ITEMS", "Meter", "Metered", "Output"]
