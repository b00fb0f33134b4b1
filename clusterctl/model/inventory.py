"""The inventory as data: cluster, hosts, groups, how to reach them, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clusterctl.model.host import Host

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class SshSettings:
    """How hosts are reached. Paths are as written (relative ones belong to the inventory's folder)."""

    user: str = ""
    port: int = 22
    identity_file: str = ""
    known_hosts: str = ""
    connect_timeout_s: float = 10.0
    command_timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows. Free disk is needed for docker's data before an image is pulled (PROMISES)."""

    min_free_disk_percent: float = 10.0
    min_free_disk_bytes: int = GIB
    allow_host_paths: tuple[str, ...] = ()
    allow_capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """All hosts of one cluster, in the order of their names (digits compared as numbers)."""

    cluster: str
    hosts: tuple[Host, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ssh: SshSettings = SshSettings()
    policy: Policy = Policy()

    def host(self, name: str) -> Host:
        """Return the host of that name; raises KeyError."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all hosts, in order."""
        return tuple(host.name for host in self.hosts)
