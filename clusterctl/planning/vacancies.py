"""What hosts have left while room is made on them: now, with every old copy still there, and after these are gone.

Replacements start before the old copies stop, so what moves away must fit beside everything that stands (`now`); what
comes into the room that was made must fit in what is left then (`after`). Hard rules are `eligibility`, here over all
projects at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.service import Service
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.container import volume_name
from clusterctl.planning.eligibility import may_place
from clusterctl.planning.observed import Observed
from clusterctl.planning.room import Room, data_mounts, open_room, port_keys, writable_volumes

NOW, AFTER = "now", "after"
BOTH = (NOW, AFTER)


class Vacancies:
    """Rooms of all hosts that answer and are not lost, twice; `put` and `take` change the sides they are told.

    Volumes in use are kept apart from the rooms, each with its project: rooms know them of one project only.
    """

    def __init__(
        self, inventory: Inventory, snapshot: Snapshot, units: Iterable[Observed], lost: Sequence[str]
    ) -> None:
        self._disk = (inventory.policy.min_free_disk_percent, inventory.policy.min_free_disk_bytes)
        names = set(inventory.names) - set(lost)
        seen = [facts for facts in snapshot.seen if facts.host in names]
        self._sides: dict[str, dict[str, Room]] = {
            side: {f.host: open_room(inventory.host(f.host), f, inventory) for f in seen} for side in BOTH
        }
        self._volumes: dict[str, set[tuple[str, str]]] = {facts.host: set() for facts in seen}
        self._in_zone: Counter[tuple[str, str]] = Counter()
        for unit in units:
            self._count(unit)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that answer, by name."""
        return tuple(sorted(self._sides[AFTER], key=natural))

    def room(self, host: str) -> Room:
        """Return what a host has left after everything; not to be changed."""
        return self._sides[AFTER][host]

    def fits(self, instance: Instance, service: Service, host: str, sides: Sequence[str]) -> bool:
        """Whether an instance may be placed on a host, on each of these sides."""
        rooms = (self._sides[side][host] for side in sides)
        return all(may_place(room, instance, service, self._disk) is None for room in rooms) and (
            not writable_volumes(service) or self._has_data_free(instance, service, host)
        )

    def put(self, instance: Instance, service: Service, host: str, sides: Sequence[str]) -> None:
        """Count an instance in."""
        wanted = service.reservations
        for side in sides:
            room = self._sides[side][host]
            room.count(instance, port_keys(service), wanted.cpus or 0, wanted.memory_bytes or 0)
        self._volumes[host] |= {(instance.project, name) for name in writable_volumes(service)}
        if AFTER in sides:
            self._in_zone[self.room(host).zone, _key(instance)] += 1

    def take(self, instance: Instance, service: Service, host: str, sides: Sequence[str]) -> None:
        """Count an instance out that has no data."""
        for side in sides:
            self._sides[side][host].take(instance, service)
        if AFTER in sides:
            self._in_zone[self.room(host).zone, _key(instance)] -= 1

    def best_first(self, instance: Instance, service: Service) -> list[str]:
        """Return the hosts that have the memory: fewest of the service in the zone, on the host, then by load and name."""
        wanted, key = service.reservations.memory_bytes or 0, _key(instance)
        rooms = [r for r in self._sides[AFTER].values() if r.memory_bytes - r.memory_used >= wanted]
        return [room.host.name for room in sorted(rooms, key=lambda room: self._rank(room, key))]

    def _rank(self, room: Room, key: str) -> tuple[object, ...]:
        load = max(room.memory_used / (room.memory_bytes or 1), room.cpus_used / (room.cpus or 0.001))
        return (
            self._in_zone[room.zone, key],
            room.services.get(key, 0),
            round(load, 6),
            natural(room.host.name),
        )

    def _count(self, unit: Observed) -> None:
        if unit.host not in self._volumes:
            return
        header = unit.header
        for side in BOTH:
            room = self._sides[side][unit.host]
            room.others[unit.instance.name] = header.project
            room.count(unit.instance, header.host_ports, header.cpus, header.memory_bytes)
        self._volumes[unit.host] |= {(header.project, name) for name in header.volumes}
        self._in_zone[self.room(unit.host).zone, _key(unit.instance)] += 1

    def _has_data_free(self, instance: Instance, service: Service, host: str) -> bool:
        """Whether nobody uses the service's volumes on a host, and no other host has them unused while it has not."""
        for mount in data_mounts(service):
            name, used = volume_name(instance.project, mount), (instance.project, mount.source)
            holders = {
                other
                for other, room in self._sides[AFTER].items()
                if name in (room.facts.volumes or ()) and used not in self._volumes[other]
            }
            if used in self._volumes[host] or (holders and host not in holders):
                return False
        return True


def _key(instance: Instance) -> str:
    return f"{instance.project}/{instance.service}"
