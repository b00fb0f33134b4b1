"""Small fleets that are nearly full, each made from a seed: sizes, zones, ports, constraints, data, priorities."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from clusterctl.model.host import Host
from clusterctl.model.placement import Instance
from clusterctl.model.service import Constraint, Mount, Project, Service
from clusterctl.model.snapshot import Unreachable
from tests.builders import MIB, a_host, a_project, a_service, an_inventory
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import plan_for

IMAGE = "registry:5000/web:1"
NAMES = ("billing", "search", "shop", "tools")
SIZES_MB = (250, 500, 1000, 1500, 2000, 3000)
HOSTS_MB = (8000, 12000, 16000)
RULES = (
    Constraint("node.labels.zone", "==", "a"),
    Constraint("node.labels.zone", "!=", "b"),
    Constraint("node.labels.disk", "==", "ssd"),
    Constraint("node.hostname", "!=", "h1"),
)


@dataclass(frozen=True)
class FullFleet:
    """A cluster in memory, and what the test itself knows of it: the projects on it."""

    cluster: FakeCluster
    projects: tuple[Project, ...]

    def service_of(self, instance: Instance) -> Service:
        """Return the service of an instance, as the test made it."""
        (project,) = (project for project in self.projects if project.name == instance.project)
        (service,) = (service for service in project.services if service.name == instance.service)
        return service

    def where(self) -> dict[Instance, str]:
        """Return where each instance is by the containers on hosts that answer."""
        known = {
            Instance(project.name, service.name, slot).name: Instance(project.name, service.name, slot)
            for project in self.projects
            for service in project.services
            for slot in range(1, service.replicas + 1)
        }
        return {
            known[name]: host
            for host, fake in self.cluster.hosts.items()
            for name in fake.containers
            if fake.unreachable is None
        }

    def fill(self) -> float:
        """Return the memory that is reserved, in percent of what all hosts have."""
        used = sum(self.service_of(i).reservations.memory_bytes or 0 for i in self.where())
        return 100 * used / sum(host.capacity.memory_bytes or 0 for host in self.cluster.inventory.hosts)

    def lose(self, *hosts: str) -> None:
        """Have hosts not answer any more."""
        for host in hosts:
            self.cluster.hosts[host].unreachable = Unreachable(host, "connect", "no answer in 10 s")


def a_full_fleet(seed: int, *, fill: int, priorities: bool = False, hosts: int = 20) -> FullFleet:
    """Return hosts of three sizes in four zones, with four projects that reserve about `fill` percent.

    The last one is small things that fill what the others left.
    """
    rng = random.Random(f"{seed} {fill}")  # noqa: S311 - the same fleet each time
    made = [_host(number, rng) for number in range(1, hosts + 1)]
    cluster = FakeCluster(an_inventory(made), [IMAGE])
    left = sum(host.capacity.memory_bytes or 0 for host in made) // MIB * fill // 100
    projects = []
    for number, name in enumerate(NAMES):
        share = left if name == "tools" else left // (len(NAMES) - 1 - number) * 9 // 10
        project = _project(cluster, name, share, rng, priorities=priorities)
        projects.append(project)
        left -= sum((s.reservations.memory_bytes or 0) // MIB * s.replicas for s in project.services)
    cluster.clock_s += 7200  # nothing is young
    return FullFleet(cluster, tuple(projects))


def _host(number: int, rng: random.Random) -> Host:
    disk = {"disk": "ssd"} if rng.random() < 0.4 else {}
    memory_mb = rng.choice(HOSTS_MB)
    return a_host(f"h{number}", zone="abcd"[number % 4], memory_mb=memory_mb, cpus=memory_mb / 1000, **disk)


def _project(
    cluster: FakeCluster, name: str, share_mb: int, rng: random.Random, *, priorities: bool
) -> Project:
    """Apply a project of about so much memory; of what does not fit there is less."""
    services: list[Service] = []
    left = share_mb
    while left >= SIZES_MB[0]:
        most = SIZES_MB[1] if name == "tools" else left
        service = _service(f"s{len(services) + 1:02}", min(most, left), rng, priorities=priorities)
        services.append(service)
        left -= (service.reservations.memory_bytes or 0) // MIB * service.replicas
    while True:
        project = a_project(*services, name=name)
        plan = plan_for(cluster, project)
        if not plan.unplaced:
            assert carry_out(cluster, plan).ok
            return project
        less = Counter(item.instance.service for item in plan.unplaced)
        services = [replace(s, replicas=s.replicas - less[s.name]) for s in services]
        services = [s for s in services if s.replicas]


def _service(name: str, left_mb: int, rng: random.Random, *, priorities: bool) -> Service:
    memory_mb = rng.choice([size for size in SIZES_MB if size <= left_mb])
    fields: dict[str, Any] = rng.choice(
        [{}, {}, {}, {}, {"port": rng.choice([80, 81, 82])}, {"constraints": (rng.choice(RULES),)}]
    )
    if rng.random() < 0.1:
        fields = {"mounts": (Mount("volume", "data", "/data"),)}
    elif rng.random() < 0.1:
        fields = {**fields, "drain": rng.choice(["interrupt", "refuse"])}
    return a_service(
        name,
        memory_mb=memory_mb,
        cpus=memory_mb / 1000 * rng.choice([0.25, 0.5, 1.0]),
        replicas=min(rng.choice([1, 2, 3, 5]), max(1, left_mb // memory_mb)),
        priority=rng.choice([0, 0, 10, 500]) if priorities else 0,
        **fields,
    )
