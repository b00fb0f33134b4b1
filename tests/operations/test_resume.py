"""Runs that were killed: gone on with, or taken back, by another operator who has nothing but the hosts."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Literal

import pytest

from clusterctl.errors import InputError, LockedError, RefusedError, RemoteError
from clusterctl.model.intent import (
    ApplyIntent,
    DeleteIntent,
    DrainIntent,
    Intent,
    RebootIntent,
    RestartIntent,
    RollbackIntent,
    ScaleIntent,
    StepsIntent,
    UpdateIntent,
)
from clusterctl.model.plan import Batch
from clusterctl.model.report import Event, Report
from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.model.step import RecordRun, SetMarker
from clusterctl.operations.pipeline import Pipeline
from clusterctl.operations.resume import RunBook, adopt, taken_over
from clusterctl.operations.rights import Claim, Right
from clusterctl.planning.abort import abort_of, plan_abort
from clusterctl.planning.intents import freeze
from clusterctl.planning.runs import left_unfinished, render_record, runs_of
from tests.builders import a_project, a_service, an_inventory, facts_of
from tests.conduct import CountingLock, a_pipeline_for, a_summary
from tests.fake_cluster import FakeCluster
from tests.fake_host import KilledError

OLD, NEW = "registry:5000/web:1", "registry:5000/web:2"
RUN = "20270115-080000-apply-0001"
OTHER = RunSummary(
    "20270116-090000-x-0002", "resume", "shop", "clusterctl resume", "dev@other", 1_800_090_000
)
FIRST, SECOND = a_project(a_service(replicas=3)), a_project(a_service(image=NEW, replicas=3))


def a_cluster() -> FakeCluster:
    return FakeCluster(an_inventory(["h1", "h2", "h3", "h4"]), [OLD, NEW])


def a_run(
    cluster: FakeCluster, intent: Intent, lock: CountingLock, summary: RunSummary | None = None
) -> Pipeline:
    pipeline = a_pipeline_for(cluster, intent)
    return replace(pipeline, lock=lock, summary=summary or pipeline.summary)


def do(pipeline: Pipeline) -> Report:
    report = pipeline.carry_out(lambda _: True, lambda: "")
    assert report is not None
    return report


def kill(pipeline: Pipeline, cluster: FakeCluster, after: int) -> bool:
    """Carry out and die after so many effects; whether it died."""
    cluster.effects, cluster.crash_after = 0, after
    try:
        with contextlib.suppress(KilledError):
            do(pipeline)
            return False
        return True
    finally:
        cluster.crash_after = None


def book(cluster: FakeCluster, *ignored: str) -> RunBook:
    return RunBook(cluster, cluster.inventory, frozenset(ignored))


def chosen(cluster: FakeCluster, run: str = "") -> RunRecord:
    found = book(cluster).choose(run)
    assert isinstance(found, RunRecord), found
    return found


def elsewhere(
    cluster: FakeCluster,
    lock: CountingLock,
    record: RunRecord,
    intent: Intent,
    closes: Literal["done", "aborted"],
) -> Report:
    """Go on with a run, or take it back, as another operator does."""
    pipeline = a_run(cluster, intent, lock, taken_over(record.summary, OTHER))
    return do(replace(pipeline, closes=closes))


def state(cluster: FakeCluster, run: str = RUN) -> str:
    return next(summary.state for summary in runs_of(cluster.see()) if summary.id == run)


def versions(cluster: FakeCluster) -> list[str]:
    images = {digest: tag for tag, digest in cluster.registry.items()}
    return [images[c.image.partition("@")[2]] for h in cluster.hosts.values() for c in h.containers.values()]


def record_on(cluster: FakeCluster, record: RunRecord, *hosts: str) -> None:
    for host in hosts or ("h1", "h2", "h3"):
        cluster.hosts[host].runs[record.summary.id] = render_record(record)


def left_by(verb: str, intent: Intent, subject: str = "h1") -> RunRecord:
    return RunRecord(replace(a_summary(verb, subject), epoch=1, state="stopped"), intent)


@pytest.mark.parametrize("after", range(0, 38, 2))
def test_a_killed_apply_is_resumed_from_elsewhere(after: int) -> None:
    cluster, lock = a_cluster(), CountingLock()
    do(a_run(cluster, ApplyIntent(FIRST), lock, replace(a_summary(), id="20270114-080000-apply-0000")))

    assert kill(a_run(cluster, ApplyIntent(SECOND), lock), cluster, after)
    found = book(cluster).choose()
    if isinstance(found, str):
        assert versions(cluster) == [OLD if after == 0 else NEW] * 3
        return
    report = elsewhere(cluster, lock, found, found.intent, "done")

    assert report.ok
    assert versions(cluster) == [NEW] * 3
    assert state(cluster) == "done"
    assert book(cluster).choose() == "every run has ended"


def test_the_crashes_above_reach_every_stage() -> None:
    cluster, lock = a_cluster(), CountingLock()
    do(a_run(cluster, ApplyIntent(FIRST), lock, replace(a_summary(), id="20270114-080000-apply-0000")))

    cluster.effects = 0
    do(a_run(cluster, ApplyIntent(SECOND), lock))

    assert cluster.effects == 38


@pytest.mark.parametrize("after", range(2, 20, 2))
def test_a_killed_first_apply_is_aborted_from_elsewhere_and_nothing_is_left(after: int) -> None:
    cluster, lock = a_cluster(), CountingLock()

    assert kill(a_run(cluster, ApplyIntent(FIRST), lock), cluster, after)
    found = chosen(cluster)
    intent = abort_of(found, cluster.see(), "test")
    elsewhere(cluster, lock, found, intent, "aborted")

    assert intent == DeleteIntent("shop")
    assert versions(cluster) == []
    assert [host.files for host in cluster.hosts.values()] == [{}] * 4
    assert state(cluster) == "aborted"


@pytest.mark.parametrize("after", range(2, 36, 3))
def test_a_killed_apply_is_aborted_from_elsewhere_to_what_was_before(after: int) -> None:
    cluster, lock = a_cluster(), CountingLock()
    do(a_run(cluster, ApplyIntent(FIRST), lock, replace(a_summary(), id="20270114-080000-apply-0000")))

    assert kill(a_run(cluster, ApplyIntent(SECOND), lock), cluster, after)
    found = chosen(cluster)
    before = cluster.see().seen
    elsewhere(cluster, lock, found, abort_of(found, cluster.see(), "test"), "aborted")

    recorded = sum('"generation":2' in facts.manifests.get("shop", "") for facts in before)
    assert versions(cluster) == [NEW if recorded > 1 else OLD] * 3
    assert state(cluster) == "aborted"


def test_a_run_keeps_its_id_and_start_and_gets_a_new_name_and_command() -> None:
    found = taken_over(a_summary(), OTHER)

    assert (found.id, found.verb, found.subject, found.started_s) == (RUN, "apply", "shop", 1_800_000_000)
    assert (found.by, found.command, found.state) == ("dev@other", "clusterctl resume", "running")


def test_a_resumed_run_with_nothing_left_to_do_is_closed_without_asking() -> None:
    cluster, lock = a_cluster(), CountingLock()
    do(a_run(cluster, ApplyIntent(FIRST), lock))
    record = chosen_after_reopening(cluster)
    pipeline = a_run(cluster, record.intent, lock, taken_over(record.summary, OTHER))

    report = replace(pipeline, closes="done").carry_out(lambda _: False, lambda: "")

    assert report is not None
    assert report.plan.is_empty
    assert state(cluster) == "done"


def chosen_after_reopening(cluster: FakeCluster) -> RunRecord:
    """Make the record say that the run was killed just before its last word."""
    record_on(cluster, RunRecord(replace(a_summary(), epoch=1), ApplyIntent(FIRST)))
    return chosen(cluster)


def test_nothing_unfinished_is_said() -> None:
    cluster, lock = a_cluster(), CountingLock()
    do(a_run(cluster, ApplyIntent(FIRST), lock))

    assert book(cluster).choose() == "every run has ended"
    assert book(cluster).choose(RUN) == f"run {RUN} is done"


def test_a_run_that_nobody_knows_is_wrong_input() -> None:
    with pytest.raises(InputError) as caught:
        book(a_cluster()).choose("nonsense")

    assert caught.value.message == "no run is called 'nonsense' on the lock hosts"


def test_runs_are_unknown_while_most_lock_hosts_do_not_answer() -> None:
    cluster = a_cluster()
    for name in ("h1", "h2"):
        cluster.hosts[name].unreachable = Unreachable(name, "connect", "refused")

    with pytest.raises(RemoteError) as caught:
        book(cluster).choose()

    assert caught.value.message == "what runs there were is unknown: 1 of 3 lock hosts answer"
    assert caught.value.details == ("h1  refused", "h2  refused")


def test_a_lock_host_that_missed_the_end_does_not_bring_the_run_back() -> None:
    cluster = a_cluster()
    record_on(cluster, RunRecord(replace(a_summary(), state="done"), ApplyIntent(FIRST)), "h2", "h3")
    record_on(cluster, RunRecord(a_summary(), ApplyIntent(FIRST)), "h1")

    assert book(cluster).choose() == "every run has ended"


def test_a_record_that_is_damaged_everywhere_is_told_with_its_command() -> None:
    cluster = a_cluster()
    head = render_record(RunRecord(a_summary(), ApplyIntent(FIRST))).partition("\n")[0]
    for name in ("h1", "h2", "h3"):
        cluster.hosts[name].runs[RUN] = f"{head}\nabc 123\n"

    with pytest.raises(RemoteError) as caught:
        book(cluster).choose()

    assert caught.value.message == (
        f"the record of run {RUN} is damaged, of another version, or not the same on most lock hosts"
    )
    assert caught.value.details == ("it was: clusterctl apply",)


def test_a_run_that_one_lock_host_alone_tells_of_had_not_begun() -> None:
    """A majority has the record before anything is changed; who is root of one host could write any."""
    cluster, lock = a_cluster(), CountingLock()
    assert kill(a_run(cluster, ApplyIntent(FIRST), lock), cluster, 1)
    assert [name for name, host in cluster.hosts.items() if host.runs] == ["h1"]

    assert book(cluster).choose() == "every run has ended"
    with pytest.raises(RemoteError, match="not the same on most lock hosts"):
        book(cluster).choose(RUN)


def test_an_intent_that_one_lock_host_alone_tells_is_not_resumed() -> None:
    cluster = a_cluster()
    record_on(cluster, RunRecord(a_summary(), ApplyIntent(FIRST)), "h2", "h3")
    record_on(cluster, RunRecord(replace(a_summary(), batches_done=9), ApplyIntent(SECOND)), "h1")

    assert chosen(cluster).intent == ApplyIntent(FIRST)


def test_with_a_silent_lock_host_one_copy_may_have_been_on_most() -> None:
    cluster = a_cluster()
    record_on(cluster, RunRecord(a_summary(), ApplyIntent(FIRST)), "h1")
    cluster.hosts["h3"].unreachable = Unreachable("h3", "connect", "no answer in 10 s")

    assert chosen(cluster).intent == ApplyIntent(FIRST)


def test_a_run_whose_holder_is_alive_is_refused_by_the_lock() -> None:
    cluster = a_cluster()
    record_on(cluster, RunRecord(a_summary(), ApplyIntent(FIRST)))

    class Held(CountingLock):
        def acquire(self, claim: Claim) -> Right:
            raise LockedError(f"held, not for {claim.by}")

    record = chosen(cluster)
    pipeline = a_run(cluster, record.intent, Held(), taken_over(record.summary, OTHER))

    with pytest.raises(LockedError, match="not for dev@other"):
        do(replace(pipeline, closes="done"))
    assert cluster.effects == 0


@pytest.mark.parametrize(
    "intent",
    [
        ApplyIntent(SECOND),
        ScaleIntent("shop", "web", 9),
        RestartIntent("shop", "web", {"h1": 1}),
        DeleteIntent("shop"),
    ],
)
def test_a_project_goes_back_to_the_newest_manifest(intent: Intent) -> None:
    cluster, lock = a_cluster(), CountingLock()
    do(a_run(cluster, ApplyIntent(FIRST), lock))

    found = abort_of(left_by("x", intent, "shop"), cluster.see(), "test")

    assert found == RollbackIntent("shop", 1)


def test_a_manifest_that_cannot_be_read_is_no_reason_to_remove_a_project() -> None:
    cluster = a_cluster()
    cluster.hosts["h2"].manifests["shop"] = '{"of": "a newer release"}'

    with pytest.raises(RefusedError) as caught:
        abort_of(left_by("apply", ApplyIntent(FIRST), "shop"), cluster.see(), "test")

    assert (
        caught.value.message
        == "cannot abort: the manifest of shop on h2 cannot be read, or no other host has it"
    )


def test_abort_clears_the_markers_of_the_run_and_no_others() -> None:
    cluster = a_cluster()
    run = replace(a_summary("drain", "h[1-2]"), state="stopped")
    mine = [SetMarker(h, m, run.id, "ops", "drain") for h in ("h1", "h2") for m in ("cordoned", "draining")]
    theirs = SetMarker("h3", "cordoned", "20270101-000000-cordon-0001", "dev", "disk")
    cluster.perform(Batch("mark", (*mine, theirs)), lambda _: None, 0)
    record = RunRecord(run, DrainIntent(("h1", "h2")))
    record_on(cluster, record)

    intent = abort_of(record, cluster.see(), "test")
    elsewhere(cluster, CountingLock(), record, intent, "aborted")

    assert [sorted(host.markers) for host in cluster.hosts.values()] == [[], [], ["cordoned"], []]
    assert state(cluster, run.id) == "aborted"


def test_the_plan_of_an_abort_says_what_stays() -> None:
    inventory = an_inventory(["h1"])
    run = a_summary("drain", "h1")
    marker = f"by=ops\nrun={run.id}\nreason=drain\nsince=1\n"
    snapshot = Snapshot({"h1": facts_of("h1", markers={"draining": marker, "cordoned": "by ops"})})
    intent = abort_of(left_by("drain", DrainIntent(("h1",))), snapshot, "test")

    found = plan_abort(intent, inventory, snapshot, run=run)  # type: ignore[arg-type]

    assert [(step.host, step.marker, step.run) for b in found.batches for step in b.steps] == [  # type: ignore[union-attr]
        ("h1", "draining", run.id)
    ]
    assert found.notes == ("instances stay where they moved to",)


def test_an_abort_waits_for_hosts_that_do_not_answer() -> None:
    cluster = a_cluster()
    cluster.hosts["h4"].unreachable = Unreachable("h4", "connect", "refused")
    record = left_by("drain", DrainIntent(("h4",)), "h4")
    record_on(cluster, record)

    with pytest.raises(RemoteError) as caught:
        elsewhere(cluster, CountingLock(), record, abort_of(record, cluster.see(), "test"), "aborted")

    assert "--ignore-host h4" in caught.value.next_step
    assert state(cluster, record.summary.id) == "stopped"


def test_the_same_command_typed_again_adopts_its_own_unfinished_run() -> None:
    cluster = a_cluster()
    record = left_by("drain", DrainIntent(("h1",)))
    record_on(cluster, record)

    found = adopt(
        cluster,
        cluster.inventory.hosts,
        DrainIntent(("h1",)),
        replace(OTHER, verb="drain", subject="h1"),
        cluster.see(),
    )

    assert found == record


@pytest.mark.parametrize(
    ("verb", "intent"),
    [
        ("drain", DrainIntent(("h1",))),
        ("reboot", RebootIntent(("h1",))),
        ("update", UpdateIntent(("h1",))),
        ("run", StepsIntent("h1", ("h1",), ())),
    ],
)
def test_what_the_first_look_saw_does_not_hinder_adoption(verb: str, intent: Intent) -> None:
    cluster = a_cluster()
    record_on(cluster, left_by(verb, freeze(intent, cluster.see())))
    summary = replace(OTHER, verb=verb, subject="h1")

    found = adopt(cluster, cluster.inventory.hosts, intent, summary, cluster.see())

    assert found is not None
    assert found.intent == freeze(intent, cluster.see())


@pytest.mark.parametrize(("asked", "is_same"), [(0, True), (3, True), (2, False)])
def test_a_rollback_typed_again_stays_the_one_it_was(asked: int, *, is_same: bool) -> None:
    cluster = a_cluster()
    record_on(cluster, left_by("rollback", RollbackIntent("shop", 3, "digest"), "shop"))
    summary = replace(OTHER, verb="rollback", subject="shop")

    found = adopt(cluster, cluster.inventory.hosts, RollbackIntent("shop", asked), summary, cluster.see())

    assert (found is not None) is is_same


@pytest.mark.parametrize(
    ("verb", "subject", "intent"),
    [
        ("drain", "h1", DrainIntent(("h1",), 60)),
        ("drain", "h2", DrainIntent(("h2",))),
        ("reboot", "h1", DrainIntent(("h1",))),
        ("apply", "shop", ApplyIntent(FIRST)),
    ],
)
def test_another_command_adopts_nothing(verb: str, subject: str, intent: Intent) -> None:
    cluster = a_cluster()
    record_on(cluster, left_by("drain", DrainIntent(("h1",))))
    record_on(cluster, left_by("apply", ApplyIntent(FIRST), "shop"))

    summary = replace(OTHER, verb=verb, subject=subject)

    assert adopt(cluster, cluster.inventory.hosts, intent, summary, cluster.see()) is None


def test_a_command_that_adopts_says_so_and_closes_that_run() -> None:
    cluster, events = a_cluster(), list[Event]()
    record = left_by("drain", DrainIntent(("h1",)))
    record_on(cluster, record)
    summary = replace(OTHER, verb="drain", subject="h1")
    pipeline = a_pipeline_for(cluster, DrainIntent(("h1",)), emit=events.append)

    do(replace(pipeline, lock=CountingLock(1), summary=summary))

    run = record.summary.id
    assert f"continues run {run} by ops@laptop; to begin anew: clusterctl abort {run}" in [
        e.text for e in events
    ]
    assert [(s.id, s.state) for s in runs_of(cluster.see())] == [(run, "done")]
    assert left_unfinished(runs_of(cluster.see())) == ()


def test_records_are_written_with_the_epoch_of_the_lock() -> None:
    cluster, lock = a_cluster(), CountingLock(6)

    do(a_run(cluster, ApplyIntent(FIRST), lock))

    assert [summary.epoch for summary in runs_of(cluster.see())] == [7]
    assert [type(step) for step in cluster.performed[0].steps] == [RecordRun] * 3


def test_a_run_that_leaves_one_of_its_hosts_out_can_still_be_gone_on_with() -> None:
    """What it has marked there would otherwise stay for ever."""
    cluster, lock = a_cluster(), CountingLock()
    summary = RunSummary("20270115-080000-reboot-0001", "reboot", "h4", "clusterctl reboot", "ops@laptop", 1)
    run = a_run(cluster, RebootIntent(("h4",)), lock, summary)
    assert kill(run, cluster, 8)
    assert "draining" in cluster.hosts["h4"].markers
    cluster.hosts["h4"].unreachable = Unreachable("h4", "connect", "no answer in 10 s")

    without = replace(run, ignored=frozenset({"h4"}))
    do(without)

    (left,) = left_unfinished(runs_of(cluster.see()))
    assert (left.state, left.detail) == ("stopped", "h4 left out (--ignore-host)")
    cluster.hosts["h4"].unreachable = None
    do(run)
    assert cluster.hosts["h4"].markers == {}
    assert left_unfinished(runs_of(cluster.see())) == ()
