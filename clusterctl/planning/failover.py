"""Failover: what was on lost hosts is started elsewhere; what came back twice is removed. Pure.

Which hosts count as lost, and how many of them may be evacuated at once, is `evacuation`. What may run only once waits
until a fence device has proven that its host is off; the rest does not wait for that, nor does one host for the device
of another. Nothing is done on a lost host, and nothing without the majority of the inventory (I6). A host of the intent that answers is not lost.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from clusterctl.model.intent import FailoverIntent, Rolling
from clusterctl.model.inventory import Inventory
from clusterctl.model.placement import Instance, Unplaced
from clusterctl.model.plan import Blocked, Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.departure import Departure
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.generations import find_disputed, why_disputed
from clusterctl.planning.guards import find_newer
from clusterctl.planning.host_plan import HostPlan
from clusterctl.planning.leaving import RESTING, depart
from clusterctl.planning.making_room import Made, make_room
from clusterctl.planning.observed import Observed
from clusterctl.planning.second_place import find_second_places
from clusterctl.planning.staying import rank_of

_AT_REST = frozenset({"inactive", "failed"})
"""What systemd says of a unit that neither runs nor will be started again (systemctl(1), ActiveState)."""


def plan_failover(intent: FailoverIntent, inventory: Inventory, snapshot: Snapshot, run: RunSummary) -> Plan:
    """Return the plan; what is held back, and what fits nowhere, stands in its notes."""
    lost = tuple(host for host in intent.hosts if not isinstance(snapshot.hosts.get(host), HostFacts))
    subject = " ".join(lost) or "surplus copies"
    if 2 * len(snapshot.seen) <= len(inventory.hosts):
        reason = (
            f"only {len(snapshot.seen)} of {len(inventory.hosts)} hosts answer: no majority, nothing is moved"
        )
        return Plan("failover", subject, blocked=(Blocked("guard", "", reason),))
    newer = tuple(block for facts in snapshot.seen for block in find_newer(facts))
    if newer:
        return Plan("failover", subject, blocked=newer)
    plan = HostPlan("failover", subject, inventory, snapshot, run, Rolling())
    plan.forecast.cordon(intent.shunned)
    plan.forecast.remember(lost)
    plan.notes += [f"held: {why_disputed(name)}" for name in find_disputed(snapshot, inventory.cluster)]
    sure = {unit.instance.name for host in intent.off for unit in plan.forecast.on(host)}
    resting = frozenset(intent.resting) - sure
    departure = depart(plan.forecast, lost, returns=False, lost=True, off=intent.off, resting=resting)
    fenced = _with_fence(plan, lost, departure, resting)
    budget = intent.make_room - _start(plan, departure, lost, intent.make_room, fenced)
    plan.remove_surplus(find_surplus(plan.forecast))
    plan.start_again(find_waiting(plan.forecast), "it may run only once, and runs nowhere")
    for host in fenced:
        off = (*intent.off, host)
        after = depart(plan.forecast, (host,), returns=False, lost=True, off=off, resting=resting)
        plan.fence((host,))
        budget -= _start(plan, after, (host,), budget)
    second = find_second_places(plan.forecast, intent.shunned)
    plan.notes += second.notes
    plan.evacuate(second.departure, ())
    plan.settle()
    return plan.finish()


def find_surplus(forecast: Forecast) -> tuple[Observed, ...]:
    """Return the copies of instances that run well elsewhere, too.

    The best copy stays, of two good ones the older; of a singleton the one where the manifest has it. Of a service with
    data that one stays whatever it does, and none is removed while its host is not seen. Nothing is removed from hosts
    that were not seen.
    """
    copies: dict[Instance, list[Observed]] = {}
    seen = {facts.host for facts in forecast.snapshot.seen}
    for unit in (unit for unit in forecast.units.values() if unit.host in seen):
        copies.setdefault(unit.instance, []).append(unit)
    return tuple(
        unit
        for _, units in sorted(copies.items())
        if len(units) > 1
        for unit in _all_but_one(units, _home(forecast, units[0].instance))
    )


def find_waiting(forecast: Forecast) -> tuple[Observed, ...]:
    """Return the singletons that are stopped at home, their copies at rest: after a boot they wait to be let start."""
    running = Counter(unit.instance for unit in forecast.units.values() if unit.fact.active not in _AT_REST)
    return tuple(
        unit
        for _, unit in sorted(forecast.units.items())
        if unit.header.singleton
        and unit.state == "stopped"
        and unit.docker_answers
        and not running[unit.instance]
        and _home(forecast, unit.instance) == unit.host
    )


def held(departure: Departure, fenced: Sequence[str]) -> list[str]:
    """Return in words what is not started elsewhere, and why; what is held on `fenced` hosts is said later."""
    words = [
        f"held: {blocked.reason}"
        + ("" if blocked.reason.endswith(RESTING) else f" ({blocked.host} is not certain to be off)")
        for blocked in departure.blocked
        if blocked.host not in fenced or blocked.reason.endswith(RESTING)
    ]
    words += [f"no place: {_no_place(item)}" for item in departure.unplaced]
    return words


def _with_fence(
    plan: HostPlan, lost: Sequence[str], departure: Departure, resting: frozenset[str]
) -> tuple[str, ...]:
    """Return the lost hosts that are fenced: they have a device, and something there waits for that alone.

    A device that proves nothing ends the run, so another host is the first one in each run.
    """
    found = []
    for host in lost:
        waiting = sum(blocked.host == host for blocked in departure.blocked)
        if waiting and plan.inventory.host(host).fence:
            sure = depart(plan.forecast, (host,), returns=False, lost=True, off=(host,), resting=resting)
            found += [host] if len(sure.blocked) < waiting else []
    return tuple(sorted(found, key=lambda host: hashlib.sha256(f"{plan.run.id} {host}".encode()).digest()))


def _start(
    plan: HostPlan, departure: Departure, lost: Sequence[str], budget: int, fenced: Sequence[str] = ()
) -> int:
    """Start elsewhere what can be; return how many other instances move away for it."""
    made = make_room(plan.forecast, lost, departure, budget) if departure.unplaced else Made(departure)
    plan.notes += held(made.direct, fenced)
    made.direct.blocked, made.direct.unplaced, made.direct.stays = [], [], []
    plan.evacuate(made.direct, lost)
    plan.evacuate(made.evicted, ())
    plan.evacuate(made.late, lost)
    return len(made.evicted.moves)


def _all_but_one(units: Sequence[Observed], home: str) -> list[Observed]:
    if any(unit.header.volumes for unit in units):
        at_home = any(unit.host == home for unit in units)
        return [unit for unit in units if unit.host != home] if at_home else []
    once = any(unit.header.singleton for unit in units)
    ordered = sorted(units, key=lambda unit: (not unit.is_well, once and unit.host != home, *rank_of(unit)))
    return ordered[1:] if ordered[0].is_well else []


def _home(forecast: Forecast, instance: Instance) -> str:
    manifest = forecast.manifests.get(instance.project)
    return manifest.placements.get(instance.name, "") if manifest else ""


def _no_place(item: Unplaced) -> str:
    refusals = "; ".join(f"{refusal.host}: {refusal.reason}" for refusal in item.refusals)
    return f"{item.instance} ({refusals or 'no host is left'})"
