"""What forbids a plan as a whole, and what a person should be told although it forbids nothing.

A host that did not answer is unknown, never empty: nothing is planned around it unless it is named
in `--ignore-host`.
"""

from __future__ import annotations

from collections.abc import Collection

from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Blocked
from clusterctl.model.service import Project
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.eligibility import mute
from clusterctl.planning.manifest import why_unreadable
from clusterctl.planning.observed import Observed, foreign_units


def find_blocks(inventory: Inventory, snapshot: Snapshot, ignored: frozenset[str]) -> list[Blocked]:
    """Return why nothing may be changed now, host by host."""
    blocks = []
    for host in inventory.hosts:
        answer = snapshot.hosts.get(host.name)
        if host.name in ignored:
            continue
        if isinstance(answer, HostFacts):
            blocks += _facts_blocks(inventory, answer)
        elif answer is not None:
            kind = "identity" if answer.is_identity else "unreachable"
            blocks.append(
                Blocked("identity" if kind == "identity" else "unreachable", host.name, answer.reason)
            )
    return blocks


def _facts_blocks(inventory: Inventory, facts: HostFacts) -> list[Blocked]:
    if facts.cluster and facts.cluster != inventory.cluster:
        return [Blocked("guard", facts.host, f"belongs to cluster {facts.cluster}, not {inventory.cluster}")]
    if "busy" in facts.markers:
        return [Blocked("busy", facts.host, f"is being changed: {facts.markers['busy']}")]
    return find_newer(facts)


def find_newer(facts: HostFacts) -> list[Blocked]:
    """Return the manifests of a host that another release wrote: what it meant must not be dropped (ADR 0030)."""
    why = {project: why_unreadable(text) for project, text in sorted(facts.manifests.items())}
    return [
        Blocked("newer", facts.host, f"its manifest of {project} cannot be read: {reason}")
        for project, reason in why.items()
        if reason
    ]


def find_namesakes(project: Project, units: Collection[Observed]) -> list[Blocked]:
    """Return the services whose instances would have the names, and so the units, of another project's.

    `shop-web/x` and `shop/web-x` both have shop-web-x-1. What runs already is not refused.
    """
    others = {(unit.header.project, unit.header.service) for unit in units}
    new = [service for service in project.services if (project.name, service.name) not in others]
    names = {f"{project.name}-{service.name}": service.name for service in new}
    return [
        Blocked(
            "guard", "", f"{project.name}/{names[stem]} and {owner}/{name} would share {stem}-1; rename one"
        )
        for owner, name in sorted(others)
        for stem in [f"{owner}-{name}"]
        if stem in names
    ]


def drop_in_notes(units: tuple[Observed, ...], project: str) -> list[str]:
    """Return what differs from how we left it and is not ours to mend: drop-ins."""
    return [
        f"{unit.host}: {unit.fact.name} is altered by {', '.join(unit.fact.drop_ins)} (not ours; left as it is)"
        for unit in units
        if unit.header.project == project and unit.fact.drop_ins
    ]


def find_degraded(snapshot: Snapshot, witnesses: Collection[str] = ()) -> list[str]:
    """Return the hosts that answer although their systemd or docker does not: what runs there is unknown. Witnesses need none."""
    return [
        f"{facts.host}: {mute(facts)}; nothing new is placed there"
        for facts in snapshot.seen
        if mute(facts) and facts.host not in witnesses
    ]


def find_foreign(snapshot: Snapshot, cluster: str) -> list[str]:
    """Return unit files that bear our prefix and are not ours."""
    return [
        f"{facts.host}: {name} is not ours"
        for facts in snapshot.seen
        for name in sorted(foreign_units(facts, cluster))
    ]
