"""A witness counts towards majorities and sees others, but runs nothing: what a fleet of two hosts needs."""

from __future__ import annotations

import dataclasses

from clusterctl.model.intent import FailoverIntent, RebalanceIntent
from clusterctl.model.snapshot import Unreachable
from clusterctl.planning.doctor import find_complaints
from clusterctl.planning.failover import plan_failover
from clusterctl.planning.verdicts import sight
from tests.builders import a_host, a_project, a_service, an_inventory
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import plan_for, planned, put, where


def a_pair(*, witness: bool = True) -> FakeCluster:
    """Return two hosts and a third machine without docker."""
    third = dataclasses.replace(a_host("w1"), witness=witness)
    cluster = FakeCluster(an_inventory([a_host("h1"), a_host("h2"), third]))
    cluster.hosts["w1"].docker = False
    put(cluster, a_project(a_service(replicas=2), a_service("agent", mode="global")))
    return cluster


def test_nothing_is_placed_on_it() -> None:
    cluster = a_pair()

    assert set(where(cluster).values()) == {"h1", "h2"}
    full = plan_for(cluster, a_project(a_service(port=80, replicas=3)))
    assert ("w1", "is a witness: it runs nothing") in {
        (refusal.host, refusal.reason) for item in full.unplaced for refusal in item.refusals
    }


def test_with_it_one_of_two_hosts_is_evacuated() -> None:
    cluster = a_pair()
    cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "no answer in 10 s")

    plan = plan_failover(FailoverIntent(("h2",)), cluster.inventory, cluster.see(), a_summary("failover"))

    assert {(change.kind, change.host) for change in plan.changes} == {("move", "h1")}
    assert carry_out(cluster, plan).ok


def test_it_needs_no_docker_to_be_well() -> None:
    cluster = a_pair()
    snapshot, witnesses = cluster.see(), cluster.inventory.witnesses

    assert sight(snapshot, "test", witnesses).rungs["w1"].name == ""
    assert sight(snapshot, "test").rungs["w1"].name == "docker"
    assert not [one for one in find_complaints(cluster.inventory, snapshot) if one.kind == "docker"]
    assert plan_for(cluster, a_project(a_service(replicas=2))).notes == ()


def test_it_is_no_empty_host_for_a_rebalance() -> None:
    plan = planned(a_pair(), RebalanceIntent(min_age_s=0))

    assert plan.is_empty
    assert "mean 50 %" in plan.notes[0] or "mean 100 %" in plan.notes[0]
