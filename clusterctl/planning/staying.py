"""What of a project stays where it is: units that are well placed, and what lies on hosts that were not looked at.

Where the rest goes is `scheduler`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from itertools import count

from clusterctl.model.names import natural
from clusterctl.model.placement import Instance, Refusal
from clusterctl.model.plan import Blocked
from clusterctl.model.service import Project, Service
from clusterctl.planning.eligibility import may_belong, may_stay
from clusterctl.planning.observed import Observed
from clusterctl.planning.placements import Placements, Wishes
from clusterctl.planning.ranking import Ranking
from clusterctl.planning.room import Room


class Staying:
    """Goes through the units of a project and notes in the placements which stay, and which must leave."""

    def __init__(
        self,
        project: Project,
        rooms: Mapping[str, Room],
        units: Iterable[Observed],
        wishes: Wishes,
        ranking: Ranking,
        result: Placements,
    ) -> None:
        self._project, self._rooms, self._wishes = project, rooms, wishes
        self._ranking, self._result = ranking, result
        self._mine = [unit for unit in units if unit.header.project == project.name and unit.host in rooms]
        self._of_service: dict[str, list[Observed]] = {}
        self._of_instance: dict[Instance, list[Observed]] = {}
        for unit in self._mine:
            self._of_service.setdefault(unit.header.service, []).append(unit)
            self._of_instance.setdefault(unit.instance, []).append(unit)

    def grows(self, service: Service) -> bool:
        """Whether a service wants more than before: it is counted after those that keep to what they have."""
        return any(_grows(unit, service) for unit in self._of_service.get(service.name, ()))

    def keep_replicated(self, service: Service, recorded: Mapping[str, str]) -> list[Instance]:
        """Keep what runs of a replicated service; return the instances it lacks."""
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

    def keep_global(self, service: Service, recorded: Mapping[str, str]) -> list[tuple[Instance, Room]]:
        """Keep what runs of a global service; return the instances it lacks, each with its host."""
        self._hold(service, recorded)
        homes = [room for room in self._rooms.values() if not may_belong(room, service)]
        units = self._of_service.get(service.name, [])
        here = {unit.host: unit for unit in sorted(units, key=lambda unit: unit.header.slot, reverse=True)}
        vacant = [room for room in homes if not self._keep_first(here.get(room.host.name), service)]
        used = {i.slot for i in (*self._result.kept, *self._result.held) if i.service == service.name}
        free = (slot for slot in count(1) if slot not in used)
        return [
            (Instance(self._project.name, service.name, next(free)), room)
            for room in vacant
            if "cordoned" not in room.facts.markers
        ]

    def collect_surplus(self) -> None:
        """Mark all that is neither kept nor stuck for removal, once the new instances are placed."""
        kept = {(instance, unit.host) for instance, unit in self._result.kept.items()}
        stuck = {blocked.host for blocked in self._result.blocked}
        wanted = {*self._result.kept, *self._result.placed, *self._result.held}
        for unit in self._mine:
            place = (unit.instance, unit.host)
            if place not in kept and place not in self._result.surplus and unit.host not in stuck:
                self._result.surplus[place] = _surplus_reason(unit, wanted, self._project)

    def _may_run_unseen(self, instance: Instance, service: Service, recorded: Mapping[str, str]) -> bool:
        """Whether a singleton has its place on a host that was not looked at, and runs on none of the others."""
        unseen = service.singleton and recorded.get(instance.name, "")
        return bool(unseen) and not any(unit.is_well for unit in self._of_instance.get(instance, []))

    def _hold(self, service: Service, recorded: Mapping[str, str]) -> None:
        """Leave a global service's instances where the manifest has them on hosts not looked at."""
        prefix = f"{self._project.name}-{service.name}-"
        for name, host in recorded.items():
            slot = name.removeprefix(prefix)
            if name.startswith(prefix) and slot.isdigit():
                self._result.held[Instance(self._project.name, service.name, int(slot))] = host

    def _keep_first(self, unit: Observed | None, service: Service) -> bool:
        return unit is not None and unit.instance not in self._result.kept and self._keep(unit, service)

    def _copies(self, instance: Instance) -> list[Observed]:
        copies = self._of_instance.get(instance, [])
        wish = self._wishes.preferred.get(instance.name)
        return sorted(copies, key=lambda unit: (not unit.is_well, unit.host != wish, *rank_of(unit)))

    def _keep_best(self, instance: Instance, service: Service) -> bool:
        return any(self._keep(unit, service) for unit in self._copies(instance))

    def _keep(self, unit: Observed, service: Service) -> bool:
        """Keep a unit where it is, or say why it must leave."""
        room, instance = self._rooms[unit.host], unit.instance
        wanted = self._wishes.forced.get(instance.name, unit.host)
        refusal = (
            may_stay(room, instance, service, grows=_grows(unit, service))
            if wanted == unit.host
            else Refusal(unit.host, f"moves to {wanted}")
        )
        if refusal is None:
            self._result.kept[instance] = unit
            self._ranking.put(room, instance, service)
            return True
        if unit.header.volumes:
            volumes = " ".join(unit.header.volumes)
            reason = f"{instance} must leave ({refusal.reason}), but volume {volumes} holds its data here"
            self._result.blocked.append(Blocked("guard", unit.host, reason))
            return True
        self._result.surplus[instance, unit.host] = refusal.reason
        return False


def rank_of(unit: Observed) -> tuple[object, ...]:
    """Return the order in which copies of one instance are kept: well, newest version, and the youngest goes first."""
    since_s = math.inf if unit.fact.since_s is None else unit.fact.since_s
    return not unit.is_well, -unit.header.generation, since_s, natural(unit.host)


def _grows(unit: Observed, service: Service) -> bool:
    wanted = service.reservations
    return (wanted.memory_bytes or 0) > unit.header.memory_bytes or (wanted.cpus or 0) > unit.header.cpus


def _surplus_reason(unit: Observed, wanted: Collection[Instance], project: Project) -> str:
    if project.service(unit.header.service) is None:
        return f"service {unit.header.service} is no longer in the playbook"
    return "runs twice" if unit.instance in wanted else "more than the replicas wanted"
