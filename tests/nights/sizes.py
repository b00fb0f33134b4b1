"""How large a night is, and the fleet it is played on: hosts in zones, some with fence devices, services of all kinds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clusterctl.model.fence import FenceDevice
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory, Policy
from clusterctl.model.limit import Limit
from clusterctl.model.service import Constraint, HealthCheck, Mount, Project, Service
from tests.builders import a_host, a_service, an_inventory

ZONES = ("a", "b", "c", "d")
SSHD = HealthCheck(("CMD", "true"), interval_s=5, timeout_s=5, start_period_s=5)
DEVICES = ("works", "dead", "works", "slow", "works", "claims on", "works", "third time", "works", "works")
"""What fence devices do; `slow` ones cut the power and are too late to say so."""


@dataclass(frozen=True)
class Size:
    """How many hosts, for how many hours; `accidents` single ones an hour."""

    hosts: int = 50
    hours: float = 24.0
    accidents: float = 1.3

    @property
    def seconds(self) -> float:
        """How long the night is."""
        return self.hours * 3600


def an_estate(size: Size) -> tuple[Inventory, tuple[Project, ...], dict[str, str]]:
    """Return hosts, what they are to run, and host -> what its fence device does."""
    devices = {f"h{n}": DEVICES[(n // 2) % len(DEVICES)] for n in range(2, size.hosts + 1, 2)}
    hosts = [_a_host(n, devices) for n in range(1, size.hosts + 1)]
    policy = Policy(max_unavailable=Limit(2))
    return an_inventory(hosts, policy=policy), _projects(size.hosts), devices


def _a_host(number: int, devices: dict[str, str]) -> Host:
    name = f"h{number}"
    fenced = "yes" if name in devices else "no"
    host = a_host(name, zone=ZONES[number % len(ZONES)], fenced=fenced)
    return replace(host, fence=(FenceDevice("fence_test", {"plug": name}),)) if name in devices else host


def _projects(hosts: int) -> tuple[Project, ...]:
    """Return a shop (stateless, with priorities, two that do not like to leave), and data on fenced hosts and others."""
    shop: Sequence[Service] = (
        a_service("web", port=8080, replicas=max(3, hosts * 2 // 5), memory_mb=256, healthcheck=SSHD),
        a_service("api", replicas=max(2, hosts // 5), priority=500, memory_mb=512),
        a_service("jobs", replicas=max(2, hosts // 10), drain="interrupt"),
        a_service("pinned", replicas=2, drain="refuse"),
    )
    data = [_data(n, "yes" if n % 3 else "no") for n in range(1, max(4, min(10, hosts // 5)) + 1)]
    data += [_job(n, "yes" if n % 3 else "no") for n in range(1, max(3, min(6, hosts // 8)) + 1)]
    watch = Project("watch", (a_service("agent", mode="global"),))
    return (
        Project("shop", tuple(shop)),
        Project("data", tuple(data), tuple(s.name for s in data if s.mounts)),
        watch,
    )


def _data(number: int, fenced: str) -> Service:
    name = f"db{number}"
    constraints = (Constraint("node.labels.fenced", "==", fenced),)
    return a_service(
        name, mounts=(Mount("volume", name, "/data"),), constraints=constraints, priority=number * 10
    )


def _job(number: int, fenced: str) -> Service:
    constraints = (Constraint("node.labels.fenced", "==", fenced),)
    return a_service(f"job{number}", singleton=True, constraints=constraints)


def chance_of(seed: int, what: str) -> random.Random:
    """Return the dice of one part of a night, so that one part's throws do not shift another's."""
    return random.Random(f"{seed} {what}")  # noqa: S311 - no secret
