"""One machine from which cron runs `failover`: its rounds, its clock, and its runs, as the verb itself chains them.

The chain is `operations.health`, `operations.failover` and the pipeline; nothing of it is repeated here. A look that
shows the very same answers and verdicts as the one before, which led to nothing, is not planned once more.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from clusterctl.errors import ClusterctlError, LockedError, RefusedError, RemoteError
from clusterctl.model.health import FleetHealth, Rounds
from clusterctl.model.intent import FailoverIntent, Intent
from clusterctl.model.report import Report
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.operations.failover import Proposal, propose_failover
from clusterctl.operations.health import Checked, HealthLook
from clusterctl.operations.pipeline import Pipeline, Timekeeper
from clusterctl.operations.rights import NoJournal
from clusterctl.planning.detector import Hysteresis
from clusterctl.planning.leaving import RESTING
from tests.fake_host import KilledError
from tests.nights.checker import PERIOD_S, Checker
from tests.nights.seat import MemoryRounds, NightLock, Seat
from tests.nights.view import View
from tests.nights.world import EPOCH_S, NightCluster

RULES = Hysteresis(period_s=PERIOD_S)


@dataclass
class Remembered:
    """The last look that led to nothing: what it saw, the verdicts, and which guards it met."""

    snapshot: Snapshot
    verdicts: list[str]
    resting: tuple[str, ...]
    guards: list[str]


@dataclass
class Observer:
    """Who observes. `kills` is how likely a run of its is killed."""

    name: str
    cluster: NightCluster
    checker: Checker
    seat: Seat
    chance: random.Random
    kills: float = 0.25
    boots: int = 0
    booted_s: float = -1000.0
    skew_s: float = 0.0
    busy: bool = False
    away: bool = False
    runs: int = 0
    rounds: MemoryRounds = field(default_factory=MemoryRounds)
    last: Remembered | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        """Open the view."""
        self.lock = NightLock(self.cluster, self.seat, self.name)
        self.view = View(self.cluster, self.name, self.lock, self.checker, self.chance)
        self.health = HealthLook(self.cluster.inventory, self.view, self.rounds, RULES, self._clock)

    def _clock(self) -> tuple[str, str, float]:
        return self.name, f"boot {self.boots}", self.cluster.now_s - self.booted_s

    def wall_s(self) -> float:
        """Return what the clock on the wall says: time servers, and people, move it."""
        return EPOCH_S + self.cluster.now_s + self.skew_s

    def restart(self) -> None:
        """Boot anew: another boot id, and a clock that begins at 0."""
        self.boots, self.booted_s = self.boots + 1, self.cluster.now_s

    def round(self) -> None:
        """Do what cron does every minute."""
        if self.busy or self.away:
            return
        self.busy = True
        try:
            self._round()
        finally:
            self.busy = False

    def _round(self) -> None:
        before = self.rounds.kept
        found = self.health.look(record=True)
        self.checker.round_counted(self.name, f"boot {self.boots}", self._clock()[2])
        self._count_resets(before)
        self._count_verdicts(found.health)
        verdicts = [host.verdict for host in found.health.hosts]
        last = self.last
        same = last and (last.verdicts, last.resting) == (verdicts, found.resting)
        if last and same and _is_same(last.snapshot, found.snapshot):
            self._count(*last.guards)
            self.quiet = not last.guards
            return
        self.last = None
        guards, proposal = self._propose(found)
        self._count(*guards)
        if proposal is None or proposal.plan.is_empty:
            self.quiet = not guards
            self.last = Remembered(found.snapshot, list(verdicts), found.resting, guards)
            return
        self.quiet = False
        lost = found.health.of("lost")
        self.checker.begin(self.name, "failover", proposal.choice.hosts, lost, found.resting)
        report = self.carry_out(proposal.intent, proposal.run, proposal.silent)
        if report is not None and report.ok:
            self.health.note_moves(proposal.moves)

    def _propose(self, found: Checked) -> tuple[list[str], Proposal | None]:
        try:
            proposal = propose_failover(
                found, self.cluster.inventory, lambda s: self.begin_run("failover", s)
            )
        except RefusedError as error:
            return ["no majority" if "no majority" in error.message else "too many at once"], None
        guards = ["later (cap of a run)"] if proposal.choice.later else []
        guards += sorted({_guard_of(note) for note in proposal.plan.notes})
        return guards, proposal

    def begin_run(self, verb: str, subject: str) -> RunSummary:
        """Return who does what."""
        self.runs += 1
        when = datetime(2027, 1, 15, 8, tzinfo=UTC) + timedelta(seconds=self.cluster.now_s + self.skew_s)
        identity = f"{when:%Y%m%d-%H%M%S}-{verb}-{self.name}{self.runs % 10000:04}"
        return RunSummary(
            identity, verb, subject, f"clusterctl {verb}", f"cron@{self.name}", int(self.wall_s())
        )

    def carry_out(
        self, intent: Intent, run: RunSummary, ignored: tuple[str, ...], closes: str = ""
    ) -> Report | None:
        """Carry an intent out by the pipeline; return how it ended, None where it did not begin or was killed."""
        killed = self.chance.random() < self.kills
        self.view.dies_after = self.chance.randrange(60) if killed else None
        self.view.sleeps_before = self.chance.randint(1, 4) if self.chance.random() < self.kills / 4 else None
        keeper = Timekeeper(self.wall_s, self.cluster.pass_time)
        report: Report | None = None
        try:
            report = Pipeline(
                self.view,
                self.cluster.inventory,
                intent,
                run,
                self.lock,
                NoJournal(),
                keeper,
                lambda _: None,
                frozenset(ignored),
                closes,  # type: ignore[arg-type]
            ).carry_out(lambda _: True, lambda: "")
        except KilledError:
            self._count("killed in a run")
        except LockedError as error:
            self._count("another holds the lock" if "changed by" in error.message else "somebody took over")
        except RemoteError:
            self._count(f"{run.verb}: unreachable")
        except ClusterctlError:
            self._count(f"{run.verb}: refused")
        if report is not None:
            self._count_report(report, intent)
        return report

    # --- counting --------------------------------------------------------------------------------

    def _count(self, *guards: str) -> None:
        for guard in guards:
            self.checker.tally.guards[guard] += 1

    def _count_report(self, report: Report, intent: Intent) -> None:
        kind = "failover" if isinstance(intent, FailoverIntent) else report.plan.verb
        runs = self.checker.tally.runs
        runs[f"{kind}: {'done' if report.ok else 'stopped'}"] += 1
        if report.batches_done:
            runs[f"{kind}: let start"] += sum(c.kind == "start" for c in report.plan.changes)
            runs[f"{kind}: moves"] += sum(change.kind == "move" for change in report.plan.changes)
            surplus = {
                id(step) for batch in report.plan.batches if "surplus" in batch.title for step in batch.steps
            }
            removed = sum(
                id(result.step) in surplus and result.status == "changed" for result in report.results
            )
            self.checker.tally.guards["surplus removed"] += removed
        if "lock is lost" in report.stopped:
            self._count("lock lost in a run")

    def _count_resets(self, before: Rounds) -> None:
        """Count hosts whose silence was counted, and is counted anew."""
        now = self.rounds.kept
        fresh = any(
            track.failed > 0 and host in now.tracks and now.tracks[host].failed <= 1
            for host, track in before.tracks.items()
            if host not in self.checker.reach[self.name]
        )
        if before.boot_id and before.boot_id != now.boot_id:
            self._count("reset: the observer was rebooted")
        elif fresh and self.checker.silence[self.name].after_gap:
            self._count("reset: a gap between rounds")

    def _count_verdicts(self, health: FleetHealth) -> None:
        for verdict in ("flapping", "unmanaged", "operator-blind", "returning", "suspect"):
            if health.of(verdict):
                self._count(f"verdict {verdict}")


def _is_same(one: Snapshot, other: Snapshot) -> bool:
    """Whether two looks are of the same answers: the very same facts, or silence on the same rung."""
    pairs = zip(one.hosts.values(), other.hosts.values(), strict=True)
    return all(a is b or (not isinstance(a, HostFacts) and a == b) for a, b in pairs)


def _guard_of(note: str) -> str:
    return "rests" if note.endswith(RESTING) else note.partition(":")[0]
