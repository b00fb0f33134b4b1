"""What a playbook wants, after parsing: no text forms are left, every default is filled in.

Durations are seconds, sizes are bytes. Defaults are those of the Compose Specification (deploy part)
and of Docker's own health check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from clusterctl.model.network import NetworkUse
from clusterctl.model.runtime import Runtime

LONGEST_STOP_S = 86_400
"""No stop is waited for longer, whatever a playbook or a unit on a host says (I11)."""


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A container port, published on the host when `published` is given."""

    target: int
    published: int | None = None
    protocol: Literal["tcp", "udp"] = "tcp"
    host_ip: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Volume:
    """How docker makes a named volume. `name` empty: PROJECT_NAME; `external`: it is there, or the host is unfit."""

    name: str = ""
    external: bool = False
    driver: str = ""
    driver_opts: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def host_path(self) -> str:
        """The path of the host that the volume really is (`o: bind`), or nothing."""
        options = dict(self.driver_opts)
        ours = self.driver in {"", "local"} and bool({"bind", "rbind"} & set(options.get("o", "").split(",")))
        return options.get("device", "").rstrip("/") or "/" if ours else ""


@dataclass(frozen=True, slots=True, order=True)
class Mount:
    """A named volume or a path of the host inside the container.

    `create_host_path`: docker makes the directory where it is missing. `selinux` is z or Z, `subpath` a path in the
    volume, `volume` what the file declares of it.
    """

    kind: Literal["volume", "bind"]
    source: str
    target: str
    read_only: bool = False
    create_host_path: bool = False
    selinux: str = ""
    propagation: str = ""
    nocopy: bool = False
    subpath: str = ""
    volume: Volume = Volume()

    @property
    def host_path(self) -> str:
        """The path of the host that is mounted, or nothing."""
        return self.source if self.kind == "bind" else self.volume.host_path


@dataclass(frozen=True, slots=True, order=True)
class File:
    """A config or secret: a file in the container with this content, never shown (I9)."""

    kind: Literal["config", "secret"]
    name: str
    target: str
    content: str = field(default="", repr=False)
    uid: int = 0
    gid: int = 0
    mode: int = 0o444


@dataclass(frozen=True, slots=True)
class ServiceHook:
    """A command in a service's container, when it has started or before it is stopped."""

    command: tuple[str, ...]
    user: str = ""
    working_dir: str = ""
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Docker's health check. `test` starts with CMD, CMD-SHELL or NONE; empty is the image's own.

    Of the image's own test what is 0 is left as the image says. `start_interval_s` 0: as `interval_s`.
    """

    test: tuple[str, ...]
    interval_s: float = 30.0
    timeout_s: float = 30.0
    retries: int = 3
    start_period_s: float = 0.0
    start_interval_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Resources:
    """Processors and memory, and of limits how many processes (-1: any); `None` is no limit, or nothing reserved."""

    cpus: float | None = None
    memory_bytes: int | None = None
    pids: int | None = None


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When systemd starts the container again; `max_attempts` None is for ever."""

    condition: Literal["any", "on-failure", "none"] = "any"
    delay_s: float = 5.0
    max_attempts: int | None = None
    window_s: float = 0.0


@dataclass(frozen=True, slots=True)
class UpdateConfig:
    """How instances are replaced: so many at once (0 is all), old or new first, and what a failure means.

    `parallelism_percent` counts where it is not 0. `delay_s` passes between two groups, `monitor_s` is how
    long a group must stay healthy before the next one; `max_failure_ratio` of the instances may fail.
    Names and defaults: Compose Deploy Specification, and Swarm's 5 s of monitoring.
    """

    parallelism: int = 1
    order: Literal["stop-first", "start-first"] = "stop-first"
    parallelism_percent: float = 0.0
    delay_s: float = 0.0
    monitor_s: float = 5.0
    max_failure_ratio: float = 0.0
    failure_action: Literal["pause", "continue", "rollback"] = "pause"

    def at_once(self, count: int) -> int:
        """Return how many of `count` instances are replaced at once: a share rounds down, at least one."""
        if self.parallelism_percent:
            return max(1, int(count * self.parallelism_percent / 100))
        return self.parallelism or max(1, count)


