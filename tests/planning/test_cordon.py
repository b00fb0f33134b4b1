"""Cordon, uncordon, drain."""

from __future__ import annotations

from typing import Any

import pytest

from clusterctl.model.intent import CordonIntent, DrainIntent
from clusterctl.model.limit import Limit
from clusterctl.model.plan import Blocked, HostChange
from clusterctl.model.run import RunRecord
from clusterctl.model.snapshot import Unreachable
from clusterctl.planning.runs import render_record
from tests.builders import a_project, a_service
from tests.conduct import a_summary, carry_out
from tests.planning.fleets import DATA, SILENT, a_fleet, lines, opened, plan_for, planned, titled, where

RUN = a_summary("drain", "h4")
BY_OPS = "by=dev@desk\nrun=20270101-000000-cordon-0001\nreason=disk\nsince=0\n"
CHANGED_HANDS = Unreachable("h5", "host-key", "its host key has changed")


# --- cordon and uncordon ------------------------------------------------------------------------


def test_a_cordon_is_a_marker_and_touches_nothing_that_runs() -> None:
    cluster = a_fleet(a_service(replicas=5))

    found = planned(cluster, CordonIntent(("h4", "h5"), reason="disk is replaced"))

    assert lines(found) == ["cordon: mark h4 cordoned", "cordon: mark h5 cordoned"]
    assert found.host_changes[0] == HostChange("cordon", "h4", "disk is replaced")


def test_a_host_that_is_cordoned_stays_cordoned_by_whom_it_was() -> None:
    cluster = a_fleet()
    cluster.hosts["h4"].markers["cordoned"] = BY_OPS

    found = planned(cluster, CordonIntent(("h4",)))

    assert found.is_empty


def test_uncordon_takes_all_our_marks_off_whoever_set_them() -> None:
    cluster = a_fleet()
    cluster.hosts["h4"].markers |= {"cordoned": BY_OPS, "draining": BY_OPS}

    found = planned(cluster, CordonIntent(("h4", "h5"), on=False))

    assert lines(found) == ["uncordon: unmark h4 cordoned", "uncordon: unmark h4 draining"]
    assert found.host_changes == (HostChange("uncordon", "h4", "by hand"),)
    carry_out(cluster, found)
    assert cluster.hosts["h4"].markers == {}


# --- drain --------------------------------------------------------------------------------------


def test_replacements_start_elsewhere_before_the_old_copies_stop() -> None:
    cluster = a_fleet(a_service(replicas=5))

    found = planned(cluster, DrainIntent(("h4",)), RUN)

    assert lines(found) == [
        "cordon: mark h4 cordoned",
        "take out: mark h4 draining",
        "start elsewhere: start shop-web-4 on h1",
        "stop the old copies: remove shop-web-4 from h4",
        *(f"stop the old copies: manifest on h{n}" for n in range(1, 6)),
    ]


def test_a_drained_host_runs_nothing_of_it_and_stays_out() -> None:
    cluster = a_fleet(a_service(replicas=5))
    project = a_project(a_service(replicas=5))

    report = carry_out(cluster, planned(cluster, DrainIntent(("h4",)), RUN))

    assert report.ok
    assert sorted(where(cluster).values()) == ["h1", "h1", "h2", "h3", "h5"]
    assert set(cluster.hosts["h4"].markers) == {"cordoned", "draining"}
    assert planned(cluster, DrainIntent(("h4",)), RUN).is_empty
    assert plan_for(cluster, project).is_empty


def test_an_image_that_the_other_host_lacks_is_pulled_before_anything_starts() -> None:
    cluster = a_fleet(a_service())
    old = where(cluster)["shop-web-1"]

    found = planned(cluster, DrainIntent((old,)), RUN)

    assert [batch.title for batch in found.batches] == [
        "cordon",
        "take out",
        "pull images",
        "start elsewhere",
        "stop the old copies",
    ]


