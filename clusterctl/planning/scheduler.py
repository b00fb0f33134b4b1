"""Which host runs which instance: what is well placed stays, the rest goes where it spreads best.

Greedy and deterministic: the highest priority first, then what reserves the largest share of the fleet's cpus or memory,
ties by name; each goes to the best of the hosts that may take it. Hard rules are `eligibility`, which host is best is
`ranking`, who changes places afterwards is `levelling`; what is done with the answer is `deploy`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.placement import Instance, Refusal, Unplaced
from clusterctl.model.plan import Blocked
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.container import volume_name
from clusterctl.planning.eligibility import find_refusals, may_belong, may_place, may_stay, needs
from clusterctl.planning.levelling import Levelling
from clusterctl.planning.lineup import largest_block
from clusterctl.planning.observed import Observed
from clusterctl.planning.ranking import Ranking, Term, key_of
from clusterctl.planning.room import Room, data_mounts, open_room, writable_volumes


@dataclass(slots=True)
class Placements:
    """The outcome: `kept` units, `placed` new ones, `held` on ignored hosts, `surplus` to remove."""

    kept: dict[Instance, Observed] = field(default_factory=dict)
    placed: dict[Instance, str] = field(default_factory=dict)
    held: dict[Instance, str] = field(default_factory=dict)
    surplus: dict[tuple[Instance, str], str] = field(default_factory=dict)
    unplaced: list[Unplaced] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)

    @property
    def hosts(self) -> dict[str, str]:
        """Every instance's host by instance name, as the manifest keeps it."""
        found = {**self.held, **self.placed, **{instance: unit.host for instance, unit in self.kept.items()}}
        return {instance.name: found[instance] for instance in sorted(found)}


