"""Which hosts are taken out together, and in which order: limits of fleet, failure domain and service.

First the hosts that serve nobody anyhow, then a canary alone, then the rest by failure domain and name;
hosts that hold the operator's own path (the lock) last and one at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clusterctl.model.intent import Rolling
from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Blocked, Floor, Limits
from clusterctl.model.service import Service
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.departure import Departure
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.leaving import depart
from clusterctl.planning.limits import hosts_out
from clusterctl.planning.manifest import project_of
from clusterctl.planning.observed import Observed


@dataclass(frozen=True, slots=True)
class Wave:
    """Hosts that go out together, and what becomes of what runs on them."""

    hosts: tuple[str, ...]
    departure: Departure


def limits_of(inventory: Inventory, rolling: Rolling, forecast: Forecast) -> Limits:
    """Return what must hold whenever a host is taken out: what the verb says, else the policy."""
    policy = inventory.policy
    fleet = rolling.max_unavailable or policy.max_unavailable
    return Limits(
        cluster=inventory.cluster,
        fleet=fleet.of(len(inventory.hosts)),
        per_domain=policy.max_unavailable_per_domain,
        domains=tuple((name, _domain(inventory, name)) for name in inventory.names),
        floors=_floors(forecast),
        windows=policy.windows if rolling.windows is None else rolling.windows,
    )


def order_hosts(hosts: Iterable[str], inventory: Inventory, snapshot: Snapshot, canary: str) -> list[str]:
    """Return the hosts in the order in which they are taken out."""
    holders = inventory.path_hosts
    out = hosts_out(snapshot)

    def turn(name: str) -> int:
        answer = snapshot.hosts.get(name)
        if name in out:
            return 0
        if name == canary:
            return 2
        if name in holders:
            return 4
        return 3 if isinstance(answer, HostFacts) and answer.docker_answers else 1

    return sorted(set(hosts), key=lambda name: (turn(name), natural(_domain(inventory, name)), natural(name)))


def plan_waves(
    hosts: Sequence[str],
    forecast: Forecast,
    limits: Limits,
    rolling: Rolling,
    accept: Callable[[Wave], None],
    returns: Callable[[str], bool],
    calm: frozenset[str] = frozenset(),
) -> Departure | None:
    """Hand on wave after wave to `accept`; return the departure that is not possible, if there is one.

    As many hosts together as the limits allow; fewer, down to one, where more would not leave enough of a
    service. `returns` says of a host whether it comes back by itself.
    """
    left = list(hosts)
    while left:
        group = _group(left, forecast, limits, rolling)
        while True:
            leaving = tuple(name for name in group if name not in calm)
            departure = depart(forecast, leaving, returns=all(map(returns, leaving)))
            short = below_floor(forecast, limits, departure, group)
            if (departure.possible and not short) or len(group) == 1:
                break
            group.pop()
        if short:
            departure.blocked.append(short)
        if not departure.possible:
            return departure
        accept(Wave(tuple(group), departure))
        left = [name for name in left if name not in group]
    return None


def _group(left: list[str], forecast: Forecast, limits: Limits, rolling: Rolling) -> list[str]:
    """Return the hosts that limits of fleet and domain let go out together, the first of `left` always."""
    inventory = forecast.inventory
    holders = inventory.path_hosts
    first = left[0]
    if first == rolling.canary or first in holders:
        return [first]
    elsewhere = {name for name in hosts_out(forecast.snapshot) if name not in left}
    room = max(1, limits.fleet - len(elsewhere))
    domain_of = dict(limits.domains)
    sizes = Counter(domain_of.values())
    used = Counter(domain_of.get(name, name) for name in elsewhere)
    group: list[str] = []
    for name in left:
        domain = domain_of[name]
        crowded = limits.per_domain is not None and used[domain] >= limits.per_domain.of(sizes[domain])
        mixed = rolling.per_zone and domain != domain_of[first]
        alone = name in holders or name == rolling.canary
        if len(group) == room or alone or (group and (crowded or mixed)):
            continue
        group.append(name)
        used[domain] += 1
    return group


def below_floor(
    forecast: Forecast, limits: Limits, departure: Departure, hosts: Sequence[str]
) -> Blocked | None:
    """Return the block of a service that would keep too few instances while the hosts are out, or None."""
    gone: set[Instance] = set(departure.interrupts)
    touched = {(instance.project, instance.service) for instance in gone}
    floors = [floor for floor in limits.floors if touched & set(floor.services)]
    near = {service for floor in floors for service in floor.services}
    by_service: dict[tuple[str, str], list[Observed]] = {service: [] for service in near}
    for unit in forecast.units.values():
        service = unit.header.project, unit.header.service
        if service in near:
            by_service[service].append(unit)
    for floor in floors:
        units = [unit for service in floor.services for unit in by_service[service]]
        hit = gone & {unit.instance for unit in units}
        well = {unit.instance for unit in units if unit.is_well} - gone
        if hit and len(well) < floor.least:
            reason = (
                f"{floor.name} needs {floor.least} instances, and {len(well)} would be left "
                f"without {', '.join(sorted(map(str, hit)))}"
            )
            return Blocked("guard", hosts[0], reason)
    return None


def _floors(forecast: Forecast) -> tuple[Floor, ...]:
    """Return the floor of every service, and of every quorum group (all but one)."""
    floors: list[Floor] = []
    groups: dict[str, list[tuple[str, Service]]] = {}
    for name in sorted(forecast.manifests):
        for service in project_of(forecast.manifests[name]).services:
            if service.quorum:
                groups.setdefault(service.quorum, []).append((name, service))
            elif service.mode == "replicated":
                least = max(0, service.replicas - service.max_unavailable)
                floors.append(Floor(f"{name}/{service.name}", ((name, service.name),), least))
    for quorum, members in sorted(groups.items()):
        services = tuple((name, member.name) for name, member in members)
        total = sum(_size(forecast, name, member) for name, member in members)
        floors.append(Floor(f"quorum {quorum}", services, total - 1))
    return tuple(floor for floor in floors if floor.least > 0)


def _size(forecast: Forecast, project: str, service: Service) -> int:
    """Return how many instances a service has."""
    if service.mode == "replicated":
        return service.replicas
    return sum(
        (u.header.project, u.header.service) == (project, service.name) for u in forecast.units.values()
    )


def _domain(inventory: Inventory, name: str) -> str:
    return inventory.host(name).labels.get(inventory.policy.domain, name)
