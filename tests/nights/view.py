"""The fleet as one operator sees it: what it looks at, does, and asks of peers, with time passing, and death at any effect."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clusterctl.model.health import Opinion
from clusterctl.model.host import Host
from clusterctl.model.plan import Batch
from clusterctl.model.report import StepResult
from clusterctl.model.snapshot import LookRequest, Snapshot
from clusterctl.operations.fleet import Emit
from tests.fake_host import KilledError
from tests.nights.checker import Checker
from tests.nights.seat import NightLock
from tests.nights.world import NightCluster

ASLEEP_S = 300.0


@dataclass
class View:
    """A fleet for `operator`. `dies_after`: so many effects later it is killed."""

    cluster: NightCluster
    operator: str
    lock: NightLock
    checker: Checker
    chance: random.Random
    dies_after: int | None = None
    sleeps_before: int | None = None

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Look, which takes a moment."""
        self.cluster.pass_time(1.0)
        self.cluster.show(self.operator)
        self.checker.looked(self.operator)
        return self.cluster.look(hosts, request)

    def ask_peers(
        self, asked: Mapping[str, Sequence[str]], services: Mapping[str, Sequence[int]]
    ) -> tuple[Opinion, ...]:
        """Ask peers."""
        del services
        found = tuple(
            Opinion(peer, host, self.cluster.sign_of(peer, host))
            for peer, hosts in asked.items()
            for host in hosts
        )
        self.checker.heard(self.operator, found)
        return found

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        """Do a batch, unless the laptop falls asleep before it, or the operator is killed in the midst of it."""
        cluster = self.cluster
        self._sleep()
        cluster.pass_time(self.chance.uniform(1, 20))
        cluster.show(self.operator)
        stale = self.checker.before(self.operator, batch, epoch)
        begun = cluster.effects
        cluster.crash_after = None if self.dies_after is None else begun + self.dies_after
        try:
            results = cluster.perform(batch, emit, epoch)
        except KilledError:
            self.lock.leave()
            raise
        finally:
            cluster.crash_after = None
            if self.dies_after is not None:
                self.dies_after -= cluster.effects - begun
            cluster.touch(*(name for name in batch.hosts if name))
            self.checker.after(batch)
        self.checker.ended(results, stale)
        return results

    def _sleep(self) -> None:
        """Sleep over the lock, if it is time to."""
        if self.sleeps_before is None:
            return
        self.sleeps_before -= 1
        if self.sleeps_before == 0:
            self.lock.seat.free_at_s = min(self.lock.seat.free_at_s, self.cluster.now_s + 30)
            self.cluster.pass_time(ASLEEP_S)
