"""New instances change places before anything is carried out, where that makes the fullest hosts less full.

The scheduler puts one instance after another where it is best then; what comes later can leave hosts full of cpus beside
hosts full of memory. Here a host that is too full gives one of its new instances to another host, or exchanges it for a new
one there. What runs never moves; hard rules hold (the caller's `may_place`), and each instance is spread as well as before
(`ranking`): load comes after all of that. Bounded, without chance: the fullest host first, ties by name (ADR 0031).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from clusterctl.model.placement import Instance, Refusal
from clusterctl.model.service import Service
from clusterctl.planning.ranking import Ranking, key_of
from clusterctl.planning.room import Room

GOAL = 1.01
"""Hosts are too full above so many times the share of the fleet that is reserved."""
ROUNDS = 4
"""What could not be eased may be when others have been."""
PARTNERS = 16
"""So many hosts of the failure domain are asked, then as many of the fleet: those with most left of what is short."""
TRIES = 4
"""So many exchanges with one host are tried, best first: nearly always the first is allowed."""
LEAST_GAIN = 0.001
"""An exchange takes at least so much off the fuller one of two hosts, as a share of what it has."""
MOST_PAIRS = 1_500_000
"""So many exchanges are weighed at most, about half a second."""

Newcomer = tuple[Instance, Service]
MayPlace = Callable[[Room, Instance, Service], Refusal | None]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a full host gives to its partner and takes from it, if anything; `load` is then the higher one of both."""

    load: float
    partner: Room
    given: Newcomer
    taken: Newcomer | None


class Order:
    """Hosts by one of their loads, the least first, kept in order as loads change."""

    def __init__(self, rooms: Iterable[Room], load_of: Callable[[Room], float], ranking: Ranking) -> None:
        self._load_of, self._position = load_of, ranking.position
        self._entries = {room.host.name: self._entry(room) for room in rooms}
        self._sorted = sorted(self._entries.values())

    def first(self, number: int) -> list[Room]:
        """Return the hosts with the least load, at most so many."""
        return [room for _, _, room in self._sorted[:number]]

    def update(self, room: Room) -> None:
        """Put a host where it belongs by now, if it is one of these."""
        old = self._entries.get(room.host.name)
        if old:
            del self._sorted[bisect_left(self._sorted, old)]
            self._entries[room.host.name] = self._entry(room)
            insort(self._sorted, self._entries[room.host.name])

    def _entry(self, room: Room) -> tuple[float, int, Room]:
        return self._load_of(room), self._position(room), room


