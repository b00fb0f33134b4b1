"""Hosts in the order in which they suit instances of one shape, kept up to date instead of sorted again for each.

A shape is all of a service that its rank on a host depends on, except for where its own instances are: the hosts
are kept in cells in which these count the same, and `ranking` chooses among the cells.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clusterctl.model.service import Service
from clusterctl.planning.eligibility import Room

Cell = str
Entry = tuple[float, int, int, Room]
"""Load with the instance on it, instances, position of the host by name."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an instance takes of its host."""

    cpus: float
    memory_bytes: int

    @staticmethod
    def of(service: Service) -> Shape:
        """Return the shape of a service."""
        wanted = service.reservations
        return Shape(wanted.cpus or 0, wanted.memory_bytes or 0)

    def fits(self, room: Room) -> bool:
        """Whether a host has left what an instance reserves."""
        return (
            self.memory_bytes <= room.memory_bytes - room.memory_used
            and self.cpus <= room.cpus - room.cpus_used
        )

    def load(self, room: Room) -> float:
        """Return the larger share of cpus and memory that is reserved with the instance on it, 1 for all of it."""
        cpus = (room.cpus_used + self.cpus) / (room.cpus or 0.001)
        memory = (room.memory_used + self.memory_bytes) / (room.memory_bytes or 1)
        return round(max(memory, cpus), 6)


class Lineup:
    """The hosts with room for a shape, by cell, best first; `positions` are those of all hosts by name."""

    def __init__(self, shape: Shape, rooms: Iterable[Room], positions: Mapping[str, int]) -> None:
        self._shape, self._positions = shape, positions
        self._places: dict[str, tuple[Cell, Entry]] = {}
        self.cells: dict[Cell, list[Entry]] = {}
        for room in rooms:
            self._add(room, last=True)
        for entries in self.cells.values():
            entries.sort()

    def __contains__(self, host: object) -> bool:
        """Whether a host has room for the shape."""
        return host in self._places

    def entry(self, room: Room) -> Entry:
        """Return the rank of a host within its cell, the host last."""
        return self._shape.load(room), room.instances, self._positions[room.host.name], room

    def update(self, rooms: Iterable[Room]) -> None:
        """Put hosts where they belong by now."""
        for room in rooms:
            place = self._places.pop(room.host.name, None)
            if place:
                cell, entry = place
                entries = self.cells[cell]
                del entries[bisect_left(entries, entry)]
            self._add(room)

    def _add(self, room: Room, *, last: bool = False) -> None:
        if not self._shape.fits(room):
            return
        cell, entry = cell_of(room), self.entry(room)
        self._places[room.host.name] = cell, entry
        entries = self.cells.setdefault(cell, [])
        if last:
            entries.append(entry)
        else:
            insort(entries, entry)


def cell_of(room: Room) -> Cell:
    """Return the cell of a host: its zone; all hosts without one share a cell, as long as nothing of a service is there."""
    return room.host.labels.get("zone", "")
