"""A run: one use of a verb that changes hosts, from its lock to its end.

Its record lies on the lock hosts, so that another operator can resume or abort it; text forms are in
`planning.runs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterctl.model.intent import Intent

RunState = Literal["running", "done", "stopped", "aborted"]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Who does what since when. `id` sorts by time; `started_s` is epoch seconds on the operator's clock."""

    id: str
    verb: str
    subject: str
    command: str
    by: str
    started_s: int
    epoch: int = 0
    state: RunState = "running"
    detail: str = ""
    batches: int = 0
    batches_done: int = 0

    @property
    def unfinished(self) -> bool:
        """Whether something may be left half done."""
        return self.state in {"running", "stopped"}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run with its intent. The intent of an apply holds environment values: 0600 on hosts, never shown."""

    summary: RunSummary
    intent: Intent
