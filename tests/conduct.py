"""What tests that carry out plans in memory need besides a fleet: a clock that stands, a lock never lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from clusterctl.model.intent import Intent
from clusterctl.model.plan import Plan
from clusterctl.model.report import Event, Report
from clusterctl.model.run import RunSummary
from clusterctl.operations.execute import Conduct, execute
from clusterctl.operations.fleet import Fleet
from clusterctl.operations.pipeline import Pipeline, Timekeeper
from clusterctl.operations.rights import Claim, NoJournal, NoLock, Right
from tests.fake_cluster import FakeCluster

NOW_S = 1_800_000_000.0


@dataclass
class Clock:
    """A clock that moves only when somebody waits."""

    now_s: float = NOW_S
    waited: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.waited.append(seconds)
        self.now_s += seconds


@dataclass
class CountingLock(NoLock):
    """A lock that anybody gets, its epoch higher than any before it."""

    epoch: int = 0

    def acquire(self, claim: Claim) -> Right:
        """Return a right with the next number."""
        del claim
        self.epoch += 1
        return CountingLock(self.epoch)


def conduct_for(cluster: FakeCluster, **changes: object) -> Conduct:
    """Return a conduct without lock and journal, on a clock of its own."""
    clock = Clock()
    usual = Conduct(
        emit=lambda _: None,
        stopped=lambda: "",
        right=NoLock(),
        journal=NoJournal(),
        clock=clock,
        pause=clock.pause,
        look=cluster.see,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def carry_out(
    cluster: FakeCluster,
    plan: Plan,
    emit: Callable[[Event], None] = lambda _: None,
    stopped: Callable[[], str] = lambda: "",
) -> Report:
    """Carry out a plan on a fake cluster."""
    return execute(cluster, plan, conduct_for(cluster, emit=emit, stopped=stopped))


def a_summary(verb: str = "apply", subject: str = "shop") -> RunSummary:
    """Return who does what."""
    return RunSummary(
        f"20270115-080000-{verb}-0001", verb, subject, f"clusterctl {verb}", "ops@laptop", int(NOW_S)
    )


def a_pipeline_for(
    cluster: FakeCluster,
    intent: Intent,
    fleet: Fleet | None = None,
    emit: Callable[[Event], None] = lambda _: None,
) -> Pipeline:
    """Return the pipeline of an intent on a fake cluster."""
    clock = Clock()
    keeper = Timekeeper(clock, clock.pause)
    summary = a_summary()
    return Pipeline(fleet or cluster, cluster.inventory, intent, summary, NoLock(), NoJournal(), keeper, emit)
