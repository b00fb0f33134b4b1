"""A host as the inventory describes it; what it answers is in `snapshot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Capacity:
    """What may be reserved on a host, where the inventory says so; `None` means as observed."""

    cpus: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """A machine we reach by SSH. `user` empty means the SSH default (the name of who runs us)."""

    name: str
    address: str
    port: int = 22
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    capacity: Capacity = Capacity()
