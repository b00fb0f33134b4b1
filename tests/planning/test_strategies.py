"""Which host is best: preferences, strategies, and how many of a service a host may have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusterctl.model.host import Host
from clusterctl.model.intent import DrainIntent, RebalanceIntent
from clusterctl.model.inventory import Policy
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Plan
from clusterctl.model.service import Constraint, Service
from clusterctl.planning.balance import Balance, Occupant
from clusterctl.planning.room import open_room
from tests.builders import a_host, a_project, a_service, an_inventory, facts_of
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import planned
from tests.planning.worlds import apply, plan

RACKS = [
    a_host("h1", rack="r1", room="a"),
    a_host("h2", rack="r1", room="a"),
    a_host("h3", rack="r2", room="a"),
    a_host("h4", rack="r1", room="b"),
    a_host("h5"),
]
BIG = [a_host(f"h{n}", memory_mb=1000) for n in (1, 2, 3)]


def a_cluster(hosts: list[Host], **policy: Any) -> FakeCluster:
    return FakeCluster(an_inventory(hosts, policy=Policy(**policy)), ["registry:5000/web:1"])


def where(found: Plan) -> dict[str, str]:
    return {c.instance.name.removeprefix("shop-"): c.host for c in found.changes if c.kind != "remove"}


def placed(*services: Service, on: list[Host], **policy: Any) -> dict[str, str]:
    return where(plan(a_cluster(on, **policy), a_project(*services)))


# --- preferences ---------------------------------------------------------------------------------


def test_instances_spread_over_the_values_of_a_label_and_hosts_without_it_are_a_group() -> None:
    assert placed(a_service(replicas=3, preferences=("rack",)), on=RACKS) == {
        "web-1": "h1",
        "web-2": "h3",
        "web-3": "h5",
    }


def test_a_second_preference_counts_within_the_groups_of_the_first() -> None:
    """Rooms a, b and none first; of room a rack r2 next, although rack r1 of another room has as few."""
    assert placed(a_service(replicas=4, preferences=("room", "rack")), on=RACKS) == {
        "web-1": "h1",
        "web-2": "h4",
        "web-3": "h5",
        "web-4": "h3",
    }


def test_a_preference_comes_before_the_zone_and_the_zone_decides_among_equals() -> None:
    hosts = [a_host("h1", zone="a", rack="r1"), a_host("h2", zone="a", rack="r2")]
    hosts += [a_host("h3", zone="b", rack="r2")]

    assert placed(a_service(replicas=2, preferences=("rack",)), on=hosts) == {"web-1": "h1", "web-2": "h3"}


def test_a_preference_moves_nothing_that_runs() -> None:
    cluster = a_cluster(RACKS)
    apply(cluster, a_project(a_service(replicas=2)))

    assert plan(cluster, a_project(a_service(replicas=2, preferences=("rack",)))).changes == ()


# --- how many on a host --------------------------------------------------------------------------


def test_a_host_takes_no_more_of_a_service_than_it_may_have() -> None:
    found = plan(a_cluster(BIG[:2]), a_project(a_service(replicas=3, max_per_host=1)))

    (item,) = found.unplaced
    assert item.needs == "at most 1 on a host"
    assert [(one.host, one.reason) for one in item.refusals] == [
        ("h1", "1 of web here, max_replicas_per_node is 1"),
        ("h2", "1 of web here, max_replicas_per_node is 1"),
    ]


def test_what_is_too_many_on_a_host_moves_to_another() -> None:
    cluster = a_cluster(BIG)
    on_h1 = (Constraint("node.hostname", "==", "h1"),)
    apply(cluster, a_project(a_service(replicas=2, constraints=on_h1)))

    found = plan(cluster, a_project(a_service(replicas=2, max_per_host=1)))

    assert [(c.kind, c.host, c.reason) for c in found.changes] == [
        ("remove", "h1", "1 of web here, max_replicas_per_node is 1"),
        ("move", "h2", "from h1"),
    ]


def test_a_drain_puts_no_more_on_a_host_than_it_may_have() -> None:
    cluster = a_cluster(BIG[:2])
    apply(cluster, a_project(a_service(replicas=2, max_per_host=1)))

    found = planned(cluster, DrainIntent(("h1",)))

    assert [one.reason for item in found.unplaced for one in item.refusals if one.host == "h2"] == [
        "1 of web here, max_replicas_per_node is 1"
    ]


def test_rebalance_mends_what_is_too_many_on_a_host() -> None:
    service = a_service(replicas=2, max_per_host=1)
    inventory = an_inventory(BIG)
    rooms = {host.name: open_room(host, facts_of(host), inventory) for host in BIG}
    occupants = [Occupant(Instance("shop", "web", slot), service, "h1") for slot in (1, 2)]
    for occupant in occupants:
        rooms["h1"].put(occupant.instance, service)

    shifts = list(Balance(rooms, occupants, threshold=100.0, disk=(0.0, 0)).shifts())

    assert [(shift.instance.name, shift.target, shift.reason) for shift in shifts] == [
        ("shop-web-1", "h2", "1 more of web here, max_replicas_per_node is 1")
    ]


# --- strategies ----------------------------------------------------------------------------------


def test_pack_opens_a_host_only_where_no_host_in_use_has_room() -> None:
    services = [a_service(name, memory_mb=400, strategy="pack") for name in ("a", "b", "c")]

    assert placed(*services, on=BIG) == {"a-1": "h1", "b-1": "h1", "c-1": "h2"}


def test_pack_fills_the_fullest_host_that_has_room() -> None:
    services = [a_service("a", memory_mb=700), a_service("b", memory_mb=500)]
    services += [a_service("c", memory_mb=300, strategy="pack"), a_service("d", memory_mb=200)]

    assert placed(*services, on=BIG[:2]) == {"a-1": "h1", "b-1": "h2", "c-1": "h1", "d-1": "h2"}


def test_pack_keeps_instances_of_a_service_apart_on_the_hosts_in_use() -> None:
    services = [a_service("a", memory_mb=700), a_service("b", memory_mb=500)]
    services += [a_service("c", memory_mb=100, replicas=2, strategy="pack")]

    assert placed(*services, on=BIG) == {"a-1": "h1", "b-1": "h2", "c-1": "h1", "c-2": "h2"}


def test_pack_opens_the_host_that_is_filled_least() -> None:
    hosts = [a_host("h1", memory_mb=500), a_host("h2", memory_mb=1000)]

    assert placed(a_service(memory_mb=400, strategy="pack"), on=hosts) == {"web-1": "h2"}


def test_headroom_keeps_places_for_the_largest_instance() -> None:
    """h1 has room for one of 600 MiB more, h2 for none: spread would take h1, which is less full."""
    services = [a_service("big", memory_mb=600), a_service("b", memory_mb=500)]
    small = a_service("small", memory_mb=100)
    hosts = [a_host("h1", memory_mb=1250), a_host("h2", memory_mb=1000)]

    spread = placed(*services, small, on=hosts)
    headroom = placed(*services, replace(small, strategy="headroom"), on=hosts)

    assert spread == {"big-1": "h1", "b-1": "h2", "small-1": "h1"}
    assert headroom == {"big-1": "h1", "b-1": "h2", "small-1": "h2"}


def test_the_inventory_says_the_strategy_of_services_that_say_none() -> None:
    services = [a_service(name, memory_mb=100) for name in ("a", "b")]
    other = [services[0], replace(services[1], strategy="spread")]

    assert placed(*services, on=BIG, strategy="pack") == {"a-1": "h1", "b-1": "h1"}
    assert placed(*other, on=BIG, strategy="pack") == {"a-1": "h1", "b-1": "h2"}


def test_another_strategy_moves_nothing_that_runs() -> None:
    cluster = a_cluster(BIG)
    apply(cluster, a_project(a_service(replicas=3, memory_mb=100)))

    assert plan(cluster, a_project(a_service(replicas=3, memory_mb=100, strategy="pack"))).changes == ()


def test_rebalance_leaves_alone_what_is_packed() -> None:
    cluster = a_cluster(BIG, strategy="pack")
    apply(cluster, a_project(*(a_service(name, memory_mb=300) for name in ("a", "b", "c"))))
    uneven = RebalanceIntent(max_moves=5, threshold=1.0, min_age_s=0)

    assert planned(cluster, uneven).changes == ()
    cluster.inventory = replace(cluster.inventory, policy=Policy())
    assert [c.kind for c in planned(cluster, uneven).changes if c.kind == "move"] == ["move", "move"]


# --- constraints on the platform -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        (Constraint("node.platform.arch", "==", "x86_64"), False),
        (Constraint("node.platform.arch", "==", "aarch64"), True),
        (Constraint("node.platform.os", "==", "linux"), False),
        (Constraint("node.platform.os", "==", "windows"), True),
    ],
)
def test_the_platform_is_what_the_host_says(rule: Constraint, refused: bool) -> None:  # noqa: FBT001
    assert facts_of("h1").architecture == "x86_64"

    found = plan(a_cluster(BIG[:1]), a_project(a_service(constraints=(rule,))))

    reasons = [one.reason for item in found.unplaced for one in item.refusals]
    assert reasons == ([f"constraint {rule} does not hold"] if refused else [])
