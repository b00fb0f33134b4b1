"""Reboot: who needs one, and what forbids it before anything starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterctl.model.intent import RebootIntent, Rolling
from clusterctl.model.limit import Limit
from clusterctl.model.run import RunRecord
from clusterctl.planning.reboot import reason_to_reboot
from clusterctl.planning.runs import render_record
from tests.builders import a_service, facts_of
from tests.conduct import a_summary, carry_out
from tests.planning.fleets import (
    a_fleet,
    opened,
    planned,
)

ALL = ("h1", "h2", "h3", "h4", "h5")
BY_OPS = "by=dev@desk\nrun=20270101-000000-cordon-0001\nreason=disk\nsince=0\n"


@pytest.mark.parametrize(
    ("intent", "reason"),
    [
        (RebootIntent(()), "asked for"),
        (RebootIntent((), if_needed=True), "a new kernel is installed, linux-base"),
        (RebootIntent((), uptime_over_s=30 * 86_400), "up for more than 30 days"),
        (RebootIntent((), uptime_over_s=40 * 86_400), ""),
        (
            RebootIntent((), if_needed=True, uptime_over_s=30 * 86_400),
            "a new kernel is installed, linux-base, up for more than 30 days",
        ),
    ],
)
def test_why_a_host_is_rebooted(intent: RebootIntent, reason: str) -> None:
    facts = facts_of("h1", uptime_s=31 * 86_400, reboot_reasons=("a new kernel is installed", "linux-base"))

    assert reason_to_reboot(intent, facts) == reason


def test_if_needed_leaves_the_others_alone_and_says_so() -> None:
    cluster = a_fleet(a_service(replicas=3))
    intent = RebootIntent(("h4", "h5"), if_needed=True)

    found = planned(cluster, intent)

    assert found.is_empty
    assert found.notes == ("h4: no reboot is needed", "h5: no reboot is needed")


# --- limits before anything starts ----------------------------------------------------------------


def test_a_drained_host_leaves_no_room_for_others_under_a_limit_of_one() -> None:
    cluster = a_fleet(a_service(replicas=3))
    cluster.hosts["h4"].markers |= {"cordoned": BY_OPS, "draining": BY_OPS}

    assert [block.reason for block in planned(cluster, RebootIntent(ALL)).blocked] == [
        "limit: at most 1 hosts out at once, and h4 is marked draining"
    ]
    assert [block.reason for block in planned(cluster, RebootIntent(("h5",))).blocked] == [
        "limit: at most 1 hosts out at once, and h4 is marked draining"
    ]
    assert opened(planned(cluster, RebootIntent(ALL, Rolling(Limit(2)))))[0] == ("h4", "h5")


def test_a_drained_host_itself_may_be_rebooted_and_stays_drained() -> None:
    cluster = a_fleet(a_service(replicas=3))
    cluster.hosts["h4"].markers |= {"cordoned": BY_OPS, "draining": BY_OPS}

    assert carry_out(cluster, planned(cluster, RebootIntent(("h4",)))).ok

    assert cluster.hosts["h4"].markers == {"cordoned": BY_OPS, "draining": BY_OPS}


def test_hosts_of_another_unfinished_run_are_refused_and_those_of_a_finished_one_are_not() -> None:
    cluster = a_fleet(a_service(replicas=3))
    other = a_summary("update", "h4")
    cluster.hosts["h4"].markers["updating"] = f"by=sre\nrun={other.id}\nreason=\nsince=0\n"

    def keep(state: str) -> None:
        record = RunRecord(replace(other, state=state), RebootIntent(("h4",)))  # type: ignore[arg-type]
        cluster.hosts["h1"].runs[other.id] = render_record(record)

    keep("stopped")
    assert [block.reason for block in planned(cluster, RebootIntent(("h4",))).blocked] == [
        f"updating by run {other.id} (update h4, stopped): clusterctl resume {other.id}, or abort it"
    ]

    keep("done")
    assert planned(cluster, RebootIntent(("h4",))).blocked == ()


def test_a_host_that_left_the_inventory_since_is_named() -> None:
    found = planned(a_fleet(hosts=3), RebootIntent(("h3", "h9")))

    assert [(block.host, block.reason) for block in found.blocked] == [
        ("h9", "is not in the inventory (any more)")
    ]
