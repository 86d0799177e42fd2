"""Verdicts for tests of the domain, by what a worker does, in this process."""

from collections.abc import Iterable

import regex

from mcp_server.domain.patterns import Comparison, Verdict
from mcp_server.service.comparing import judge


def verdicts_on(comparisons: Iterable[Comparison]) -> dict[Comparison, Verdict]:
    return {each: Verdict(*judge(regex, each.pattern, each.value)) for each in comparisons}  # type: ignore[arg-type]  # one of the kinds
