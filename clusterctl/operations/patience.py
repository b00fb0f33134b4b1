"""How long an interrupted operator waits for hosts: what has not ended by then is unknown, and told so.

A batch that was sent goes on on its hosts to its end, whoever waits for it (`remote/shell/base.sh`). So after
the first Ctrl-C the waiting is bounded, and what is not known becomes a value like any other result: the run
still stops in order, is recorded and gives its lock back (PROMISES, "Journal"). When the patience ends is the
caller's business; it raises GivenUp, and only inside `waiting`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusterctl.model.host import Host
from clusterctl.model.plan import Batch
from clusterctl.model.report import Event, StepResult
from clusterctl.model.snapshot import LookRequest, Snapshot, Unreachable
from clusterctl.model.step import Step

if TYPE_CHECKING:
    from clusterctl.operations.fleet import Emit, Fleet

UNKNOWN = "not waited for any longer; what it did is unknown, the host finishes what it began"


class GivenUp(KeyboardInterrupt):
    """The operator waits no longer for what is under way."""


@dataclass(frozen=True)
class PatientFleet:
    """A fleet that is waited for only as long as `waiting` allows; the rest is given up, host by host."""

    fleet: Fleet
    waiting: Callable[[], AbstractContextManager[None]]

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Look; hosts that were not waited for are unknown."""
        try:
            with self.waiting():
                return self.fleet.look(hosts, request)
        except GivenUp:
            return Snapshot({host.name: Unreachable(host.name, "exec", UNKNOWN) for host in hosts})

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        """Do a batch; steps of hosts that were not waited for have failed, their effect unknown."""
        ended = _Ended(emit)
        try:
            with self.waiting():
                return self.fleet.perform(batch, ended.hear, epoch)
        except GivenUp:
            return tuple(ended.result(step) for step in batch.steps)


@dataclass
class _Ended:
    """Which hosts of a batch ended before it was given up, and how."""

    emit: Emit
    hosts: dict[str, Event] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        if event.kind == "host-end":
            self.hosts[event.host] = event
        self.emit(event)

    def result(self, step: Step) -> StepResult:
        event = self.hosts.get(step.host)
        if event is None:
            gone = Unreachable(step.host, "exec", UNKNOWN)
            return StepResult(step, "failed", UNKNOWN, unreachable=gone)
        exact = [result for result in event.results if result.step is step]
        if exact:
            return exact[0]
        return StepResult(step, "failed" if event.failed else "changed", event.text)
