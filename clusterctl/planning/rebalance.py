"""Rebalance: a few moves that make an uneven fleet more even, each with its reason. Pure; which moves is `balance`.

Replacements are started elsewhere first, as in a drain. Data never moves, nor what was started a short while ago: a fleet
that settles by itself is left alone. A service moves only while each of its instances is well.
"""

from __future__ import annotations

from itertools import islice

from clusterctl.model.intent import RebalanceIntent, Rolling
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.balance import Balance, Occupant
from clusterctl.planning.departure import Departure, Move
from clusterctl.planning.failover import find_surplus
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.guards import find_blocks, find_degraded
from clusterctl.planning.host_plan import HostPlan
from clusterctl.planning.manifest import instances_of
from clusterctl.planning.observed import Observed
from clusterctl.planning.room import Room, open_room, writable_volumes


def plan_rebalance(
    intent: RebalanceIntent,
    inventory: Inventory,
    snapshot: Snapshot,
    run: RunSummary,
    ignored: frozenset[str] = frozenset(),
) -> Plan:
    """Return the plan of at most `intent.max_moves` moves; empty where the fleet is even enough."""
    plan = HostPlan("rebalance", run.subject, inventory, snapshot, run, Rolling())
    blocked = find_blocks(inventory, snapshot, ignored)
    if blocked:
        return plan.finish(blocked=blocked)
    plan.remove_surplus(find_surplus(plan.forecast))
    plan.notes += find_degraded(snapshot, inventory.witnesses)
    departure = Departure()
    found = list(plan.forecast.units.values())
    balance = _balance(intent, inventory, plan.forecast, found)
    if balance.peak:
        plan.notes.append(_words(balance, "now"))
    left = max(0, intent.max_moves - sum(_is_begun(intent, unit) for unit in found))
    units = {(unit.instance, unit.host): unit for unit in found}
    for shift in islice(balance.shifts(), left):
        unit = units[shift.instance, shift.host]
        service = plan.forecast.service_of(unit)
        if service:
            departure.moves.append(Move(unit, service, shift.target, why=shift.reason))
    if departure.moves:
        plan.notes.append(_words(balance, f"after {len(departure.moves)} moves"))
    plan.evacuate(departure, ())
    plan.settle()
    return plan.finish()


def _balance(
    intent: RebalanceIntent, inventory: Inventory, forecast: Forecast, found: list[Observed]
) -> Balance:
    rooms = {
        facts.host: open_room(inventory.host(facts.host), facts, inventory)
        for facts in forecast.snapshot.seen
        if facts.host in inventory.names and facts.host not in inventory.witnesses
    }
    settled = _settled(forecast, found)
    occupants = []
    for unit in found:
        room, service = rooms.get(unit.host), forecast.service_of(unit)
        if room is None:
            continue
        room.others[unit.instance.name] = unit.header.project
        if service is None:
            header = unit.header
            room.count(unit.instance, header.host_ports, header.cpus, header.memory_bytes)
            continue
        room.put(unit.instance, service)
        fixed = (
            (unit.header.project, service.name) not in settled
            or service.mode == "global"
            or service.drain != "move"
            or not unit.intact
            or bool(writable_volumes(service))
            or service.singleton
            or _is_young(intent, unit, room)
            or "cordoned" in room.facts.markers
        )
        packed = (service.strategy or inventory.policy.strategy) == "pack"
        occupants.append(Occupant(unit.instance, service, unit.host, fixed, packed))
    disk = (inventory.policy.min_free_disk_percent, inventory.policy.min_free_disk_bytes)
    return Balance(rooms, occupants, threshold=intent.threshold, disk=disk)


def _settled(forecast: Forecast, found: list[Observed]) -> set[tuple[str, str]]:
    """Return (project, service) of which each instance that the manifest wants runs, and each copy is well."""
    well = {unit.instance for unit in found if unit.is_well}
    bad = {(unit.header.project, unit.header.service) for unit in found if not unit.is_well}
    wanted: set[tuple[str, str]] = set()
    for manifest in forecast.manifests.values():
        for instance, service in instances_of(manifest, forecast.project_at(manifest)):
            wanted.add((manifest.project, service.name))
            if instance not in well:
                bad.add((manifest.project, service.name))
    return wanted - bad


def _is_young(intent: RebalanceIntent, unit: Observed, room: Room) -> bool:
    """Whether an instance was started too short a while ago, by the clock of its own host, or nobody knows when."""
    begun_s, since_s = intent.begun_s.get(unit.host, room.facts.clock_s), unit.fact.since_s
    return since_s is None or begun_s - since_s < intent.min_age_s


def _is_begun(intent: RebalanceIntent, unit: Observed) -> bool:
    """Whether an earlier try of this run may have started an instance: it counts as one of its moves."""
    begun_s, since_s = intent.begun_s.get(unit.host), unit.fact.since_s
    return begun_s is not None and since_s is not None and since_s > begun_s


def _words(balance: Balance, when: str) -> str:
    return (
        f"load {when}: mean {balance.mean:.0f} %, peak {balance.load(balance.peak):.0f} % on {balance.peak}"
    )
