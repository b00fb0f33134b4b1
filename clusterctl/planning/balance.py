"""Which instances would be better off on other hosts: rules that are broken, services that crowd, hosts that are full.

Each move makes the fleet better in the order of these three, and none makes an earlier one worse: so repeated runs come to
an end, and no instance goes back and forth. Greedy: the worst first, ties by name. What may move at all is the caller's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.service import Service
from clusterctl.planning.eligibility import may_belong, may_crowd, may_place, mute
from clusterctl.planning.lineup import path_of
from clusterctl.planning.room import Room

MOVE_COST_PERCENT = 1.0
"""A move for evenness must take at least so many percentage points off the fuller one of its two hosts."""
CROWDED = 2
"""So many instances more of one service than elsewhere are worth a move; one more is nothing a move could better."""


@dataclass(frozen=True, slots=True)
class Occupant:
    """An instance and where it runs; `fixed` ones count, but do not move, `packed` ones do not for evenness."""

    instance: Instance
    service: Service
    host: str
    fixed: bool = False
    packed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Its project and service."""
        return self.instance.project, self.instance.service


@dataclass(frozen=True, slots=True)
class Shift:
    """A move that makes things better, and why."""

    instance: Instance
    host: str
    target: str
    reason: str


class Balance:
    """Rooms of hosts with everything in them; `shifts` finds moves and counts each as done.

    `rooms` (host -> room, occupants counted in) are changed. `threshold` in percentage points above the mean load;
    `disk`: least free disk, as share in percent and in bytes.
    """

    def __init__(
        self,
        rooms: Mapping[str, Room],
        occupants: Sequence[Occupant],
        *,
        threshold: float,
        disk: tuple[float, int],
    ) -> None:
        self._rooms, self._threshold, self._disk = rooms, threshold, disk
        self._at: dict[str, list[Occupant]] = {name: [] for name in rooms}
        self._in_zone: Counter[tuple[str, tuple[str, str]]] = Counter()
        self._on_host: Counter[tuple[str, tuple[str, str]]] = Counter()
        self._in_labels: Counter[tuple[tuple[str, str], tuple[str, ...]]] = Counter()
        self._instances = max(len(occupants), 1)
        self._zones = sorted({room.zone for room in rooms.values()})
        self._least: dict[tuple[str, str], int] = {}
        for occupant in occupants:
            self._count(occupant, 1)
        self._reserved = any(room.cpus_used or room.memory_used for room in rooms.values())

    def shifts(self) -> Iterator[Shift]:
        """Yield moves until there is none left; each instance moves once."""
        for step in (self._broken, self._crowded, self._overloaded):
            while found := step():
                yield self._done(*found)

    def load(self, host: str) -> float:
        """Return the load of a host in percent.

        Of what it has, the larger share of cpus and memory that is reserved; where nobody in the fleet reserves
        anything, its instances as a share of the mean.
        """
        return self._load(self._rooms[host])

    @property
    def mean(self) -> float:
        """The mean load of the hosts that take instances, in percent."""
        open_rooms = self._open_rooms
        return sum(self._load(room) for room in open_rooms) / max(len(open_rooms), 1)

    @property
    def peak(self) -> str:
        """The host with the highest load, "" without hosts."""
        return max(self._open_rooms, key=self._load).host.name if self._open_rooms else ""

    # --- the three kinds of moves ----------------------------------------------------------------

    def _broken(self) -> tuple[Occupant, Room, str] | None:
        """Find an instance on a host that its constraints exclude, and a host that may take it."""
        for occupant in self._movable():
            here = self._rooms[occupant.host]
            refusal = may_belong(here, occupant.service) or may_crowd(
                here, occupant.instance, occupant.service
            )
            if refusal:
                rooms = sorted(self._rooms.values(), key=lambda room: self._rank(room, occupant))
                target = self._first(occupant, rooms)
                if target:
                    return occupant, target, refusal.reason
        return None

    def _crowded(self) -> tuple[Occupant, Room, str] | None:
        """Find a service with two instances more in one failure domain, or on one host, than elsewhere."""
        seen: set[tuple[tuple[str, str], str]] = set()
        for occupant in self._movable():
            here, key = self._rooms[occupant.host], occupant.key
            if occupant.packed or (key, occupant.host) in seen or not self._is_crowd(here, key):
                continue
            seen.add((key, occupant.host))
            rooms = [room for room in self._rooms.values() if self._eases(here, room, key)]
            rooms = [room for room in rooms if self._keeps_preferred(here, room, occupant)]
            target = self._first(occupant, sorted(rooms, key=lambda room: self._rank(room, occupant)))
            if target:
                return occupant, target, self._crowd_words(here, target, key)
        return None

    def _overloaded(self) -> tuple[Occupant, Room, str] | None:
        """Find what takes most off the fullest host, if that is above the mean by more than the threshold."""
        mean = self.mean
        full = [room for room in self._open_rooms if self._load(room) - mean > self._threshold]
        for here in sorted(full, key=lambda room: (-self._load(room), natural(room.host.name))):
            options = [
                (max(self._load(here, occupant, -1), after), natural(occupant.instance.name), occupant, room)
                for occupant in self._at[here.host.name]
                if not occupant.fixed and not occupant.packed
                for after, room in self._lighter(here, occupant)
            ]
            if options:
                *_, occupant, target = min(options, key=lambda option: option[:2])
                return occupant, target, self._load_words(here, target, mean)
        return None

    # --- what they need --------------------------------------------------------------------------

    @property
    def _open_rooms(self) -> list[Room]:
        return [
            room
            for room in self._rooms.values()
            if "cordoned" not in room.facts.markers and not mute(room.facts)
        ]

    def _movable(self) -> Iterator[Occupant]:
        everyone = (occupant for occupants in self._at.values() for occupant in occupants)
        return iter(sorted((o for o in everyone if not o.fixed), key=lambda o: o.instance))

    def _first(self, occupant: Occupant, rooms: Sequence[Room]) -> Room | None:
        return next((room for room in rooms if self._takes(room, occupant)), None)

    def _takes(self, room: Room, occupant: Occupant) -> bool:
        return room.host.name != occupant.host and not may_place(
            room, occupant.instance, occupant.service, self._disk
        )

    def _lighter(self, here: Room, occupant: Occupant) -> Iterator[tuple[float, Room]]:
        """Yield the host that is least full with the instance on it, if the move is worth its cost."""
        most = self._load(here) - MOVE_COST_PERCENT
        rooms = [(self._load(room, occupant, 1), room) for room in self._open_rooms if room is not here]
        fitting = [(after, room) for after, room in rooms if after < most]
        for after, room in sorted(fitting, key=lambda option: (option[0], natural(option[1].host.name))):
            apart = self._keeps_apart(here, room, occupant.key)
            if apart and self._keeps_preferred(here, room, occupant) and self._takes(room, occupant):
                yield after, room
                return

    def _is_crowd(self, here: Room, key: tuple[str, str]) -> bool:
        """Whether any host at all could ease a service here: asked first, since nearly always none can."""
        if key not in self._least:
            self._least[key] = min(self._in_zone[zone, key] for zone in self._zones)
        more = self._in_zone[here.zone, key] - self._least[key]
        return more >= CROWDED or self._on_host[here.host.name, key] >= CROWDED

    def _eases(self, here: Room, there: Room, key: tuple[str, str]) -> bool:
        """Whether a move makes a service crowd less: in failure domains first, on hosts second."""
        zones = self._zone_gain(here, there, key)
        hosts = self._on_host[here.host.name, key] - self._on_host[there.host.name, key]
        return zones >= CROWDED or (zones in {0, 1} and hosts >= CROWDED)

    def _keeps_apart(self, here: Room, there: Room, key: tuple[str, str]) -> bool:
        """Whether a move leaves a service spread as it is, or better."""
        hosts = self._on_host[here.host.name, key] - self._on_host[there.host.name, key]
        return self._zone_gain(here, there, key) >= 0 and hosts > 0

    def _keeps_preferred(self, here: Room, there: Room, occupant: Occupant) -> bool:
        """Whether a move leaves a service spread over the labels it prefers as it is, or better."""
        one, other = (path_of(room.host.labels, occupant.service.preferences) for room in (here, there))
        for end in range(1, len(one) + 1):
            if one[:end] != other[:end]:
                return self._in_labels[occupant.key, one[:end]] > self._in_labels[occupant.key, other[:end]]
        return True

    def _zone_gain(self, here: Room, there: Room, key: tuple[str, str]) -> int:
        """Return how many more of a service one failure domain has than another: 0 within one, negative is worse."""
        if here.zone == there.zone:
            return 0
        gain = self._in_zone[here.zone, key] - self._in_zone[there.zone, key]
        return gain if gain > 0 else gain - 1

    def _rank(self, room: Room, occupant: Occupant) -> tuple[object, ...]:
        name, key = room.host.name, occupant.key
        path = path_of(room.host.labels, occupant.service.preferences)
        return (
            *(self._in_labels[key, path[:end]] for end in range(1, len(path) + 1)),
            self._in_zone[room.zone, key],
            self._on_host[name, key],
            round(self._load(room), 6),
            natural(name),
        )

    def _load(self, room: Room, occupant: Occupant | None = None, sign: int = 0) -> float:
        """Return the load in percent, with an instance more (`sign` 1) or less (-1)."""
        if not self._reserved:
            return 100 * (len(self._at[room.host.name]) + sign) * len(self._rooms) / self._instances
        wanted = occupant.service.reservations if occupant else None
        cpus = room.cpus_used + sign * ((wanted.cpus if wanted else 0) or 0)
        memory = room.memory_used + sign * ((wanted.memory_bytes if wanted else 0) or 0)
        return 100 * max(cpus / max(room.cpus, 0.001), memory / max(room.memory_bytes, 1))

    def _count(self, occupant: Occupant, by: int) -> None:
        room = self._rooms[occupant.host]
        self._least.pop(occupant.key, None)
        self._in_zone[room.zone, occupant.key] += by
        self._on_host[occupant.host, occupant.key] += by
        path = path_of(room.host.labels, occupant.service.preferences)
        for end in range(1, len(path) + 1):
            self._in_labels[occupant.key, path[:end]] += by
        if by > 0:
            self._at[occupant.host].append(occupant)
        else:
            self._at[occupant.host].remove(occupant)

    def _done(self, occupant: Occupant, target: Room, reason: str) -> Shift:
        self._count(occupant, -1)
        self._rooms[occupant.host].take(occupant.instance, occupant.service)
        target.put(occupant.instance, occupant.service)
        self._count(replace(occupant, host=target.host.name, fixed=True), 1)
        return Shift(occupant.instance, occupant.host, target.host.name, reason)

    def _crowd_words(self, here: Room, there: Room, key: tuple[str, str]) -> str:
        name = "/".join(key)
        if self._zone_gain(here, there, key) >= CROWDED and here.zone != here.host.name:
            more, less = self._in_zone[here.zone, key], self._in_zone[there.zone, key]
            return f"zone {here.zone} has {more} of {name}, zone {there.zone} {less}"
        more, less = self._on_host[here.host.name, key], self._on_host[there.host.name, key]
        return f"{here.host.name} has {more} of {name}, {there.host.name} {less}"

    def _load_words(self, here: Room, there: Room, mean: float) -> str:
        one, other = here.host.name, there.host.name
        if not self._reserved:
            more, less = len(self._at[one]), len(self._at[other])
            return f"{one} has {more} instances, {other} {less}"
        return f"{one} is {self._load(here):.0f} % reserved, {other} {self._load(there):.0f} %, the mean {mean:.0f} %"
