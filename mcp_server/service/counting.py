"""Counts of library reads, for metrics."""

from collections import Counter

from mcp_server.service.results import PromptVersion


class Counts:
    """How often prompts were read or rendered, by all callers of a process."""

    def __init__(self) -> None:
        self.reads = 0
        self.shared_reads: Counter[tuple[str, str, int]] = Counter()
        """Reads that a label's weights decided: by prompt, label and version."""

    def read(self, source: PromptVersion) -> PromptVersion:
        """Count a read, and return its source."""
        self.reads += 1
        if source.label is not None:
            self.shared_reads[source.prompt.name, source.label, source.version.version] += 1
        return source
