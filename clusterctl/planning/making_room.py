"""Room for what fits nowhere: up to four instances of one host move elsewhere, so that one more has a place. Pure.

First what is about to be started anyhow is sent to other hosts than planned: that costs no move. Then, as far as a budget of
extra moves goes, instances that stand: their replacements start first, so no service has fewer of them at any time. The
fewest moves are taken, of these the smallest. Nothing that has data, is young, is not well or runs twice moves, nothing for
the sake of a lower priority, and nothing that would have no place afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from clusterctl.model.names import natural
from clusterctl.model.placement import Instance, Unplaced
from clusterctl.model.service import Service
from clusterctl.planning.departure import Departure, Move
from clusterctl.planning.eligibility import may_belong
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.observed import Observed
from clusterctl.planning.room import port_keys
from clusterctl.planning.tenants import Tenant, standing_tenant, starting_tenant
from clusterctl.planning.vacancies import AFTER, BOTH, Vacancies

MOST = 4
"""So many instances at most move away for one."""
CANDIDATES = 12
"""So many instances of one host are considered, the smallest first."""
TRIES = 200
"""So many sets are tried for one instance: it comes to an end on the largest fleet, too."""


@dataclass(slots=True)
class Made:
    """What becomes of a departure: `direct` starts at once, `evicted` moves away first, `late` starts in their room."""

    direct: Departure
    evicted: Departure = field(default_factory=Departure)
    late: Departure = field(default_factory=Departure)


def make_room(forecast: Forecast, lost: Sequence[str], departure: Departure, budget: int) -> Made:
    """Return a departure from lost hosts in which more has a place, with at most `budget` extra moves.

    The forecast stays as it is.
    """
    maker = _Maker(forecast, lost, departure, budget)
    in_turn = sorted((item.instance for item in departure.unplaced), key=maker.turn)
    placed = {instance for instance in in_turn if maker.find_place(instance)}
    return maker.made([item for item in departure.unplaced if item.instance not in placed])


class _Maker:
    """Places one more at a time; each knows what the earlier ones have moved."""

    def __init__(self, forecast: Forecast, lost: Sequence[str], departure: Departure, budget: int) -> None:
        self._forecast, self._departure, self._left = forecast, departure, budget
        self._priority = forecast.priority_of
        gone = {(move.unit.instance, move.unit.host) for move in departure.moves}
        standing = [unit for place, unit in forecast.units.items() if place not in gone]
        self._vacancies = Vacancies(forecast.inventory, forecast.snapshot, standing, lost)
        self._homeless = {unit.instance: unit for unit in standing if unit.host in lost}
        self._tenants: dict[str, list[Tenant]] = {host: [] for host in self._vacancies.hosts}
        self._stuck: set[Hashable] = set()
        self._starts: dict[Instance, Move] = {}
        self._late: dict[Instance, Move] = {}
        self._evicted: list[Move] = []
        for move in departure.moves:
            self._count_start(move)
        copies = Counter(unit.instance for unit in forecast.units.values())
        for unit in standing:
            if copies[unit.instance] == 1:
                self._add(standing_tenant(forecast, unit))

    def turn(self, instance: Instance) -> tuple[object, ...]:
        """Return when an instance has its turn: by priority, then those that need least."""
        unit = self._homeless[instance]
        return -self._priority(unit), unit.header.memory_bytes, unit.header.cpus, instance

    def find_place(self, instance: Instance) -> bool:
        """Find a place for an instance that has none, and make room there if need be."""
        unit = self._homeless[instance]
        service = self._forecast.service_of(unit)
        if service is None:
            return False
        for host in self._vacancies.best_first(unit.instance, service):
            if self._vacancies.fits(unit.instance, service, host, (AFTER,)):
                self._start(unit, service, host)
                return True
        return any(
            self._try(unit, service, host, leaving)
            for free in ((True, False) if self._left else (True,))
            for host, leaving in self._sets(unit, service, free=free)
        )

    def made(self, unplaced: list[Unplaced]) -> Made:
        """Return what has been worked out."""
        moves = [
            self._starts.pop(move.unit.instance, move) if move.target else move
            for move in self._departure.moves
            if not (move.target and move.unit.instance in self._late)
        ]
        direct = replace(self._departure, moves=[*moves, *self._starts.values()], unplaced=unplaced)
        return Made(direct, Departure(moves=self._evicted), Departure(moves=list(self._late.values())))

    # --- what may move ---------------------------------------------------------------------------

    def _count_start(self, move: Move) -> None:
        """Count what is about to be started; what takes up an earlier try's copy is counted already, and stays there."""
        if move.target and move.left is None:
            self._vacancies.put(move.unit.instance, move.service, move.target, BOTH)
            self._add(starting_tenant(self._forecast, move))

    def _add(self, tenant: Tenant | None) -> None:
        if tenant and tenant.host in self._tenants:
            self._tenants[tenant.host].append(tenant)

    # --- which sets ------------------------------------------------------------------------------

    def _sets(
        self, unit: Observed, service: Service, *, free: bool
    ) -> Iterator[tuple[str, tuple[Tenant, ...]]]:
        """Yield sets whose leaving makes enough room: fewest extra moves first, then the least memory, then by name.

        `free`: only what is not started yet.
        """
        priority, tries = self._priority(unit), TRIES
        hosts = [
            host for host in self._vacancies.hosts if not may_belong(self._vacancies.room(host), service)
        ]
        for size in range(1, MOST + 1):
            found = [
                (cost, sum(tenant.memory_bytes for tenant in chosen), natural(host), host, chosen)
                for host in hosts
                for chosen in self._sets_on(host, service, priority, size, free=free)
                if (cost := sum(tenant.stands for tenant in chosen)) <= self._left
            ]
            for *_, host, chosen in sorted(found, key=lambda option: option[:3]):
                if tries <= 0:
                    return
                if not any({tenant.instance, tenant.shape} & self._stuck for tenant in chosen):
                    tries -= 1
                    yield host, chosen

    def _sets_on(
        self, host: str, service: Service, priority: int, size: int, *, free: bool
    ) -> Iterator[tuple[Tenant, ...]]:
        room = self._vacancies.room(host)
        holders = {room.ports[port] for port in port_keys(service) if port in room.ports}
        memory = (service.reservations.memory_bytes or 0) - (room.memory_bytes - room.memory_used)
        cpus = (service.reservations.cpus or 0) - (room.cpus - room.cpus_used)
        options = [
            (tenant.instance.name not in holders, tenant.memory_bytes, tenant.instance, tenant.cpus, tenant)
            for tenant in self._tenants[host]
            if (not tenant.stands or (not free and tenant.priority <= priority))
            and not {tenant.instance, tenant.shape} & self._stuck
        ]
        for chosen in combinations(sorted(options, key=lambda option: option[:3])[:CANDIDATES], size):
            if (
                sum(option[1] for option in chosen) >= memory
                and sum(option[3] for option in chosen) >= cpus - 1e-9
                and (not holders or holders <= {option[2].name for option in chosen})
            ):
                yield tuple(option[4] for option in chosen)

    # --- doing it --------------------------------------------------------------------------------

    def _try(self, unit: Observed, service: Service, host: str, leaving: Sequence[Tenant]) -> bool:
        """Move a set away and place the instance, or leave everything as it was."""
        priority = self._priority(unit)
        for tenant in leaving:
            self._vacancies.take(tenant.instance, tenant.service, host, (AFTER,) if tenant.stands else BOTH)
        gone: list[tuple[Tenant, str, Sequence[str]]] = []
        if self._vacancies.fits(unit.instance, service, host, (AFTER,)):
            for tenant in sorted(leaving, key=lambda tenant: -tenant.memory_bytes):
                target, sides = self._target(tenant, host, priority)
                if not target:
                    if not gone:
                        self._note_stuck(tenant, host)
                    break
                self._vacancies.put(tenant.instance, tenant.service, target, sides)
                gone.append((tenant, target, sides))
        if len(gone) == len(leaving):
            self._accept(unit, gone)
            self._start(unit, service, host)
            return True
        for tenant, target, sides in gone:
            self._vacancies.take(tenant.instance, tenant.service, target, sides)
        for tenant in leaving:
            self._vacancies.put(tenant.instance, tenant.service, host, (AFTER,) if tenant.stands else BOTH)
        return False

    def _target(self, tenant: Tenant, host: str, priority: int) -> tuple[str, Sequence[str]]:
        """Return another host for a tenant and on which sides it is there, or "": it may not wait for a lower priority."""
        waits = not tenant.stands and tenant.priority <= priority
        for sides in (BOTH, (AFTER,)) if waits else (BOTH,):
            for other in self._vacancies.best_first(tenant.instance, tenant.service):
                if other != host and self._vacancies.fits(tenant.instance, tenant.service, other, sides):
                    return other, sides
        return "", ()

    def _note_stuck(self, tenant: Tenant, host: str) -> None:
        """Remember that no other host takes an instance, nor any like it: sets with one of these need no try."""
        alike = tenant.stands and not self._vacancies.fits(tenant.instance, tenant.service, host, BOTH)
        self._stuck.add(tenant.shape if alike else tenant.instance)

    def _accept(self, unit: Observed, gone: Sequence[tuple[Tenant, str, Sequence[str]]]) -> None:
        self._stuck = set()
        for tenant, target, sides in gone:
            self._tenants[tenant.host].remove(tenant)
            if tenant.stands:
                self._left -= 1
                why = f"makes room for {unit.instance}"
                self._evicted.append(Move(tenant.unit, tenant.service, target, why=why))
            else:
                self._note_start(Move(tenant.unit, tenant.service, target), direct=sides == BOTH)

    def _start(self, unit: Observed, service: Service, host: str) -> None:
        """Place an instance: at once where there is room now."""
        direct = self._vacancies.fits(unit.instance, service, host, BOTH)
        self._vacancies.put(unit.instance, service, host, BOTH if direct else (AFTER,))
        self._note_start(Move(unit, service, host), direct=direct)

    def _note_start(self, move: Move, *, direct: bool) -> None:
        self._starts.pop(move.unit.instance, None)
        self._late.pop(move.unit.instance, None)
        (self._starts if direct else self._late)[move.unit.instance] = move
        if direct:
            self._add(starting_tenant(self._forecast, move))
