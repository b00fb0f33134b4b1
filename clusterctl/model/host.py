"""A host as the inventory describes it; what it answers is in `snapshot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clusterctl.model.fence import FenceDevice
from clusterctl.model.ssh import DEFAULTS, Hop, SshSettings

__all__ = ("Capacity", "Hop", "Host")


@dataclass(frozen=True, slots=True)
class Capacity:
    """What may be reserved on a host, where the inventory says so; `None` means as observed."""

    cpus: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """A machine we reach by SSH. `user` empty means the SSH default (the name of who runs us).

    `jumps` are gone through in their order, the first one reached directly (ssh_config(5), ProxyJump).
    `fence`: the devices that can cut its power, in the order in which they are tried. A `witness` counts towards
    majorities and sees others, but runs nothing and needs no docker. `ssh` are the options for this host; its user,
    port and jumps are those above.
    """

    name: str
    address: str
    port: int = 22
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    capacity: Capacity = Capacity()
    jumps: tuple[Hop, ...] = ()
    fence: tuple[FenceDevice, ...] = ()
    witness: bool = False
    ssh: SshSettings = DEFAULTS
