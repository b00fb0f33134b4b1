"""Hosts on the way to others: last and alone, and not rebooted while the lock is held through them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterctl.model.host import Hop
from clusterctl.model.intent import Intent, PlaybookStep, RebootIntent, Rolling, StepsIntent
from clusterctl.model.limit import Limit
from tests.builders import a_service
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import a_fleet, opened, planned

ALL = ("h1", "h2", "h3", "h4", "h5", "h6", "h7")
WORK = (PlaybookStep("drain"), PlaybookStep("reboot"), PlaybookStep("uncordon"))


def behind(cluster: FakeCluster, jump: str, *names: str) -> FakeCluster:
    """Have some hosts reached through another one."""
    hop = Hop(jump, jump)
    hosts = tuple(replace(h, jumps=(hop,)) if h.name in names else h for h in cluster.inventory.hosts)
    cluster.inventory = replace(cluster.inventory, hosts=hosts)
    return cluster


def intents() -> list[Intent]:
    rolling = Rolling(Limit(2))
    return [
        RebootIntent(ALL, rolling=rolling),
        StepsIntent("work", ALL, WORK, serial=(Limit(2),), rolling=rolling),
    ]


@pytest.mark.parametrize("intent", intents(), ids=["reboot", "steps"])
def test_a_jump_host_goes_after_the_others_and_alone(intent: Intent) -> None:
    cluster = behind(a_fleet(hosts=7), "h5", "h6", "h7")

    found = planned(cluster, intent)

    assert opened(found) == [("h4", "h6"), ("h7",), ("h1",), ("h2",), ("h3",), ("h5",)]


@pytest.mark.parametrize("intent", intents(), ids=["reboot", "steps"])
def test_the_way_to_most_lock_hosts_is_not_rebooted(intent: Intent) -> None:
    cluster = behind(a_fleet(a_service(), hosts=7), "h5", "h1", "h2")

    found = planned(cluster, intent)

    (block,) = found.blocked
    assert block.host == "h5"
    assert block.reason.startswith("is the way to h1, h2: most lock hosts would be lost while it reboots")
    assert found.batches == ()


def test_the_way_to_a_few_of_them_is() -> None:
    cluster = behind(a_fleet(hosts=7), "h5", "h1", "h7")

    assert planned(cluster, RebootIntent(("h5",))).blocked == ()


def test_a_lock_host_that_is_the_way_to_another_one_counts_with_it() -> None:
    cluster = behind(a_fleet(hosts=7), "h1", "h2")

    assert [block.host for block in planned(cluster, RebootIntent(("h1",))).blocked] == ["h1"]
