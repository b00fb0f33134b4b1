"""The one path of every verb that changes something.

observe -> plan -> confirm -> lock -> observe and plan again (compare with `==`) -> execute -> report.
What is planned is the planner's, how it is shown and approved is the caller's. The second look claims the
lock's epoch on every host, so that an operator with an older one changes nothing any more (PROMISES, I7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from clusterctl.errors import ClusterctlError, JournalError, RefusedError
from clusterctl.model.host import Host
from clusterctl.model.intent import Intent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import Event, Report, StepResult
from clusterctl.model.run import RunRecord, RunState, RunSummary
from clusterctl.model.snapshot import LookRequest, Snapshot
from clusterctl.model.step import RecordRun, SetMarker
from clusterctl.operations.comeback import ComeBack
from clusterctl.operations.execute import Conduct, Stopped, execute
from clusterctl.operations.fleet import Emit, Fleet
from clusterctl.operations.possible import demand_newest, demand_possible
from clusterctl.operations.resume import adopt, taken_over
from clusterctl.operations.rights import Claim, Journal, Lock, Right
from clusterctl.planning.clocks import clock_notes
from clusterctl.planning.intents import freeze, plan_intent, request_of, undo_of
from clusterctl.planning.runs import render_record
from clusterctl.planning.tidy import plan_tidy

SETTLE_S = 120
TRIES = 3

Approve = Callable[[Plan], bool]
Check = Callable[[Plan, Snapshot], None]


@dataclass(frozen=True)
class Timekeeper:
    """The operator's clock (epoch seconds), and a pause that ends early when the run is to stop."""

    clock: Callable[[], float]
    pause: Callable[[float], None]


