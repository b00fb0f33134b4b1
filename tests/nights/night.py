"""One night: a fleet, accidents, two observers, now and then a rebalance or a reboot; and the morning after."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from clusterctl.model.intent import AbortIntent, RebalanceIntent, RebootIntent
from clusterctl.planning.runs import left_unfinished, runs_of
from tests.nights.accidents import MINUTE_S, Accidents
from tests.nights.checker import PERIOD_S, Checker
from tests.nights.observer import Observer
from tests.nights.seat import Seat
from tests.nights.sizes import Size, an_estate, chance_of
from tests.nights.world import NightCluster
from tests.planning.fleets import put
from tests.soak.watch import BrokenPromiseError, Tally

HOUR_S = 3600.0
MORNING = 20
"""Rounds after which everything that was mended must be as wanted."""


def play(seed: int, size: Size, tally: Tally) -> None:
    """Play a night; raise BrokenPromiseError, with the seed in its words."""
    try:
        Night(seed, size, tally).play()
    except BrokenPromiseError as error:
        raise BrokenPromiseError(f"seed {seed}: {error}") from None


class Night:
    """A night of one seed."""

    def __init__(self, seed: int, size: Size, tally: Tally) -> None:
        self.size, self.tally = size, tally
        inventory, self.projects, devices = an_estate(size)
        images = sorted({service.image for project in self.projects for service in project.services})
        self.cluster = NightCluster(inventory, images, devices)
        for project in self.projects:
            put(self.cluster, project)
        self.cluster.touch_all()
        self.checker = Checker(self.cluster, self.projects, tally)
        self.cluster.on_power.append(self.checker.data.booted)
        self.chance = chance_of(seed, "operators")
        seat = Seat()
        self.observers = [
            Observer(name, self.cluster, self.checker, seat, chance_of(seed, name)) for name in ("a", "b")
        ]
        self.accidents = Accidents(self.cluster, size, seed, ("a", "b"))
        self.wanted = self._running()
        self.pending: Pending | None = None

    def play(self) -> None:
        """Play the night, and look at the morning."""
        self.accidents.plan()
        self._plan_observers()
        self._plan_chores()
        self.cluster.pass_time(self.size.seconds)
        self._morning()
        self.tally.runs["nights"] += 1
        self.tally.runs["hours"] += round(self.size.hours)

    # --- what people and cron do -----------------------------------------------------------------

    def _plan_observers(self) -> None:
        first, second = self.observers
        second.away = True
        self._every_minute(first, 0.0)
        self._every_minute(second, self.chance.uniform(5, 50))
        for _ in range(max(1, round(self.size.hours / 8))):
            begin_s = self.chance.uniform(0, self.size.seconds * 0.8)
            self.cluster.at(begin_s, lambda: setattr(second, "away", False))
            self.cluster.at(begin_s + 2 * HOUR_S, lambda: setattr(second, "away", True))
        for _ in range(max(1, round(self.size.hours / 8))):
            self._at(self._missed, first)
            self._at(self._restarted, self.chance.choice(self.observers))
            self._at(self._moved_clock, self.chance.choice(self.observers))

    def _every_minute(self, observer: Observer, offset_s: float) -> None:
        def tick() -> None:
            if self.cluster.now_s < self.size.seconds - PERIOD_S:
                self.cluster.after(PERIOD_S + self.chance.uniform(-3, 3), tick)
            observer.round()

        self.cluster.at(offset_s, tick)

    def _missed(self, observer: Observer) -> None:
        """Have cron miss some runs, just when a host has died."""
        self.accidents.dies(self.chance.choice(self.accidents.names))
        self.cluster.after(100, lambda: setattr(observer, "away", True))
        self.cluster.after(
            100 + self.chance.uniform(4, 8) * MINUTE_S, lambda: setattr(observer, "away", False)
        )

    def _restarted(self, observer: Observer) -> None:
        observer.restart()

    def _moved_clock(self, observer: Observer) -> None:
        """Have somebody, or a time server, move the clock of an observer by hours."""
        observer.skew_s += self.chance.choice([-7200, -60, 30, 600, 86400])

    def _at(self, what: object, *arguments: object) -> None:
        when_s = self.chance.uniform(0, self.size.seconds * 0.9)
        self.cluster.at(when_s, lambda: what(*arguments))  # type: ignore[operator]

    def _plan_chores(self) -> None:
        for number in range(max(1, round(self.size.hours / 4))):
            self._at(self._rebalance, self.observers[number % 2])
        for _ in range(max(1, round(self.size.hours / 8))):
            self._at(self._reboot, self.observers[0])

    def _silent(self, observer: Observer) -> tuple[str, ...]:
        """Return what a person who knows which hosts are silent names in --ignore-host."""
        machines = self.cluster.machines.items()
        return tuple(name for name, machine in machines if not machine.answers(observer.name))

    def _rebalance(self, observer: Observer) -> None:
        if observer.busy:
            return
        observer.busy = True
        self.cluster.touch_all()
        self.checker.begin(observer.name, "rebalance")
        intent = RebalanceIntent(min_age_s=600, threshold=5.0)
        run = observer.begin_run("rebalance", "all")
        observer.carry_out(intent, run, self._silent(observer))
        observer.busy = False

    def _reboot(self, observer: Observer) -> None:
        """Have a person reboot a host, and type it again until it is done."""
        self.pending = Pending(self, observer, self.chance.choice(self.accidents.names))
        self.pending.go_on()

    # --- the morning -----------------------------------------------------------------------------

    def _morning(self) -> None:
        """Mend everything, have the first observer go on for some rounds, and demand that all is as wanted."""
        self.accidents.heal()
        first = self.observers[0]
        first.kills, first.away = 0.0, False
        for round_ in range(MORNING):
            self.cluster.pass_time(PERIOD_S)
            if round_ == 1:
                self._tidy(first)
            first.round()
        running = self._running()
        wrong = {
            name: running[name] for name in {*running, *self.wanted} if running[name] != self.wanted[name]
        }
        self.tally.demand("everything runs once", not wrong, f"running: {wrong}")
        for name in sorted(self.checker.data.names):
            self.checker.data.check_once(name)
        marked = {name: sorted(fake.markers) for name, fake in self.cluster.hosts.items() if fake.markers}
        self.tally.demand("nothing is left marked", not marked, f"marked: {marked}")
        self.tally.demand("I12", first.quiet, f"the last round still had something to do: {first.last}")

    def _tidy(self, observer: Observer) -> None:
        """Have a person abort what was left unfinished on hosts."""
        self.pending = None
        self.cluster.show(observer.name)
        for left in left_unfinished(runs_of(self.cluster.see())):
            if left.verb != "reboot":
                continue  # leaves nothing marked
            self.checker.begin(observer.name, "abort")
            intent = AbortIntent(left.id)
            observer.carry_out(intent, left, (), closes="aborted")

    def _running(self) -> Counter[str]:
        return Counter(name for fake in self.cluster.hosts.values() for name in fake.containers)


@dataclass
class Pending:
    """A reboot of one host that a person wants; after a failure it is asked for again ten minutes later."""

    night: Night
    observer: Observer
    host: str
    tries: int = 0

    def go_on(self) -> None:
        """Ask for it, or for the rest of it."""
        observer, night = self.observer, self.night
        if night.pending is not self or self.tries > 6:
            return
        if not observer.busy:
            self.tries += 1
            observer.busy = True
            night.cluster.touch_all()
            night.checker.begin(observer.name, "reboot")
            run = observer.begin_run("reboot", self.host)
            ignored = tuple(name for name in night._silent(observer) if name != self.host)
            report = observer.carry_out(RebootIntent((self.host,)), run, ignored)
            observer.busy = False
            if report is not None and report.ok:
                return
        night.cluster.after(10 * MINUTE_S, self.go_on)
