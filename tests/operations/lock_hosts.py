"""Lock hosts in memory: what `MajorityLock` sees of `remote.lock`, without hosts and without waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from clusterctl.model.snapshot import Rung, Unreachable
from clusterctl.operations.lock import MajorityLock
from clusterctl.operations.lock_seat import Opened
from clusterctl.operations.rights import Claim
from clusterctl.remote.lock_holder import Busy, Holder
from clusterctl.remote.lock_look import HostLock

DEV = Claim("r1", "dev@laptop", "clusterctl apply shop.yaml")
SRE = Claim("r2", "sre@desk", "clusterctl reboot all")


@dataclass(eq=False)
class FakeSession:
    """A session on a fake host. It is lost when the host loses it, and says nothing while the host hangs."""

    at: FakeHost
    claim: Claim
    epoch: int

    @property
    def alive(self) -> bool:
        return self.at.session is self

    def raise_epoch(self, epoch: int) -> str:
        if not self.alive or epoch <= self.at.epoch:
            return f"it does not take epoch {epoch}, and has seen {self.at.epoch}"
        self.at.epoch = self.epoch = epoch
        return ""

    def prove(self, epoch: int) -> str:
        self.at.running.wait(30)
        if not self.alive:
            return "the session that held it has ended"
        return (
            ""
            if self.at.epoch <= epoch
            else f"a newer run has begun (epoch {self.at.epoch}, ours is {epoch})"
        )

    def release(self) -> None:
        self.at.running.wait(30)
        self.close()

    def close(self) -> None:
        if self.at.session is self:
            self.at.session = None


@dataclass(eq=False)
class FakeHost:
    """One lock host. `problem` makes it unreachable; while `running` is not set it answers nothing."""

    name: str
    epoch: int = 0
    problem: Unreachable | None = None
    session: FakeSession | None = None
    running: threading.Event = field(default_factory=threading.Event)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.running.set()

    def fail(self, rung: Rung = "connect", reason: str = "no answer within 10 s") -> None:
        """Be unreachable from now on; what was held is lost."""
        self.problem, self.session = Unreachable(self.name, rung, reason), None

    def take(self, claim: Claim) -> Opened:
        self.running.wait(30)
        with self.guard:
            if self.problem:
                return self.problem
            if self.session:
                return Busy(self.name, self.holder)
            self.session = FakeSession(self, claim, self.epoch)
            return self.session

    def look(self) -> HostLock | Unreachable:
        self.running.wait(30)
        return self.problem or HostLock(self.name, self.holder, self.epoch)

    @property
    def holder(self) -> Holder | None:
        if self.session is None:
            return None
        claim = self.session.claim
        return Holder(claim.run, claim.by, claim.command, 1000, self.session.epoch, 125)


class LockHosts:
    """All lock hosts of a cluster, by name."""

    def __init__(self, *names: str) -> None:
        self.hosts = {name: FakeHost(name) for name in names}

    def __getitem__(self, name: str) -> FakeHost:
        return self.hosts[name]

    def lock(self, pause: Callable[[float], object] = lambda _: None) -> MajorityLock:
        """Return an operator's way to the lock."""
        return MajorityLock(
            tuple(self.hosts),
            lambda name, claim: self.hosts[name].take(claim),
            deadline_s=5.0,
            pause=pause,
        )

    @property
    def held_by(self) -> dict[str, str]:
        """Host -> who holds it, where somebody does."""
        return {name: host.session.claim.by for name, host in self.hosts.items() if host.session}
