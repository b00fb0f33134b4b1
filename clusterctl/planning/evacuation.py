"""Which lost hosts are evacuated now: quorum, how many at once, and what a person confirmed (PROMISES). Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from clusterctl.model.health import FleetHealth
from clusterctl.model.inventory import Inventory
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.generations import latest_manifest
from clusterctl.planning.leaving import why_stay
from clusterctl.planning.manifest import instances_of, project_of

AT_ONCE_PERCENT = 20
"""More newly lost hosts than that share of the inventory (one, if it is less) is for a person to judge."""
PER_RUN_PERCENT = 10
SMALL_FLEET = 10
"""Up to so many hosts, one is evacuated in a run."""
_ANSWERS = frozenset({"healthy", "degraded", "returning"})


@dataclass(frozen=True, slots=True)
class Evacuation:
    """What may be done: evacuate `hosts` (`off` of them certainly run nothing), put nothing on `shunned` ones.

    Lost hosts from which nothing may be moved are among them: what is held there must be said.

    `refused` says why nothing may be moved. `later` are lost hosts whose turn comes in the next run.
    """

    hosts: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    shunned: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    refused: str = ""


def burdened(snapshot: Snapshot, inventory: Inventory, resting: Collection[str] = ()) -> frozenset[str]:
    """Return the hosts on which manifests place anything that may be started elsewhere when they are lost.

    `resting` instances (by name) may not.
    """
    found: set[str] = set()
    cluster, fenced = inventory.cluster, {host.name for host in inventory.hosts if host.fence}
    for name in sorted({name for facts in snapshot.seen for name in facts.manifests}):
        manifest = latest_manifest(snapshot, cluster, name)
        if manifest:
            found |= {
                host
                for instance, service in instances_of(manifest, project_of(manifest))
                for host in [manifest.placements[instance.name]]
                if instance.name not in resting and not why_stay(service, lost=True, off=host in fenced)
            }
    return frozenset(found)


def decide(found: FleetHealth, burden: frozenset[str], off: Sequence[str] = ()) -> Evacuation:
    """Return which hosts are evacuated now.

    `burden`: the hosts that have anything to move (`burdened`); `off`: those that a person says are off.
    """
    if not found.has_majority:
        return Evacuation(refused=f"only {found.reached} of {len(found.hosts)} hosts answer: no majority")
    verdicts = {host.host: host.verdict for host in found.hosts}
    living = [host for host in off if verdicts[host] in _ANSWERS or verdicts[host] == "refused"]
    if living:
        return Evacuation(refused=f"{living[0]} answers ({verdicts[living[0]]}): it is not off")
    gone = [host for host in found.of("lost") if host not in off]
    lost = [host for host in gone if host in burden]
    held = [host for host in gone if host not in burden]
    most = max(1, len(found.hosts) * AT_ONCE_PERCENT // 100)
    if len(lost) > most:
        words = ", ".join(lost)
        return Evacuation(
            refused=f"{len(lost)} hosts are lost at once ({words}), more than {most}: a person has to judge that"
        )
    per_run = 1 if len(found.hosts) <= SMALL_FLEET else max(1, len(found.hosts) * PER_RUN_PERCENT // 100)
    shunned = tuple(host.host for host in found.hosts if host.verdict in {"returning", "flapping"})
    return Evacuation((*off, *held, *lost[:per_run]), tuple(off), shunned, tuple(lost[per_run:]))
