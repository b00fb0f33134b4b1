"""Rollback: a project becomes again what a generation was that the hosts have kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from clusterctl.model.intent import RollbackIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Blocked, Plan
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.deploy import Terms, plan_apply
from clusterctl.planning.generations import latest_manifest, manifests_of, why_none
from clusterctl.planning.guards import find_blocks
from clusterctl.planning.manifest import Manifest, project_of
from clusterctl.planning.placements import Wishes


def plan_rollback(
    inventory: Inventory, intent: RollbackIntent, snapshot: Snapshot, *, ignored: frozenset[str] = frozenset()
) -> Plan:
    """Return the plan that takes a project back to a generation the hosts have kept.

    An older one becomes a new generation with the old content. The present one keeps its number: that is the
    way back from an apply that stopped half way.
    """
    blocked = find_blocks(inventory, snapshot, ignored)
    target = None if blocked else _target(inventory, intent, snapshot)
    if blocked or not isinstance(target, Manifest):
        return Plan("rollback", intent.project, blocked=tuple(blocked) or _only(target))
    wishes = Wishes(target.placements)
    terms = Terms("rollback", "", target.pinned, wishes, goes_back=True, overwrite=intent.overwrite)
    plan = plan_apply(inventory, project_of(target), snapshot, ignored=ignored, terms=terms)
    if plan.is_empty:
        return plan
    return replace(plan, notes=(f"back to what generation {target.generation} was", *plan.notes))


def settle_rollback(intent: RollbackIntent, snapshot: Snapshot) -> RollbackIntent:
    """Return the intent with the generation it means now, so that a resumed run does not mean another one."""
    cluster = next((facts.cluster for facts in snapshot.seen if facts.cluster), "")
    kept = manifests_of(snapshot, cluster, intent.project)
    present = latest_manifest(snapshot, cluster, intent.project)
    generation = intent.generation or _previous(kept, present)
    if generation not in kept:
        return intent
    return replace(intent, generation=generation, content=intent.content or _digest(kept[generation]))


def _target(inventory: Inventory, intent: RollbackIntent, snapshot: Snapshot) -> Manifest | Blocked:
    """Return the manifest to go back to, or why there is none."""
    kept = manifests_of(snapshot, inventory.cluster, intent.project)
    present = latest_manifest(snapshot, inventory.cluster, intent.project)
    if present is None:
        return Blocked("guard", "", why_none(snapshot, inventory.cluster, intent.project))
    wanted = intent.generation or _previous(kept, present)
    if wanted in kept:
        target = kept[wanted]
        return present if target.content == present.content else target
    if intent.content == _digest(present):
        return present
    words = ", ".join(str(number) for number in sorted(kept))
    if not intent.generation:
        return Blocked("guard", "", f"nothing older that differs is kept of {intent.project} (kept: {words})")
    return Blocked("guard", "", f"generation {wanted} of {intent.project} is not kept (kept: {words})")


def _previous(kept: Mapping[int, Manifest], present: Manifest | None) -> int:
    """Return the newest generation below the present one that holds something else, or 0."""
    if present is None:
        return 0
    below = [number for number in kept if number < present.generation]
    return max([number for number in below if kept[number].content != present.content], default=0)


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(manifest.content.encode()).hexdigest()


def _only(target: Manifest | Blocked | None) -> tuple[Blocked, ...]:
    return (target,) if isinstance(target, Blocked) else ()
