"""What systemd has given up on a host that is well: one other place, once, and then only words."""

from __future__ import annotations

from typing import Any

import pytest

from clusterctl.model.intent import FailoverIntent
from clusterctl.model.plan import Plan
from clusterctl.planning.failover import plan_failover
from clusterctl.planning.unit_header import parse_header
from tests.builders import a_project, a_service
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import DATA, a_fleet, put, where

NAME = "shop-web-1"
UNIT = f"clusterctl-{NAME}.service"


def give_up(cluster: FakeCluster, name: str) -> str:
    """Have systemd give an instance up where it runs; return its host."""
    (host,) = [host for host, fake in cluster.hosts.items() if name in fake.containers]
    fake = cluster.hosts[host]
    del fake.containers[name]
    fake.active[f"clusterctl-{name}.service"] = "failed"
    return host


def fail_over(cluster: FakeCluster, *shunned: str) -> Plan:
    intent = FailoverIntent((), (), shunned)
    return plan_failover(intent, cluster.inventory, cluster.see(), a_summary("failover"))


def test_what_somebody_has_edited_stays_where_it_is() -> None:
    cluster = a_fleet(a_service(replicas=3))
    host = give_up(cluster, NAME)
    cluster.hosts[host].files[UNIT] += "# edited\n"

    plan = fail_over(cluster)

    assert plan.is_empty
    assert plan.notes == (f"failed: {NAME} on {host} (exit-code): its unit was edited by hand",)


def test_it_is_started_elsewhere_once_and_then_only_told() -> None:
    cluster = a_fleet(a_service(replicas=3))
    first = give_up(cluster, NAME)

    plan = fail_over(cluster)

    assert [(c.kind, c.reason) for c in plan.changes] == [
        ("move", f"from {first}: failed there for good (exit-code)")
    ]
    assert carry_out(cluster, plan).ok
    second = where(cluster)[NAME]
    header = parse_header(cluster.hosts[second].files[UNIT])
    assert header
    assert header.failed_on == first
    assert UNIT not in cluster.hosts[first].files
    assert fail_over(cluster).is_empty

    give_up(cluster, NAME)
    again = fail_over(cluster)
    assert again.is_empty
    places = ", ".join(sorted((first, second)))
    assert again.notes == (
        f"failed: {NAME} on {second} (exit-code): it was given another place once, and failed there too ({places})",
    )


def test_a_second_place_where_it_does_not_get_healthy_is_the_last_one() -> None:
    cluster = a_fleet(a_service(replicas=3))
    give_up(cluster, NAME)
    plan = fail_over(cluster)
    cluster.broken_images = {"registry:5000/web:1"}
    assert not carry_out(cluster, plan).ok

    again = fail_over(cluster)

    assert again.changes == ()
    assert "failed there too" in again.notes[0]
    carry_out(cluster, again)
    assert fail_over(cluster).is_empty


def test_a_new_version_has_a_new_chance() -> None:
    cluster = a_fleet(a_service(replicas=3))
    give_up(cluster, NAME)
    carry_out(cluster, fail_over(cluster))
    put(cluster, a_project(a_service(replicas=3, image="registry:5000/web:2")))
    give_up(cluster, NAME)

    assert [change.kind for change in fail_over(cluster).changes] == ["move"]


@pytest.mark.parametrize(
    "fields", [{"mounts": DATA}, {"drain": "refuse"}, {"drain": "interrupt"}, {"singleton": True}]
)
def test_what_does_not_move_is_told(fields: dict[str, Any]) -> None:
    cluster = a_fleet(a_service(**fields))
    host = give_up(cluster, NAME)

    plan = fail_over(cluster)

    assert plan.is_empty
    assert plan.notes == (f"failed: {NAME} on {host} (exit-code): it stays where it is",)


def test_where_all_of_a_service_have_failed_another_place_would_not_help() -> None:
    cluster = a_fleet(a_service(replicas=3))
    for number in (1, 2, 3):
        give_up(cluster, f"shop-web-{number}")

    plan = fail_over(cluster)

    assert plan.is_empty
    assert len(plan.notes) == 3
    assert all(note.endswith("so have all of its service") for note in plan.notes)


def test_one_from_each_host_in_a_run_and_none_from_hosts_that_come_and_go() -> None:
    cluster = a_fleet(a_service(replicas=10), hosts=5)
    homes = where(cluster)
    two = [name for name in homes if homes[name] == "h1"][:2]
    for name in two:
        give_up(cluster, name)

    assert [change.instance.name for change in fail_over(cluster).changes] == two[:1]
    assert fail_over(cluster, "h1").is_empty


def test_what_systemd_starts_again_and_what_an_apply_has_left_is_not_touched() -> None:
    cluster = a_fleet(a_service(replicas=3))
    host = give_up(cluster, NAME)
    cluster.hosts[host].enabled.discard(UNIT)

    assert fail_over(cluster).is_empty
    assert fail_over(cluster).notes == ()
