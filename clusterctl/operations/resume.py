"""Which earlier run to go on with, or to take back: asked of the lock hosts, never of a file of this machine.

How the run then goes on is the pipeline's, as for any other; what takes it back is decided in `planning.abort`.
"""

from __future__ import annotations

import dataclasses

from clusterctl.errors import InputError, RemoteError
from clusterctl.model.host import Host
from clusterctl.model.intent import (
    DrainIntent,
    Intent,
    RebootIntent,
    RollbackIntent,
    StepsIntent,
    UpdateIntent,
)
from clusterctl.model.inventory import Inventory
from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import LookRequest, Snapshot
from clusterctl.operations.fleet import Fleet
from clusterctl.planning.runs import RUN_ID, left_unfinished, record_of, recorded, runs_of

Waits = DrainIntent | RebootIntent | UpdateIntent | StepsIntent | RollbackIntent
"""What goes on when it is typed again after a crash: long work on hosts does not begin anew with hosts that
are done, and "the generation before" stays the one it was."""


@dataclasses.dataclass(frozen=True)
class RunBook:
    """The records of runs on the lock hosts; `ignored` hosts are not asked."""

    fleet: Fleet
    inventory: Inventory
    ignored: frozenset[str] = frozenset()

    def runs(self) -> tuple[RunSummary, ...]:
        """Return all runs that are remembered, newest first; raises RemoteError without a majority."""
        return runs_of(self._look(""))

    def choose(self, run: str = "") -> RunRecord | str:
        """Return the record of a run that may have left something half done, or why there is none.

        Without `run` it is the newest one. Raises InputError for a run that nobody knows.
        """
        snapshot = self._look("")
        runs = runs_of(snapshot)
        if not run:
            unfinished = left_unfinished(recorded(snapshot, len(self.inventory.lock_hosts)))
            return self.fetch(unfinished[0]) if unfinished else "every run has ended"
        found = next((summary for summary in runs if summary.id == run), None)
        if found is None:
            raise InputError(
                f"no run is called {run!r} on the lock hosts", next_step="clusterctl history lists them."
            )
        return self.fetch(found) if found.unfinished else f"run {run} is {found.state}"

    def fetch(self, summary: RunSummary) -> RunRecord:
        """Return the whole record of a run; raises RemoteError where every copy is damaged, or a host alone has it."""
        record = record_of(self._look(summary.id), summary.id, len(self.inventory.lock_hosts))
        if record is None:
            raise RemoteError(
                f"the record of run {summary.id} is damaged, of another version, or not the same on most lock hosts",
                details=[f"it was: {summary.command}"],
                next_step="type that command again: it goes on from what the hosts run now.",
            )
        return record

    def _look(self, run: str) -> Snapshot:
        """Ask the lock hosts; a majority writes a record, so a majority must answer to know the newest."""
        names = self.inventory.lock_hosts
        hosts = [self.inventory.host(name) for name in names if name not in self.ignored]
        snapshot = self.fleet.look(hosts, LookRequest(run=run))
        if 2 * len(snapshot.seen) > len(names):
            return snapshot
        raise RemoteError(
            f"what runs there were is unknown: {len(snapshot.seen)} of {len(names)} lock hosts answer",
            details=[f"{gone.host}  {gone.reason}" for gone in snapshot.unreachable],
            next_step="bring the lock hosts back, then run the same command again. Nothing was changed.",
        )


def adopt(
    fleet: Fleet, hosts: tuple[Host, ...], intent: Intent, summary: RunSummary, snapshot: Snapshot
) -> RunRecord | None:
    """Return the record of the unfinished run that asked for the very same, if there is one."""
    if not isinstance(intent, Waits):
        return None
    for left in left_unfinished(runs_of(snapshot)):
        if (left.verb, left.subject) == (summary.verb, summary.subject):
            record = record_of(fleet.look(hosts, LookRequest(run=left.id)), left.id)
            if record and _is_same(intent, record.intent):
                return record
    return None


def taken_over(earlier: RunSummary, now: RunSummary) -> RunSummary:
    """Return an earlier run as it goes on now: its id, verb, subject and start, our name and command."""
    return dataclasses.replace(
        now, id=earlier.id, verb=earlier.verb, subject=earlier.subject, started_s=earlier.started_s
    )


def is_run_id(text: str) -> bool:
    """Whether a text can be the id of a run."""
    return RUN_ID.fullmatch(text) is not None


def _is_same(asked: Intent, recorded: Intent) -> bool:
    """Whether what is asked for now is what an earlier run began.

    A rollback has by then become that to a certain generation: asked again without one, it is that one still,
    and not the one before it.
    """
    if isinstance(asked, RollbackIntent) and isinstance(recorded, RollbackIntent):
        return asked.project == recorded.project and asked.generation in {0, recorded.generation}
    return _asked(asked) == _asked(recorded)


def _asked(intent: Intent) -> Intent:
    """Return an intent without what its first look saw."""
    if isinstance(intent, RebootIntent | UpdateIntent | StepsIntent):
        return dataclasses.replace(intent, boot_ids={}, failed_before={})
    return intent
