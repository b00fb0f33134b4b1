"""What may run only once (`x-singleton`): never two at any instant, and not a moment after a boot without leave (I2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from clusterctl.model.fence import FenceDevice
from clusterctl.model.intent import DrainIntent, FailoverIntent, MoveIntent, RebootIntent, ScaleIntent
from clusterctl.model.plan import Plan
from clusterctl.model.service import Constraint, Service
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.operations.execute import execute
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.evacuation import burdened
from clusterctl.planning.failover import plan_failover
from tests.builders import a_project, a_service
from tests.conduct import a_summary, carry_out, conduct_for
from tests.fake_cluster import FakeCluster
from tests.fake_host import KilledError
from tests.planning.fleets import a_fleet, lines, planned, put, where

ONE = a_service("job", singleton=True)
NAME = "shop-job-1"
RUN = a_summary("drain", "h1")


class OnceCluster(FakeCluster):
    """Sees before each effect that the singleton runs at most once, on hosts that are cut off too."""

    looked = 0

    def effect(self) -> None:
        self.check()
        super().effect()

    def check(self) -> None:
        homes = [host for host, fake in self.hosts.items() if NAME in fake.containers]
        assert len(homes) <= 1, homes
        self.looked += 1


def a_watched_fleet(*services: Service, fenced: Sequence[str] = ()) -> OnceCluster:
    plain = a_fleet(hosts=5)
    hosts = [
        dataclasses.replace(host, fence=(FenceDevice("fence_test"),) if host.name in fenced else ())
        for host in plain.inventory.hosts
    ]
    cluster = OnceCluster(dataclasses.replace(plain.inventory, hosts=tuple(hosts)), sorted(plain.registry))
    put(cluster, a_project(*(services or (ONE,))))
    return cluster


def lose(cluster: FakeCluster, host: str) -> None:
    cluster.hosts[host].unreachable = Unreachable(host, "connect", "no answer in 10 s")


def fail_over(cluster: FakeCluster, *hosts: str, off: tuple[str, ...] = ()) -> Plan:
    intent = FailoverIntent(hosts, off)
    return plan_failover(intent, cluster.inventory, cluster.see(), a_summary("failover"))


def home(cluster: FakeCluster) -> str:
    return where(cluster).get(NAME, "")


def test_a_drain_stops_it_before_it_starts_elsewhere() -> None:
    cluster = a_watched_fleet()
    old = home(cluster)

    plan = planned(cluster, DrainIntent((old,)), RUN)

    assert [line for line in lines(plan) if NAME in line] == [
        f"stop what may run only once: stop {NAME} on {old}",
        f"start elsewhere: start {NAME} on h2",
        f"stop the old copies: remove {NAME} from {old}",
    ]
    assert carry_out(cluster, plan).ok
    assert home(cluster) == "h2"
    assert cluster.looked > 5


def test_a_drain_that_is_killed_anywhere_never_makes_two_and_the_same_command_ends_it() -> None:
    effects = 0
    for effects in range(200):
        cluster = a_watched_fleet()
        old = home(cluster)
        cluster.crash_after = cluster.effects + effects
        try:
            carry_out(cluster, planned(cluster, DrainIntent((old,)), RUN))
        except KilledError:
            cluster.crash_after = None
            carry_out(cluster, planned(cluster, DrainIntent((old,)), RUN))
            assert home(cluster) not in {"", old}, effects
        else:
            break
    assert 10 < effects < 199


def test_a_move_and_a_broken_constraint_remove_it_first() -> None:
    cluster = a_watched_fleet()
    assert carry_out(cluster, planned(cluster, MoveIntent(NAME, "h4"))).ok
    assert home(cluster) == "h4"

    put(
        cluster,
        a_project(dataclasses.replace(ONE, constraints=(Constraint("node.hostname", "==", "h5"),))),
    )
    assert home(cluster) == "h5"


def test_it_cannot_be_scaled() -> None:
    plan = planned(a_watched_fleet(), ScaleIntent("shop", "job", 2))

    assert [blocked.reason for blocked in plan.blocked] == ["job may run only once (x-singleton)"]


def test_on_a_lost_host_it_is_held_without_a_fence() -> None:
    cluster = a_watched_fleet()
    old = home(cluster)
    lose(cluster, old)

    plan = fail_over(cluster, old)

    assert plan.is_empty
    assert plan.notes == (
        f"held: {NAME} cannot leave: it may run only once (x-singleton) ({old} is not certain to be off)",
    )
    assert burdened(cluster.see(), cluster.inventory) == frozenset()
    assert [change.kind for change in fail_over(cluster, old, off=(old,)).changes] == ["move"]


def test_a_fenced_host_that_boots_again_does_not_start_it_and_is_cleaned() -> None:
    """Faults row 52."""
    cluster = a_watched_fleet(fenced=["h1"])
    assert home(cluster) == "h1"
    lose(cluster, "h1")
    carry_out(cluster, fail_over(cluster, "h1"))
    assert cluster.fenced == ["h1"]
    assert home(cluster) == "h2"

    cluster.reboot("h1")
    cluster.check()
    cluster.hosts["h1"].unreachable = None
    plan = fail_over(cluster)

    assert [(change.kind, change.host) for change in plan.changes] == [("remove", "h1")]
    carry_out(cluster, plan)
    assert home(cluster) == "h2"
    assert not cluster.hosts["h1"].files


def test_after_a_boot_that_nobody_ordered_the_next_failover_starts_it() -> None:
    cluster = a_watched_fleet()
    old = home(cluster)
    cluster.reboot(old)
    assert home(cluster) == ""

    plan = fail_over(cluster)

    assert [(change.kind, change.host) for change in plan.changes] == [("start", old)]
    assert carry_out(cluster, plan).ok
    assert home(cluster) == old
    assert fail_over(cluster).is_empty


def test_a_copy_on_a_host_that_is_back_waits_while_its_present_home_is_silent() -> None:
    """Nobody knows whether it runs there: neither failover nor apply starts the old copy."""
    cluster = a_watched_fleet(fenced=["h1"])
    lose(cluster, "h1")
    carry_out(cluster, fail_over(cluster, "h1"))
    cluster.reboot("h1")
    cluster.hosts["h1"].unreachable = None
    lose(cluster, "h2")

    for _ in range(2):
        plan = fail_over(cluster)
        assert [change.kind for change in plan.changes] == []
        carry_out(cluster, plan)
    lost = fail_over(cluster, "h2")
    assert [change.kind for change in lost.changes] == []
    assert "h2 is not certain to be off" in lost.notes[0]
    seen = Snapshot({facts.host: facts for facts in cluster.see().seen})
    plan = plan_apply(cluster.inventory, a_project(ONE), seen, ignored=frozenset({"h2"}))
    assert [(change.kind, change.host) for change in plan.changes] == [("remove", "h1")]


@pytest.mark.parametrize("drain", ["interrupt", "move"])
def test_a_reboot_starts_again_what_stayed(drain: str) -> None:
    only_h1 = (Constraint("node.hostname", "==", "h1"),)
    stays = dataclasses.replace(ONE, drain=drain, constraints=only_h1 if drain == "interrupt" else ())  # type: ignore[arg-type]
    cluster = a_watched_fleet(stays)
    run = a_summary("reboot", "h1")

    assert execute(cluster, planned(cluster, RebootIntent(("h1",)), run), conduct_for(cluster)).ok

    assert home(cluster) == ("h1" if drain == "interrupt" else "h2")


def test_a_start_elsewhere_that_fails_leaves_it_stopped_until_failover_lets_it_start() -> None:
    cluster = a_watched_fleet()
    old = home(cluster)
    plan = planned(cluster, DrainIntent((old,)), RUN)
    cluster.broken_images = {"registry:5000/web:1"}
    assert not carry_out(cluster, plan).ok
    assert home(cluster) == ""
    cluster.broken_images = set()

    carry_out(cluster, fail_over(cluster))

    assert home(cluster) != ""


def test_what_answers_nothing_is_not_taken_for_stopped() -> None:
    cluster = a_watched_fleet()
    old = home(cluster)
    cluster.reboot(old)
    cluster.hosts[old].docker = False

    assert fail_over(cluster).is_empty
