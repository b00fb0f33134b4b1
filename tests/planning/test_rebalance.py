"""Rebalance on the cluster in memory: which moves, in which order, and that they come to rest."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clusterctl.model.host import Capacity
from clusterctl.model.intent import MoveIntent, RebalanceIntent
from clusterctl.model.plan import Plan
from clusterctl.model.service import Constraint
from clusterctl.model.snapshot import Unreachable
from tests.builders import MIB, a_project, a_service
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import DATA, a_fleet, lines, plan_for, planned, put, where

SOON = RebalanceIntent(min_age_s=0)


def moves(plan: Plan) -> dict[str, tuple[str, str]]:
    """Return instance -> (target, reason)."""
    return {
        change.instance.name: (change.host, change.reason) for change in plan.changes if change.kind == "move"
    }


def pile(cluster: FakeCluster, host: str, *names: str) -> None:
    """Move instances to one host, as an operator may."""
    for name in names:
        assert carry_out(cluster, planned(cluster, MoveIntent(name, host))).ok


def label(cluster: FakeCluster, name: str, zone: str) -> None:
    """Give a host another zone."""
    hosts = [
        dataclasses.replace(host, labels={"zone": zone}) if host.name == name else host
        for host in cluster.inventory.hosts
    ]
    cluster.inventory = dataclasses.replace(cluster.inventory, hosts=tuple(hosts))


def per_host(cluster: FakeCluster) -> list[int]:
    counts = Counter(where(cluster).values())
    return [counts[host] for host in sorted(cluster.hosts)]


def test_an_even_fleet_is_left_alone() -> None:
    cluster = a_fleet(a_service(replicas=5), a_service("api", replicas=3))

    assert planned(cluster, SOON).is_empty


def test_a_service_that_crowds_a_host_is_spread_and_the_replacement_starts_first() -> None:
    cluster = a_fleet(a_service(replicas=4))
    pile(cluster, "h1", "shop-web-2", "shop-web-3")

    plan = planned(cluster, SOON)

    found = moves(plan)
    assert [reason for _, reason in found.values()] == [
        "from h1: h1 has 3 of shop/web, h2 0",
        "from h1: h1 has 2 of shop/web, h3 0",
    ]
    titles = [batch.title for batch in plan.batches]
    assert titles.index("start elsewhere") < titles.index("stop the old copies")
    assert carry_out(cluster, plan).ok
    assert max(per_host(cluster)) == 1
    assert planned(cluster, SOON).is_empty


def test_a_host_whose_docker_does_not_answer_gets_nothing_and_is_told() -> None:
    cluster = a_fleet(a_service(replicas=3))
    pile(cluster, "h1", "shop-web-2", "shop-web-3")
    cluster.hosts["h2"].docker = False

    plan = planned(cluster, SOON)

    assert {host for host, _ in moves(plan).values()} == {"h3", "h4"}
    assert (
        "h2: docker does not answer: Cannot connect to the Docker daemon; nothing new is placed there"
        in plan.notes
    )


def test_failure_domains_come_before_hosts() -> None:
    cluster = a_fleet(a_service(replicas=3), hosts=6, zones=("a", "b", "c"))
    pile(cluster, "h4", "shop-web-2", "shop-web-3")

    found = moves(planned(cluster, SOON))

    assert set(found) < {"shop-web-1", "shop-web-2", "shop-web-3"}
    assert "zone a has 3 of shop/web, zone b 0" in next(iter(found.values()))[1]


def test_a_full_host_gives_up_what_takes_most_off_it() -> None:
    big, small = (a_service(name, memory_mb=size) for name, size in (("big", 2000), ("small", 200)))
    cluster = a_fleet(big, small, a_service("mid", memory_mb=1500), hosts=3)
    home = where(cluster)["shop-big-1"]
    pile(cluster, home, "shop-small-1", "shop-mid-1")

    plan = planned(cluster, SOON)

    found = moves(plan)
    assert list(found) == ["shop-big-1"]
    assert found["shop-big-1"][1].endswith("the mean 30 %")
    assert carry_out(cluster, plan).ok
    assert planned(cluster, SOON).is_empty


def test_below_the_threshold_nothing_moves() -> None:
    cluster = a_fleet(a_service(memory_mb=800), a_service("api", memory_mb=800), hosts=3)
    pile(cluster, "h1", "shop-web-1", "shop-api-1")

    assert moves(planned(cluster, SOON))
    assert planned(cluster, dataclasses.replace(SOON, threshold=30.0)).is_empty


def test_a_broken_constraint_comes_first() -> None:
    rule = Constraint("node.labels.zone", "==", "a")
    cluster = a_fleet(a_service(constraints=(rule,)), a_service("api", replicas=3), zones=("a", "b"))
    pile(cluster, "h2", "shop-api-1", "shop-api-2", "shop-api-3")
    home = where(cluster)["shop-web-1"]
    label(cluster, home, "b")

    found = moves(planned(cluster, dataclasses.replace(SOON, max_moves=1)))

    assert list(found) == ["shop-web-1"]
    assert found["shop-web-1"][1] == f"from {home}: constraint node.labels.zone == a does not hold"


@pytest.mark.parametrize(
    "fields",
    [{"mounts": DATA}, {"drain": "interrupt"}, {"drain": "refuse"}, {}],
    ids=["data", "interrupt", "refuse", "free"],
)
def test_what_has_data_or_must_not_be_interrupted_stays(fields: dict[str, Any]) -> None:
    rule = Constraint("node.labels.zone", "==", "a")
    cluster = a_fleet(a_service(constraints=(rule,), **fields), zones=("a", "b"))
    label(cluster, where(cluster)["shop-web-1"], "b")

    assert bool(moves(planned(cluster, SOON))) is (not fields)


def test_what_was_started_a_short_while_ago_stays() -> None:
    cluster = a_fleet(a_service(replicas=4))
    pile(cluster, "h1", "shop-web-2", "shop-web-3")

    young = moves(planned(cluster, RebalanceIntent()))
    cluster.clock_s += 1800

    assert set(young) <= {"shop-web-1"}
    assert len(moves(planned(cluster, RebalanceIntent()))) == 2


def test_at_most_so_many_moves_also_when_the_run_is_resumed() -> None:
    cluster = a_fleet(a_service(replicas=5))
    pile(cluster, "h1", "shop-web-2", "shop-web-3", "shop-web-4", "shop-web-5")
    cluster.clock_s += 10
    begun = dict.fromkeys(cluster.hosts, cluster.clock_s)
    intent = RebalanceIntent(2, min_age_s=0, begun_s=begun)

    plan = planned(cluster, intent)
    assert len(moves(plan)) == 2
    assert carry_out(cluster, plan).ok

    assert planned(cluster, intent).is_empty


def test_a_service_that_is_not_well_is_left_alone() -> None:
    cluster = a_fleet(a_service(replicas=4))
    pile(cluster, "h1", "shop-web-2", "shop-web-3")
    (home,) = [host for name, host in where(cluster).items() if name == "shop-web-4"]
    cluster.hosts[home].containers.clear()

    assert not moves(planned(cluster, SOON))


def test_a_silent_host_stops_it_unless_it_is_named() -> None:
    cluster = a_fleet(a_service(replicas=4))
    pile(cluster, "h1", "shop-web-2", "shop-web-3")
    cluster.hosts["h5"].unreachable = Unreachable("h5", "connect", "no answer in 10 s")

    assert planned(cluster, SOON).blocked[0].host == "h5"
    found = moves(planned(cluster, SOON, ignored=frozenset({"h5"})))
    assert "h5" not in {target for target, _ in found.values()}


def test_a_cordoned_host_neither_gives_nor_takes() -> None:
    cluster = a_fleet(a_service(replicas=4))
    pile(cluster, "h1", "shop-web-2", "shop-web-3")
    cluster.hosts["h1"].markers["cordoned"] = "run=x by=ops@laptop since=1 reason=test"

    assert planned(cluster, SOON).is_empty


def test_nobody_who_was_killed_between_start_and_stop_leaves_two_copies() -> None:
    cluster = a_fleet(a_service(replicas=4))
    pile(cluster, "h1", "shop-web-2", "shop-web-3")
    plan = planned(cluster, SOON)
    cut = [batch.title for batch in plan.batches].index("stop the old copies")
    assert carry_out(cluster, dataclasses.replace(plan, batches=plan.batches[:cut])).ok

    again = planned(cluster, SOON)

    assert lines(again, "remove surplus copies")
    assert carry_out(cluster, again).ok
    for _ in range(3):
        assert carry_out(cluster, planned(cluster, SOON)).ok
    assert sorted(per_host(cluster)) == [0, 1, 1, 1, 1]


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([0, 100, 400, 900]), min_size=1, max_size=4),
    replicas=st.lists(st.integers(1, 6), min_size=4, max_size=4),
    memory=st.lists(st.sampled_from([4096, 8192]), min_size=3, max_size=5),
    places=st.lists(st.integers(0, 4), min_size=30, max_size=30),
    zones=st.sampled_from([("",), ("a", "b")]),
)
def test_runs_come_to_rest_and_each_leaves_the_fleet_no_worse(
    sizes: list[int], replicas: list[int], memory: list[int], places: list[int], zones: tuple[str, ...]
) -> None:
    """Nothing moves twice to and fro, no host is filled beyond what it has, and nothing is lost or doubled."""
    services = [
        a_service(f"s{n}", replicas=count, memory_mb=size or None)
        for n, (size, count) in enumerate(zip(sizes, replicas, strict=False))
    ]
    cluster = a_fleet(hosts=len(memory), zones=zones)
    hosts = [
        dataclasses.replace(host, capacity=Capacity(None, size * MIB))
        for host, size in zip(cluster.inventory.hosts, memory, strict=True)
    ]
    cluster.inventory = dataclasses.replace(cluster.inventory, hosts=tuple(hosts))
    project = a_project(*services)
    assume(
        not plan_for(cluster, project).unplaced
    )  # 13 instances of 900 MiB have no room on three small hosts
    put(cluster, project)
    names = sorted(where(cluster))
    for name, place in zip(names, places, strict=False):
        plan = planned(cluster, MoveIntent(name, f"h{place % len(memory) + 1}"))
        if not plan.blocked:
            carry_out(cluster, plan)
    been: dict[str, list[str]] = {name: [host] for name, host in where(cluster).items()}
    for _ in range(30):
        plan = planned(cluster, SOON, a_summary("rebalance", "all"))
        if plan.is_empty:
            break
        assert len(moves(plan)) <= SOON.max_moves
        assert carry_out(cluster, plan).ok
        for name, host in where(cluster).items():
            if been[name][-1] != host:
                been[name].append(host)
    assert planned(cluster, SOON).is_empty
    assert sorted(where(cluster)) == names
    sizes_of = {f"shop-s{n}": size for n, size in enumerate(sizes)}
    used: Counter[str] = Counter()
    for name, host in where(cluster).items():
        used[host] += sizes_of[name.rpartition("-")[0]]
    assert all(used[f"h{n + 1}"] <= size for n, size in enumerate(memory))
