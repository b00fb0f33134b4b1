"""Where instances go: each rule of `eligibility` and `scheduler`, and the words of each refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.plan import Plan
from clusterctl.model.service import Constraint, Mount, Port, Service, Volume
from clusterctl.model.snapshot import ContainerFact, HostFacts, LookRequest, UnitFact
from clusterctl.planning.deploy import plan_apply
from tests.builders import GIB, a_host, a_project, a_service, a_snapshot, an_inventory, facts_of, listening
from tests.fake_cluster import FakeCluster
from tests.planning.worlds import apply, plan

REQUEST = LookRequest(("registry:5000/web:1",))
ZONES = [a_host("h1", zone="a"), a_host("h2", zone="a"), a_host("h3", zone="b")]
DATA = (Mount("volume", "data", "/data"),)


def a_cluster(*hosts: Any) -> FakeCluster:
    return FakeCluster(an_inventory(hosts or ("h1", "h2")), ["registry:5000/web:1", "registry:5000/web:2"])


def where(found: Plan) -> dict[str, str]:
    return {change.instance.name: change.host for change in found.changes}


def placed(*services: Service, on: Any = ("h1", "h2", "h3")) -> dict[str, str]:
    return where(plan(a_cluster(*on), a_project(*services)))


def refusals(service: Service, inventory: Inventory, *facts: HostFacts) -> dict[str, str]:
    resolved = a_snapshot("h1").seen[0].resolved
    answers = [replace(answer, resolved=resolved) for answer in facts]
    found = plan_apply(inventory, a_project(service), a_snapshot(*answers))
    return {refusal.host: refusal.reason for item in found.unplaced for refusal in item.refusals}


# --- where new instances go ----------------------------------------------------------------------


def test_instances_spread_over_zones_first() -> None:
    assert placed(a_service(replicas=2), on=ZONES) == {"shop-web-1": "h1", "shop-web-2": "h3"}


def test_then_over_hosts() -> None:
    assert placed(a_service(replicas=3), on=ZONES[:2]) == {
        "shop-web-1": "h1",
        "shop-web-2": "h2",
        "shop-web-3": "h1",
    }


def test_then_to_the_host_with_the_least_reserved() -> None:
    big, small = a_service("big", memory_mb=2000), a_service("small", memory_mb=10)

    assert placed(small, big, on=("h1", "h2")) == {"shop-big-1": "h1", "shop-small-1": "h2"}


def test_then_to_the_host_with_the_fewest_instances() -> None:
    assert placed(a_service("a"), a_service("b"), on=("h1", "h2")) == {"shop-a-1": "h1", "shop-b-1": "h2"}


def test_then_by_name_with_numbers_as_numbers() -> None:
    assert placed(a_service(), on=("h10", "h9")) == {"shop-web-1": "h9"}


def test_the_largest_goes_first() -> None:
    hosts = [a_host("h1", memory_mb=100), a_host("h2", memory_mb=400)]

    assert placed(a_service("a", memory_mb=100), a_service("b", memory_mb=400), on=hosts) == {
        "shop-a-1": "h1",
        "shop-b-1": "h2",
    }


def test_names_sort_with_their_numbers() -> None:
    assert sorted(["h10", "h9", "h1", "a2b10", "a2b9", "x"], key=natural) == [
        "a2b9",
        "a2b10",
        "h1",
        "h9",
        "h10",
        "x",
    ]


# --- what stays ----------------------------------------------------------------------------------


def test_what_is_placed_stays_although_it_could_spread_better() -> None:
    cluster = a_cluster("h1", "h2")
    cluster.hosts["h2"].markers["cordoned"] = "by ops"
    apply(cluster, a_project(a_service(replicas=2)))
    del cluster.hosts["h2"].markers["cordoned"]

    assert plan(cluster, a_project(a_service(replicas=2))).is_empty


def test_a_cordon_refuses_what_is_new_and_moves_nothing() -> None:
    cluster = a_cluster("h1", "h2")
    apply(cluster, a_project(a_service(replicas=2)))
    cluster.hosts["h2"].markers["cordoned"] = "since 2026-11-20 by ops"

    found = plan(cluster, a_project(a_service(replicas=4)))

    assert where(found) == {"shop-web-3": "h1", "shop-web-4": "h1"}


def test_a_constraint_that_no_longer_holds_moves() -> None:
    cluster = a_cluster("h1", "h2")
    apply(cluster, a_project())

    found = plan(cluster, a_project(a_service(constraints=(Constraint("node.hostname", "!=", "h1"),))))

    assert [(c.kind, c.host, c.reason) for c in found.changes] == [
        ("remove", "h1", "constraint node.hostname != h1 does not hold"),
        ("move", "h2", "from h1"),
    ]


def test_a_volume_pins_what_would_have_to_move() -> None:
    cluster = a_cluster("h1", "h2")
    apply(cluster, a_project(a_service(mounts=DATA)))
    elsewhere = a_service(mounts=DATA, constraints=(Constraint("node.hostname", "!=", "h1"),))

    found = plan(cluster, a_project(elsewhere))

    assert [(b.kind, b.host, b.reason) for b in found.blocked] == [
        (
            "guard",
            "h1",
            (
                "shop-web-1 must leave (constraint node.hostname != h1 does not hold), "
                "but volume data holds its data here"
            ),
        )
    ]


def test_an_instance_that_grows_beyond_its_host_moves() -> None:
    cluster = a_cluster(a_host("h1", memory_mb=500), a_host("h2", memory_mb=1000))
    apply(cluster, a_project(a_service(memory_mb=100)))
    assert list(cluster.hosts["h1"].containers) == []
    cluster = a_cluster(a_host("h1", memory_mb=500), a_host("h2", memory_mb=1000, zone="b"))
    cluster.hosts["h2"].markers["cordoned"] = "by ops"
    apply(cluster, a_project(a_service(memory_mb=100)))
    del cluster.hosts["h2"].markers["cordoned"]

    found = plan(cluster, a_project(a_service(memory_mb=600)))

    assert [(c.kind, c.host, c.reason) for c in found.changes] == [
        ("remove", "h1", "500 MiB left to reserve"),
        ("move", "h2", "from h1"),
    ]


def test_two_instances_that_come_to_write_one_volume_part() -> None:
    cluster = a_cluster("h1", "h2")
    cluster.hosts["h2"].markers["cordoned"] = "by ops"
    apply(cluster, a_project(a_service(replicas=2)))
    del cluster.hosts["h2"].markers["cordoned"]

    found = plan(cluster, a_project(a_service(replicas=2, mounts=DATA)))

    assert [(c.kind, c.instance.name, c.host) for c in found.changes] == [
        ("replace", "shop-web-1", "h1"),
        ("remove", "shop-web-2", "h1"),
        ("move", "shop-web-2", "h2"),
    ]


def test_a_copy_that_runs_twice_is_removed_and_the_well_one_stays() -> None:
    cluster = a_cluster("h1", "h2")
    apply(cluster, a_project())
    here, there = cluster.hosts["h1"], cluster.hosts["h2"]
    there.files, there.loaded = dict(here.files), dict(here.loaded)
    there.active = {"clusterctl-shop-web-1.service": "active"}
    there.containers, there.enabled = dict(here.containers), set(here.enabled)
    here.active["clusterctl-shop-web-1.service"] = "failed"
    here.containers.clear()

    found = plan(cluster, a_project())

    assert [(c.kind, c.host, c.reason) for c in found.changes] == [("remove", "h1", "runs twice")]


def test_more_than_wanted_is_removed_highest_slot_first() -> None:
    cluster = a_cluster("h1", "h2", "h3")
    apply(cluster, a_project(a_service(replicas=3)))

    found = plan(cluster, a_project(a_service(replicas=1)))

    assert [(c.kind, c.instance.name, c.reason) for c in found.changes] == [
        ("remove", "shop-web-2", "more than the replicas wanted"),
        ("remove", "shop-web-3", "more than the replicas wanted"),
    ]


def test_an_instance_on_an_ignored_host_is_held_there() -> None:
    cluster = a_cluster("h1", "h2")
    apply(cluster, a_project(a_service(replicas=2)))
    looked = [host for host in cluster.inventory.hosts if host.name != "h2"]
    snapshot = cluster.look(looked, REQUEST)

    found = plan_apply(
        cluster.inventory, a_project(a_service(replicas=2)), snapshot, ignored=frozenset({"h2"})
    )

    assert found.is_empty
    assert found.unchanged == 1


def test_a_global_instance_on_an_ignored_host_keeps_its_slot() -> None:
    cluster = a_cluster("h1", "h2", "h3")
    project = a_project(a_service(mode="global"))
    cluster.hosts["h3"].markers["cordoned"] = "by ops"
    apply(cluster, project)
    del cluster.hosts["h3"].markers["cordoned"]
    looked = [host for host in cluster.inventory.hosts if host.name != "h2"]

    found = plan_apply(cluster.inventory, project, cluster.look(looked, REQUEST), ignored=frozenset({"h2"}))

    assert where(found) == {"shop-web-3": "h3"}


# --- global mode ---------------------------------------------------------------------------------


def test_a_global_service_has_one_instance_on_each_host() -> None:
    assert placed(a_service(mode="global")) == {"shop-web-1": "h1", "shop-web-2": "h2", "shop-web-3": "h3"}


def test_but_not_where_a_constraint_forbids_it() -> None:
    rule = (Constraint("node.labels.zone", "==", "a"),)

    assert placed(a_service(mode="global", constraints=rule), on=ZONES) == {
        "shop-web-1": "h1",
        "shop-web-2": "h2",
    }


def test_a_host_that_comes_gets_the_lowest_free_slot() -> None:
    cluster = a_cluster("h1", "h2", "h3")
    project = a_project(a_service(mode="global"))
    cluster.hosts["h1"].markers["cordoned"] = "by ops"
    apply(cluster, project)
    del cluster.hosts["h1"].markers["cordoned"]

    assert where(plan(cluster, project)) == {"shop-web-3": "h1"}


def test_a_global_service_whose_port_is_taken_is_told_not_left_out() -> None:
    cluster = a_cluster("h1", "h2")
    cluster.hosts["h2"].listeners.add(80)

    found = plan(cluster, a_project(a_service(mode="global", port=80)))

    assert [(item.instance.name, item.refusals[0].reason) for item in found.unplaced] == [
        ("shop-web-2", "port 80/tcp is taken by something that is not ours")
    ]


# --- why not -------------------------------------------------------------------------------------

ONE = an_inventory(["h1"])


@pytest.mark.parametrize(
    ("service", "facts", "reason"),
    [
        (a_service(), {"markers": {"cordoned": "since today by ops"}}, "cordoned since today by ops"),
        (
            a_service(),
            {"containers": None, "docker_error": "no answer within 20 s"},
            "docker does not answer: no answer within 20 s",
        ),
        (a_service(), {"systemd_state": "unknown"}, "systemd does not answer"),
        (
            a_service(port=80),
            {"ports": listening(80)},
            "port 80/tcp is taken by something that is not ours",
        ),
        (a_service(memory_mb=5000), {}, "4096 MiB left to reserve"),
        (a_service(cpus=4.5), {}, "4 cpus left to reserve"),
        (
            a_service(constraints=(Constraint("node.labels.zone", "==", "a"),)),
            {},
            "constraint node.labels.zone == a does not hold",
        ),
        (
            a_service(constraints=(Constraint("node.hostname", "!=", "h1"),)),
            {},
            "constraint node.hostname != h1 does not hold",
        ),
        (
            a_service(),
            {"disk_free_bytes": 9 * GIB},
            "disk nearly full: less than 10240 MiB free for docker",
        ),
        (
            a_service(),
            {"disk_total_bytes": 5 * GIB, "disk_free_bytes": GIB - 1},
            "disk nearly full: less than 1024 MiB free for docker",
        ),
        (
            a_service(),
            {"units": (UnitFact("clusterctl-shop-web-1.service", "[Service]\n"),)},
            "clusterctl-shop-web-1.service exists and is not ours",
        ),
        (
            a_service(),
            {"containers": (ContainerFact("1", "shop-web-1", "x", "2", "exited"),)},
            "a container shop-web-1 exists and is not ours",
        ),
    ],
)
def test_a_host_says_why_it_takes_nothing(service: Service, facts: dict[str, Any], reason: str) -> None:
    assert refusals(service, ONE, facts_of("h1", **facts)) == {"h1": reason}


def test_what_an_instance_needs_is_said() -> None:
    service = a_service(
        memory_mb=9000, cpus=1.5, port=80, constraints=(Constraint("node.hostname", "==", "h1"),)
    )

    found = plan(a_cluster("h1"), a_project(service))

    assert found.unplaced[0].needs == "9000 MiB, 1.5 cpus, port 80/tcp, node.hostname == h1"


def test_a_port_of_another_instance_is_named() -> None:
    found = plan(a_cluster("h1"), a_project(a_service(port=80, replicas=2)))

    assert [r.reason for r in found.unplaced[0].refusals] == ["port 80/tcp is taken by shop-web-1"]


def test_tcp_and_udp_of_one_number_are_two_ports() -> None:
    dns = a_service("dns", ports=(Port(53, 53, "tcp"), Port(53, 53, "udp")))

    assert placed(dns, on=("h1",)) == {"shop-dns-1": "h1"}


def test_another_projects_instances_count() -> None:
    cluster = a_cluster(a_host("h1", memory_mb=1000))
    apply(cluster, a_project(a_service(memory_mb=600, port=80), name="other"))

    small = plan(cluster, a_project(a_service(memory_mb=500)))
    port = plan(cluster, a_project(a_service(port=80)))

    assert small.unplaced[0].refusals[0].reason == "400 MiB left to reserve"
    assert port.unplaced[0].refusals[0].reason == "port 80/tcp is taken by other-web-1"


def test_declared_capacity_counts_before_the_observed() -> None:
    hosts = an_inventory([a_host("h1", memory_mb=10_000, cpus=0.5)])

    assert refusals(a_service(memory_mb=5000, cpus=0.4), hosts, facts_of("h1")) == {}
    assert refusals(a_service(cpus=0.6), hosts, facts_of("h1")) == {"h1": "0.5 cpus left to reserve"}


def test_a_name_that_is_taken_refuses_one_instance_and_not_the_next() -> None:
    facts = facts_of("h1", containers=(ContainerFact("1", "shop-web-1", "x", "", "running"),))
    found = plan_apply(
        an_inventory(["h1"]),
        a_project(a_service(replicas=3, max_per_host=1)),
        a_snapshot(replace(facts, resolved=a_snapshot("h1").seen[0].resolved)),
    )

    assert [(item.instance.name, item.refusals[0].reason) for item in found.unplaced] == [
        ("shop-web-1", "a container shop-web-1 exists and is not ours"),
        ("shop-web-3", "1 of web here, max_replicas_per_node is 1"),
    ]


def test_refusals_stand_in_the_order_of_hosts() -> None:
    found = plan(a_cluster("h10", "h9"), a_project(a_service(memory_mb=9000)))

    assert [refusal.host for refusal in found.unplaced[0].refusals] == ["h9", "h10"]


# --- volumes -------------------------------------------------------------------------------------


def test_a_volume_has_one_writer_on_a_host() -> None:
    writer, other = a_service("a", mounts=DATA), a_service("b", mounts=DATA)

    found = plan(a_cluster("h1"), a_project(writer, other))

    assert [r.reason for r in found.unplaced[0].refusals] == ["volume data is in use by shop-a-1"]


def test_readers_are_not_counted() -> None:
    reader = a_service("b", mounts=(Mount("volume", "data", "/data", read_only=True),))

    assert placed(a_service("a", mounts=DATA), reader, on=("h1",)) == {"shop-a-1": "h1", "shop-b-1": "h1"}


def test_an_instance_goes_where_its_volume_is() -> None:
    cluster = a_cluster("h1", "h2")
    cluster.hosts["h2"].volumes.add("shop_data")

    assert where(plan(cluster, a_project(a_service(mounts=DATA)))) == {"shop-web-1": "h2"}


def test_an_instance_goes_where_its_volume_is_by_the_name_that_it_was_given() -> None:
    cluster = a_cluster("h1", "h2")
    cluster.hosts["h2"].volumes.add("real")
    mounts = (Mount("volume", "data", "/data", volume=Volume(name="real")),)

    assert where(plan(cluster, a_project(a_service(mounts=mounts)))) == {"shop-web-1": "h2"}


def test_and_nowhere_else() -> None:
    cluster = a_cluster("h1", "h2")
    cluster.hosts["h2"].volumes.add("shop_data")
    cluster.hosts["h2"].markers["cordoned"] = "by ops"

    found = plan(cluster, a_project(a_service(mounts=DATA)))

    assert [(r.host, r.reason) for r in found.unplaced[0].refusals] == [
        ("h1", "volume data lives on h2"),
        ("h2", "cordoned by ops"),
    ]
