"""Which host runs which instance: what is well placed stays (`staying`), the rest goes where it spreads best.

Greedy and deterministic: the highest priority first, then what reserves the largest share of the fleet's cpus or memory,
ties by name; each goes to the best of the hosts that may take it. Hard rules are `eligibility`, which host is best is
`ranking`, who changes places afterwards is `levelling`; what is done with the answer is `deploy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.placement import Instance, Refusal, Unplaced
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.container import volume_name
from clusterctl.planning.eligibility import find_refusals, may_place, may_stay, needs
from clusterctl.planning.levelling import Levelling
from clusterctl.planning.lineup import largest_block
from clusterctl.planning.observed import Observed
from clusterctl.planning.placements import Placements, Wishes
from clusterctl.planning.ranking import Ranking, Term, key_of
from clusterctl.planning.room import Room, data_mounts, open_room, writable_volumes
from clusterctl.planning.staying import Staying


class Scheduler:
    """Works out one project's placements; make one, call `run`, read the result."""

    def __init__(
        self,
        inventory: Inventory,
        project: Project,
        snapshot: Snapshot,
        units: tuple[Observed, ...],
        wishes: Wishes | None = None,
    ) -> None:
        self._project = project
        self._wishes = wishes or Wishes()
        self._disk = (inventory.policy.min_free_disk_percent, inventory.policy.min_free_disk_bytes)
        seen = {facts.host: facts for facts in snapshot.seen}
        self.rooms: dict[str, Room] = {
            host.name: open_room(host, seen[host.name], inventory)
            for host in inventory.hosts
            if host.name in seen
        }
        rooms = self.rooms.values()
        self._total = sum(room.cpus for room in rooms) or 1.0, sum(room.memory_bytes for room in rooms) or 1
        self._holders = _by_volume(self.rooms.values())
        self._supposed: dict[str, HostFacts] = {}
        elsewhere = [unit.header for unit in units if unit.header.project != project.name]
        block = largest_block(self.rooms.values(), project.services, elsewhere)
        self._ranking = Ranking(self.rooms, inventory.policy.strategy, block)
        self._result = Placements()
        self._staying = Staying(project, self.rooms, units, self._wishes, self._ranking, self._result)
        for unit in units:
            if unit.header.project != project.name and unit.host in self.rooms:
                header = unit.header
                self.rooms[unit.host].others[unit.instance.name] = header.project
                self.rooms[unit.host].count(
                    unit.instance, header.host_ports, header.cpus, header.memory_bytes
                )

    def run(self, recorded: Mapping[str, str]) -> Placements:
        """Return the placements; `recorded` says where the manifest had instances on hosts not looked at."""
        missing: list[tuple[Instance, Service]] = []
        for service in sorted(
            self._project.services, key=lambda service: (self._staying.grows(service), service.name)
        ):
            if service.mode == "global":
                for instance, room in self._staying.keep_global(service, recorded):
                    self._place_on(instance, service, [room])
            else:
                missing += [
                    (instance, service) for instance in self._staying.keep_replicated(service, recorded)
                ]
        self._place_all(sorted(missing, key=self._largest_first))
        if not self._result.unplaced:
            self._level(missing)
        self._staying.collect_surplus()
        return self._result

    def place_beside(self, instance: Instance, service: Service) -> str:
        """Return a host for one instance more than wanted, or "" where none has room."""
        for room in self._ranking.best_first(key_of(instance), service):
            if self._may_place(room, instance, service) is None:
                self._put(room, instance, service)
                return room.host.name
        return ""

    def terms(self, instance: Instance, service: Service, host: str) -> tuple[Term, ...]:
        """Return what the rank of a host is made of, in the order in which it decides."""
        return self._ranking.terms(self.rooms[host], key_of(instance), service)

    def why_not(self, instance: Instance, service: Service, host: str) -> tuple[str, ...]:
        """Return every reason why an instance may not be placed on a host now."""
        room = self.rooms[host]
        elsewhere = self._volume_elsewhere(room, service)
        found = find_refusals(room, instance, service, self._disk)
        return (*found, elsewhere.reason) if elsewhere else found

    def occupy(self, instance: Instance, service: Service, host: str) -> bool:
        """Count an instance in on a host where a copy of it lies, if it may run there; a cordon does not matter."""
        room = self.rooms.get(host)
        if room is None or not room.facts.docker_answers or may_stay(room, instance, service, grows=True):
            return False
        self._put(room, instance, service)
        return True

    def put_guest(self, instance: Instance, service: Service, host: str) -> None:
        """Count in what another project has moved to a host; `take_back` undoes it."""
        self._put(self.rooms[host], instance, service)

    def suppose(self, facts: Iterable[HostFacts]) -> None:
        """Take hosts to be so until `recall`: cordoned ones take nothing new."""
        for supposed in facts:
            room = self.rooms[supposed.host]
            self._supposed.setdefault(supposed.host, room.facts)
            room.facts = supposed

    def recall(self) -> None:
        """Undo `suppose`."""
        for host, facts in self._supposed.items():
            self.rooms[host].facts = facts
        self._supposed = {}

    def take_back(self, instance: Instance, service: Service, host: str) -> None:
        """Undo a placement: what was only tried must not weigh on what is placed later."""
        self._ranking.take(self.rooms[host], instance, service)

    def place_elsewhere(self, instance: Instance, service: Service) -> str | Unplaced:
        """Return another host for an instance that must leave its own, or why there is none."""
        placed, unplaced = dict(self._result.placed), list(self._result.unplaced)
        self._result.placed.pop(instance, None)
        self._place(instance, service)
        found: str | Unplaced = self._result.placed.get(instance) or self._result.unplaced[-1]
        self._result.placed, self._result.unplaced = placed, unplaced
        return found

    def _place_all(self, missing: Iterable[tuple[Instance, Service]]) -> None:
        """Place one after the other; what is like the one before, which had no place, is not asked of every host again."""
        refused: Unplaced | None = None
        for instance, service in missing:
            if refused and self._are_alike(instance, refused.instance):
                self._result.unplaced.append(replace(refused, instance=instance))
                continue
            self._place(instance, service)
            refused = None if instance in self._result.placed else self._result.unplaced[-1]

    def _are_alike(self, one: Instance, other: Instance) -> bool:
        """Whether two instances are of one service, and no host means only one of them."""
        alone = {name for name in (one.name, one.unit, other.name, other.unit) if name in self._names_taken}
        return one.service == other.service and not alone

    @cached_property
    def _names_taken(self) -> frozenset[str]:
        """The instances, units and containers that a host refuses by their name, or that are to be on one host only."""
        taken = ((room.others, room.foreign_units, room.foreign_containers) for room in self.rooms.values())
        return frozenset(chain(self._wishes.forced, *chain.from_iterable(taken)))

    def _place(self, instance: Instance, service: Service) -> None:
        forced, wish = (of.get(instance.name) for of in (self._wishes.forced, self._wishes.preferred))
        if forced is not None:
            self._place_on(instance, service, [self.rooms[name] for name in (forced,) if name in self.rooms])
            return
        wished = (self.rooms[name] for name in (wish,) if name in self.rooms)
        ranked = chain(wished, self._ranking.best_first(key_of(instance), service))
        self._place_on(instance, service, self.rooms.values(), ranked)

    def _level(self, missing: Sequence[tuple[Instance, Service]]) -> None:
        """Let new instances change places where all of them spread; not those for which a host was asked."""
        if any(self._ranking.strategy_of(service) != "spread" for _, service in missing):
            return
        wished = {*self._wishes.forced, *self._wishes.preferred}
        newcomers = [
            ((instance, service), self._result.placed[instance])
            for instance, service in missing
            if instance.name not in wished and not writable_volumes(service)
        ]
        if newcomers:
            levelling = Levelling(self._ranking, self.rooms.values(), self._may_place)
            self._result.placed |= levelling.run(newcomers)

    def _place_on(
        self,
        instance: Instance,
        service: Service,
        rooms: Iterable[Room],
        ranked: Iterable[Room] | None = None,
    ) -> None:
        """Place an instance on the first of `ranked` that takes it; if none does, say why of each of `rooms`."""
        for room in rooms if ranked is None else ranked:
            if self._may_place(room, instance, service) is None:
                self._result.placed[instance] = room.host.name
                self._put(room, instance, service)
                return
        found = (self._may_place(room, instance, service) for room in rooms)
        refusals = sorted(
            (refusal for refusal in found if refusal), key=lambda refusal: natural(refusal.host)
        )
        self._result.unplaced.append(Unplaced(instance, needs(service), tuple(refusals)))

    def _may_place(self, room: Room, instance: Instance, service: Service) -> Refusal | None:
        return may_place(room, instance, service, self._disk) or self._volume_elsewhere(room, service)

    def _volume_elsewhere(self, room: Room, service: Service) -> Refusal | None:
        """Refuse a host without the service's data while a host that has it, unused, is known."""
        for mount in data_mounts(service):
            known = self._holders.get(volume_name(self._project.name, mount), ())
            holders = [holder for holder in known if mount.source not in holder.volumes]
            if holders and room not in holders:
                return Refusal(room.host.name, f"volume {mount.source} lives on {holders[0].host.name}")
        return None

    def _put(self, room: Room, instance: Instance, service: Service) -> None:
        self._ranking.put(room, instance, service)

    def _largest_first(self, item: tuple[Instance, Service]) -> tuple[object, ...]:
        """Return the order in which instances are placed: what takes the larger share of the fleet has less choice."""
        instance, service = item
        cpus, memory_bytes = service.reservations.cpus or 0.0, service.reservations.memory_bytes or 0
        size = max(cpus / self._total[0], memory_bytes / self._total[1])
        return (-service.priority, -size, -memory_bytes, -cpus, instance)


def _by_volume(rooms: Iterable[Room]) -> dict[str, list[Room]]:
    """Return the hosts that have a volume, by docker's name of it."""
    found: dict[str, list[Room]] = {}
    for room in rooms:
        for name in room.facts.volumes or ():
            found.setdefault(name, []).append(room)
    return found
