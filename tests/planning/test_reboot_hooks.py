"""Reboot: hooks, windows and worst cases, and failures that end it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterctl.model.intent import RebootIntent, Rolling
from clusterctl.model.inventory import Hook, Policy
from clusterctl.model.report import Report
from clusterctl.model.service import HealthCheck
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import ApplyUnit
from clusterctl.model.window import Window
from clusterctl.planning.host_plan import SETTLE_S
from tests.builders import a_service
from tests.conduct import NOW_S, Clock, carry_out, conduct_for
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import (
    a_fleet,
    boots,
    lines,
    marks,
    planned,
    titled,
    where,
)

ALL = ("h1", "h2", "h3", "h4", "h5")
CHECK = HealthCheck(("CMD", "true"), interval_s=5.0, timeout_s=5.0, retries=2)


HOOKS = Policy(
    before=(Hook("lb out", "operator", 20), Hook("sync", "host", 5)), after=(Hook("lb in", "operator", 30),)
)


def test_before_hooks_come_first_with_the_limits_and_after_hooks_before_the_host_is_back() -> None:
    cluster = a_fleet(policy=HOOKS)

    found = planned(cluster, RebootIntent(("h4",)))

    assert lines(found) == [
        "cordon: mark h4 cordoned",
        "before: run 'lb out' on operator about h4",
        "before: run 'sync' on h4 about h4",
        "take out: mark h4 draining",
        "reboot: mark h4 rebooting",
        "reboot: reboot h4",
        "verify: verify h4",
        "after: run 'lb in' on operator about h4",
        "back: unmark h4 cordoned",
        "back: unmark h4 draining",
        "back: unmark h4 updating",
        "back: unmark h4 rebooting",
    ]
    assert [(batch.title, batch.opens) for batch in found.batches if batch.opens] == [("before", ("h4",))]


def test_a_failing_before_hook_leaves_the_host_untouched_and_stops() -> None:
    cluster = a_fleet(a_service(replicas=5), policy=HOOKS)
    cluster.failing_commands.add("sync")
    before = where(cluster), boots(cluster)

    report = carry_out(cluster, planned(cluster, RebootIntent(ALL)))

    assert report.stopped == "batch “before” failed on h4"
    assert (where(cluster), boots(cluster)) == before
    assert marks(cluster)["h4"] == ["cordoned"]


def test_a_failing_after_hook_stops_with_the_host_cordoned() -> None:
    cluster = a_fleet(a_service(replicas=5), policy=HOOKS)
    cluster.failing_commands.add("lb in")

    report = carry_out(cluster, planned(cluster, RebootIntent(ALL)))

    assert report.stopped == "batch “after” failed on the operator"
    assert marks(cluster)["h4"] == ["cordoned", "draining", "rebooting"]


def test_the_worst_case_is_the_drain_the_reboot_settling_soaking_and_the_hooks() -> None:
    service = a_service(replicas=5, healthcheck=CHECK, stop_grace_period_s=40.0)
    cluster = a_fleet(service, policy=HOOKS)

    found = planned(cluster, RebootIntent(("h4",), Rolling(deadline_s=900, soak_s=60)))

    start = titled(found, "start elsewhere").steps[0]
    assert isinstance(start, ApplyUnit)
    assert start.gate_s > 40 + 30
    assert titled(found, "before").worst_s == 900 + SETTLE_S + 60 + (20 + 5 + 30) + (40 + 30) + start.gate_s


def run_at(cluster: FakeCluster, intent: RebootIntent, clock: Clock) -> Report:
    from clusterctl.operations.execute import execute

    found = planned(cluster, intent)
    return execute(cluster, found, replace(conduct_for(cluster), clock=clock, pause=clock.pause))


def test_a_host_whose_worst_case_does_not_fit_into_the_window_is_not_started() -> None:
    cluster = a_fleet()  # deadline 600, settle 300, soak 10
    window = Window((4,), 8 * 60, 910, "UTC")  # NOW_S is Friday, 2027-01-15 08:00
    intent = RebootIntent(("h4",), Rolling(windows=(window,)))
    before = boots(cluster)

    late = run_at(cluster, intent, Clock(NOW_S + 1))
    assert late.stopped == "window Fri 08:00 15m UTC: 15 minutes are left, and this may take 15 at worst"
    assert boots(cluster) == before

    assert run_at(a_fleet(), intent, Clock(NOW_S)).ok


def test_the_window_is_looked_at_before_each_host() -> None:
    cluster = a_fleet(policy=Policy(after=(Hook("sleep"),)))
    window = Window((4,), 8 * 60, 2000, "UTC")
    clock = Clock(NOW_S)
    found = planned(cluster, RebootIntent(("h4", "h5"), Rolling(windows=(window,))))
    slow = replace(
        found,
        batches=tuple(replace(b, pause_s=1800) if b.title == "back" else b for b in found.batches),
    )
    before = boots(cluster)
    from clusterctl.operations.execute import execute

    report = execute(cluster, slow, replace(conduct_for(cluster), clock=clock, pause=clock.pause))

    assert report.stopped.startswith("window Fri 08:00 33m UTC: 3 minutes are left")
    assert [name for name in ALL if boots(cluster)[name] != before[name]] == ["h4"]


# --- failures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "words"),
    [("never_goes_down", "never went down"), ("never_returns", "did not come back")],
)
def test_a_reboot_that_fails_stops_the_run_and_no_other_host_goes(switch: str, words: str) -> None:
    cluster = a_fleet(a_service(replicas=5))
    setattr(cluster.hosts["h4"], switch, True)
    before = boots(cluster)

    report = carry_out(cluster, planned(cluster, RebootIntent(ALL)))

    assert report.stopped == "batch “reboot” failed on h4"
    assert report.failed[0].detail.startswith(words)
    assert [name for name in ("h1", "h2", "h3", "h5") if boots(cluster)[name] != before[name]] == []
    assert len(where(cluster)) == 5


def test_services_that_do_not_come_back_stop_the_run_with_the_host_out() -> None:
    cluster = a_fleet(a_service("agent", mode="global"))
    cluster.hosts["h4"].docker = True
    found = planned(cluster, RebootIntent(ALL))
    cluster.broken_images.add("registry:5000/web:1")

    report = carry_out(cluster, found)

    assert report.stopped == "batch “verify” failed on h4"
    assert marks(cluster)["h4"] == ["cordoned", "draining", "rebooting"]


def test_a_host_that_goes_silent_meanwhile_counts_before_the_next_is_opened() -> None:
    cluster = a_fleet(a_service(replicas=3))
    found = planned(cluster, RebootIntent(("h4", "h5")))
    looks: list[Snapshot] = []

    def look() -> Snapshot:
        from clusterctl.model.snapshot import Unreachable

        looks.append(cluster.see())
        if len(looks) == 2:
            cluster.hosts["h3"].unreachable = Unreachable("h3", "connect", "no answer")
        return cluster.see()

    from clusterctl.operations.execute import execute

    report = execute(cluster, found, conduct_for(cluster, look=look))

    assert report.stopped == "limit: at most 1 hosts out at once, and h3 does not answer (no answer)"
    assert [b.title for b in found.batches[: report.batches_done]][-1] == "back"
