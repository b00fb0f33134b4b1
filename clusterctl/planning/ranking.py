"""Which host suits an instance best, of those that may take it: the terms of the rank, in the order in which they decide.

Fewest of its service in each label it is to be spread over, in the failure domain, on the host; then what the strategy says
(docs/placement.md), the fewest instances, the name. Which hosts may take it at all is `eligibility`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge

from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.service import Service, Strategy
from clusterctl.planning.lineup import Block, Cell, Entry, Lineup, Shape, path_of
from clusterctl.planning.room import Room

MOST_LINEUPS = 32
"""So many are kept: instances are placed by size, so that few are in use at a time."""

Crowd = tuple[int, ...]
"""How many of a service there are near a host, from the widest to the narrowest: the smaller one is better."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that decides a rank: the smaller value is the better one. `ahead` says why in words."""

    value: float
    words: str
    ahead: str


class Ranking:
    """The rooms of a fleet as they fill: `put` and `take` count, `best_first` has them in order of rank.

    `strategy` is that of services without one of their own; `block` what the largest instance reserves.
    """

    def __init__(
        self, rooms: Mapping[str, Room], strategy: Strategy = "spread", block: Block = (0.0, 0)
    ) -> None:
        self._rooms, self._strategy, self._block = rooms, strategy, block
        self._positions = {name: number for number, name in enumerate(sorted(rooms, key=natural))}
        self._in_zone: Counter[tuple[str, str]] = Counter()
        self._in_labels: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self._bearers: dict[str, set[str]] = {}
        self._changed: list[Room] = []
        self._lineups: dict[Shape, tuple[Lineup, int]] = {}

    def put(self, room: Room, instance: Instance, service: Service) -> None:
        """Count an instance in."""
        room.put(instance, service)
        self._count(room, instance, service, 1)

    def take(self, room: Room, instance: Instance, service: Service) -> None:
        """Count an instance out that was put there."""
        room.take(instance, service)
        self._count(room, instance, service, -1)

    def best_first(self, key: str, service: Service) -> Iterator[Room]:
        """Yield the hosts with room for what a service reserves, best first; to be left before the next `put`.

        `key` is the service's, as rooms count it. No more is ranked than is asked for: nearly always the first takes it.
        """
        lineup, bearers = self._lineup(self._shape(service)), self._bearers.get(key, set())
        near: dict[Cell, Crowd] = {}
        free: dict[Crowd, list[list[Entry]]] = {}
        for cell, entries in lineup.cells.items():
            values, opens, zone = cell
            near[cell] = *self._near(key, values), opens
            free.setdefault((*near[cell], self._in_zone.get((zone, key), 0)), []).append(entries)
        bearing: dict[Crowd, list[tuple[int, Entry]]] = {}
        crowds = sorted(free)
        for crowd in crowds[:1]:  # nobody who bears some is in a smaller crowd than who is beside it
            yield from _without(bearers, free[crowd])
        for cell, entry in lineup.places(bearers):
            room = entry[-1]
            crowd = *near[cell], self._in_zone[room.zone, key]
            bearing.setdefault(crowd, []).append((room.services[key], entry))
        for crowd in sorted({*free, *bearing}):
            if crowd != crowds[0]:
                yield from _without(bearers, free.get(crowd, ()))
            yield from (entry[-1] for _, entry in sorted(bearing.get(crowd, ())))

    def strategy_of(self, service: Service) -> Strategy:
        """Return the strategy of a service: its own, else that of the policy."""
        return service.strategy or self._strategy

    def position(self, room: Room) -> int:
        """Return the place of a host among all by name: what decides where nothing else does."""
        return self._positions[room.host.name]

    def spreads_as_well(self, here: Room, there: Room, key: str, service: Service) -> bool:
        """Whether an instance that is counted in on a host would be spread as well on another: labels, zone, host."""
        one, other = (path_of(room.host.labels, service.preferences) for room in (here, there))
        for end in range(1, len(one) + 1):
            if one[:end] != other[:end]:
                more = self._in_labels[key, one[:end]] - 1 - self._in_labels[key, other[:end]]
                if more:
                    return more > 0
        if here.zone != there.zone:
            more = self._in_zone[here.zone, key] - 1 - self._in_zone[there.zone, key]
            if more:
                return more > 0
        return there.services.get(key, 0) < here.services[key]

    def terms(self, room: Room, key: str, service: Service) -> tuple[Term, ...]:
        """Return what the rank of a host is made of, in the order in which it decides; the name comes after all."""
        shape, here = self._shape(service), room.services.get(key, 0)
        *near, opens, in_zone = self._crowd(room, key, service)
        found = []
        for label, number in zip(service.preferences, near, strict=True):
            value = f"{label}={room.host.labels[label]}" if label in room.host.labels else f"no label {label}"
            found.append(Term(number, f"{number} of {key} in {value}", f"fewer of it in its {label}"))
        if shape.strategy == "pack":
            found.append(Term(opens, "empty" if opens else "in use", "in use already"))
        zone = "no zone" if room.zone == room.host.name else f"zone {room.zone}"
        found.append(Term(in_zone, f"{in_zone} of {key} in {zone}", "fewer of it in the zone"))
        found.append(Term(here, f"{here} on the host", "fewer of it on the host"))
        if shape.strategy == "headroom":
            costs, places = shape.costs(room), shape.places(room)
            words = f"takes {costs} of {places} places for the largest"
            found.append(Term(costs, words, "leaves more places for the largest"))
        full, apart = shape.fullness(room)
        fills = shape.strategy == "pack" and not opens
        words = f"{100 * shape.load(room):.0f} % reserved with it"
        found.append(Term(full, words, "more reserved" if fills else "less reserved"))
        if shape.strategy == "spread":
            cpus, memory = (100 * share for share in shape.shares(room))
            words = f"cpus {cpus:.0f} %, memory {memory:.0f} %"
            found.append(Term(apart, words, "cpus and memory more alike"))
        number = room.instances
        words = f"{number} {'instance' if number == 1 else 'instances'} of all"
        return (*found, Term(number, words, "fewer instances"))

    def _shape(self, service: Service) -> Shape:
        return Shape.of(service, self._strategy, self._block)

    def _crowd(self, room: Room, key: str, service: Service) -> Crowd:
        """Return how crowded it is around a host, as the cells of the lineup are compared."""
        values, opens, _ = self._shape(service).cell(room)
        return *self._near(key, values), opens, self._in_zone[room.zone, key]

    def _near(self, key: str, values: tuple[str, ...]) -> Iterator[int]:
        """Yield how many of a service are on hosts with the first of these values, the first two, and so on."""
        return (self._in_labels.get((key, values[:end]), 0) for end in range(1, len(values) + 1))

    def _count(self, room: Room, instance: Instance, service: Service, by: int) -> None:
        key = key_of(instance)
        self._in_zone[room.zone, key] += by
        values = path_of(room.host.labels, service.preferences)
        for end in range(1, len(values) + 1):
            self._in_labels[key, values[:end]] += by
        bearers = self._bearers.setdefault(key, set())
        if room.services[key]:
            bearers.add(room.host.name)
        else:
            bearers.discard(room.host.name)
        self._changed.append(room)

    def _lineup(self, shape: Shape) -> Lineup:
        """Return the lineup of a shape, brought up to date."""
        found = self._lineups.pop(shape, None)
        if found is None:
            lineup = Lineup(shape, self._rooms.values(), self._positions)
        else:
            lineup, seen = found
            lineup.update({room.host.name: room for room in self._changed[seen:]}.values())
        self._lineups[shape] = lineup, len(self._changed)
        if len(self._lineups) > MOST_LINEUPS:
            del self._lineups[next(iter(self._lineups))]
        return lineup


def key_of(instance: Instance) -> str:
    """Return the key by which rooms count the instances of a service."""
    return f"{instance.project}/{instance.service}"


def _without(bearers: Container[str], cells: Iterable[list[Entry]]) -> Iterator[Room]:
    """Yield the hosts of some cells, best first, that bear none."""
    return (entry[-1] for entry in merge(*cells) if entry[-1].host.name not in bearers)
