"""Which host suits an instance best, of those that may take it: the terms of the rank, in the order in which they decide.

Fewest of its service in the failure domain, then on the host, then the least load, then the fewest instances, then the
name. Which hosts may take it at all is `eligibility`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import merge

from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.service import Service
from clusterctl.planning.eligibility import Room
from clusterctl.planning.lineup import Entry, Lineup, Shape

MOST_LINEUPS = 32
"""So many are kept: instances are placed by size, so that few are in use at a time."""


class Ranking:
    """The rooms of a fleet as they fill: `put` and `take` count, `best_first` has them in order of rank."""

    def __init__(self, rooms: Mapping[str, Room]) -> None:
        self._rooms = rooms
        self._positions = {name: number for number, name in enumerate(sorted(rooms, key=natural))}
        self._in_zone: Counter[tuple[str, str]] = Counter()
        self._bearers: dict[str, set[str]] = {}
        self._changed: list[Room] = []
        self._lineups: dict[Shape, tuple[Lineup, int]] = {}

    def put(self, room: Room, instance: Instance, service: Service) -> None:
        """Count an instance in."""
        room.put(instance, service)
        self._count(room, instance, 1)

    def take(self, room: Room, instance: Instance, service: Service) -> None:
        """Count an instance out that was put there."""
        room.take(instance, service)
        self._count(room, instance, -1)

    def best_first(self, key: str, service: Service) -> Iterator[Room]:
        """Yield the hosts with room for what a service reserves, best first; to be left before the next `put`.

        `key` is the service's, as rooms count it. No more is ranked than is asked for: nearly always the first takes it.
        """
        lineup, bearers = self._lineup(Shape.of(service)), self._bearers.get(key, set())
        free: dict[int, list[list[Entry]]] = {}
        for cell, entries in lineup.cells.items():
            free.setdefault(self._in_zone.get((cell, key), 0), []).append(entries)
        bearing: dict[int, list[tuple[int, Entry]]] = {}
        for room in (self._rooms[name] for name in bearers if name in lineup):
            entry = room.services[key], lineup.entry(room)
            bearing.setdefault(self._in_zone[room.zone, key], []).append(entry)
        for number in sorted({*free, *bearing}):
            yield from (
                entry[-1] for entry in merge(*free.get(number, ())) if entry[-1].host.name not in bearers
            )
            yield from (entry[-1] for _, entry in sorted(bearing.get(number, ())))

    def _count(self, room: Room, instance: Instance, by: int) -> None:
        key = key_of(instance)
        self._in_zone[room.zone, key] += by
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
