"""What is known of each host's health: signs of life seen in rounds, and the verdict on them (PROMISES, detection)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Sign = Literal["banner", "service", "refused", "nothing", "unknown"]
SIGNS_OF_LIFE: frozenset[Sign] = frozenset({"banner", "service", "refused"})

Verdict = Literal[
    "healthy",
    "degraded",
    "returning",
    "refused",
    "unmanaged",
    "operator-blind",
    "unknown",
    "suspect",
    "flapping",
    "lost",
]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one host found of another: an SSH banner, a byte of a service, a refused connection, or nothing.

    Each but the last is a sign of life; `unknown` says that the peer could not try.
    """

    peer: str
    host: str
    sign: Sign


@dataclass(frozen=True, slots=True)
class Rung:
    """The rung that broke, and why: one of `snapshot.Rung`, then systemd, docker, services; empty at the top.

    `alive`: the machine showed life to the operator itself; None where nothing is known of it (its jump host failed).
    """

    name: str = ""
    reason: str = ""
    alive: bool | None = True


@dataclass(frozen=True, slots=True)
class Track:
    """What the rounds so far say of one host. Times are seconds of the observer's clock since its boot."""

    is_down: bool = False
    failed: int = 0
    first_failed_s: float = 0.0
    passed: int = 0
    first_passed_s: float = 0.0
    last_s: float = 0.0
    changes: tuple[float, ...] = ()
    quarantined_until_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Rounds:
    """All tracks of one observer, in one boot of it: another observer, or another boot, begins anew.

    `moved`: when failover last started an instance (by name) elsewhere, on the same clock as the tracks.
    """

    observer: str = ""
    boot_id: str = ""
    tracks: Mapping[str, Track] = field(default_factory=dict)
    moved: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostHealth:
    """The verdict on one host, with everything that led to it."""

    host: str
    verdict: Verdict
    rung: Rung
    track: Track
    why: str
    opinions: tuple[Opinion, ...] = ()


@dataclass(frozen=True, slots=True)
class FleetHealth:
    """The verdicts on all hosts; `reached` of them let the operator in."""

    hosts: tuple[HostHealth, ...]
    reached: int

    @property
    def has_majority(self) -> bool:
        """Whether the operator reaches a strict majority of the whole inventory (I6)."""
        return 2 * self.reached > len(self.hosts)

    def of(self, verdict: Verdict) -> tuple[str, ...]:
        """Return the hosts of one verdict, in order."""
        return tuple(host.host for host in self.hosts if host.verdict == verdict)
