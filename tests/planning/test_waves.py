"""The rolling rule by literal cases: floors, canary, dependencies, quorum, tolerated failures, the way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusterctl.model.plan import Change, Plan
from clusterctl.model.service import Canary, Constraint, Dependency, Service, UpdateConfig
from clusterctl.model.step import OPERATOR, ApplyUnit, RunCommand
from clusterctl.operations.execute import execute
from clusterctl.planning.crews import Standing, crews_of
from clusterctl.planning.deploy import plan_delete
from clusterctl.planning.observed import observe_units
from clusterctl.planning.tasks import Task
from clusterctl.planning.waves import Ties, order_tasks
from tests.builders import a_host, a_project, a_service, an_inventory
from tests.conduct import carry_out, conduct_for
from tests.fake_cluster import FakeCluster
from tests.planning.watch import Watched
from tests.planning.worlds import apply, plan

OLD, NEW = "registry:5000/web:1", "registry:5000/web:2"
A, B = (Constraint("node.labels.zone", "==", "a"),), (Constraint("node.labels.zone", "==", "b"),)
ZONES = [a_host(f"h{k}", zone="a" if k < 4 else "b") for k in range(1, 7)]


def running(*services: Service, hosts: Any = ("h1", "h2", "h3")) -> FakeCluster:
    cluster = FakeCluster(an_inventory(hosts), [OLD, NEW])
    assert apply(cluster, a_project(*services)).ok
    return cluster


def order(found: Plan) -> list[tuple[str, list[str]]]:
    steps = [(batch, [str(getattr(step, "instance", "")) for step in batch.steps]) for batch in found.batches]
    return [(batch.title, names) for batch, names in steps if batch.title not in {"pull images", "record"}]


def fail(cluster: FakeCluster, *names: str) -> None:
    for host in cluster.hosts.values():
        for name in names:
            if host.containers.pop(name, None):
                host.active[f"clusterctl-{name}.service"] = "failed"


# --- floors --------------------------------------------------------------------------------------


def test_two_services_that_change_zones_give_way_one_instance_at_a_time() -> None:
    before = [
        a_service("api", replicas=3, port=80, constraints=A),
        a_service("web", replicas=3, port=80, constraints=B),
    ]
    after = a_project(replace(before[0], constraints=B), replace(before[1], constraints=A))
    cluster = running(*before, hosts=ZONES)

    found = plan(cluster, after)
    report = execute(Watched(cluster, after), found, conduct_for(cluster))

    assert [title for title, _ in order(found)] == ["make room", "start"] * 3
    assert {len(names) for _, names in order(found)} == {2}
    assert report.ok
    assert plan(cluster, after).is_empty


def test_what_is_not_well_goes_first_and_costs_nothing() -> None:
    cluster = running(a_service(replicas=3))
    fail(cluster, "shop-web-3")

    found = plan(cluster, a_project(a_service(image=NEW, replicas=3)))

    assert order(found) == [
        ("replace 1 of 3", ["shop-web-3"]),
        ("replace 2 of 3", ["shop-web-1"]),
        ("replace 3 of 3", ["shop-web-2"]),
    ]


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        (Standing(wanted=3, well=3), ""),
        (Standing(wanted=3, well=2), "shop-web-1 cannot be taken out: 1 of 3 would be left, 2 must stay"),
        (Standing(wanted=2, well=2, silent=1), ""),
    ],
)
def test_nothing_well_is_taken_out_while_as_many_as_may_be_are_out(standing: Standing, reason: str) -> None:
    """What is on hosts left out on purpose is answered for by whoever left them out."""
    service = a_service(replicas=3)
    unit = observe_units(running(service).see(), "test")[0]
    task = Task(Change("replace", unit.instance, unit.host, "changed"), service, unit.header, unit)

    course = order_tasks(crews_of(a_project(service), {"web": standing}), [task], Ties())

    assert [block.reason for block in course.stuck] == ([reason] if reason else [])
    assert len(course.waves) == (0 if reason else 1)


def test_a_share_of_the_replicas_is_replaced_at_once() -> None:
    update = UpdateConfig(parallelism_percent=50.0)
    cluster = running(a_service(replicas=5))

    found = plan(cluster, a_project(a_service(image=NEW, replicas=5, update=update)))

    assert [len(names) for _, names in order(found)] == [2, 2, 1]


def test_a_delay_passes_between_groups_and_not_after_the_last() -> None:
    cluster = running(a_service(replicas=3))
    later = a_service(image=NEW, replicas=3, update=UpdateConfig(delay_s=7.0, monitor_s=2.0))

    found = plan(cluster, a_project(later))

    assert [batch.pause_s for batch in found.batches] == [0, 7.0, 7.0, 0, 0]
    steps = [step for batch in found.batches for step in batch.steps if isinstance(step, ApplyUnit)]
    assert {step.monitor_s for step in steps} == {2.0}


def test_what_is_started_for_the_first_time_is_not_watched() -> None:
    cluster = FakeCluster(an_inventory(["h1"]), [OLD])

    found = plan(cluster, a_project())

    assert [step.monitor_s for step in found.batches[1].steps if isinstance(step, ApplyUnit)] == [0.0]


# --- start-first ---------------------------------------------------------------------------------


def test_a_surge_that_was_given_up_leaves_its_room_to_others() -> None:
    hosts = [a_host("h1", memory_mb=1000), a_host("h2", memory_mb=1000)]
    update = UpdateConfig(2, "start-first")
    web = a_service("web", replicas=2, memory_mb=400, update=update)
    api = a_service("api", replicas=1, memory_mb=400, update=UpdateConfig(1, "start-first"))
    cluster = running(web, api, hosts=hosts)

    found = plan(cluster, a_project(replace(web, image=NEW), replace(api, image=NEW)))

    assert [c.instance.name for c in found.changes if c.kind == "surge"] == ["shop-api-2"]
    web_first = plan(cluster, a_project(replace(web, image=NEW, name="web"), api))
    assert web_first.notes == ("web: stop-first, since no host has room for the instances more",)


def test_a_quorum_gets_no_instance_more() -> None:
    service = a_service(replicas=1, quorum="etcd", update=UpdateConfig(order="start-first"))
    cluster = running(service)

    found = plan(cluster, a_project(replace(service, image=NEW)))

    assert found.notes == ("web: stop-first, since quorum etcd must not grow",)


# --- canary --------------------------------------------------------------------------------------


def test_a_canary_goes_alone_then_its_gate_then_the_rest() -> None:
    canary = Canary(1, soak_s=60.0, gate=("curl", "-f", "http://x/?a=1&b=2"))
    cluster = running(a_service(replicas=3))

    found = plan(cluster, a_project(a_service(image=NEW, replicas=3, canary=canary)))

    assert order(found) == [
        ("canary of web", ["shop-web-1"]),
        ("gate of web", [""]),
        ("replace 1 of 2", ["shop-web-2"]),
        ("replace 2 of 2", ["shop-web-3"]),
    ]
    watched = [s.monitor_s for b in found.batches for s in b.steps if isinstance(s, ApplyUnit)]
    assert watched == [60.0, 5.0, 5.0]
    assert found.batches[2].steps == (
        RunCommand(OPERATOR, "curl -f 'http://x/?a=1&b=2'", 300.0, "the gate of web must open"),
    )


def test_a_gate_that_stays_closed_stops_after_the_canary() -> None:
    cluster = running(a_service(replicas=3))
    cluster.failing_commands = {"false"}
    service = a_service(
        image=NEW,
        replicas=3,
        canary=Canary(1, gate=("false",)),
        update=UpdateConfig(failure_action="continue"),
    )

    report = apply(cluster, a_project(service))

    assert report.stopped == "batch “gate of web” failed on the operator"
    assert new_ones(cluster) == ["shop-web-1"]


def test_a_run_taken_up_after_the_canary_asks_the_gate_again() -> None:
    cluster = running(a_service(replicas=3))
    cluster.failing_commands = {"check"}
    project = a_project(a_service(image=NEW, replicas=3, canary=Canary(1, gate=("check",))))
    assert not apply(cluster, project).ok

    found = plan(cluster, project)

    assert [title for title, _ in order(found)] == ["gate of web", "replace 1 of 2", "replace 2 of 2"]
    assert not carry_out(cluster, found).ok
    assert new_ones(cluster) == ["shop-web-1"]


def test_with_start_first_the_surge_comes_before_the_canary() -> None:
    cluster = running(a_service(replicas=2))
    update = UpdateConfig(order="start-first")

    found = plan(cluster, a_project(a_service(image=NEW, replicas=2, canary=Canary(1), update=update)))

    assert [title for title, _ in order(found)] == ["start", "canary of web", "replace 1 of 1", "remove"]


def new_ones(cluster: FakeCluster) -> list[str]:
    digest = cluster.registry[NEW]
    return sorted(
        name for host in cluster.hosts.values() for name, c in host.containers.items() if digest in c.image
    )


# --- depends_on ----------------------------------------------------------------------------------


def needing(name: str, condition: Any, **fields: Any) -> Service:
    return a_service(name, depends_on=(Dependency("db", condition),), **fields)


def test_a_service_is_started_after_what_it_depends_on() -> None:
    cluster = FakeCluster(an_inventory(["h1"]), [OLD])

    found = plan(cluster, a_project(needing("api", "service_started"), a_service("db"), a_service("other")))

    assert order(found) == [("start", ["shop-db-1", "shop-other-1"]), ("start", ["shop-api-1"])]


def test_a_service_is_replaced_after_what_must_be_healthy() -> None:
    cluster = running(needing("api", "service_healthy"), a_service("db", replicas=2), a_service("other"))

    found = plan(
        cluster,
        a_project(
            needing("api", "service_healthy", image=NEW),
            a_service("db", replicas=2, image=NEW),
            a_service("other", image=NEW),
        ),
    )

    assert order(found) == [
        ("replace 1 of 3", ["shop-db-1", "shop-other-1"]),
        ("replace 2 of 3", ["shop-db-2"]),
        ("replace 3 of 3", ["shop-api-1"]),
    ]


def test_a_dependency_that_only_starts_first_lets_services_roll_side_by_side() -> None:
    cluster = running(needing("api", "service_started"), a_service("db"))

    found = plan(cluster, a_project(needing("api", "service_started", image=NEW), a_service("db", image=NEW)))

    assert order(found) == [("replace 1 of 1", ["shop-api-1", "shop-db-1"])]


def test_a_deleted_project_goes_in_the_opposite_order() -> None:
    cluster = running(needing("api", "service_started"), a_service("db"))

    found = plan_delete(cluster.inventory, "shop", cluster.see())

    assert order(found)[:2] == [("remove", ["shop-api-1"]), ("remove", ["shop-db-1"])]


# --- quorum --------------------------------------------------------------------------------------


def members(**fields: Any) -> list[Service]:
    return [a_service(name, quorum="etcd", update=UpdateConfig(0), **fields) for name in ("e1", "e2", "e3")]


def test_members_of_a_quorum_go_one_at_a_time() -> None:
    cluster = running(*members())

    found = plan(cluster, a_project(*members(image=NEW)))

    assert order(found) == [
        ("replace 1 of 3", ["shop-e1-1"]),
        ("replace 2 of 3", ["shop-e2-1"]),
        ("replace 3 of 3", ["shop-e3-1"]),
    ]


def test_all_members_of_a_new_quorum_start_together() -> None:
    cluster = FakeCluster(an_inventory(["h1"]), [OLD])

    assert order(plan(cluster, a_project(*members()))) == [("start", ["shop-e1-1", "shop-e2-1", "shop-e3-1"])]


def test_a_member_that_is_not_well_goes_first_and_alone() -> None:
    cluster = running(*members())
    fail(cluster, "shop-e2-1")

    found = plan(cluster, a_project(*members(image=NEW)))

    assert [names for _, names in order(found)] == [["shop-e2-1"], ["shop-e1-1"], ["shop-e3-1"]]


def test_no_member_is_taken_out_while_one_of_another_project_is_not_well() -> None:
    cluster = running(*members())
    assert apply(cluster, a_project(a_service("e4", quorum="etcd"), name="other")).ok
    fail(cluster, "other-e4-1")

    found = plan(cluster, a_project(*members(image=NEW)))

    assert [(b.kind, b.reason) for b in found.blocked][:1] == [
        ("guard", "shop-e1-1 must stay while another member of quorum etcd is not well")
    ]


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("update", "failed"),
    [
        (UpdateConfig(), 1),
        (UpdateConfig(max_failure_ratio=0.2), 2),
        (UpdateConfig(max_failure_ratio=0.39), 2),
        (UpdateConfig(max_failure_ratio=0.4), 3),
        (UpdateConfig(failure_action="continue"), 5),
    ],
)
def test_so_many_failures_are_met_before_it_stops(update: UpdateConfig, failed: int) -> None:
    cluster = running(a_service(replicas=5))
    cluster.broken_images = {NEW}

    report = apply(cluster, a_project(a_service(image=NEW, replicas=5, update=update)))

    assert len(report.failed) == failed
    assert not report.ok
    assert bool(report.stopped) is (failed < 5)
    assert new_ones(cluster) == []


def test_one_service_s_tolerance_lets_no_failure_of_another_pass() -> None:
    update = UpdateConfig(failure_action="continue")
    cluster = running(a_service("api"), a_service("web", replicas=2))
    cluster.broken_images = {NEW}

    found = plan(
        cluster,
        a_project(a_service("api", image=NEW), a_service("web", image=NEW, replicas=2, update=update)),
    )
    report = carry_out(cluster, found)

    assert order(found)[0] == ("replace 1 of 3", ["shop-api-1"])
    assert report.stopped == "batch “replace 1 of 3” failed on h1"


def test_where_a_later_batch_counts_on_what_is_new_its_failure_is_not_tolerated() -> None:
    """With one of three well, nothing can be replaced unless the two new ones are."""
    update = UpdateConfig(failure_action="continue")
    cluster = running(a_service())
    cluster.broken_images = {NEW}
    project = a_project(a_service(image=NEW, replicas=3, update=update))

    report = execute(Watched(cluster, project), plan(cluster, project), conduct_for(cluster))

    assert report.stopped == "batch “start” failed on h2, h3"
    assert list(cluster.hosts["h1"].containers) == ["shop-web-1"]


def test_an_old_instance_that_is_not_put_back_stops_even_what_goes_on() -> None:
    """The image that runs is the broken one: neither the new unit nor the old one starts."""
    cluster = running(a_service(replicas=2))
    cluster.broken_images = {OLD}
    project = a_project(a_service(replicas=2, user="1", update=UpdateConfig(failure_action="continue")))

    report = execute(Watched(cluster, project), plan(cluster, project), conduct_for(cluster))

    assert report.stopped == "batch “replace 1 of 2” failed on h1"
    assert list(cluster.hosts["h2"].containers) == ["shop-web-2"]


def test_the_plan_says_which_generation_the_fleet_goes_back_to() -> None:
    update = UpdateConfig(failure_action="rollback")
    cluster = running(a_service(replicas=2))

    found = plan(cluster, a_project(a_service(image=NEW, replicas=2, update=update)))

    assert (found.generation, found.goes_back_to, found.notes) == (2, 1, ())


def test_a_first_version_has_nothing_to_go_back_to() -> None:
    cluster = FakeCluster(an_inventory(["h1"]), [OLD])

    found = plan(cluster, a_project(a_service(update=UpdateConfig(failure_action="rollback"))))

    assert found.goes_back_to == 0
    assert found.notes == ("web: failure_action is rollback, but there is nothing to go back to",)
