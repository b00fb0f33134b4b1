"""What happened: results of steps, events while they run, and the report at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterctl.model.plan import Batch, Plan
from clusterctl.model.snapshot import Unreachable
from clusterctl.model.step import Step

Status = Literal["changed", "unchanged", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step ended; `log` holds the last lines that explain a failure."""

    step: Step
    status: Status
    detail: str = ""
    log: tuple[str, ...] = ()
    restored: bool = False
    unreachable: Unreachable | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command on a host left: exit code and both streams, cut at the cap."""

    host: str
    exit_code: int
    stdout: bytes
    stderr: bytes
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth telling while it happens. `kind` is a fixed word, `text` is for people.

    look: hosts are looked at. plan: the plan's totals are known (`plan`). batch: batch `number` of `of`
    begins, on `hosts`. host-start, host-phase, host-end: one host's work in the batch; `text` is the phase or
    the result. wait: what is waited for, until `until_s` (epoch seconds). batch-end: with `results`.
    note: for people only. end: the run is over.
    """

    kind: Literal[
        "look", "plan", "batch", "host-start", "host-phase", "host-end", "batch-end", "wait", "note", "end"
    ]
    text: str
    host: str = ""
    failed: bool = False
    number: int = 0
    of: int = 0
    hosts: tuple[str, ...] = ()
    until_s: float = 0.0
    batch: Batch | None = None
    plan: Plan | None = None
    results: tuple[StepResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The end of a verb that changes something."""

    plan: Plan
    results: tuple[StepResult, ...] = ()
    stopped: str = ""
    batches_done: int = 0
    run: str = ""
    rolled_back: Report | None = None

    @property
    def failed(self) -> tuple[StepResult, ...]:
        """The steps that failed, in order."""
        return tuple(result for result in self.results if result.status == "failed")

    @property
    def ok(self) -> bool:
        """Whether everything that was planned is done."""
        return not self.stopped and not self.failed
