"""What one look at the hosts saw. An unknown is `None` or `Unreachable`, never an empty answer.

Facts are as the hosts told them, parsed strictly in `remote.facts`; what they mean (whose unit is
this, is it healthy) is read out of them in `planning.observed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from clusterctl.model.packages import PackageFacts

Rung = Literal["resolve", "connect", "banner", "host-key", "auth", "sudo", "exec", "answer", "identity"]

_BY_HAND = "log in by hand and see why: clusterctl ssh {host}"
NEXT_STEPS: Mapping[Rung, str] = {
    "resolve": "check the address in the inventory, or DNS",
    "connect": "is it up? look at its console, and at the way to it from here",
    "banner": "try again in a while; sshd there is overloaded (MaxStartups), or something else answers at that port",
    "host-key": "clusterctl hosts trust {host}",
    "auth": _BY_HAND,
    "sudo": "see what it may do there: sudo -l",
    "exec": _BY_HAND,
    "answer": _BY_HAND,
    "identity": "let the inventory name each machine once; a cloned one needs its own id: systemd-machine-id-setup",
}
"""What to do about a failure on a rung, where nothing better is known."""
LATEST_S = 253_402_300_799
"""The last second of the year 9999: no later moment can be shown as a date."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A look that failed: on which rung of the ladder, and why, in words for a person.

    `via`: the jump host that failed, so that nothing is known of the host itself. `next_step`: what to do about it;
    `kind` where it has words of this one host in it: failures of one kind on many hosts are told once.
    """

    host: str
    rung: Rung
    reason: str
    via: str = ""
    next_step: str = field(default="", compare=False)
    kind: str = field(default="", compare=False)

    @property
    def advice(self) -> str:
        """What to do about it, in words; never nothing."""
        return self.next_step or NEXT_STEPS[self.rung].format(host=self.via or self.host)

    @property
    def is_identity(self) -> bool:
        """Whether a key, a host key or sudo was refused: never a sign of a dead host (PROMISES)."""
        return self.rung in {"host-key", "auth", "sudo", "identity"}


@dataclass(frozen=True, slots=True)
class UnitFact:
    """A file `clusterctl-*.service` in /etc/systemd/system, and what systemd says of it (systemctl(1) show).

    `text` is the beginning, at most 64 KiB; `digest` is the sha256 of the whole file, as the host counted it ("": not told).
    """

    name: str
    text: str
    load: str = "unknown"
    active: str = "unknown"
    sub: str = "unknown"
    result: str = ""
    enabled: str = ""
    since_s: int | None = None
    restarts: int = 0
    drop_ins: tuple[str, ...] = ()
    need_reload: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True, order=True)
class PortUse:
    """A port of the host that something listens on; `ip` empty or 0.0.0.0 or :: is every address."""

    port: int
    protocol: str
    ip: str = ""


@dataclass(frozen=True, slots=True)
class ContainerFact:
    """A container of any owner (docker inspect). `health` is empty where it has no health check.

    `check`: with what the last health check ended, and what it said; only of one that is unhealthy.
    """

    id: str
    name: str
    image: str
    image_id: str
    state: str
    health: str = ""
    started_at: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[PortUse, ...] = ()
    check: str = ""


@dataclass(frozen=True, slots=True)
class ImageFact:
    """An image in the host's store; `digest` is empty where no registry gave one."""

    id: str
    repository: str
    tag: str
    digest: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the registry said, asked by the host, of an image reference: a digest, or an error."""

    digest: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """All facts of one host. `containers`, `images`, `volumes`, `networks` are None where docker did not answer.

    `networks`: by name the label that says what it is, empty where it is not ours.
    """

    host: str
    address: str
    boot_id: str
    machine_id: str
    os: str
    kernel: str
    architecture: str
    systemd_version: str
    systemd_state: str
    docker_version: str
    docker_error: str
    cpus: int
    memory_bytes: int
    memory_available_bytes: int
    load_1m: float
    uptime_s: int
    clock_s: int
    disk_total_bytes: int
    disk_free_bytes: int
    cluster: str = ""
    units: tuple[UnitFact, ...] = ()
    failed_units: tuple[str, ...] = ()
    containers: tuple[ContainerFact, ...] | None = None
    images: tuple[ImageFact, ...] | None = None
    volumes: tuple[str, ...] | None = None
    ports: tuple[PortUse, ...] = ()
    env_digests: Mapping[str, str] = field(default_factory=dict)
    markers: Mapping[str, str] = field(default_factory=dict)
    manifests: Mapping[str, str] = field(default_factory=dict)
    resolved: Mapping[str, Resolved] = field(default_factory=dict)
    history: Mapping[str, str] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)
    epoch: int = 0
    reboot_reasons: tuple[str, ...] = ()
    packages: PackageFacts | None = None
    networks: Mapping[str, str] | None = None

    @property
    def docker_answers(self) -> bool:
        """Whether dockerd answered within its deadline."""
        return self.containers is not None


@dataclass(frozen=True)
class Snapshot:
    """One look at many hosts."""

    hosts: Mapping[str, HostFacts | Unreachable]

    @cached_property
    def seen(self) -> tuple[HostFacts, ...]:
        """The facts of all hosts that answered, in the order asked."""
        return tuple(answer for answer in self.hosts.values() if isinstance(answer, HostFacts))

    @property
    def unreachable(self) -> tuple[Unreachable, ...]:
        """The hosts that did not answer, in the order asked."""
        return tuple(answer for answer in self.hosts.values() if isinstance(answer, Unreachable))

    def facts(self, host: str) -> HostFacts:
        """Return a host's facts; raises TypeError for one that did not answer."""
        answer = self.hosts[host]
        if not isinstance(answer, HostFacts):
            raise TypeError(host)
        return answer


@dataclass(frozen=True, slots=True)
class LookRequest:
    """What a look is to bring beyond the fixed facts.

    `images`: references to resolve at the registry. `settle_s`: how long to wait for a change that
    is under way on the host before looking (0: look at once, as read-only verbs do). `history`: also the
    older manifests kept (`HostFacts.history`, by `PROJECT@GENERATION`). `run`: also the whole record of that
    run, else only the first lines of all records (`HostFacts.runs`, by run id). `packages`: also what an
    update would change (slow: it refreshes package lists). `claim_epoch`: write this epoch on the host if it
    has seen no higher one,;
    a host that has seen a higher one says so in `HostFacts.epoch` (PROMISES, I7).
    """

    images: tuple[str, ...] = ()
    settle_s: int = 0
    history: bool = False
    run: str = ""
    packages: bool = False
    claim_epoch: int = 0