@dataclass(frozen=True)
class Pipeline:
    """An intent, and all it takes to carry it out. `ignored` hosts are left out on purpose.

    `closes`: the run has a record already, which ends so, also when there is nothing left to do. `check` hears of each
    possible plan and the look it was made from, before anybody approves of it, and may raise.
    """

    fleet: Fleet
    inventory: Inventory
    intent: Intent
    summary: RunSummary
    lock: Lock
    journal: Journal
    time: Timekeeper
    emit: Emit
    ignored: frozenset[str] = frozenset()
    closes: Literal["", "done", "aborted"] = ""
    check: Check = lambda *_: None

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The hosts that are looked at."""
        return tuple(host for host in self.inventory.hosts if host.name not in self.ignored)

    def propose(self) -> Plan:
        """Look and plan; change nothing."""
        first = self._first_look()
        adopted = self._adopting(first)
        plan = adopted._plan(adopted.intent, first)  # noqa: SLF001 - it is one of us
        self.check(plan, first)
        return plan

    def carry_out(self, approve: Approve, stopped: Stopped) -> Report | None:
        """Plan, have it approved, take the lock, look again, and do it; None when it was not approved.

        Raises what `demand_possible` raises, LockedError when somebody else is at work, and RefusedError
        when the hosts do not hold still.
        """
        # Only the look under the lock waits for work on the hosts to settle: whoever comes second hears it at once.
        first = self._first_look()
        return self._adopting(first)._approved(first, approve, stopped)  # noqa: SLF001 - it is one of us

    def _adopting(self, first: Snapshot) -> Pipeline:
        """Return the pipeline of the unfinished run that asked for the very same, or this one."""
        record = None if self.closes else adopt(self.fleet, self.hosts, self.intent, self.summary, first)
        if record is None:
            return self
        earlier = record.summary
        text = f"continues run {earlier.id} by {earlier.by}; to begin anew: clusterctl abort {earlier.id}"
        self.emit(Event("note", text))
        return replace(self, intent=record.intent, summary=taken_over(earlier, self.summary), closes="done")

    def _approved(self, first: Snapshot, approve: Approve, stopped: Stopped) -> Report | None:
        """Have the plan for a first look approved, and go on under the lock."""
        first = self._await_hosts(request_of(self.intent), first, stopped)
        intent = freeze(self.intent, first)
        plan = self._plan(intent, first)
        demand_possible(plan)
        self.check(plan, first)
        if plan.is_empty and not self.closes:
            return Report(plan)
        if not plan.is_empty and not approve(plan):
            return None
        right = self.lock.acquire(Claim(self.summary.id, self.summary.by, self.summary.command))
        try:
            return self._settled(intent, plan, (approve, stopped), right)
        finally:
            right.release()

    def _await_hosts(self, request: LookRequest, first: Snapshot, stopped: Stopped) -> Snapshot:
        """Return a look at which the hosts of a run that goes on answer; it may have left them rebooting.

        Every look that is planned from goes through here: a host that was told to reboot may go down after any.
        """
        mine = set(getattr(self.intent, "hosts", ())) if self.closes else set()
        look = partial(self._look, request)
        return ComeBack(look, self.time.clock, self.time.pause, stopped, self.emit).wait(mine, first)

    def _settled(
        self, intent: Intent, plan: Plan, person: tuple[Approve, Stopped], right: Right
    ) -> Report | None:
        """Look and plan again under the lock until the approved plan is the one that fits, and run it."""
        approve, stopped = person
        request = replace(request_of(intent), settle_s=SETTLE_S, claim_epoch=right.epoch)
        for _ in range(TRIES):
            snapshot = self._await_hosts(request, self._look(request), stopped)
            demand_newest(snapshot, right.epoch)
            again = self._plan(intent, snapshot)
            if again == plan:
                return self._run(intent, plan, stopped, right)
            if reason := stopped():
                return Report(again, stopped=reason)
            demand_possible(again)
            self.check(again, snapshot)
            if again.is_empty:
                return self._run(intent, again, stopped, right) if self.closes else Report(again)
            note = "the hosts have changed since the plan was shown; here is the new plan"
            self.emit(Event("note", note))
            plan = again
            if not approve(plan):
                return None
        raise RefusedError(
            "the hosts change faster than they can be planned for",
            next_step="find out who else is changing them, then run the same command again. Nothing was changed.",
        )

    def _run(self, intent: Intent, plan: Plan, stopped: Stopped, right: Right) -> Report:
        """Open the run on the lock hosts and in the journal, execute, and close it."""
        summary = replace(self.summary, epoch=right.epoch, batches=len(plan.batches))
        self.emit(Event("plan", f"run {summary.id}", of=len(plan.batches), plan=plan))
        self.journal.begin(summary, plan)
        conduct = Conduct(
            self.emit, stopped, right, self.journal, self.time.clock, self.time.pause, self._fresh_look
        )
        refused, failed = self._record(RunRecord(summary, intent), right)
        report = Report(plan, failed, refused) if refused else execute(self.fleet, plan, conduct)
        if report.stopped and (reason := stopped()):
            report = replace(report, stopped=reason)  # what was not waited for has failed, but this is why
        back = None if stopped() else self._go_back(intent, plan, report, conduct)
        self._tidy(report, summary, right)
        return self._close(intent, replace(report, run=summary.id, rolled_back=back), summary, right)

    def _close(self, intent: Intent, report: Report, summary: RunSummary, right: Right) -> Report:
        """Write down how the run ended."""
        back = report.rolled_back
        state: RunState = self.closes or "done" if report.ok else "aborted" if back and back.ok else "stopped"
        detail = report.stopped
        if state == "done" and (forgotten := self._forgotten(intent)):
            # What an earlier try has marked there is not taken off yet: the run can still be gone on with.
            state, detail = "stopped", f"{' '.join(forgotten)} left out (--ignore-host)"
        ended = replace(summary, state=state, detail=detail, batches_done=report.batches_done)
        refused, _ = self._record(RunRecord(ended, intent), right)
        if refused:
            self.emit(Event("note", refused, failed=True))
        try:
            self.journal.end(ended)
        except JournalError as error:
            report = replace(report, stopped=report.stopped or error.message)
        self.emit(Event("end", state, failed=not report.ok))
        return report

    def _forgotten(self, intent: Intent) -> tuple[str, ...]:
        """Return the hosts of a run that goes on which are left out this time."""
        hosts = getattr(intent, "hosts", ()) if self.closes else ()
        return tuple(host for host in hosts if host in self.ignored)

    def _record(self, record: RunRecord, right: Right) -> tuple[str, tuple[StepResult, ...]]:
        """Keep the run's record on the lock hosts; return why that failed on more than a minority, and what did."""
        text = render_record(record)
        holders = [name for name in self.inventory.lock_hosts if name not in self.ignored]
        batch = Batch("record the run", tuple(RecordRun(name, record.summary.id, text) for name in holders))
        results = self.fleet.perform(batch, lambda _: None, right.epoch)
        failed = tuple(result for result in results if result.status == "failed")
        if 2 * (len(results) - len(failed)) > len(self.inventory.lock_hosts):
            return "", ()
        why = f"{failed[0].step.host}: {failed[0].detail}" if failed else "too few lock hosts are left"
        return f"the run cannot be recorded on {why}", failed

    def _go_back(self, intent: Intent, plan: Plan, report: Report, conduct: Conduct) -> Report | None:
        """After a failure, take the whole fleet back where the plan says so (`failure_action: rollback`)."""
        undo = undo_of(intent, plan)
        if report.ok or undo is None or not report.failed:
            return None
        self.emit(Event("note", f"going back to generation {plan.goes_back_to} on the whole fleet"))
        back = self._plan(undo, self._look(replace(request_of(undo), settle_s=SETTLE_S)))
        try:
            demand_possible(back)
        except ClusterctlError as error:
            return Report(back, stopped=error.message)
        self.emit(Event("plan", back.subject, of=len(back.batches), plan=back))
        return execute(self.fleet, back, replace(conduct, stopped=lambda: ""))

    def _tidy(self, report: Report, summary: RunSummary, right: Right) -> None:
        """After a stop, let hosts that were cordoned for this run and not begun take instances again."""
        if report.ok or not any(isinstance(step, SetMarker) for b in report.plan.batches for step in b.steps):
            return
        batch = plan_tidy(self._fresh_look(), summary.id)
        if batch.steps:
            self.fleet.perform(batch, self.emit, right.epoch)

    def _first_look(self) -> Snapshot:
        """Look, and say whose clock is off."""
        began_s = self.time.clock()
        found = self._look(request_of(self.intent))
        for note in clock_notes(found, began_s, self.time.clock()):
            self.emit(Event("note", note))
        return found

    def _look(self, request: LookRequest) -> Snapshot:
        self.emit(Event("look", f"looking at {len(self.hosts)} hosts"))
        return self.fleet.look(self.hosts, request)

    def _fresh_look(self) -> Snapshot:
        return self.fleet.look(self.hosts, LookRequest())

    def _plan(self, intent: Intent, snapshot: Snapshot) -> Plan:
        return plan_intent(
            intent, self.inventory, snapshot, ignored=self.ignored, run=self.summary, now_s=self.time.clock()
        )
