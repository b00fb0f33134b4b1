"""The exclusive right to change a cluster, and the book of what was done: what the pipeline needs of both.

The lock behind SSH is `operations.lock`, the journal in files is `operations.journal`; a second store (etcd)
would be another `Lock`. Rules: PROMISES, "Lock and epoch" and "Journal".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import StepResult
from clusterctl.model.run import RunSummary


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for the right, and what for: shown to whoever is refused meanwhile."""

    run: str
    by: str
    command: str


class Right(Protocol):
    """The right, held. `epoch` is its number, higher than any before it."""

    @property
    def epoch(self) -> int:
        """The number that every changing script carries."""
        ...

    def prove(self) -> str:
        """Return why the right is lost, or ""; asks a majority of the lock hosts."""
        ...

    def release(self) -> None:
        """Give the right back; never raises."""
        ...


class Lock(Protocol):
    """Where the right is had from."""

    def acquire(self, claim: Claim) -> Right:
        """Return the right; raises LockedError with holder, command and age, or RemoteError without a majority."""
        ...


class Journal(Protocol):
    """The book of one run. Each method returns once the words are on disk; raises JournalError where they are not."""

    def begin(self, summary: RunSummary, plan: Plan) -> None:
        """Write what is about to be done."""
        ...

    def before(self, number: int, batch: Batch) -> None:
        """Write that a batch (counted from 1) begins."""
        ...

    def after(self, number: int, results: Sequence[StepResult]) -> None:
        """Write how its steps ended."""
        ...

    def end(self, summary: RunSummary) -> None:
        """Write how the run ended."""
        ...


class NoLock:
    """No lock at all: for a single process that owns its cluster, as the fake one in tests."""

    epoch = 0

    def acquire(self, claim: Claim) -> Right:
        """Return a right that is never lost."""
        del claim
        return self

    def prove(self) -> str:
        """Return ""."""
        return ""

    def release(self) -> None:
        """Do nothing."""


class NoJournal:
    """A book that keeps nothing."""

    def begin(self, summary: RunSummary, plan: Plan) -> None:
        """Do nothing."""

    def before(self, number: int, batch: Batch) -> None:
        """Do nothing."""

    def after(self, number: int, results: Sequence[StepResult]) -> None:
        """Do nothing."""

    def end(self, summary: RunSummary) -> None:
        """Do nothing."""
