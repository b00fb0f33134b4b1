"""A fake cluster that is watched from outside: what is promised is checked before each elementary effect.

The watcher reads containers, files and markers as they stand; it shares no code with the planners. Each check is
counted, so that a promise that was never looked at is not taken for one that holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from clusterctl.errors import LockedError, RemoteError
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import StepResult
from clusterctl.model.run import RunSummary
from clusterctl.operations.fleet import Emit
from clusterctl.operations.rights import Claim, Right
from clusterctl.planning.unit_header import is_intact
from tests.fake_cluster import FakeCluster
from tests.fake_host import FakeHost, KilledError

OUT = frozenset({"draining", "rebooting", "updating"})
UNWRITTEN = frozenset({"record the run", "uncordon the hosts not begun"})
"""Batches of the pipeline's own, which no journal announces."""


class BrokenPromiseError(AssertionError):
    """A promise did not hold."""


@dataclass
class Tally:
    """How often each promise was checked, and how often each guard refused."""

    checks: Counter[str] = field(default_factory=Counter)
    guards: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)

    def demand(self, promise: str, holds: bool, words: str) -> None:  # noqa: FBT001 - what an assertion takes
        """Count a check; raise where it fails."""
        self.checks[promise] += 1
        if not holds:
            raise BrokenPromiseError(f"{promise}: {words}")

    def add(self, other: Tally) -> None:
        """Count in what another one counted."""
        self.checks += other.checks
        self.guards += other.guards
        self.runs += other.runs


@dataclass
class Bounds:
    """What must hold all the time: well instances of services, hosts out at once (also in each domain)."""

    floors: Mapping[tuple[str, str], int] = field(default_factory=dict)
    fleet: int = 10**6
    domain: int = 10**6
    domains: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Seat:
    """The lock of a cluster: who holds it now."""

    holder: object | None = None


class WatchedCluster(FakeCluster):
    """A fake cluster with a watcher."""

    def __init__(self, inventory: Inventory, images: Sequence[str]) -> None:
        super().__init__(inventory, images)
        self.tally = Tally()
        self.bounds: Bounds | None = None
        self.seat = Seat()
        self.announced: Batch | None = None
        self.dead = False
        self.down: set[str] = set()
        self.foreign: dict[str, object] = {}
        self.seen: set[str] = set()
        self.silence: tuple[int, str, Any] | None = None

    def begin_watch(self, bounds: Bounds) -> None:
        """Watch from now on; what is not ours must stay as it is now."""
        self.bounds = bounds
        self.foreign = {name: _foreign(host) for name, host in self.hosts.items()}

    def effect(self) -> None:
        """Check everything, then let the effect happen, or the operator die."""
        self.watch()
        if self.silence and self.effects >= self.silence[0]:
            self.hosts[self.silence[1]].unreachable = self.silence[2]
            self.silence = None
        try:
            super().effect()
        except KilledError:
            self.dead = True  # what a dead operator would tidy up stays as it is
            raise

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        """Do a batch that the journal has announced."""
        if self.bounds is not None and batch.title not in UNWRITTEN:
            self.tally.demand("journal", self.announced == batch, f"{batch.title} was not announced")
        return super().perform(batch, emit, epoch)

    def reboot(self, name: str) -> None:
        """Reboot a host, which is out meanwhile."""
        self.down.add(name)
        self.watch()
        super().reboot(name)
        self.down.discard(name)
        self.watch()

    def watch(self) -> None:
        """Check what is promised of every moment."""
        if self.bounds is None:
            return
        self._watch_services(self.bounds)
        self._watch_hosts(self.bounds)
        self._watch_files()

    def _watch_services(self, bounds: Bounds) -> None:
        well = self.well()
        for service, least in bounds.floors.items():
            found = len(well.get(service, ()))
            self.tally.demand("I1", found >= least, f"{service} has {found} of at least {least}")

    def _watch_hosts(self, bounds: Bounds) -> None:
        out = {name for name, host in self.hosts.items() if OUT & set(host.markers)} | self.down
        if not out:
            return
        self.tally.demand("I8", len(out) <= bounds.fleet, f"{sorted(out)} are out")
        domains = Counter(bounds.domains[name] for name in out)
        self.tally.demand("I8", max(domains.values()) <= bounds.domain, f"{sorted(out)} are out")

    def _watch_files(self) -> None:
        for name, host in self.hosts.items():
            for unit, text in host.files.items():
                if text not in self.seen and unit not in self.foreign_units(name):
                    self.tally.demand("I4", is_intact(text), f"{unit} on {name} is torn")
                    self.seen.add(text)

    def foreign_units(self, host: str) -> frozenset[str]:
        """Return the unit files of a host that were never ours."""
        found = self.foreign.get(host)
        return frozenset(found[0]) if isinstance(found, tuple) else frozenset()

    def watch_foreign(self) -> None:
        """Check that what is not ours is as it was."""
        for name, host in self.hosts.items():
            self.tally.demand("I3", _foreign(host) == self.foreign[name], f"foreign things on {name} changed")

    def well(self) -> dict[tuple[str, str], set[str]]:
        """Return the instances that do their work, by project and service."""
        found: dict[tuple[str, str], set[str]] = {}
        for name, host in self.hosts.items():
            if name in self.down or not host.docker:
                continue
            for container, fact in host.containers.items():
                runs = host.active.get(f"clusterctl-{container}.service") == "active"
                if "io.clusterctl.project" in fact.labels and runs and fact.health in {"", "healthy"}:
                    key = (fact.labels["io.clusterctl.project"], fact.labels["io.clusterctl.service"])
                    found.setdefault(key, set()).add(container)
        return found


