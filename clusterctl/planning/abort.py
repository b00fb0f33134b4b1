"""Abort: what takes back a run that is not to be finished.

A project goes back to the newest manifest on the hosts (it is written last, so it is that of before the run);
without one there was nothing before, and the project goes. Hosts lose the markers that the run has set, and
take instances again; what moved away from them stays where it is.
"""

from __future__ import annotations

from clusterctl.errors import RefusedError
from clusterctl.model.intent import (
    AbortIntent,
    ApplyIntent,
    DeleteIntent,
    Intent,
    MoveIntent,
    RestartIntent,
    RollbackIntent,
    ScaleIntent,
    StepsIntent,
    UpdateIntent,
)
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Batch, HostChange, Plan
from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.model.step import ClearMarker, MarkerName, Step
from clusterctl.planning.generations import find_disputed, find_lone, latest_manifest
from clusterctl.planning.guards import find_blocks
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.update import undo_steps

MARKERS: tuple[MarkerName, ...] = ("rebooting", "updating", "draining", "cordoned")
NOTES = {
    "update": "updates that were committed stay",
    "run": "what its steps copied, ran or applied stays",
    "drain": "instances stay where they moved to",
    "reboot": "instances stay where they moved to",
    "uncordon": "hosts that were let back stay so",
}


def abort_of(record: RunRecord, snapshot: Snapshot, cluster: str) -> Intent:
    """Return the intent that takes a run back; raises RefusedError where it is unknown what was before."""
    project = _project_of(record.intent, snapshot, cluster)
    if not project:
        return AbortIntent(record.summary.id, updates=_updates(record.intent))
    manifest = latest_manifest(snapshot, cluster, project)
    if manifest:
        return RollbackIntent(project, manifest.generation)
    holders = [facts.host for facts in snapshot.seen if project in facts.manifests]
    disputed = project in find_disputed(snapshot, cluster)
    lone = () if disputed else find_lone(snapshot, cluster, project)
    unknown = [host for host in holders if host not in {one.host for one in lone}]
    if unknown:
        raise RefusedError(
            f"cannot abort: the manifest of {project} on {unknown[0]} cannot be read, or no other host has it",
            next_step="apply the project's playbook, or delete the project. Nothing was changed.",
        )
    if isinstance(record.intent, ApplyIntent | DeleteIntent):
        return DeleteIntent(project)
    return AbortIntent(record.summary.id)


def plan_abort(
    intent: AbortIntent,
    inventory: Inventory,
    snapshot: Snapshot,
    *,
    run: RunSummary,
    ignored: frozenset[str] = frozenset(),
) -> Plan:
    """Return the plan that takes a run's markers off the hosts."""
    notes = (NOTES[run.verb],) if run.verb in NOTES else ()
    blocked = find_blocks(inventory, snapshot, ignored)
    if blocked:
        return Plan("abort", run.subject, blocked=tuple(blocked), notes=notes)
    reason = f"run {intent.run} is aborted"
    steps = tuple(
        ClearMarker(facts.host, marker, intent.run, reason)
        for facts in snapshot.seen
        for marker in MARKERS
        if parse_marker(facts.markers.get(marker, "")).run == intent.run
    )
    batch = Batch("take the run's markers off", steps)
    changes = [HostChange("uncordon", host, reason) for host in batch.hosts]
    armed = [f for f in snapshot.seen if intent.updates and f.packages and f.packages.armed_run == intent.run]
    undo = Batch("undo the updates", tuple(step for facts in armed for step in _undo(facts, intent.run)))
    changes += [HostChange("update", host, "what nobody has committed is undone") for host in undo.hosts]
    batches = tuple(batch for batch in (undo, batch) if batch.steps)
    return Plan("abort", run.subject, batches, notes=notes, host_changes=tuple(changes))


def _undo(facts: HostFacts, run: str) -> tuple[Step, ...]:
    return undo_steps(facts.host, facts.packages.driver if facts.packages else "", run)


def _updates(intent: Intent) -> bool:
    if isinstance(intent, StepsIntent):
        return any(step.verb == "update" for step in intent.steps)
    return isinstance(intent, UpdateIntent)


def _project_of(intent: Intent, snapshot: Snapshot, cluster: str) -> str:
    """Return the project an intent changes, or "" where it changes hosts."""
    match intent:
        case ApplyIntent():
            return intent.project.name
        case DeleteIntent() | RollbackIntent() | ScaleIntent() | RestartIntent():
            return intent.project
        case MoveIntent():
            return _owner(intent.instance, snapshot, cluster)
        case _:
            return ""


def _owner(instance: str, snapshot: Snapshot, cluster: str) -> str:
    """Return the project whose manifest places an instance."""
    for project in sorted({name for facts in snapshot.seen for name in facts.manifests}):
        manifest = latest_manifest(snapshot, cluster, project)
        if manifest and instance in manifest.placements:
            return project
    return ""
