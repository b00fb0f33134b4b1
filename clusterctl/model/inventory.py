"""The inventory as data: cluster, hosts, groups, how to reach them, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from clusterctl.model.host import Host
from clusterctl.model.limit import Limit
from clusterctl.model.privilege import Allow
from clusterctl.model.service import Strategy
from clusterctl.model.ssh import DEFAULTS, SshSettings
from clusterctl.model.window import Window

__all__ = ("Hook", "Inventory", "Policy", "SshSettings")

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Hook:
    """A command around the work on each host; it must exit 0 within `timeout_s`.

    It runs `on` the host as root, or with the operator, where CLUSTERCTL_HOST names the host.
    """

    command: str
    on: Literal["host", "operator"] = "host"
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows. Free disk is needed for docker's data before an image is pulled (PROMISES).

    `max_unavailable` hosts may be out at once in the fleet, and in each failure domain (hosts with the
    same value of the label `domain`) `max_unavailable_per_domain`. `lock_hosts` empty: the first three.
    """

    min_free_disk_percent: float = 10.0
    min_free_disk_bytes: int = GIB
    allow: Allow = field(default_factory=Allow)
    lock_hosts: tuple[str, ...] = ()
    max_unavailable: Limit = field(default_factory=Limit)
    max_unavailable_per_domain: Limit | None = None
    domain: str = "zone"
    strategy: Strategy = "spread"
    windows: tuple[Window, ...] = ()
    before: tuple[Hook, ...] = ()
    after: tuple[Hook, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """All hosts of one cluster, in the order of their names (digits compared as numbers)."""

    cluster: str
    hosts: tuple[Host, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ssh: SshSettings = DEFAULTS
    policy: Policy = Policy()
    outside: Mapping[str, SshSettings] = field(default_factory=dict)
    """Options for SSH servers on the way that are no hosts here, by their addresses."""

    def host(self, name: str) -> Host:
        """Return the host of that name; raises KeyError."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Host]:
        return {host.name: host for host in self.hosts}

    def ssh_of(self, name: str) -> SshSettings:
        """Return the options for a host; an SSH server outside the inventory has no alias and gets no password."""
        host = self._by_name.get(name)
        return host.ssh if host else self.outside.get(name, self._ssh_outside)

    @cached_property
    def _ssh_outside(self) -> SshSettings:
        bare = replace(self.ssh, host_key_alias="", password_file="", sudo_password_file="")
        return self.ssh if bare == self.ssh else bare

    @cached_property
    def ssh_options(self) -> tuple[SshSettings, ...]:
        """Each distinct set of options by which hosts and their jump hosts are reached, once."""
        hops = {hop.name: self.ssh_of(hop.name) for host in self.hosts for hop in host.jumps}
        shared = {id(ssh): ssh for ssh in (*(host.ssh for host in self.hosts), *hops.values())}
        return tuple(dict.fromkeys(shared.values()))

    @cached_property
    def longest_connect_s(self) -> float:
        """How long a connection may take at most, to whichever host."""
        return max((ssh.connect_timeout_s for ssh in self.ssh_options), default=self.ssh.connect_timeout_s)

    @property
    def lock_hosts(self) -> tuple[str, ...]:
        """The hosts that hold the lock: as the policy says, else the first three by name (all, if fewer)."""
        return self.policy.lock_hosts or self.names[:3]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all hosts, in order."""
        return tuple(host.name for host in self.hosts)

    @property
    def witnesses(self) -> frozenset[str]:
        """The hosts that only count and see others."""
        return frozenset(host.name for host in self.hosts if host.witness)

    @property
    def jump_hosts(self) -> frozenset[str]:
        """The hosts through which others are reached."""
        return frozenset(hop.name for host in self.hosts for hop in host.jumps) & set(self.names)

    @property
    def path_hosts(self) -> frozenset[str]:
        """The hosts that the operator's own work hangs on: they hold the lock, or are on the way to others."""
        return self.jump_hosts | set(self.lock_hosts)
