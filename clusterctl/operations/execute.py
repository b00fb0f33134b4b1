"""Batch after batch, with the gate between them; what was done when it stopped.

Which batches there are and whether the next may start is decided in `planning` (`rolling.may_continue`,
`limits.may_open`). Before each batch the right to change is proven and the journal is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from clusterctl.errors import JournalError
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import Event, Report, StepResult
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import ApplyUnit, RunCommand, Step
from clusterctl.operations.comeback import ComeBack
from clusterctl.operations.fleet import Emit, Fleet
from clusterctl.operations.rights import Journal, Right
from clusterctl.planning.limits import may_open
from clusterctl.planning.rolling import may_continue

Stopped = Callable[[], str]


@dataclass(frozen=True)
class Conduct:
    """What carrying out a plan needs besides the fleet.

    `stopped` gives a reason to stop between two batches. `clock` is epoch seconds, `pause` waits (less when it
    is to stop). `look` is a fresh look at all hosts, for batches that open hosts.
    """

    emit: Emit
    stopped: Stopped
    right: Right
    journal: Journal
    clock: Callable[[], float]
    pause: Callable[[float], None]
    look: Callable[[], Snapshot]


def execute(fleet: Fleet, plan: Plan, conduct: Conduct) -> Report:
    """Carry out a plan until it is done, a batch fails, a guard refuses, or `stopped` gives a reason."""
    return _Execution(fleet, plan, conduct).run()


class _Execution:
    def __init__(self, fleet: Fleet, plan: Plan, conduct: Conduct) -> None:
        self._fleet, self._plan, self._conduct = fleet, plan, conduct
        self._results: list[StepResult] = []
        self._failed = 0
        self._lost: set[str] = set()

    def run(self) -> Report:
        done = 0
        for number, planned in enumerate(self._plan.batches, start=1):
            batch, skipped = self._without_failed(planned)
            try:
                reason = self._may_start(batch, skipped) or self._do(number, batch, skipped)
            except JournalError as error:
                reason = f"{error.message}; nothing is done that cannot be written down"
            if reason:
                return self._report(reason, done)
            done = number
        return self._report("", done)

    def _report(self, reason: str, done: int) -> Report:
        return Report(self._plan, tuple(self._results), reason, done)

    def _may_start(self, batch: Batch, skipped: Sequence[StepResult]) -> str:
        """Return why a batch must not start, or ""."""
        conduct = self._conduct
        reason = conduct.stopped() or _missed(skipped, self._lost)
        if not reason and batch.opens:
            conduct.emit(Event("look", f"looking before {', '.join(batch.opens)} is taken out"))
            reason = may_open(self._plan.limits, batch, self._look_before(batch), conduct.clock())
        return reason or conduct.right.prove()

    def _look_before(self, batch: Batch) -> Snapshot:
        """Look at all hosts; those of the batch that an earlier try told to reboot may still be on their way."""
        conduct = self._conduct
        wait = ComeBack(conduct.look, conduct.clock, conduct.pause, conduct.stopped, conduct.emit)
        return wait.wait(set(batch.opens) & set(self._plan.rebooting), conduct.look())

    def _do(self, number: int, batch: Batch, skipped: Sequence[StepResult]) -> str:
        """Do a batch; return why the next must not start, or ""."""
        conduct, of = self._conduct, len(self._plan.batches)
        conduct.journal.before(number, batch)
        title = f"{number}/{of} {batch.title}: {', '.join(host or 'here' for host in batch.hosts)}"
        conduct.emit(Event("batch", title, number=number, of=of, hosts=batch.hosts, batch=batch))
        done = self._fleet.perform(batch, conduct.emit, conduct.right.epoch) if batch.steps else ()
        outcome = (*done, *skipped)
        self._results += outcome
        conduct.emit(Event("batch-end", batch.title, number=number, of=of, batch=batch, results=outcome))
        conduct.journal.after(number, outcome)
        refusal = may_continue(batch, done, self._failed)
        self._failed += sum(result.status == "failed" for result in done)
        for result in done:
            if result.status == "failed":
                self._lost |= _places(result.step)
        if not refusal and batch.pause_s and number < of:
            self._wait(batch.pause_s)
        return refusal

    def _without_failed(self, batch: Batch) -> tuple[Batch, tuple[StepResult, ...]]:
        """Return a batch without the hosts that failed before, where the plan says so, and what is skipped."""
        if not self._plan.drops_failed_hosts or not self._lost:
            return batch, ()
        left = tuple(step for step in batch.steps if not _places(step) & self._lost)
        reason = "the host failed in an earlier batch"
        skipped = [StepResult(s, "skipped", reason) for s in batch.steps if _places(s) & self._lost]
        opens = tuple(host for host in batch.opens if host not in self._lost)
        return replace(batch, steps=left, opens=opens), tuple(skipped)

    def _wait(self, seconds: float) -> None:
        text = f"waiting {seconds:g} s before the next batch"
        self._conduct.emit(Event("wait", text, until_s=self._conduct.clock() + seconds))
        self._conduct.pause(seconds)


def _places(step: Step) -> frozenset[str]:
    """Return the hosts a step is about: with which it fails, and without which it is not done.

    A command of the operator's is about the host it names, an instance's start elsewhere also about the host it
    leaves.
    """
    if isinstance(step, RunCommand) and step.about:
        return frozenset({step.about})
    leaves = {step.leaves} if isinstance(step, ApplyUnit) and step.leaves else set()
    return frozenset({step.host} | leaves)


def _missed(skipped: Sequence[StepResult], lost: Collection[str]) -> str:
    """Return why nothing may go on: an instance was to be started on a host that has failed since."""
    for result in skipped:
        step = result.step
        if isinstance(step, ApplyUnit) and step.host in lost and step.leaves not in lost:
            return f"{step.instance} was to be started on {step.host}, which has failed"
    return ""
