"""Hosts, services, projects and snapshots for tests: small, literal, and enough said by default."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from clusterctl.model.host import Capacity, Host
from clusterctl.model.inventory import Inventory, Policy
from clusterctl.model.service import Port, Project, Resources, Service
from clusterctl.model.snapshot import HostFacts, PortUse, Resolved, Snapshot, Unreachable

MIB = 1024**2
GIB = 1024**3
DIGEST = "sha256:" + "1" * 64
PINNED = f"registry:5000/web@{DIGEST}"


def digest_of(image: str) -> str:
    """Return the digest that test registries give an image reference."""
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


def a_host(
    name: str, *, zone: str = "", memory_mb: int | None = None, cpus: float | None = None, **labels: str
) -> Host:
    """Return a host; capacity is declared only where it is given."""
    memory_bytes = None if memory_mb is None else memory_mb * MIB
    zones = {"zone": zone} if zone else {}
    return Host(name, f"{name}.test", labels=zones | labels, capacity=Capacity(cpus, memory_bytes))


def an_inventory(
    hosts: Iterable[Host | str], *, cluster: str = "test", policy: Policy | None = None
) -> Inventory:
    """Return an inventory of the hosts, named ones made by `a_host`."""
    made = tuple(host if isinstance(host, Host) else a_host(host) for host in hosts)
    return Inventory(cluster, made, policy=policy or Policy())


def a_service(
    name: str = "web",
    *,
    image: str = "registry:5000/web:1",
    port: int | None = None,
    memory_mb: int | None = None,
    cpus: float | None = None,
    **fields: Any,
) -> Service:
    """Return a service; `port` publishes a port of the host, `memory_mb` and `cpus` are reserved."""
    if port is not None:
        fields["ports"] = (Port(8080, port),)
    if memory_mb is not None or cpus is not None:
        fields["reservations"] = Resources(cpus, None if memory_mb is None else memory_mb * MIB)
    return Service(name=name, image=image, **fields)


def a_project(*services: Service, name: str = "shop") -> Project:
    """Return a project of services (one `web`, if none is given)."""
    return Project(name, services or (a_service(),))


def facts_of(host: Host | str, **fields: Any) -> HostFacts:
    """Return what a host with nothing on it answers: 4 processors, 4 GiB, 50 GiB of free disk."""
    name = host if isinstance(host, str) else host.name
    empty: dict[str, Any] = {
        "host": name,
        "address": f"{name}.test",
        "boot_id": f"boot-{name}",
        "machine_id": f"machine-{name}",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "6.1.0",
        "architecture": "x86_64",
        "systemd_version": "252",
        "systemd_state": "running",
        "docker_version": "20.10.24",
        "docker_error": "",
        "cpus": 4,
        "memory_bytes": 4 * GIB,
        "memory_available_bytes": 3 * GIB,
        "load_1m": 0.25,
        "uptime_s": 3600,
        "clock_s": 1_800_000_000,
        "disk_total_bytes": 100 * GIB,
        "disk_free_bytes": 50 * GIB,
        "containers": (),
        "images": (),
        "volumes": (),
    }
    return HostFacts(**(empty | fields))


def a_snapshot(
    *answers: HostFacts | Unreachable | Host | str, images: Mapping[str, str] | None = None
) -> Snapshot:
    """Return a look; hosts or names stand for empty hosts, `images` is what the registry says on all."""
    resolved = {
        image: Resolved(digest) for image, digest in (images or {"registry:5000/web:1": DIGEST}).items()
    }
    hosts: dict[str, HostFacts | Unreachable] = {}
    for answer in answers:
        made = facts_of(answer, resolved=resolved) if isinstance(answer, str | Host) else answer
        hosts[made.host] = made
    return Snapshot(hosts)


def listening(*ports: int) -> tuple[PortUse, ...]:
    """Return TCP ports that something listens on."""
    return tuple(PortUse(port, "tcp") for port in ports)