def twin(cluster: WatchedCluster) -> WatchedCluster:
    """Return an independent copy, with counters of its own."""
    made = WatchedCluster(cluster.inventory, sorted(cluster.registry))
    made.hosts = {name: _copy_host(host) for name, host in cluster.hosts.items()}
    made.broken_images = set(cluster.broken_images)
    made.clock_s = cluster.clock_s
    return made


def _copy_host(host: FakeHost) -> FakeHost:
    made = replace(host)
    for one in fields(made):
        value = getattr(made, one.name)
        if isinstance(value, dict | set):
            setattr(made, one.name, value.copy())
    return made


def _foreign(host: FakeHost) -> object:
    ours = {name for name, text in host.files.items() if "[X-Clusterctl]" in text}
    files = {name: text for name, text in host.files.items() if name not in ours}
    containers = {
        name: fact for name, fact in host.containers.items() if "io.clusterctl.instance" not in fact.labels
    }
    return files, containers, {name: host.active.get(name) for name in files}


@dataclass
class MemoryLock:
    """The lock of a watched cluster: one holder; each right has a number higher than a majority has seen."""

    cluster: WatchedCluster

    def demand_free(self) -> None:
        """Raise LockedError while somebody holds it."""
        if self.cluster.seat.holder is not None:
            raise LockedError("the cluster is being changed by ops@laptop")

    def acquire(self, claim: Claim) -> Right:
        """Return the right, and write its number to the lock hosts that answer."""
        del claim
        self.demand_free()
        holders = self._answering()
        if 2 * len(holders) <= len(self.cluster.inventory.lock_hosts):
            raise RemoteError("no majority of the lock hosts answers")
        epoch = 1 + max(host.epoch for host in holders)
        for host in holders:
            host.epoch = epoch
        right = MemoryRight(self, epoch)
        self.cluster.seat.holder = right
        return right

    def _answering(self) -> list[FakeHost]:
        hosts = (self.cluster.hosts[name] for name in self.cluster.inventory.lock_hosts)
        return [host for host in hosts if host.unreachable is None]


@dataclass(eq=False)
class MemoryRight:
    """The right, held until it is released or its holder dies."""

    lock: MemoryLock
    epoch: int

    def prove(self) -> str:
        """Return why it is lost, or ""."""
        return "" if self.lock.cluster.seat.holder is self else "the lock is lost"

    def release(self) -> None:
        """Give it back; the dead do not."""
        if self.lock.cluster.seat.holder is self and not self.lock.cluster.dead:
            self.lock.cluster.seat.holder = None


@dataclass
class MemoryJournal:
    """A journal that tells the watcher which batch it has announced."""

    cluster: WatchedCluster
    plan: Plan | None = None

    def begin(self, summary: RunSummary, plan: Plan) -> None:
        """Keep the plan."""
        del summary
        self.plan = plan

    def before(self, number: int, batch: Batch) -> None:
        """Announce a batch."""
        del number
        self.cluster.announced = batch

    def after(self, number: int, results: Sequence[StepResult]) -> None:
        """End what was announced."""
        del number, results
        self.cluster.announced = None

    def end(self, summary: RunSummary) -> None:
        """Do nothing."""