@dataclass(frozen=True, slots=True)
class Wishes:
    """Where instances (by name) should be: `preferred` where there is a choice, `forced` there or nowhere."""

    preferred: Mapping[str, str] = field(default_factory=dict)
    forced: Mapping[str, str] = field(default_factory=dict)


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
        self._mine = [
            unit for unit in units if unit.header.project == project.name and unit.host in self.rooms
        ]
        self._of_service: dict[str, list[Observed]] = {}
        self._of_instance: dict[Instance, list[Observed]] = {}
        for unit in self._mine:
            self._of_service.setdefault(unit.header.service, []).append(unit)
            self._of_instance.setdefault(unit.instance, []).append(unit)
        self._holders = _by_volume(self.rooms.values())
        self._supposed: dict[str, HostFacts] = {}
        elsewhere = [unit.header for unit in units if unit.header.project != project.name]
        block = largest_block(self.rooms.values(), project.services, elsewhere)
        self._ranking = Ranking(self.rooms, inventory.policy.strategy, block)
        self._result = Placements()
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
            self._project.services, key=lambda service: (self._grows(service), service.name)
        ):
            keep = self._keep_global if service.mode == "global" else self._keep_replicated
            missing += [(instance, service) for instance in keep(service, recorded)]
        for instance, service in sorted(missing, key=self._largest_first):
            self._place(instance, service)
        if not self._result.unplaced:
            self._level(missing)
        self._collect_surplus()
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

    def _keep_replicated(self, service: Service, recorded: Mapping[str, str]) -> list[Instance]:
        missing = []
        for slot in range(1, service.replicas + 1):
            instance = Instance(self._project.name, service.name, slot)
            if self._may_run_unseen(instance, service, recorded):
                self._result.held[instance] = recorded[instance.name]
            elif not self._keep_best(instance, service):
                if recorded.get(instance.name, "") and not self._copies(instance):
                    self._result.held[instance] = recorded[instance.name]
                else:
                    missing.append(instance)
        return missing

    def _may_run_unseen(self, instance: Instance, service: Service, recorded: Mapping[str, str]) -> bool:
        """Whether a singleton has its place on a host that was not looked at, and runs on none of the others."""
        unseen = service.singleton and recorded.get(instance.name, "")
        return bool(unseen) and not any(unit.is_well for unit in self._of_instance.get(instance, []))

    def _keep_global(self, service: Service, recorded: Mapping[str, str]) -> list[Instance]:
        self._hold(service, recorded)
        homes = [room for room in self.rooms.values() if not may_belong(room, service)]
        units = self._of_service.get(service.name, [])
        here = {unit.host: unit for unit in sorted(units, key=lambda unit: unit.header.slot, reverse=True)}
        vacant = [room for room in homes if not self._keep_first(here.get(room.host.name), service)]
        used = {i.slot for i in (*self._result.kept, *self._result.held) if i.service == service.name}
        free = (slot for slot in count(1) if slot not in used)
        for room in vacant:
            if "cordoned" not in room.facts.markers:
                self._place_on(Instance(self._project.name, service.name, next(free)), service, [room])
        return []

    def _hold(self, service: Service, recorded: Mapping[str, str]) -> None:
        """Leave a global service's instances where the manifest has them on hosts not looked at."""
        prefix = f"{self._project.name}-{service.name}-"
        for name, host in recorded.items():
            slot = name.removeprefix(prefix)
            if name.startswith(prefix) and slot.isdigit():
                self._result.held[Instance(self._project.name, service.name, int(slot))] = host

    def _keep_first(self, unit: Observed | None, service: Service) -> bool:
        return unit is not None and unit.instance not in self._result.kept and self._keep(unit, service)

    def _grows(self, service: Service) -> bool:
        """Whether a service wants more than before: it is counted after those that keep to what they have."""
        return any(_grows(unit, service) for unit in self._of_service.get(service.name, ()))

    def _copies(self, instance: Instance) -> list[Observed]:
        copies = self._of_instance.get(instance, [])
        wish = self._wishes.preferred.get(instance.name)
        return sorted(copies, key=lambda unit: (not unit.is_well, unit.host != wish, *rank_of(unit)))

    def _keep_best(self, instance: Instance, service: Service) -> bool:
        return any(self._keep(unit, service) for unit in self._copies(instance))

    def _keep(self, unit: Observed, service: Service) -> bool:
        """Keep a unit where it is, or say why it must leave."""
        room, instance = self.rooms[unit.host], unit.instance
        wanted = self._wishes.forced.get(instance.name, unit.host)
        refusal = (
            may_stay(room, instance, service, grows=_grows(unit, service))
            if wanted == unit.host
            else Refusal(unit.host, f"moves to {wanted}")
        )
        if refusal is None:
            self._result.kept[instance] = unit
            self._put(room, instance, service)
            return True
        if unit.header.volumes:
            volumes = " ".join(unit.header.volumes)
            reason = f"{instance} must leave ({refusal.reason}), but volume {volumes} holds its data here"
            self._result.blocked.append(Blocked("guard", unit.host, reason))
            return True
        self._result.surplus[instance, unit.host] = refusal.reason
        return False

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

    def _collect_surplus(self) -> None:
        kept = {(instance, unit.host) for instance, unit in self._result.kept.items()}
        stuck = {blocked.host for blocked in self._result.blocked}
        wanted = {*self._result.kept, *self._result.placed, *self._result.held}
        for unit in self._mine:
            place = (unit.instance, unit.host)
            if place not in kept and place not in self._result.surplus and unit.host not in stuck:
                self._result.surplus[place] = _surplus_reason(unit, wanted, self._project)


def _by_volume(rooms: Iterable[Room]) -> dict[str, list[Room]]:
    """Return the hosts that have a volume, by docker's name of it."""
    found: dict[str, list[Room]] = {}
    for room in rooms:
        for name in room.facts.volumes or ():
            found.setdefault(name, []).append(room)
    return found


def rank_of(unit: Observed) -> tuple[object, ...]:
    """Return the order in which copies of one instance are kept: well, newest version, and the youngest goes first."""
    since_s = math.inf if unit.fact.since_s is None else unit.fact.since_s
    return not unit.is_well, -unit.header.generation, since_s, natural(unit.host)


def _grows(unit: Observed, service: Service) -> bool:
    wanted = service.reservations
    return (wanted.memory_bytes or 0) > unit.header.memory_bytes or (wanted.cpus or 0) > unit.header.cpus


def _surplus_reason(unit: Observed, wanted: Iterable[Instance], project: Project) -> str:
    if project.service(unit.header.service) is None:
        return f"service {unit.header.service} is no longer in the playbook"
    return "runs twice" if unit.instance in set(wanted) else "more than the replicas wanted"
