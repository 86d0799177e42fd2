"""Terms: the conditions of a write, and the reason for it."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from mcp_server.domain.references import BRANCH_PREFIX, branch_head
from mcp_server.domain.texts import check_text
from mcp_server.service.results import state_of
from storage.values.entities import LATEST, MAIN, Prompt
from storage.values.errors import Conflict

_MAX_MESSAGE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a write: the state it expects, its reason, and whether it may break others.

    `expected_version` is the head of the branch to write on; `expected_states` are fingerprints
    (`results.state_of`) of states that the caller saw, one of which must still be current.
    `commit_message` is stored with a new version. With `force` a write may break prompts that
    include this one.
    """

    expected_version: int | None = None
    expected_states: Collection[str] | None = None
    commit_message: str | None = None
    force: bool = False

    def check_message(self) -> None:
        """Check that the message can be stored.

        Raises:
            Invalid: it can't.
        """
        check_message(self.commit_message)

    def or_message(self, usual: str) -> "Terms":
        """Return the same terms, with a message where there is none."""
        return self if self.commit_message else replace(self, commit_message=usual)

    def check(self, prompt: Prompt, branch: str | None = None) -> None:
        """Check that a prompt is in an expected state; with a branch, that its head is.

        Raises:
            NotFound: there is no such branch.
            Conflict: the head is another version; or the caller saw a version that isn't the head,
                or a state that is no longer current. Carries the newest version.
        """
        head = branch_head(prompt, branch or MAIN)
        if self.expected_version is not None and self.expected_version != head:
            raise _other_head(prompt, branch or MAIN, head, self.expected_version)
        if self.expected_states is None:
            return
        states = self.expected_states
        if branch is not None and state_of(prompt, head) in states:
            return
        seen = next((each for each in _shown(prompt) if state_of(prompt, each) in states), None)
        if seen is None:
            raise _changed(prompt)
        if branch is not None:
            raise _not_the_head(prompt, branch, head, seen)


ANY = Terms()
"""No expectations and no message."""


def check_message(message: str | None, field: str = "commit_message") -> None:
    """Check the message of a write.

    Raises:
        Invalid: it can't be stored.
    """
    if message is not None:
        check_text(message, field, limit=_MAX_MESSAGE)


def _other_head(prompt: Prompt, branch: str, head: int, expected: int) -> Conflict:
    return Conflict(
        f"'{prompt.name}' is at version {head}{_on(branch)}, not at version {expected} as "
        f"expected. Read version {head}, merge your change into it, and write again with "
        f"expected_version {head}.",
        current_version=head,
    )


def _not_the_head(prompt: Prompt, branch: str, head: int, seen: int) -> Conflict:
    latest = LATEST if branch == MAIN else f"{BRANCH_PREFIX}{branch}"
    return Conflict(
        f"What you read of '{prompt.name}' is version {seen}, but a write{_on(branch)} goes on "
        f"from the newest, version {head}. Read '{prompt.name}@{latest}', and put your change "
        "into that.",
        current_version=head,
    )


def _changed(prompt: Prompt) -> Conflict:
    return Conflict(
        f"'{prompt.name}' has changed since you read it; its newest version is "
        f"{prompt.latest_version}. Nothing was written: read it again, and put your change "
        "into what you find.",
        current_version=prompt.latest_version,
    )


def _shown(prompt: Prompt) -> set[int]:
    """Return the versions that can be read without a number: served, labelled, and heads."""
    return {prompt.served_version, *prompt.labels.values(), *prompt.branches.values()}


def _on(branch: str) -> str:
    return "" if branch == MAIN else f" on the branch '{branch}'"
