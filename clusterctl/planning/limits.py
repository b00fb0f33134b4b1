"""May these hosts be taken out now? Asked with fresh facts before each batch that opens hosts (I1, I8).

Who is out counts, whoever took it out: hosts that do not answer, and hosts that a run, also a crashed
one, has marked as draining, updating or rebooting. What the limits are is decided by the planners.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from clusterctl.model.plan import Batch, Floor, Limits
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.observed import Observed, observe_units
from clusterctl.planning.windows import why_closed

OUT = frozenset({"draining", "updating", "rebooting"})
"""The markers of a host that is out for maintenance; a cordoned host still serves."""


def hosts_out(snapshot: Snapshot) -> dict[str, str]:
    """Return the hosts that are out, each with why."""
    found = {}
    for name, answer in snapshot.hosts.items():
        if not isinstance(answer, HostFacts):
            found[name] = f"does not answer ({answer.reason})"
        elif OUT & set(answer.markers):
            found[name] = f"is marked {', '.join(sorted(OUT & set(answer.markers)))}"
    return found


def may_open(limits: Limits | None, batch: Batch, snapshot: Snapshot, now_s: float) -> str:
    """Return why the batch's hosts must not be taken out now, or ""."""
    if limits is None:
        return ""
    silent = [name for name in batch.opens if not isinstance(snapshot.hosts.get(name), HostFacts)]
    if silent:
        return f"{silent[0]} does not answer any more"
    return (
        why_too_many(limits, batch.opens, snapshot)
        or _floors(limits, batch, snapshot)
        or why_closed(limits.windows, now_s, batch.worst_s)
    )


def why_too_many(limits: Limits, hosts: Sequence[str], snapshot: Snapshot) -> str:
    """Return why these hosts must not all be out beside those that are, or ""."""
    return _fleet(limits, hosts, snapshot) or _domains(limits, hosts, snapshot)


def _fleet(limits: Limits, hosts: Sequence[str], snapshot: Snapshot) -> str:
    out = {name: why for name, why in hosts_out(snapshot).items() if name not in hosts}
    if len(out) + len(hosts) <= limits.fleet:
        return ""
    words = "; ".join(f"{name} {why}" for name, why in out.items()) or f"these are {len(hosts)}"
    return f"limit: at most {limits.fleet} hosts out at once, and {words}"


def _domains(limits: Limits, hosts: Sequence[str], snapshot: Snapshot) -> str:
    if limits.per_domain is None:
        return ""
    domain_of = dict(limits.domains)
    sizes = Counter(domain_of.values())
    out = Counter(domain_of.get(name, name) for name in {*hosts_out(snapshot), *hosts})
    for name in hosts:
        domain = domain_of.get(name, name)
        most = limits.per_domain.of(sizes[domain])
        if out[domain] > most:
            return f"limit: at most {most} hosts of {domain} out at once, and {out[domain]} would be"
    return ""


def _floors(limits: Limits, batch: Batch, snapshot: Snapshot) -> str:
    units = observe_units(snapshot, limits.cluster)
    for floor in limits.floors:
        well = {unit.instance for unit in units if unit.is_well and _belongs(unit, floor)}
        left = well - set(batch.interrupts)
        if well & set(batch.interrupts) and len(left) < floor.least:
            return f"limit: {floor.name} needs {floor.least} instances, and {len(left)} would be left"
    return ""


def _belongs(unit: Observed, floor: Floor) -> bool:
    return (unit.header.project, unit.header.service) in floor.services
