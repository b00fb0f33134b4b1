from __future__ import annotations

from clusterctl.model.report import Event
from clusterctl.model.service import UpdateConfig
from clusterctl.operations.execute import execute
from tests.builders import a_project, a_service, an_inventory
from tests.conduct import Clock, carry_out, conduct_for
from tests.fake_cluster import FakeCluster
from tests.planning.worlds import apply, plan

OLD, NEW = "registry:5000/web:1", "registry:5000/web:2"


def a_cluster(*hosts: str) -> FakeCluster:
    return FakeCluster(an_inventory(hosts or ("h1", "h2", "h3")), [OLD, NEW])


def versions(cluster: FakeCluster) -> list[str]:
    images = {digest: tag for tag, digest in cluster.registry.items()}
    return [images[c.image.partition("@")[2]] for h in cluster.hosts.values() for c in h.containers.values()]


def test_all_batches_are_done_in_order() -> None:
    cluster = a_cluster()
    events: list[Event] = []

    report = carry_out(cluster, plan(cluster, a_project()), events.append)

    assert report.ok
    assert report.batches_done == 3
    assert [event.text for event in events if event.kind == "batch"] == [
        "1/3 pull images: h1",
        "2/3 start: h1",
        "3/3 record: h1, h2, h3",
    ]


def test_it_stops_at_the_first_batch_that_fails_and_the_rest_keeps_running() -> None:
    cluster = a_cluster()
    apply(cluster, a_project(a_service(replicas=3)))
    cluster.broken_images = {NEW}
    new = a_project(a_service(image=NEW, replicas=3))

    report = carry_out(cluster, plan(cluster, new))

    assert not report.ok
    assert report.stopped == "batch “replace 1 of 3” failed on h1"
    assert report.batches_done == 1
    assert [(r.step.host, r.restored, r.log) for r in report.failed] == [
        ("h1", True, ("the last words of the container",))
    ]
    assert versions(cluster) == [OLD, OLD, OLD]


def test_then_the_good_version_applies() -> None:
    cluster = a_cluster()
    apply(cluster, a_project(a_service(replicas=3)))
    cluster.broken_images = {NEW}
    apply(cluster, a_project(a_service(image=NEW, replicas=3)))
    cluster.broken_images = set()

    report = apply(cluster, a_project(a_service(image=NEW, replicas=3)))

    assert report.ok
    assert versions(cluster) == [NEW, NEW, NEW]
    assert plan(cluster, a_project(a_service(image=NEW, replicas=3))).is_empty


def test_a_first_version_that_is_broken_leaves_a_failed_unit_that_the_next_replaces() -> None:
    cluster = a_cluster("h1")
    cluster.broken_images = {OLD}
    assert not apply(cluster, a_project()).ok

    report = apply(cluster, a_project(a_service(image=NEW)))

    assert report.ok
    assert versions(cluster) == [NEW]
    assert plan(cluster, a_project(a_service(image=NEW))).is_empty


def test_it_stops_between_two_batches_when_told_so() -> None:
    cluster = a_cluster()
    reasons = iter(["", "", "interrupted"])

    report = carry_out(cluster, plan(cluster, a_project()), stopped=lambda: next(reasons))

    assert (report.stopped, report.batches_done, report.ok) == ("interrupted", 2, False)
    assert [batch.title for batch in cluster.performed] == ["pull images", "start"]


def test_a_host_that_is_lost_during_a_batch_stops_the_next() -> None:
    cluster = a_cluster()
    found = plan(cluster, a_project(a_service(replicas=3)))
    cluster.hosts["h2"].locked_by = "apply by dev@laptop"

    report = carry_out(cluster, found)

    assert [(r.step.host, r.detail, r.locked) for r in report.failed] == [
        ("h2", "locked: apply by dev@laptop", True)
    ]
    assert len(cluster.performed) == 1


def test_a_pause_comes_between_groups_and_says_how_long() -> None:
    cluster = a_cluster()
    apply(cluster, a_project(a_service(replicas=2)))
    clock, events = Clock(), list[Event]()
    found = plan(cluster, a_project(a_service(image=NEW, replicas=2, update=UpdateConfig(delay_s=7.0))))

    report = execute(cluster, found, conduct_for(cluster, emit=events.append, clock=clock, pause=clock.pause))

    assert report.ok
    assert clock.waited == [7.0]
    assert [event.text for event in events if event.kind == "wait"] == ["waiting 7 s before the next batch"]


def test_failures_that_are_tolerated_are_still_told_at_the_end() -> None:
    cluster = a_cluster()
    apply(cluster, a_project(a_service(replicas=3)))
    cluster.broken_images = {NEW}
    going_on = a_service(image=NEW, replicas=3, update=UpdateConfig(failure_action="continue"))

    report = carry_out(cluster, plan(cluster, a_project(going_on)))

    assert (report.stopped, report.batches_done, report.ok) == ("", 5, False)
    assert [result.step.host for result in report.failed] == ["h1", "h2", "h3"]
    assert versions(cluster) == [OLD, OLD, OLD]
