"""What the hosts will look like after the batches planned so far: for verbs that take out host after host.

Who leaves a host, where to, and who stays and why is worked out in `leaving`. Nothing here decides which hosts
are taken out when (`host_waves`), nor in which batches (`host_plan`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from clusterctl.model.inventory import Inventory
from clusterctl.model.placement import Instance
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import HostFacts, Snapshot, UnitFact, Unreachable
from clusterctl.planning.changes import header_of
from clusterctl.planning.container import LABEL
from clusterctl.planning.departure import Departure
from clusterctl.planning.generations import manifests_of
from clusterctl.planning.manifest import Manifest, instances_of, project_of, render_manifest
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.observed import Observed, observe_units
from clusterctl.planning.spec import environment_digest, spec_digest
from clusterctl.planning.staying import rank_of
from clusterctl.planning.unit import render_unit

FOR_THIS_RUN = "for this run"


class Forecast:
    """Units and manifests as they will be; `leaving.depart` says what would happen, `accept` makes it so.

    `run` is the run whose cordon keeps instances off the hosts that it takes out later, as long as others have room.
    """

    def __init__(self, inventory: Inventory, snapshot: Snapshot, run: str = "") -> None:
        self.inventory = inventory
        self.run = run
        self.snapshot = snapshot
        self.units: dict[tuple[Instance, str], Observed] = {
            (unit.instance, unit.host): unit for unit in observe_units(snapshot, inventory.cluster)
        }
        self._envs = {
            (unit.instance, unit.host): facts.env_digests.get(unit.instance.name)
            for unit in self.units.values()
            if isinstance(facts := snapshot.hosts.get(unit.host), HostFacts)
        }
        self.manifests: dict[str, Manifest] = {}
        self._kept: dict[str, dict[int, Manifest]] = {}
        self._projects: dict[tuple[str, int], Project] = {}
        for name in sorted({unit.header.project for unit in self.units.values()}):
            self._learn(name)

    def remember(self, hosts: Iterable[str]) -> None:
        """Count what manifests place on hosts that cannot be looked at as units there, of which nothing is known."""
        gone = set(hosts)
        for name in sorted(
            {name for facts in self.snapshot.seen for name in facts.manifests} - set(self._kept)
        ):
            self._learn(name)
        for manifest in self.manifests.values():
            for instance, service in instances_of(manifest, self.project_at(manifest)):
                host = manifest.placements[instance.name]
                if host in gone:
                    pinned = manifest.pinned.get(service.name, "")
                    header = header_of(manifest.cluster, instance, service, manifest.generation, pinned)
                    fact = UnitFact(instance.unit, render_unit(service, header))
                    self.units[instance, host] = Observed(host, header, fact, None, docker_answers=False)
                    self._envs[instance, host] = environment_digest(service)

    def cordon(self, hosts: Iterable[str]) -> None:
        """Count hosts as cordoned from here on."""
        wanted = set(hosts)
        answers = {
            name: replace(answer, markers={"cordoned": FOR_THIS_RUN, **answer.markers})
            if name in wanted and isinstance(answer, HostFacts)
            else answer
            for name, answer in self.snapshot.hosts.items()
        }
        self.snapshot = Snapshot(answers)

    def let_back(self, hosts: Iterable[str], run: str) -> None:
        """Count hosts as free of what a run has marked on them."""
        wanted = set(hosts)
        answers = {
            name: replace(answer, markers={k: v for k, v in answer.markers.items() if not is_of(v, run)})
            if name in wanted and isinstance(answer, HostFacts)
            else answer
            for name, answer in self.snapshot.hosts.items()
        }
        self.snapshot = Snapshot(answers)

    def as_snapshot(self) -> Snapshot:
        """Return the look as it would be now: units and containers where they will be."""
        before = {(u.instance, u.host): u for u in observe_units(self.snapshot, self.inventory.cluster)}
        gone = {key for key, unit in before.items() if self.units.get(key) != unit}
        come = {key for key, unit in self.units.items() if before.get(key) != unit}
        texts = {name: render_manifest(manifest) for name, manifest in self.manifests.items()}
        answers: dict[str, HostFacts | Unreachable] = {}
        for name, answer in self.snapshot.hosts.items():
            if isinstance(answer, HostFacts):
                left = {instance for instance, host in gone if host == name}
                new = [(self.units[key], self._envs.get(key)) for key in sorted(come) if key[1] == name]
                answers[name] = replace(_changed(answer, left, new), manifests={**answer.manifests, **texts})
            else:
                answers[name] = answer
        return Snapshot(answers)

    def by_host(self) -> dict[str, list[Observed]]:
        """Return the units on each host that has any, by instance: for who asks for all hosts."""
        found: dict[str, list[Observed]] = {}
        for (_, host), unit in sorted(self.units.items(), key=lambda item: item[0]):
            found.setdefault(host, []).append(unit)
        return found

    def on(self, host: str) -> list[Observed]:
        """Return the units on a host, by instance."""
        return [unit for _, unit in sorted(item for item in self.units.items() if item[0][1] == host)]

    def accept(self, departure: Departure) -> dict[str, Manifest]:
        """Count a departure as done; return the manifests that must be written for it."""
        for move in departure.moves:
            unit = move.unit
            del self.units[unit.instance, unit.host]
            if move.target:
                text = render_unit(move.service, unit.header)
                fact = replace(unit.fact, text=text, drop_ins=())
                self.units[unit.instance, move.target] = replace(unit, host=move.target, fact=fact)
                self._envs[unit.instance, move.target] = environment_digest(move.service)
        for unit in departure.litter:
            del self.units[unit.instance, unit.host]
        moved = frozenset(move.unit.instance.name for move in departure.moves)
        return self.settle({move.unit.header.project for move in departure.moves}, moved)

    def settle(self, projects: Iterable[str], moved: frozenset[str] = frozenset()) -> dict[str, Manifest]:
        """Have the manifests of projects say where the instances are; return those that did not say so.

        Data, and singletons, that were not `moved` stay where they are recorded while that host is not seen: what is
        elsewhere meanwhile may be an older copy, on a host that was fenced and is back.
        """
        changed: dict[str, Manifest] = {}
        for project in sorted(projects):
            old = self.manifests[project]
            placements = {**old.placements, **self._places(project, old, moved)}
            if placements != old.placements:
                changed[project] = replace(old, placements=placements, revision=old.revision + 1)
        self.manifests |= changed
        return changed

    def _learn(self, project: str) -> None:
        """Read the manifests of a project."""
        self._kept[project] = dict(manifests_of(self.snapshot, self.inventory.cluster, project))
        if self._kept[project]:
            self.manifests[project] = self._kept[project][max(self._kept[project])]

    def project_at(self, manifest: Manifest) -> Project:
        """Return the project of a manifest; its revisions say only where it runs."""
        key = manifest.project, manifest.generation
        if key not in self._projects:
            self._projects[key] = project_of(manifest)
        return self._projects[key]

    def _places(self, project: str, manifest: Manifest, moved: frozenset[str]) -> dict[str, str]:
        """Return where the instances of a manifest are, of two copies the one that `scheduler` would keep."""
        seen = {facts.host for facts in self.snapshot.seen}
        away = {name for name, host in manifest.placements.items() if host not in seen} - moved
        mine = [unit for unit in self.units.values() if unit.header.project == project]
        mine.sort(key=rank_of, reverse=True)
        return {
            name: unit.host
            for unit in mine
            for name in [unit.instance.name]
            if name in manifest.placements and not (unit.header.is_bound and name in away)
        }

    def priority_of(self, unit: Observed) -> int:
        """Return the priority of a unit's service as its project has it now: the same for each copy of an instance."""
        manifest = self.manifests.get(unit.header.project)
        service = _find(self.project_at(manifest), unit.header.service) if manifest else None
        return service.priority if service else 0

    def service_of(self, unit: Observed) -> Service | None:
        """Return the service a unit was made from, of whichever kept generation that is."""
        kept, env = self._kept[unit.header.project], self._envs.get((unit.instance, unit.host))
        for generation in sorted(kept, reverse=True):
            service = _find(self.project_at(kept[generation]), unit.header.service)
            if service is None:
                continue
            pinned = kept[generation].pinned.get(service.name, "")
            same_spec = spec_digest(unit.header.project, service, pinned) == unit.header.spec
            if same_spec and (not service.environment or env == environment_digest(service)):
                return service
        return None


def _changed(facts: HostFacts, left: set[Instance], new: list[tuple[Observed, str | None]]) -> HostFacts:
    names = {instance.unit for instance in left}
    containers = {instance.name for instance in left}
    units = [fact for fact in facts.units if fact.name not in names]
    known = facts.containers or ()
    kept = [c for c in known if c.labels.get(f"{LABEL}.instance") not in containers]
    freed = {use for c in known if c not in kept for use in c.ports}
    here = (*kept, *(unit.container for unit, _ in new if unit.container))
    env = {name: digest for name, digest in facts.env_digests.items() if name not in containers}
    return replace(
        facts,
        units=(*units, *(unit.fact for unit, _ in new)),
        containers=None if facts.containers is None else here,
        ports=tuple(use for use in facts.ports if use not in freed),
        env_digests=env | {unit.instance.name: digest for unit, digest in new if digest},
    )


def is_of(marker: str, run: str) -> bool:
    """Whether a marker is of this plan or of the run it is for."""
    return marker == FOR_THIS_RUN or parse_marker(marker).run == run


def _find(project: Project, name: str) -> Service | None:
    return next((service for service in project.services if service.name == name), None)
