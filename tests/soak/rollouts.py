"""One rollout: carried out whole, then killed at chosen effects, and recovered by another operator.

Recovered by `resume` (the record on the lock hosts), by the same command typed again, or by `abort`; perhaps
killed again meanwhile. What is checked of every moment is `watch`, what is checked at the end is here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clusterctl.errors import ClusterctlError, LockedError, RefusedError
from clusterctl.model.intent import Intent
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import Report
from clusterctl.model.run import RunSummary
from clusterctl.model.service import Project
from clusterctl.model.snapshot import LookRequest, Unreachable
from clusterctl.operations.execute import execute
from clusterctl.operations.pipeline import Pipeline, Timekeeper
from clusterctl.operations.resume import RunBook, taken_over
from clusterctl.planning.abort import abort_of
from tests.conduct import NOW_S, Clock, conduct_for
from tests.fake_host import KilledError
from tests.soak.cases import Case, make_case, plan_for
from tests.soak.watch import (
    BrokenPromiseError,
    MemoryJournal,
    MemoryLock,
    Tally,
    WatchedCluster,
    twin,
)

MOST_TRIES = 8
SILENT = "no answer within 10 s"


@dataclass
class Operator:
    """Somebody with a laptop of his own: carries out one verb, or recovers what another has left."""

    case: Case
    cluster: WatchedCluster
    number: int = 1
    plans: list[Plan] = field(default_factory=list)
    epoch: int = 0

    def begin(self, verb: str, subject: str) -> RunSummary:
        """Return a new run of this operator."""
        identity = f"20270115-0800{self.number:02}-{verb}-000{self.number}"
        command = f"clusterctl {verb} {subject}"
        return RunSummary(
            identity, verb, subject, command, f"ops{self.number}@laptop", int(NOW_S) + self.number
        )

    def carry_out(self, intent: Intent, summary: RunSummary, closes: str = "") -> Report:
        """Hand an intent to the pipeline and approve of everything."""
        clock, lock = Clock(NOW_S + 100 * self.number), MemoryLock(self.cluster)
        pipeline = Pipeline(
            self.cluster,
            self.cluster.inventory,
            intent,
            summary,
            lock,
            MemoryJournal(self.cluster),
            Timekeeper(clock, clock.pause),
            lambda _: None,
            frozenset(),
            closes,  # type: ignore[arg-type]
        )

        def approve(plan: Plan) -> bool:
            self.plans.append(plan)
            return True

        try:
            report = pipeline.carry_out(approve, lambda: "")
        finally:
            self.epoch = max(host.epoch for host in self.cluster.hosts.values())
        if report is None:
            raise AssertionError("nobody refused")
        return report

    def command(self) -> Report:
        """Type the command of the case."""
        return self.carry_out(self.case.intent, self.begin(self.case.verb, self.case.subject))

    def resume(self) -> Report | None:
        """Go on with the newest unfinished run; None where there is none."""
        record = RunBook(self.cluster, self.cluster.inventory).choose()
        if isinstance(record, str):
            return None
        earlier = record.summary
        return self.carry_out(
            record.intent, taken_over(earlier, self.begin(earlier.verb, earlier.subject)), "done"
        )

    def abort(self) -> Report | None:
        """Take the newest unfinished run back; None where there is none."""
        record = RunBook(self.cluster, self.cluster.inventory).choose()
        if isinstance(record, str):
            return None
        earlier, look = record.summary, self.cluster.look(self.cluster.inventory.hosts, LookRequest())
        intent = abort_of(record, look, self.cluster.inventory.cluster)
        return self.carry_out(
            intent, taken_over(earlier, self.begin(earlier.verb, earlier.subject)), "aborted"
        )


def play(seed: int, kills: int | None, tally: Tally) -> bool:
    """Play the rollout of a seed, killed `kills` times (None: at every effect); False where it is not possible.

    Raises BrokenPromiseError with the seed, by which it can be played again.
    """
    try:
        return _play(make_case(seed), kills, tally)
    except (AssertionError, ClusterctlError, KilledError) as error:
        raise BrokenPromiseError(f"seed {seed}: {type(error).__name__}: {error}") from error


def _play(case: Case, kills: int | None, tally: Tally) -> bool:
    whole = _watched(case)
    operator = Operator(case, whole)
    if case.broken:
        whole.broken_images.add(case.broken)
    try:
        report = operator.command()
    except ClusterctlError as refusal:
        tally.guards[_guard(refusal)] += 1
        tally.demand("refused", whole.effects == 0, f"{refusal.message} after {whole.effects} effects")
        return False
    tally.runs[f"rollouts: {case.verb}"] += 1
    tally.demand("I5", report.ok or bool(case.broken) or case.closed, f"{case.verb}: {report.stopped}")
    if report.ok:
        _at_goal(case, whole)
    else:
        _count_stop(whole, report)
        _recover(case, operator, 0)
    tally.add(whole.tally)
    for k in _points(case, whole.effects, kills):
        tally.runs["crashes"] += 1
        tally.add(_crash(case, k))
    return True


def _points(case: Case, effects: int, kills: int | None) -> list[int]:
    every = range(effects + 1)
    return list(every) if kills is None else sorted(case.random.sample(every, min(kills, len(every))))


def _watched(case: Case) -> WatchedCluster:
    cluster = twin(case.cluster)
    cluster.begin_watch(case.bounds)
    cluster.effects = 0
    return cluster


def _crash(case: Case, k: int) -> Tally:
    """Kill the operator after k effects, perhaps with a host that falls silent, and have another one recover."""
    cluster = _watched(case)
    random = case.random
    if case.broken:
        cluster.broken_images.add(case.broken)
    if random.random() < 0.15:
        name = random.choice(cluster.inventory.names)
        cluster.silence = (random.randint(0, k), name, Unreachable(name, "connect", SILENT))
    cluster.crash_after = k
    first = Operator(case, cluster)
    try:
        _count_stop(cluster, first.command())
    except KilledError:
        _locked_out(case, cluster)
    except ClusterctlError as refusal:
        cluster.tally.guards[_guard(refusal)] += 1
    second = random.randint(0, 60) if random.random() < 0.3 else None
    _recover(case, first, 1, second)
    return cluster.tally


def _locked_out(case: Case, cluster: WatchedCluster) -> None:
    """Refuse a second operator as long as the lock hosts do not know that the first one is dead."""
    if cluster.seat.holder is None:
        return
    effects, killed = cluster.effects, cluster.crash_after
    cluster.crash_after = None
    try:
        Operator(case, cluster, 9).command()
    except LockedError:
        cluster.tally.guards["locked by another"] += 1
    except ClusterctlError as refusal:
        cluster.tally.guards[_guard(refusal)] += 1
    cluster.crash_after = killed
    cluster.tally.demand("lock", cluster.effects == effects, "two operators at once")


def _recover(case: Case, first: Operator, number: int, second: int | None = None) -> None:
    """Mend what was broken, let the lock go, and recover until the goal is reached."""
    cluster, random = first.cluster, case.random
    mode = random.choice(("resume", "resume", "again", "abort"))
    if mode == "again" and case.verb == "rollback":
        mode = "resume"  # the same words would mean the generation before that one
    if case.broken and random.random() < 0.5:
        mode = "abort"
    _mend(cluster, keep_broken=mode == "abort")
    for attempt in range(MOST_TRIES):
        cluster.crash_after = None
        if attempt == 0 and second is not None:
            cluster.crash_after = cluster.effects + second
        operator = Operator(case, cluster, 2 + attempt)
        if _ended(cluster):  # killed when there was nothing left to do but to say so
            mode = "resume"
        try:
            report = _one_try(operator, mode)
        except KilledError:
            cluster.seat.holder, cluster.dead = None, False
            cluster.tally.runs["second crashes"] += 1
            continue
        except RefusedError as refusal:
            raise AssertionError(f"{mode} is refused: {refusal.message} {refusal.details}") from refusal
        _stale(first, cluster)
        if report.ok:
            cluster.tally.runs[mode] += 1
            cluster.crash_after = None
            cluster.tally.demand("I5", holds=True, words="")
            _after(case, cluster, mode)
            return
        _count_stop(cluster, report)
        _mend(cluster, keep_broken=False)
    cluster.tally.demand("I5", holds=False, words=f"{mode} after effect {number} never converges")


def _mend(cluster: WatchedCluster, *, keep_broken: bool) -> None:
    cluster.dead = False
    cluster.seat.holder, cluster.crash_after, cluster.silence = None, None, None
    if not keep_broken:
        cluster.broken_images = set()
    for host in cluster.hosts.values():
        host.unreachable = None


def _one_try(operator: Operator, mode: str) -> Report:
    if _ended(operator.cluster):
        return Report(Plan("none", "none"))
    if mode == "again":
        return operator.command()
    found = operator.resume() if mode == "resume" else operator.abort()
    if found is not None:
        return found
    return operator.command() if mode == "resume" else Report(Plan("abort", "nothing"))


def _ended(cluster: WatchedCluster) -> bool:
    """Whether the run is known to have ended well."""
    runs = RunBook(cluster, cluster.inventory).runs()
    return bool(runs) and runs[0].state == "done"


def _stale(first: Operator, cluster: WatchedCluster) -> None:
    """Wake the first operator up: whatever it had still to do is refused where its successor was (I7)."""
    if not first.plans or not first.epoch:
        return
    older = {name for name, host in cluster.hosts.items() if host.epoch > first.epoch}
    effects, watched = cluster.effects, cluster.bounds
    cluster.bounds = None
    for batch in first.plans[-1].batches:
        steps = tuple(step for step in batch.steps if step.host in older)
        for result in cluster.perform(Batch(batch.title, steps), lambda _: None, first.epoch):
            refused = result.status == "failed" and "stale operator" in result.detail
            cluster.tally.demand("I7", refused, f"{result.step} of a stale operator: {result.status}")
            cluster.tally.guards["stale operator"] += 1
    cluster.tally.demand("I7", cluster.effects == effects, "a stale operator has changed something")
    cluster.bounds = watched


# --- at the end -----------------------------------------------------------------------------------


def _after(case: Case, cluster: WatchedCluster, mode: str) -> None:
    if mode != "abort":
        _at_goal(case, cluster)
        return
    cluster.watch_foreign()
    _marks(case, cluster, drained=False)
    later = [_converged(cluster, project) for project in case.before]
    if case.on_hosts:
        for project in case.before:  # a replacement that ran already may be one copy too many
            _settle(cluster, project)
        return
    undone = all(later) or all(_converged(cluster, project) for project in case.wanted)
    cluster.tally.demand("I12", undone, f"abort of {case.verb} left neither the old nor the new")


def _at_goal(case: Case, cluster: WatchedCluster) -> None:
    """Check that what was asked for is so, and that asking again changes nothing."""
    cluster.watch()
    cluster.watch_foreign()
    _marks(case, cluster, drained=True)
    for project in case.wanted:
        cluster.tally.demand(
            "I12", _converged(cluster, project), f"{project.name} after {case.verb} is not done"
        )
        _everything_runs(cluster, project)
    if case.targets or case.on_hosts:
        for name, host in cluster.hosts.items():
            times = host.boots - case.cluster.hosts[name].boots
            cluster.tally.demand(
                "reboots", times == (name in case.targets), f"{name} was rebooted {times} times"
            )


def _marks(case: Case, cluster: WatchedCluster, *, drained: bool) -> None:
    for name, host in cluster.hosts.items():
        was = case.cluster.hosts[name].markers
        wanted = set(was)
        if drained and name in case.drained:
            wanted |= {"cordoned", "draining"}
        cluster.tally.demand(
            "markers", _kept(was, host.markers, wanted), f"{name} is marked {sorted(host.markers)}"
        )


def _kept(was: dict[str, str], now: dict[str, str], wanted: set[str]) -> bool:
    return set(now) == wanted and all(now[name] == text for name, text in was.items())


def _converged(cluster: WatchedCluster, project: Project) -> bool:
    return plan_for(cluster, project).is_empty


def _settle(cluster: WatchedCluster, project: Project) -> None:
    """Apply what was there before: it must be possible, and leave nothing to do."""
    journal = MemoryJournal(cluster)
    report = execute(cluster, plan_for(cluster, project), conduct_for(cluster, journal=journal))
    cluster.tally.demand("I12", report.ok and _converged(cluster, project), "apply after abort")


def _everything_runs(cluster: WatchedCluster, project: Project) -> None:
    well = cluster.well()
    for service in project.services:
        if service.mode == "replicated":
            found = len(well.get((project.name, service.name), ()))
            cluster.tally.demand(
                "I12", found == service.replicas, f"{service.name}: {found} of {service.replicas}"
            )


def _guard(refusal: ClusterctlError) -> str:
    """Return the guard that refused, by its words."""
    words = " ".join([refusal.message, *refusal.details])
    for key, guard in GUARDS.items():
        if key in words:
            return guard
    return f"other: {refusal.message}"


def _count_stop(cluster: WatchedCluster, report: Report) -> None:
    for key, guard in GUARDS.items():
        if key in report.stopped:
            cluster.tally.guards[f"{guard}, before a batch"] += 1
    for result in report.failed:
        if "has changed since the plan was made" in result.detail:
            cluster.tally.guards["if old then new"] += 1


GUARDS = {
    "no host can take": "no placement",
    "cannot leave": "must not leave its host",
    "would be left without": "floor",
    "hosts out at once": "limit of the fleet",
    "out at once, and": "limit of a domain",
    "would be left": "floor",
    "is of a version that no manifest knows": "unknown version",
    "holds its data here": "volume",
    "does not answer": "silent host",
    "what runs on some hosts is unknown": "silent host",
    "cannot be taken out": "floor of a rollout",
    "quorum": "quorum",
    "window ": "window",
    "takes a port": "ports change hands",
}
