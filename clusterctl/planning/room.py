"""What one host has left while a placement is worked out, and what an instance takes of it.

Whether an instance may go there is `eligibility`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.placement import Instance
from clusterctl.model.service import Mount, Service
from clusterctl.model.snapshot import HostFacts
from clusterctl.planning.observed import foreign_containers, foreign_ports, foreign_units


@dataclass(slots=True)
class Room:
    """What one host has left while a placement is being worked out; changed as instances are put on it.

    `zone` is its failure domain: label `zone`, else the host itself. `instances`: how many are on it.
    """

    host: Host
    facts: HostFacts
    zone: str
    cpus: float
    memory_bytes: int
    cpus_used: float = 0.0
    memory_used: int = 0
    instances: int = 0
    ports: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    foreign_ports: frozenset[tuple[int, str]] = frozenset()
    foreign_units: frozenset[str] = frozenset()
    foreign_containers: frozenset[str] = frozenset()

    def put(self, instance: Instance, service: Service) -> None:
        """Count an instance of a service in."""
        self.count(
            instance,
            port_keys(service),
            service.reservations.cpus or 0,
            service.reservations.memory_bytes or 0,
        )
        self.volumes |= dict.fromkeys(writable_volumes(service), instance.name)

    def take(self, instance: Instance, service: Service) -> None:
        """Count an instance that was put here out again."""
        for port in port_keys(service):
            del self.ports[port]
        for volume in writable_volumes(service):
            del self.volumes[volume]
        self.cpus_used = round(self.cpus_used - (service.reservations.cpus or 0), 9)
        self.memory_used -= service.reservations.memory_bytes or 0
        self.services[f"{instance.project}/{instance.service}"] -= 1
        self.instances -= 1

    def count(self, instance: Instance, ports: tuple[str, ...], cpus: float, memory_bytes: int) -> None:
        """Count what an instance takes."""
        self.cpus_used += cpus
        self.memory_used += memory_bytes
        self.ports |= dict.fromkeys(ports, instance.name)
        key = f"{instance.project}/{instance.service}"
        self.services[key] = self.services.get(key, 0) + 1
        self.instances += 1


def open_room(host: Host, facts: HostFacts, inventory: Inventory) -> Room:
    """Return the empty room of a host: capacity as declared, else as observed."""
    capacity = host.capacity
    return Room(
        host=host,
        facts=facts,
        zone=host.labels.get("zone") or host.name,
        cpus=capacity.cpus if capacity.cpus is not None else float(facts.cpus),
        memory_bytes=capacity.memory_bytes if capacity.memory_bytes is not None else facts.memory_bytes,
        foreign_ports=foreign_ports(facts),
        foreign_units=foreign_units(facts, inventory.cluster),
        foreign_containers=foreign_containers(facts),
    )


def port_keys(service: Service) -> tuple[str, ...]:
    """Return the host ports a service takes, as `8080/tcp`; one that it takes on two addresses once."""
    return tuple(dict.fromkeys(f"{port.published}/{port.protocol}" for port in service.host_ports))


def data_mounts(service: Service) -> tuple[Mount, ...]:
    """Return the mounts of named volumes that the service writes to: their data is on one host."""
    return tuple(mount for mount in service.mounts if mount.kind == "volume" and not mount.read_only)


def writable_volumes(service: Service) -> tuple[str, ...]:
    """Return the volumes the service writes to, as its file names them; one that it has in two places once."""
    return tuple(dict.fromkeys(mount.source for mount in data_mounts(service)))
