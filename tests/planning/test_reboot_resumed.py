"""Reboot: what a killed run has left, and how the next one goes on from there."""

from __future__ import annotations

import pytest

from clusterctl.model.intent import RebootIntent
from clusterctl.model.plan import Batch, HostChange
from clusterctl.model.step import Reboot, Verify
from clusterctl.planning.host_plan import SETTLE_S
from clusterctl.planning.intents import freeze
from tests.builders import a_project, a_service
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import (
    a_fleet,
    boots,
    lines,
    opened,
    plan_for,
    planned,
    put,
    titled,
)

ALL = ("h1", "h2", "h3", "h4", "h5")
RUN = a_summary("reboot", "all")


def killed_after(cluster: FakeCluster, intent: RebootIntent, title: str, nth: int = 1) -> RebootIntent:
    """Carry a plan out up to and with a batch; return the intent as its record keeps it."""
    frozen = freeze(intent, cluster.see())
    assert isinstance(frozen, RebootIntent)
    done: list[Batch] = []
    for batch in planned(cluster, frozen).batches:
        cluster.perform(batch, lambda _: None, 0)
        done.append(batch)
        if [one.title for one in done].count(title) == nth:
            break
    return frozen


def test_a_host_that_was_rebooted_and_is_still_marked_is_verified_and_brought_back_first() -> None:
    cluster = a_fleet(a_service(replicas=3))
    intent = killed_after(cluster, RebootIntent(("h4", "h5")), "reboot")

    found = planned(cluster, intent)

    assert lines(found)[:3] == ["verify: verify h4", "back: unmark h4 cordoned", "back: unmark h4 draining"]
    assert [step.host for batch in found.batches for step in batch.steps if isinstance(step, Reboot)] == [
        "h5"
    ]


def test_a_host_that_was_brought_back_is_not_rebooted_again() -> None:
    cluster = a_fleet(a_service(replicas=3))
    intent = killed_after(cluster, RebootIntent(("h4", "h5")), "back")

    found = planned(cluster, intent)

    assert [step.host for batch in found.batches for step in batch.steps if isinstance(step, Reboot)] == [
        "h5"
    ]
    assert [change for change in found.host_changes if change.host == "h4"] == []
    assert carry_out(cluster, found).ok
    assert planned(cluster, intent).is_empty


def test_a_host_that_was_taken_out_and_not_rebooted_goes_first() -> None:
    cluster = a_fleet(a_service(replicas=3))
    intent = killed_after(cluster, RebootIntent(("h4", "h5")), "take out", nth=2)

    found = planned(cluster, intent)

    assert opened(found) == [("h5",)]


def test_after_a_verify_that_failed_the_host_is_not_brought_back_until_it_is_well() -> None:
    cluster = a_fleet(a_service("agent", mode="global"))
    cluster.hosts["h4"].failed.add("old.service")
    intent = freeze(RebootIntent(("h4", "h5")), cluster.see())
    found = planned(cluster, intent)
    cluster.broken_images.add("registry:5000/web:1")
    cluster.hosts["h4"].failed.add("new.service")
    assert carry_out(cluster, found).stopped == "batch “verify” failed on h4"

    again = planned(cluster, intent)

    assert titled(again, "verify").steps == (
        Verify(
            "h4",
            ("clusterctl-shop-agent-4.service",),
            ("old.service",),
            SETTLE_S,
            10,
            "nothing may be worse than before",
        ),
    )
    assert carry_out(cluster, again).stopped == "batch “verify” failed on h4"


def test_a_host_that_is_marked_and_needs_no_reboot_any_more_is_brought_back() -> None:
    cluster = a_fleet(a_service(replicas=3))
    mark = f"by=ops\nrun={RUN.id}\nreason=\nsince=0\n"
    cluster.hosts["h4"].markers |= {"cordoned": mark, "draining": mark}

    found = planned(cluster, RebootIntent(("h4",), if_needed=True))

    assert lines(found)[:2] == ["verify: verify h4", "back: unmark h4 cordoned"]


def test_the_plan_tells_a_person_of_each_host() -> None:
    cluster = a_fleet()

    found = planned(cluster, RebootIntent(("h4",)))

    assert found.host_changes == (
        HostChange("cordon", "h4", "reboot: nothing new is placed here meanwhile"),
        HostChange("reboot", "h4", "asked for"),
        HostChange("uncordon", "h4", "done"),
    )


def test_two_projects_are_moved_and_recorded() -> None:
    cluster = a_fleet(a_service(replicas=3))
    other = a_project(a_service("api", replicas=3), name="other")
    put(cluster, other)

    assert carry_out(cluster, planned(cluster, RebootIntent(ALL))).ok

    assert plan_for(cluster, other).is_empty
    assert plan_for(cluster, a_project(a_service(replicas=3))).is_empty


@pytest.mark.parametrize(
    ("by", "left"),
    [("20270101-000000-reboot-aaaa", []), ("20270101-000000-drain-aaaa", ["cordoned", "draining"])],
)
def test_what_an_earlier_reboot_has_left_is_taken_along_and_a_drain_stays(by: str, left: list[str]) -> None:
    """Its record may be on lock hosts that are silent now, so that it is not gone on with."""
    cluster = a_fleet(a_service(replicas=3))
    text = f"by=dev@desk\nrun={by}\nreason=x\nsince=0\n"
    cluster.hosts["h5"].markers |= {"cordoned": text, "draining": text}

    plan = planned(cluster, RebootIntent(("h5",)), a_summary("reboot", "h5"))
    assert carry_out(cluster, plan).ok

    assert sorted(cluster.hosts["h5"].markers) == left
    assert boots(cluster)["h5"] != "boot-h5"