class Levelling:
    """New instances and the hosts that take any; `run` lets them change places. `rooms` have everything counted in."""

    def __init__(self, ranking: Ranking, rooms: Iterable[Room], may_place: MayPlace) -> None:
        self._ranking, self._may_place = ranking, may_place
        self._rooms = [room for room in rooms if "cordoned" not in room.facts.markers]
        zones: dict[str, list[Room]] = {}
        for room in self._rooms:
            zones.setdefault(room.zone, []).append(room)
        self._zones = {zone: self._orders(rooms_there) for zone, rooms_there in zones.items()}
        self._fleet = self._orders(self._rooms)
        self._at: dict[str, list[Newcomer]] = {room.host.name: [] for room in self._rooms}
        self._moved: dict[Instance, str] = {}
        self._pairs = 0

    def run(self, newcomers: Iterable[tuple[Newcomer, str]]) -> dict[Instance, str]:
        """Return the new hosts of those of `newcomers` (each with its host) that are better off elsewhere."""
        for newcomer, host in newcomers:
            self._at[host].append(newcomer)
        goal = GOAL * share_reserved(self._rooms)
        for _ in range(ROUNDS):
            eased = [self._level(room, goal) for room in self._too_full(goal)]
            if not any(eased):
                break
        return self._moved

    def _too_full(self, goal: float) -> list[Room]:
        full = [room for room in self._rooms if self._at[room.host.name] and load(room) > goal]
        return sorted(full, key=lambda room: (-load(room), self._ranking.position(room)))

    def _level(self, full: Room, goal: float) -> bool:
        """Ease a host until it is no longer too full or nothing helps; say whether anything did."""
        before = load(full)
        while load(full) > goal and self._pairs < MOST_PAIRS and self._ease(full, goal):
            pass
        return load(full) < before

    def _ease(self, full: Room, goal: float) -> bool:
        """Do the first exchange after which neither host is too full, else the best one, of the domain or of the fleet."""
        of_cpus = cpu_load(full) > memory_load(full)
        for orders in (self._zones[full.zone], self._fleet):
            others: list[Exchange] = []
            for partner in orders[of_cpus].first(PARTNERS):
                found = list(self._exchanges(full, partner))
                if self._do_best(full, [one for one in found if one.load <= goal]):
                    return True
                others += found
            if self._do_best(full, others):
                return True
        return False

    def _orders(self, rooms: Sequence[Room]) -> tuple[Order, Order]:
        """Return hosts in the order of what is reserved of their memory, and of their cpus."""
        return Order(rooms, memory_load, self._ranking), Order(rooms, cpu_load, self._ranking)

    def _exchanges(self, full: Room, partner: Room) -> Iterator[Exchange]:
        """Yield what could be given, alone or for something, so that the fuller host of both becomes less full."""
        self._pairs += 1
        given = self._may_leave(full, partner) if partner is not full else []
        if not given:
            return
        taken = self._may_leave(partner, full)
        self._pairs += len(given) * (len(taken) + 1)
        most = load(full) - LEAST_GAIN
        for give_cpus, give_bytes, give in given:
            for take_cpus, take_bytes, take in (*taken, (0.0, 0, None)):
                cpus, memory_bytes = give_cpus - take_cpus, give_bytes - take_bytes
                after = max(
                    (full.cpus_used - cpus) / (full.cpus or 0.001),
                    (full.memory_used - memory_bytes) / (full.memory_bytes or 1),
                    (partner.cpus_used + cpus) / (partner.cpus or 0.001),
                    (partner.memory_used + memory_bytes) / (partner.memory_bytes or 1),
                )
                if after < most:
                    yield Exchange(after, partner, give, take)

    def _may_leave(self, here: Room, there: Room) -> list[tuple[float, int, Newcomer]]:
        """Return one new instance of each service that is spread as well there, with what it reserves."""
        one_each = {service.name: (instance, service) for instance, service in self._at[here.host.name]}
        return [
            (service.reservations.cpus or 0.0, service.reservations.memory_bytes or 0, (instance, service))
            for instance, service in one_each.values()
            if self._ranking.spreads_as_well(here, there, key_of(instance), service)
        ]

    def _do_best(self, full: Room, exchanges: Sequence[Exchange]) -> bool:
        best = nsmallest(TRIES, exchanges, key=lambda exchange: exchange.load)
        return any(self._do(full, exchange) for exchange in best)

    def _do(self, full: Room, exchange: Exchange) -> bool:
        """Carry out an exchange if the rules allow it, else leave all as it was."""
        partner, given, taken = exchange.partner, exchange.given, exchange.taken
        self._ranking.take(full, *given)
        if taken:
            self._ranking.take(partner, *taken)
        allowed = not self._may_place(partner, *given) and not (taken and self._may_place(full, *taken))
        self._put(given, full, partner if allowed else full)
        if taken:
            self._put(taken, partner, full if allowed else partner)
        for room in (full, partner):
            for order in (*self._zones[room.zone], *self._fleet):
                order.update(room)
        return allowed

    def _put(self, newcomer: Newcomer, before: Room, after: Room) -> None:
        self._ranking.put(after, *newcomer)
        if before is not after:
            self._at[before.host.name].remove(newcomer)
            self._at[after.host.name].append(newcomer)
            self._moved[newcomer[0]] = after.host.name


def cpu_load(room: Room) -> float:
    """Return the share of a host's cpus that is reserved."""
    return room.cpus_used / (room.cpus or 0.001)


def memory_load(room: Room) -> float:
    """Return the share of a host's memory that is reserved."""
    return room.memory_used / (room.memory_bytes or 1)


def load(room: Room) -> float:
    """Return the larger share of what a host has that is reserved."""
    return max(cpu_load(room), memory_load(room))


def share_reserved(rooms: Sequence[Room]) -> float:
    """Return the larger share of cpus or of memory that is reserved on all hosts: no placement's peak is below it."""
    cpus = sum(room.cpus_used for room in rooms) / (sum(room.cpus for room in rooms) or 0.001)
    memory = sum(room.memory_used for room in rooms) / (sum(room.memory_bytes for room in rooms) or 1)
    return max(cpus, memory)
