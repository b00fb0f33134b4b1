"""Hosts in the order in which they suit instances of one shape, kept up to date instead of sorted again for each.

A shape is all of a service that its rank on a host depends on, except for where its own instances are: the hosts
are kept in cells in which these count the same, and `ranking` chooses among the cells. What the strategies mean is
said in docs/placement.md.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clusterctl.model.service import Service, Strategy
from clusterctl.planning.room import Room
from clusterctl.planning.unit_header import Header

Cell = tuple[tuple[str, ...], int, str]
"""Values of the labels to spread over, whether `pack` would open the host, its zone ("" for none)."""
Entry = tuple[int, float, float, int, int, Room]
"""Places for the largest that it costs, how full it is (two figures, `Shape.fullness`), instances, position by name."""
LOAD_STEP = 0.003
"""Loads that differ by less count the same: then it matters that neither cpus nor memory are left over."""
Block = tuple[float, int]
"""Cpus and bytes of memory of the largest instance there is."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an instance takes of its host, and what is looked at when hosts are compared for it."""

    cpus: float
    memory_bytes: int
    strategy: Strategy = "spread"
    labels: tuple[str, ...] = ()
    block: Block = (0.0, 0)

    @staticmethod
    def of(service: Service, usual: Strategy, block: Block) -> Shape:
        """Return the shape of a service; `usual` is the strategy of one that has none of its own."""
        wanted, strategy = service.reservations, service.strategy or usual
        return Shape(
            wanted.cpus or 0,
            wanted.memory_bytes or 0,
            strategy,
            service.preferences,
            block if strategy == "headroom" else (0.0, 0),
        )

    def fits(self, room: Room) -> bool:
        """Whether a host has left what an instance reserves."""
        return (
            self.memory_bytes <= room.memory_bytes - room.memory_used
            and self.cpus <= room.cpus - room.cpus_used
        )

    def shares(self, room: Room) -> tuple[float, float]:
        """Return the shares of cpus and of memory that are reserved with the instance on a host, 1 for all."""
        cpus = (room.cpus_used + self.cpus) / (room.cpus or 0.001)
        return cpus, (room.memory_used + self.memory_bytes) / (room.memory_bytes or 1)

    def load(self, room: Room) -> float:
        """Return the larger one of both shares."""
        return round(max(self.shares(room)), 6)

    def fullness(self, room: Room) -> tuple[float, float]:
        """Return how full a host is with the instance on it, and how far the shares of cpus and of memory are apart.

        To spread, the load counts in steps of `LOAD_STEP`; else as it is, and the shares do not. `pack`: what is left.
        """
        if self.strategy == "spread":
            cpus, memory = self.shares(room)
            return round(max(cpus, memory) / LOAD_STEP), round(abs(cpus - memory), 6)
        fills = self.strategy == "pack" and room.instances
        return (1 - self.load(room) if fills else self.load(room)), 0.0

    def opens(self, room: Room) -> int:
        """Return 1 where `pack` would begin to use a host, else 0."""
        return int(self.strategy == "pack" and not room.instances)

    def places(self, room: Room, *, beside: bool = False) -> int:
        """Return how many of the largest instance a host has room for, now or `beside` one more of this shape."""
        cpus = room.cpus - room.cpus_used - beside * self.cpus
        memory_bytes = room.memory_bytes - room.memory_used - beside * self.memory_bytes
        room_for = [int(cpus / self.block[0] + 1e-9)] if self.block[0] else []
        room_for += [memory_bytes // self.block[1]] if self.block[1] else []
        return max(0, min(room_for, default=0))

    def costs(self, room: Room) -> int:
        """Return how many places for the largest instance one more of this shape takes away."""
        return self.places(room) - self.places(room, beside=True) if any(self.block) else 0

    def cell(self, room: Room) -> Cell:
        """Return the cell of a host; all without a zone share one, as long as nothing of a service is there."""
        return path_of(room.host.labels, self.labels), self.opens(room), room.host.labels.get("zone", "")

    def entry(self, room: Room, position: int) -> Entry:
        """Return the rank of a host within its cell, the host last."""
        return self.costs(room), *self.fullness(room), room.instances, position, room


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

    def places(self, hosts: Iterable[str]) -> Iterator[tuple[Cell, Entry]]:
        """Yield the cell of each of some hosts that has room for the shape, and its rank within."""
        return (self._places[host] for host in hosts if host in self._places)

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
        cell, entry = self._shape.cell(room), self._shape.entry(room, self._positions[room.host.name])
        self._places[room.host.name] = cell, entry
        entries = self.cells.setdefault(cell, [])
        if last:
            entries.append(entry)
        else:
            insort(entries, entry)


def path_of(labels: Mapping[str, str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the values a host has of some labels; hosts without one are a group of their own, as in Swarm."""
    return tuple(labels.get(label, "") for label in wanted)


def largest_block(rooms: Iterable[Room], services: Sequence[Service], elsewhere: Sequence[Header]) -> Block:
    """Return what the largest instance reserves, of a project's services and of other projects' units.

    The largest is the one with the largest share of cpus or memory of the largest host; ties by cpus, then memory.
    """
    known = list(rooms)
    cpus = max((room.cpus for room in known), default=0) or 1.0
    memory_bytes = max((room.memory_bytes for room in known), default=0) or 1
    sizes = {(s.reservations.cpus or 0.0, s.reservations.memory_bytes or 0) for s in services}
    sizes |= {(header.cpus, header.memory_bytes) for header in elsewhere}
    return max(sizes, key=lambda size: (max(size[0] / cpus, size[1] / memory_bytes), *size), default=(0.0, 0))