def test_global_instances_stay_and_are_told_of() -> None:
    cluster = a_fleet(a_service("agent", mode="global"))

    found = planned(cluster, DrainIntent(("h4",)), RUN)

    assert lines(found) == ["cordon: mark h4 cordoned", "take out: mark h4 draining"]
    assert [(c.kind, c.instance.name, c.reason) for c in found.changes] == [
        ("interrupt", "shop-agent-4", "a global service has one instance on each host")
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"mounts": DATA}, "volume data holds its data here"),
        ({"drain": "refuse"}, "x-drain: refuse"),
        ({"drain": "refuse", "mode": "global"}, "x-drain: refuse"),
    ],
)
def test_what_must_not_leave_refuses_the_whole_drain_with_the_reason(
    fields: dict[str, Any], reason: str
) -> None:
    cluster = a_fleet(a_service("db", **fields), a_service("web", replicas=5))
    host = where(cluster)["shop-db-1"]

    found = planned(cluster, DrainIntent((host,)), RUN)

    assert found.blocked == (Blocked("guard", host, f"shop-db-1 cannot leave: {reason}"),)
    assert found.batches == ()


def test_x_drain_interrupt_lets_an_instance_with_a_volume_stay_on_the_drained_host() -> None:
    cluster = a_fleet(a_service("db", mounts=DATA, drain="interrupt"))

    found = planned(cluster, DrainIntent((where(cluster)["shop-db-1"],)), RUN)

    assert found.blocked == ()
    assert [(change.kind, change.reason) for change in found.changes] == [("interrupt", "x-drain: interrupt")]


def test_what_no_other_host_can_take_is_listed_before_anything_starts() -> None:
    cluster = a_fleet(a_service(port=80, replicas=5), a_service("one"))

    found = planned(cluster, DrainIntent(("h4",)), RUN)

    assert found.batches == ()
    assert [(item.instance.name, item.refusals[0].reason) for item in found.unplaced] == [
        ("shop-web-3", "port 80/tcp is taken by shop-web-5")
    ]


def test_nothing_moves_onto_a_host_that_is_drained_after_it() -> None:
    cluster = a_fleet(a_service(replicas=5))

    found = planned(cluster, DrainIntent(("h4", "h5"), max_unavailable=Limit(2)), RUN)

    assert lines(found, "start elsewhere") == [
        "start elsewhere: start shop-web-4 on h1",
        "start elsewhere: start shop-web-5 on h2",
    ]


def test_two_projects_do_not_move_to_the_same_port() -> None:
    cluster = a_fleet(a_service(port=80), hosts=3)
    carry_out(cluster, plan_for(cluster, a_project(a_service("api", port=80), name="other")))
    assert where(cluster) == {"shop-web-1": "h1", "other-api-1": "h2"}

    found = planned(cluster, DrainIntent(("h1", "h2"), max_unavailable=Limit(2)), RUN)

    assert {item.instance.name for item in found.unplaced} == {"other-api-1"}


def test_more_hosts_than_the_limit_are_refused_before_anything_starts() -> None:
    cluster = a_fleet(a_service(replicas=5))

    found = planned(cluster, DrainIntent(("h4", "h5")), RUN)

    assert found.blocked == (Blocked("guard", "", "limit: at most 1 hosts out at once, and these are 2"),)


def test_hosts_drained_earlier_count() -> None:
    cluster = a_fleet(a_service(replicas=5))
    assert carry_out(cluster, planned(cluster, DrainIntent(("h4",)), RUN)).ok

    found = planned(cluster, DrainIntent(("h4", "h5")), a_summary("drain", "h4,h5"))

    assert [block.reason for block in found.blocked] == [
        "limit: at most 1 hosts out at once, and h4 is marked draining"
    ]
    wider = planned(cluster, DrainIntent(("h4", "h5"), max_unavailable=Limit(2)), RUN)
    assert opened(wider) == [("h5",)]


def test_a_silent_host_elsewhere_counts_as_out() -> None:
    cluster = a_fleet(a_service(replicas=5))
    cluster.hosts["h4"].unreachable = SILENT

    found = planned(cluster, DrainIntent(("h5",)), RUN)

    assert [block.reason for block in found.blocked] == [
        "limit: at most 1 hosts out at once, and h4 does not answer (no answer within 10 s)"
    ]


