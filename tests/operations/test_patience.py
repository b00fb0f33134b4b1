"""After the first Ctrl-C: what hosts did not answer in time is unknown, and the run still ends in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from clusterctl.model.host import Host
from clusterctl.model.intent import ApplyIntent
from clusterctl.model.plan import Batch
from clusterctl.model.report import Event, Report, StepResult
from clusterctl.model.service import UpdateConfig
from clusterctl.model.snapshot import LookRequest, Snapshot, Unreachable
from clusterctl.model.step import PullImage
from clusterctl.operations.fleet import Emit
from clusterctl.operations.patience import GivenUp, PatientFleet
from clusterctl.operations.rights import Claim, NoLock, Right
from clusterctl.planning.runs import runs_of
from tests.builders import a_project, a_service, an_inventory
from tests.conduct import a_pipeline_for
from tests.fake_cluster import FakeCluster

UNKNOWN = "not waited for any longer; what it did is unknown, the host finishes what it began"


@contextmanager
def waiting() -> Iterator[None]:
    yield


class Slow:
    """A fleet on which one batch takes too long: `ended` hosts answer before it is given up."""

    def __init__(self, cluster: FakeCluster, title: str, ended: Sequence[str] = ()) -> None:
        self.cluster, self.title, self.ended = cluster, title, ended
        self.interrupted = ""

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        return self.cluster.look(hosts, request)

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        found = self.cluster.perform(batch, lambda _: None, epoch)
        if not batch.title.startswith(self.title):
            return found
        for host in self.ended:
            emit(Event("host-end", "1 done", host))
        self.interrupted = "interrupted"
        raise GivenUp


class Deaf:
    """A fleet that does not answer a look."""

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        del hosts, request
        raise GivenUp

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        raise AssertionError((batch, emit, epoch))


class Watched(NoLock):
    """A lock that says whether it was given back."""

    released = False

    def acquire(self, claim: Claim) -> Right:
        del claim
        return self

    def release(self) -> None:
        self.released = True


def interrupt(cluster: FakeCluster, slow: Slow, lock: Watched, wanted: int = 3) -> Report:
    pipeline = a_pipeline_for(cluster, ApplyIntent(a_project(a_service(replicas=wanted))), slow)
    pipeline = replace(pipeline, fleet=PatientFleet(slow, waiting), lock=lock)
    report = pipeline.carry_out(lambda _: True, lambda: slow.interrupted)
    assert report is not None
    return report


def a_cluster() -> FakeCluster:
    return FakeCluster(an_inventory(["h1", "h2", "h3"]))


def pulls(*hosts: str) -> Batch:
    return Batch("pull images", tuple(PullImage(host, "registry:5000/web@sha256:1", "new") for host in hosts))


def test_hosts_that_did_not_answer_in_time_are_unknown_and_the_others_are_known() -> None:
    fleet = PatientFleet(Slow(a_cluster(), "pull", ["h1"]), waiting)

    found = fleet.perform(pulls("h1", "h2"), lambda _: None, 0)

    assert [(result.step.host, result.status, result.detail) for result in found] == [
        ("h1", "changed", "1 done"),
        ("h2", "failed", UNKNOWN),
    ]
    assert found[1].unreachable == Unreachable("h2", "exec", UNKNOWN)


def test_a_host_that_ended_with_its_results_keeps_them() -> None:
    batch = pulls("h1", "h2")
    exact = StepResult(batch.steps[0], "unchanged")

    class Exact(Slow):
        def perform(self, batch: Batch, emit: Callable[[Event], None], epoch: int) -> tuple[StepResult, ...]:
            del batch, epoch
            emit(Event("host-end", "already so", "h1", results=(exact,)))
            raise GivenUp

    found = PatientFleet(Exact(a_cluster(), ""), waiting).perform(batch, lambda _: None, 0)

    assert found[0] is exact
    assert found[1].status == "failed"


def test_a_look_that_is_not_waited_for_sees_nothing() -> None:
    cluster = a_cluster()

    found = PatientFleet(Deaf(), waiting).look(cluster.inventory.hosts, LookRequest())

    assert [gone.reason for gone in found.unreachable] == [UNKNOWN] * 3


def test_an_interrupted_run_is_recorded_as_stopped_and_gives_its_lock_back() -> None:
    cluster, lock = a_cluster(), Watched()

    report = interrupt(cluster, Slow(cluster, "start"), lock)

    assert report.stopped == "interrupted"
    assert {result.detail for result in report.failed} == {UNKNOWN}
    assert [(run.state, run.detail) for run in runs_of(cluster.see())] == [("stopped", "interrupted")]
    assert lock.released


def test_what_was_given_up_goes_on_and_the_next_run_finds_it_done() -> None:
    cluster = a_cluster()
    interrupt(cluster, Slow(cluster, "start"), Watched())

    report = interrupt(cluster, Slow(cluster, "nothing is slow now"), Watched())

    assert report.ok
    assert [change.kind for change in report.plan.changes] == []
    assert sum(len(host.containers) for host in cluster.hosts.values()) == 3


def test_an_interrupted_run_does_not_go_back_by_itself() -> None:
    """`failure_action: rollback` is for a version that fails, not for an operator who wants to stop."""
    cluster = FakeCluster(an_inventory(["h1", "h2", "h3"]), ["registry:5000/web:1", "registry:5000/web:2"])
    update = UpdateConfig(failure_action="rollback", monitor_s=0)
    interrupt(cluster, Slow(cluster, "nothing is slow"), Watched())
    service = a_service(image="registry:5000/web:2", replicas=3, update=update)
    slow = Slow(cluster, "replace")
    pipeline = a_pipeline_for(cluster, ApplyIntent(a_project(service)), slow)

    report = replace(pipeline, fleet=PatientFleet(slow, waiting)).carry_out(
        lambda _: True, lambda: slow.interrupted
    )

    assert report is not None
    assert report.stopped == "interrupted"
    assert report.rolled_back is None
