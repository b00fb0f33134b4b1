"""Why an instance is where it is, or would be, and for each host why it could be there or not. Pure.

Asked of the scheduler itself, with everything else in its place and the instance taken out: what is refused here is
refused in a plan. Of a host as a whole it is `explain_host`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.deploy import in_order
from clusterctl.planning.eligibility import needs
from clusterctl.planning.generations import latest_manifest
from clusterctl.planning.manifest import Manifest
from clusterctl.planning.observed import observe_units
from clusterctl.planning.ranking import Term
from clusterctl.planning.scheduler import Scheduler

STAYS = "it runs there, and nothing forces it away: what is well placed is not moved"


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """What is true of one host: `reasons` why not, every rule that refuses; else its `rank` (1 is best) and why.

    `terms` are what decides the rank, in that order; `ahead_by` which of them puts it before the next host.
    """

    host: str
    reasons: tuple[str, ...] = ()
    rank: int = 0
    terms: tuple[str, ...] = ()
    ahead_by: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One instance. `host` is where it is or would go ("" for none), `runs` whether it is there; `why` in words."""

    instance: Instance
    needs: str
    host: str
    runs: bool
    why: str
    answers: tuple[HostAnswer, ...]


class Scene:
    """A project with every instance where it is or would go, ready to be asked."""

    def __init__(
        self, inventory: Inventory, project: Project, snapshot: Snapshot, manifest: Manifest | None
    ) -> None:
        inventory, project, snapshot = in_order(inventory, project, snapshot)
        self.project = project
        units = observe_units(snapshot, inventory.cluster)
        self._scheduler = Scheduler(inventory, project, snapshot, units)
        seen = {facts.host for facts in snapshot.seen}
        recorded = manifest.placements if manifest else {}
        self._placements = self._scheduler.run({k: v for k, v in recorded.items() if v not in seen})
        self._units = {unit.instance: unit for unit in units if unit.header.project == project.name}

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """The instances that are wanted, or there, in order."""
        found = self._placements
        known = {*found.kept, *found.placed, *found.held, *self._units}
        return tuple(sorted({*known, *(item.instance for item in found.unplaced)}))

    def one_more(self, service: Service) -> Instance:
        """Return the instance that one more of a service would be."""
        taken = self._slots.get(service.name, set())
        return Instance(self.project.name, service.name, next(n for n in count(1) if n not in taken))

    @cached_property
    def _slots(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for instance in self.instances:
            found.setdefault(instance.service, set()).add(instance.slot)
        return found

    def explain(self, instance: Instance, hosts: frozenset[str] | None = None) -> Explanation:
        """Return why an instance is where it is, with an answer for all hosts that were seen, or some of them.

        Some alone have no rank; who needs a new place is ranked on all hosts even so, since that says why it goes there.
        """
        service = self.project.service(instance.service)
        host, why = self._home(instance)
        if service is None:
            return Explanation(instance, "", host, instance in self._units, why, ())
        mine = self._placements
        counted = instance in mine.kept or instance in mine.placed
        if counted:
            self._scheduler.take_back(instance, service, host)
        answers = self._answers(instance, service, None if instance in mine.placed else hosts)
        if counted:
            self._scheduler.put_guest(instance, service, host)
        if instance in mine.placed:
            why = f"{why}; {_choice(host, answers)}"
        asked = tuple(answer for answer in answers if hosts is None or answer.host in hosts)
        return Explanation(instance, needs(service), host, instance in mine.kept, why, asked)

    def _answers(
        self, instance: Instance, service: Service, hosts: frozenset[str] | None
    ) -> tuple[HostAnswer, ...]:
        asked = [name for name in self._scheduler.rooms if hosts is None or name in hosts]
        found = {name: HostAnswer(name, self._scheduler.why_not(instance, service, name)) for name in asked}
        able = [(self._scheduler.terms(instance, service, n), n) for n in asked if not found[n].reasons]
        able.sort(key=lambda one: ([term.value for term in one[0]], natural(one[1])))
        for number, (mine, name) in enumerate(able, 1):
            after = able[number][0] if number < len(able) else ()
            found[name] = replace(
                found[name],
                rank=number if hosts is None else 0,
                terms=tuple(term.words for term in mine),
                ahead_by=_ahead_by(mine, after),
            )
        return tuple(found.values())

    def _home(self, instance: Instance) -> tuple[str, str]:
        """Return where an instance is or would go, and why."""
        found, unit = self._placements, self._units.get(instance)
        if instance in found.kept:
            kept = found.kept[instance]
            volumes = " ".join(kept.header.volumes)
            return kept.host, f"volume {volumes} holds its data there; {STAYS}" if volumes else STAYS
        for block in found.blocked:
            if unit and unit.host == block.host and block.reason.startswith(f"{instance} "):
                return block.host, block.reason
        if instance in found.placed:
            leaves = [
                f"must leave {host}: {why}" for (one, host), why in found.surplus.items() if one == instance
            ]
            now = "; ".join(leaves) or "runs nowhere yet"
            return found.placed[instance], now
        if instance in found.held:
            return found.held[
                instance
            ], "its place is there, and that host was not seen: what runs there is unknown"
        if any(item.instance == instance for item in found.unplaced):
            return "", "no host may have it"
        reasons = [why for (one, _), why in found.surplus.items() if one == instance]
        return (unit.host if unit else ""), "; ".join(
            reasons
        ) or "is not wanted: it would be one more than the replicas"


def _choice(host: str, answers: Sequence[HostAnswer]) -> str:
    """Return why a new instance is to go to a host: it need not be the first of its own list (ADR 0031)."""
    alone = next((answer.host for answer in answers if answer.rank == 1), host)
    if alone == host:
        return "of the hosts that may have it this is the best"
    return f"the best for all new instances together; by itself it would go to {alone}"


def _ahead_by(mine: Sequence[Term], after: Sequence[Term]) -> str:
    """Return which term puts a host before the next one, "" for the last."""
    if not after:
        return ""
    differs = next(((one, two) for one, two in zip(mine, after, strict=True) if one.value != two.value), None)
    if differs is None:
        return "its name"
    return differs[0].ahead if differs[0].value < differs[1].value else "what the service prefers"


def scenes_of(inventory: Inventory, snapshot: Snapshot, wanted: Project | None = None) -> dict[str, Scene]:
    """Return the scene of each project that was applied, by name; `wanted` as if it were applied now."""
    names = {name for facts in snapshot.seen for name in facts.manifests}
    found = {}
    for name in sorted(names | ({wanted.name} if wanted else set())):
        manifest = latest_manifest(snapshot, inventory.cluster, name)
        project = wanted if wanted and wanted.name == name else manifest and manifest.as_project
        if project:
            found[name] = Scene(inventory, project, snapshot, manifest)
    return found
