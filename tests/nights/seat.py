"""The lock of a night: one holder, seen by everybody; it falls free 30 s after its holder was killed or fell asleep."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from clusterctl.errors import LockedError, RemoteError
from clusterctl.model.health import Rounds
from clusterctl.operations.rights import Claim, Right
from clusterctl.operations.rounds import Counting, RoundsFile
from tests.nights.world import NightCluster

EXPIRES_S = 30.0


@dataclass
class Seat:
    """Who holds the lock, and until when if nobody tends it; the highest number given so far."""

    holder: NightRight | None = None
    free_at_s: float = float("inf")
    epoch: int = 0


@dataclass
class NightLock:
    """The lock as one operator reaches it."""

    cluster: NightCluster
    seat: Seat
    operator: str
    given: list[NightRight] = field(default_factory=list)

    def acquire(self, claim: Claim) -> Right:
        """Return the right; raises LockedError, or RemoteError without a majority of the lock hosts."""
        seat = self.seat
        if seat.holder is not None and self.cluster.now_s < seat.free_at_s:
            raise LockedError(f"the cluster is being changed by {seat.holder.claim.by}")
        names = self.cluster.inventory.lock_hosts
        reached = [name for name in names if self.cluster.machines[name].answers(self.operator)]
        if 2 * len(reached) <= len(names):
            raise RemoteError("no majority of the lock hosts answers")
        epoch = 1 + max(self.cluster.hosts[name].epoch for name in reached)
        for name in reached:
            self.cluster.hosts[name].epoch = epoch
            self.cluster.touch(name)
        seat.holder, seat.free_at_s = NightRight(self, claim, epoch), float("inf")
        seat.epoch = max(seat.epoch, epoch)
        self.given.append(seat.holder)
        return seat.holder

    def leave(self) -> None:
        """Let the process that held it be dead: nobody tends it any more."""
        if self.seat.holder is not None and self.seat.holder.lock is self:
            self.seat.holder.dead = True
            self.seat.free_at_s = self.cluster.now_s + EXPIRES_S


@dataclass(eq=False)
class NightRight:
    """The right, until it is released, or lost."""

    lock: NightLock
    claim: Claim
    epoch: int
    dead: bool = False

    def prove(self) -> str:
        """Return why it is lost, or ""."""
        seat = self.lock.seat
        held = seat.holder is self and self.lock.cluster.now_s < seat.free_at_s
        return "" if held else "the lock is lost"

    def release(self) -> None:
        """Give it back; the dead do not."""
        if self.lock.seat.holder is self and not self.dead:
            self.lock.seat.holder = None


class MemoryRounds(RoundsFile):
    """The rounds of one observer, in memory: `operations.rounds` is tested with its files elsewhere."""

    def __init__(self) -> None:
        super().__init__(Path(), "night")
        self.kept = Rounds()

    def read(self) -> Rounds:
        """Return the rounds so far."""
        return self.kept

    def counting(self) -> MemoryCounting:  # type: ignore[override]
        """Return what counts a round."""
        return MemoryCounting(self)


class MemoryCounting(Counting):
    """The rounds while they are counted."""

    def __init__(self, file: MemoryRounds) -> None:
        super().__init__(Path(), -1, file.kept)
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def write(self, rounds: Rounds) -> None:
        """Keep the rounds."""
        self._file.kept = self.rounds = rounds
