"""The terms of a write, as every door reads them."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from mcp_server.schemas.base import NotBoolean, Shape, Whole
from mcp_server.schemas.composition import Force
from mcp_server.service.terms import Terms
from storage.values.entities import MAX_VERSION

CommitMessage = Annotated[
    str,
    Field(
        description="Why this version exists, for those who read the history.",
        examples=["Ask for a shorter answer"],
    ),
]
ExpectedVersion = Annotated[
    int,
    Field(
        description="The newest version that your change is based on: of main (`latest_version` of "
        "get_prompt), or of the branch that you write on. If somebody wrote a newer one meanwhile, "
        "nothing is written and the answer names the current version.",
        ge=1,
        le=MAX_VERSION,
    ),
    NotBoolean,
    Whole,
]


class TermsFields(Shape):
    """On what a new version is to be written, and why."""

    commit_message: CommitMessage | None = None
    expected_version: ExpectedVersion | None = None
    force: Force = False

    def terms(self, states: Collection[str] | None = None) -> Terms:
        """Return the terms, for a use case; `states` are those that the caller has seen."""
        return Terms(
            expected_version=self.expected_version,
            expected_states=states,
            commit_message=self.commit_message,
            force=self.force,
        )
