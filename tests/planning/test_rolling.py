"""In which order batches come: parallelism, start before replace before remove, ports, surges."""

from __future__ import annotations

from typing import Any

import pytest

from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import StepResult
from clusterctl.model.service import Constraint, Mount, Service, UpdateConfig
from clusterctl.model.step import PullImage
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.rolling import may_continue
from tests.builders import a_host, a_project, a_service, an_inventory, digest_of
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.worlds import apply, look, plan

OLD, NEW = "registry:5000/web:1", "registry:5000/web:2"


def a_cluster(*hosts: Any) -> FakeCluster:
    return FakeCluster(an_inventory(hosts or ("h1", "h2", "h3")), [OLD, NEW])


def order(found: Plan) -> list[tuple[str, list[str]]]:
    return [
        (
            batch.title,
            [f"{getattr(step, 'instance', type(step).__name__)}@{step.host}" for step in batch.steps],
        )
        for batch in found.batches
        if batch.title not in {"pull images", "record"}
    ]


def changed(old: list[Service], new: list[Service], *hosts: Any) -> tuple[FakeCluster, Plan]:
    cluster = a_cluster(*hosts)
    assert apply(cluster, a_project(*old)).ok
    return cluster, plan(cluster, a_project(*new))


def web(
    image: str, parallelism: int = 1, replicas: int = 3, order_: Any = "stop-first", **more: Any
) -> Service:
    return a_service(image=image, replicas=replicas, update=UpdateConfig(parallelism, order_), **more)


@pytest.mark.parametrize(
    ("parallelism", "sizes"), [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (5, [5]), (9, [5]), (0, [5])]
)
def test_so_many_are_replaced_at_once(parallelism: int, sizes: list[int]) -> None:
    _, found = changed([web(OLD, replicas=5)], [web(NEW, parallelism, replicas=5)])

    assert [len(batch.steps) for batch in found.batches if batch.title.startswith("replace")] == sizes


def test_services_roll_side_by_side() -> None:
    old = [a_service("api", replicas=2), a_service("web", replicas=1)]
    new = [a_service("api", replicas=2, user="1"), a_service("web", replicas=1, user="1")]

    _, found = changed(old, new)

    assert order(found) == [
        ("replace 1 of 2", ["shop-api-1@h1", "shop-web-1@h3"]),
        ("replace 2 of 2", ["shop-api-2@h2"]),
    ]


def test_start_comes_before_replace_before_remove() -> None:
    old = [web(OLD, replicas=1), a_service("old")]
    new = [web(NEW, replicas=1), a_service("new")]

    _, found = changed(old, new)

    assert [batch.title for batch in found.batches] == [
        "pull images",
        "start",
        "replace 1 of 1",
        "remove",
        "record",
    ]


def test_a_move_starts_before_it_stops() -> None:
    elsewhere = (Constraint("node.hostname", "!=", "h1"),)

    _, found = changed([a_service(port=80)], [a_service(port=80, constraints=elsewhere)])

    assert order(found) == [("start", ["shop-web-1@h2"]), ("remove", ["shop-web-1@h1"])]


def test_images_are_pulled_where_they_are_needed_and_missing() -> None:
    cluster = a_cluster("h1", "h2")
    pinned = f"registry:5000/web@{digest_of(OLD)}"
    cluster.hosts["h1"].images.add(pinned)

    found = plan(cluster, a_project(a_service(replicas=2)))

    assert found.batches[0].steps == (PullImage("h2", pinned, "not on the host yet"),)


def test_a_removal_comes_first_where_its_port_is_needed() -> None:
    _, found = changed([a_service("old", port=80)], [a_service("new", port=80)], "h1")

    assert order(found) == [("make room", ["shop-old-1@h1"]), ("start", ["shop-new-1@h1"])]


def test_also_where_a_replacement_needs_it() -> None:
    old = [a_service("old", port=80), a_service("web", port=8080)]

    cluster, found = changed(old, [a_service("web", port=80)], "h1")

    assert order(found) == [("make room", ["shop-old-1@h1"]), ("replace 1 of 1", ["shop-web-1@h1"])]
    assert carry_out(cluster, found).ok


def test_a_port_that_a_replacement_frees_is_taken_after_it() -> None:
    cluster, found = changed(
        [a_service("web", port=80)], [a_service("web", port=8080), a_service("new", port=80)], "h1"
    )

    assert order(found) == [
        ("replace 1 of 1", ["shop-web-1@h1"]),
        ("start in freed ports", ["shop-new-1@h1"]),
    ]
    assert carry_out(cluster, found).ok


def test_replacements_wait_for_each_others_ports() -> None:
    old = [a_service("a", port=80), a_service("b", port=81)]

    cluster, found = changed(old, [a_service("a", port=81), a_service("b", port=82)], "h1")

    assert order(found) == [("replace 1 of 2", ["shop-b-1@h1"]), ("replace 2 of 2", ["shop-a-1@h1"])]
    assert carry_out(cluster, found).ok