@pytest.mark.parametrize(("answer", "kind"), [(SILENT, "unreachable"), (CHANGED_HANDS, "identity")])
def test_a_host_that_does_not_answer_cannot_be_drained(answer: Unreachable, kind: str) -> None:
    cluster = a_fleet(a_service(replicas=5))
    cluster.hosts[answer.host].unreachable = answer

    found = planned(cluster, DrainIntent((answer.host,)), RUN)

    assert [(block.kind, block.host) for block in found.blocked] == [(kind, answer.host)]


def test_a_host_of_another_unfinished_run_is_refused_by_that_runs_name() -> None:
    cluster = a_fleet(a_service(replicas=5))
    other = a_summary("reboot", "all")
    cluster.hosts["h1"].runs[other.id] = render_record(RunRecord(other, DrainIntent(("h4",))))
    cluster.hosts["h4"].markers["rebooting"] = f"by=sre\nrun={other.id}\nreason=\nsince=0\n"

    found = planned(cluster, DrainIntent(("h4",)), RUN)

    assert [(block.host, block.reason) for block in found.blocked] == [
        (
            "h4",
            f"rebooting by run {other.id} (reboot all, running): clusterctl resume {other.id}, or abort it",
        )
    ]


def test_a_killed_drain_is_finished_also_where_only_the_record_is_missing() -> None:
    cluster = a_fleet(a_service(replicas=5))
    found = planned(cluster, DrainIntent(("h4",)), RUN)
    batches = found.batches
    for batch in batches[:-1]:
        cluster.perform(batch, lambda _: None, 0)
    removal = titled(found, "stop the old copies").steps[0]
    cluster.perform(type(batches[-1])("the removal alone", (removal,)), lambda _: None, 0)

    again = planned(cluster, DrainIntent(("h4",)), RUN)

    assert lines(again) == [f"record: manifest on h{n}" for n in range(1, 6)]
    assert carry_out(cluster, again).ok
    assert plan_for(cluster, a_project(a_service(replicas=5))).is_empty


def test_a_copy_that_an_earlier_try_has_started_is_used() -> None:
    cluster = a_fleet(a_service(replicas=5))
    for batch in planned(cluster, DrainIntent(("h4",)), RUN).batches[:-1]:
        cluster.perform(batch, lambda _: None, 0)

    again = planned(cluster, DrainIntent(("h4",)), RUN)

    assert lines(again, "start elsewhere") == []
    assert carry_out(cluster, again).ok
    assert sorted(where(cluster).values()) == ["h1", "h1", "h2", "h3", "h5"]
    assert plan_for(cluster, a_project(a_service(replicas=5))).is_empty


def test_a_copy_that_is_not_well_is_replaced_where_it_is() -> None:
    cluster = a_fleet(a_service(replicas=5))
    for batch in planned(cluster, DrainIntent(("h4",)), RUN).batches[:-1]:
        cluster.perform(batch, lambda _: None, 0)
    cluster.hosts["h1"].active["clusterctl-shop-web-4.service"] = "failed"
    del cluster.hosts["h1"].containers["shop-web-4"]

    again = planned(cluster, DrainIntent(("h4",)), RUN)

    assert lines(again, "start elsewhere") == ["start elsewhere: start shop-web-4 on h1"]
    assert carry_out(cluster, again).ok


def test_a_unit_of_a_half_done_apply_that_no_manifest_knows_is_not_moved_blindly() -> None:
    cluster = a_fleet(a_service(replicas=5))
    new = a_project(a_service(replicas=5, image="registry:5000/web:2"))
    for batch in plan_for(cluster, new).batches[:2]:  # the image, and h1
        cluster.perform(batch, lambda _: None, 0)

    found = planned(cluster, DrainIntent(("h1",)), RUN)

    assert [block.reason for block in found.blocked] == [
        "shop-web-1 is of a version that no manifest knows: finish or abort its apply first"
    ]
