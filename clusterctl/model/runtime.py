"""How docker runs a container, beyond what every service has: the words are Compose's, the values plain.

What a value means is docker's (docker-run(1)); the defaults are docker's own and are left to it. What of this takes
something from the host that only its owner may give is said in `model.privilege`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Logging:
    """Where a container's lines go; `driver` empty is journald, which `clusterctl logs` can read."""

    driver: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_journald(self) -> bool:
        """Whether the lines reach the host's journal."""
        return self.driver in {"", "journald"}


@dataclass(frozen=True, slots=True)
class Cgroup:
    """Weights and bounds of the kernel beyond `deploy.resources`; 0 and None leave them to docker.

    `memory_swap_bytes` is memory and swap together, -1 is no bound. `io` holds docker's options for block devices,
    such as `device-read-bps=/dev/sda:1048576`. Quota and period are microseconds.
    """

    parent: str = ""
    cpu_shares: int = 0
    cpu_quota_us: int = 0
    cpu_period_us: int = 0
    cpuset: str = ""
    memory_reservation_bytes: int = 0
    memory_swap_bytes: int = 0
    memory_swappiness: int | None = None
    oom_score_adj: int = 0
    oom_kill_disable: bool = False
    io: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What a container is called and whom it asks; `extra_hosts` are `name:address`. `hostname` empty: the instance's."""

    hostname: str = ""
    domainname: str = ""
    mac_address: str = ""
    extra_hosts: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Whose namespaces a container has; empty is its own, as docker gives it. `user` and `uts` know only `host`."""

    cgroup: str = ""
    ipc: str = ""
    pid: str = ""
    user: str = ""
    uts: str = ""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything else that docker run is told; devices are `HOST:CONTAINER:RIGHTS`, ulimits `NAME=SOFT:HARD`.

    `gpus`: the fields of docker's `--gpus`, parted by `;`.
    """

    privileged: bool = False
    devices: tuple[str, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    gpus: str = ""
    security_opt: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ulimits: tuple[str, ...] = ()
    shm_size_bytes: int = 0
    working_dir: str = ""
    platform: str = ""
    runtime: str = ""
    storage_opt: Mapping[str, str] = field(default_factory=dict)
    stdin_open: bool = False
    tty: bool = False
    expose: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    logging: Logging = Logging()
    cgroup: Cgroup = Cgroup()
    names: Names = Names()
    namespaces: Namespaces = Namespaces()