def test_two_that_exchange_their_ports_are_refused() -> None:
    old = [a_service("a", port=80), a_service("b", port=81)]

    _, found = changed(old, [a_service("a", port=81), a_service("b", port=80)], "h1")

    assert found.batches == ()
    assert [(b.kind, b.host, b.reason) for b in found.blocked] == [
        ("guard", "h1", "shop-a-1 takes a port of another that waits for it"),
        ("guard", "h1", "shop-b-1 takes a port of another that waits for it"),
    ]


def test_start_first_runs_one_more_while_the_old_are_replaced() -> None:
    _, found = changed([web(OLD, replicas=2)], [web(NEW, replicas=2, order_="start-first")])

    assert order(found) == [
        ("start", ["shop-web-3@h3"]),
        ("replace 1 of 2", ["shop-web-1@h1"]),
        ("replace 2 of 2", ["shop-web-2@h2"]),
        ("remove", ["shop-web-3@h3"]),
    ]
    assert found.notes == ()


def test_as_many_more_as_are_replaced_at_once() -> None:
    _, found = changed([web(OLD, replicas=3)], [web(NEW, 2, 3, "start-first")])

    assert [c.instance.name for c in found.changes if c.kind == "surge"] == ["shop-web-4", "shop-web-5"]


@pytest.mark.parametrize(
    ("service", "why"),
    [
        ({"port": 80}, "host port 80/tcp cannot be taken twice"),
        ({"mounts": (Mount("volume", "data", "/data"),)}, "volume data has a single writer"),
        ({"mode": "global"}, "a global service has one instance on each host"),
        ({"memory_mb": 600}, "no host has room for the instances more"),
    ],
)
def test_where_start_first_cannot_be_the_plan_says_why(service: dict[str, Any], why: str) -> None:
    hosts = [a_host("h1", memory_mb=1000)]

    _, found = changed(
        [web(OLD, replicas=1, **service)], [web(NEW, replicas=1, order_="start-first", **service)], *hosts
    )

    assert found.notes == (f"web: stop-first, since {why}",)
    assert [batch.title for batch in found.batches][1:-1] == ["replace 1 of 1"]


def test_fewer_more_than_are_replaced_at_once_would_be_too_few() -> None:
    hosts = [a_host("h1", memory_mb=1000), a_host("h2", memory_mb=1200)]
    old = [web(OLD, 2, 4, memory_mb=400)]

    _, found = changed(old, [web(NEW, 2, 4, "start-first", memory_mb=400)], *hosts)

    assert found.notes == ("web: stop-first, since no host has room for the instances more",)


def test_a_surge_left_by_a_killed_run_is_removed() -> None:
    cluster, found = changed([web(OLD, replicas=2)], [web(NEW, replicas=2, order_="start-first")])
    for batch in found.batches[:3]:
        cluster.perform(batch, lambda _: None, 0)

    again = plan(cluster, a_project(web(NEW, replicas=2, order_="start-first")))

    assert [(c.kind, c.instance.name) for c in again.changes] == [
        ("replace", "shop-web-2"),
        ("remove", "shop-web-3"),
        ("surge", "shop-web-4"),
    ]


def test_the_gate_opens_while_all_is_well() -> None:
    steps = tuple(PullImage(host, "image", "") for host in ("h1", "h2", "h3"))
    results = [StepResult(steps[0], "changed"), StepResult(steps[1], "unchanged")]

    assert may_continue(Batch("start", steps), results, 0) == ""


def test_the_gate_closes_at_the_first_host_that_is_worse() -> None:
    steps = tuple(PullImage(host, "image", "") for host in ("h1", "h2", "h2", "h3"))
    results = [StepResult(step, "failed") for step in steps[1:3]]
    skipped = [StepResult(steps[3], "skipped")]

    assert may_continue(Batch("start", steps), results, 0) == "batch “start” failed on h2"
    assert may_continue(Batch("start", steps), skipped, 0) == "batch “start” failed on h3"


def test_a_step_leaves_room_for_gate_and_grace() -> None:
    _, found = changed([web(OLD, replicas=1)], [web(NEW, replicas=1, stop_grace_period_s=20)])

    assert found.batches[1].steps[0].gate_s == 120 + 20 + 30  # type: ignore[union-attr]


def test_a_removal_waits_as_long_as_its_own_unit_says() -> None:
    cluster, _ = changed([web(OLD, replicas=1, stop_grace_period_s=50)], [])
    project = a_project(a_service("other"))

    found = plan_apply(cluster.inventory, project, look(cluster, project))

    assert found.batches[-2].steps[0].stop_s == 80  # type: ignore[union-attr]