@dataclass(frozen=True, slots=True)
class Canary:
    """`x-canary`: so many instances first, watched for `soak_s`, then `gate` (a command of the operator's) must exit 0."""

    instances: int = 1
    soak_s: float = 30.0
    gate: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    """`depends_on`: what another service of the project must be before this one is started or replaced."""

    service: str
    condition: Literal["service_started", "service_healthy"] = "service_started"


@dataclass(frozen=True, slots=True, order=True)
class Constraint:
    """A hard rule of placement: `key` is `node.hostname`, `node.labels.NAME`, `node.platform.arch` or `node.platform.os`."""

    key: str
    operator: Literal["==", "!="]
    value: str

    def __str__(self) -> str:
        return f"{self.key} {self.operator} {self.value}"


Strategy = Literal["spread", "pack", "headroom"]
"""Which host is best of those that may take an instance: docs/placement.md."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a project. `command` and `entrypoint` None mean what the image says.

    No `networks` and no `network_mode` is the project's default network; `bridge` is docker's own.
    `preferences`: labels of hosts over whose values the instances are spread, the first one first. `max_per_host` 0 is
    no bound. `strategy` "" is what the inventory's policy says.
    """

    name: str
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    healthcheck: HealthCheck | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    init: bool = False
    tmpfs: tuple[str, ...] = ()
    read_only: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    stop_signal: str = ""
    stop_grace_period_s: float = 10.0
    limits: Resources = Resources()
    reservations: Resources = Resources()
    mode: Literal["replicated", "global"] = "replicated"
    replicas: int = 1
    constraints: tuple[Constraint, ...] = ()
    restart: RestartPolicy = RestartPolicy()
    update: UpdateConfig = UpdateConfig()
    rollback: UpdateConfig = UpdateConfig()
    canary: Canary | None = None
    drain: Literal["move", "interrupt", "refuse"] = "move"
    quorum: str = ""
    depends_on: tuple[Dependency, ...] = ()
    priority: int = 0
    singleton: bool = False
    runtime: Runtime = field(default_factory=Runtime)
    network_mode: Literal["", "none", "host", "bridge"] = ""
    networks: tuple[NetworkUse, ...] = ()
    files: tuple[File, ...] = ()
    post_start: tuple[ServiceHook, ...] = ()
    pre_stop: tuple[ServiceHook, ...] = ()
    pull_policy: Literal["", "missing", "never"] = ""
    deploy_labels: Mapping[str, str] = field(default_factory=dict)
    preferences: tuple[str, ...] = ()
    max_per_host: int = 0
    strategy: Strategy | Literal[""] = ""

    @property
    def stop_s(self) -> int:
        """How many seconds stopping may take: the grace period, and as long for each command before it."""
        return int(self.stop_grace_period_s) * (1 + len(self.pre_stop))

    @property
    def max_unavailable(self) -> int:
        """How many instances may be out at once on purpose (I1): as many as an update replaces at once."""
        return 1 if self.quorum else self.update.at_once(self.replicas)

    @property
    def host_ports(self) -> tuple[Port, ...]:
        """The ports that take a port of the host, so that two instances cannot share a host."""
        return tuple(port for port in self.ports if port.published is not None)


@dataclass(frozen=True, slots=True)
class Project:
    """A playbook's services under one name; the name is part of every instance's name."""

    name: str
    services: tuple[Service, ...]
    volumes: tuple[str, ...] = ()

    def service(self, name: str) -> Service | None:
        """Return the service of that name, if the project has it."""
        return next((service for service in self.services if service.name == name), None)
