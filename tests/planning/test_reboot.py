"""Reboot: per host and in order, and nothing opened too early."""

from __future__ import annotations

from clusterctl.model.intent import RebootIntent, Rolling
from clusterctl.model.service import HealthCheck
from clusterctl.model.step import Verify
from clusterctl.planning.host_plan import SETTLE_S
from tests.builders import a_project, a_service
from tests.conduct import carry_out
from tests.planning.fleets import (
    DATA,
    a_fleet,
    boots,
    lines,
    marks,
    opened,
    plan_for,
    planned,
    titled,
    where,
)

ALL = ("h1", "h2", "h3", "h4", "h5")
BY_OPS = "by=dev@desk\nrun=20270101-000000-cordon-0001\nreason=disk\nsince=0\n"
CHECK = HealthCheck(("CMD", "true"), interval_s=5.0, timeout_s=5.0, retries=2)


def test_a_host_is_cordoned_emptied_rebooted_verified_and_brought_back() -> None:
    cluster = a_fleet(a_service(replicas=5))

    found = planned(cluster, RebootIntent(("h4",)))

    assert lines(found) == [
        "cordon: mark h4 cordoned",
        "take out: mark h4 draining",
        "start elsewhere: start shop-web-4 on h1",
        "stop the old copies: remove shop-web-4 from h4",
        *(f"stop the old copies: manifest on {host}" for host in ALL),
        "reboot: mark h4 rebooting",
        "reboot: reboot h4",
        "verify: verify h4",
        "back: unmark h4 cordoned",
        "back: unmark h4 draining",
        "back: unmark h4 updating",
        "back: unmark h4 rebooting",
    ]


def test_all_hosts_of_the_run_are_cordoned_before_the_first_is_emptied() -> None:
    cluster = a_fleet(a_service(replicas=5))

    found = planned(cluster, RebootIntent(("h3", "h4", "h5")))

    assert lines(found)[:3] == [f"cordon: mark {host} cordoned" for host in ("h3", "h4", "h5")]
    assert lines(found, "start elsewhere") == [
        "start elsewhere: start shop-web-4 on h1",
        "start elsewhere: start shop-web-5 on h4",
        "start elsewhere: start shop-web-3 on h5",
    ]


def test_nothing_moves_onto_a_host_whose_turn_comes_later_while_others_have_room() -> None:
    cluster = a_fleet(a_service(replicas=3))  # h4 and h5 run nothing and would be the best places

    found = planned(cluster, RebootIntent(("h3", "h4", "h5"), Rolling(canary="h3")))

    assert opened(found) == [("h3",), ("h4",), ("h5",)]
    assert lines(found, "start elsewhere") == ["start elsewhere: start shop-web-3 on h1"]


def test_what_only_hosts_can_take_whose_turn_comes_later_moves_twice_rather_than_not_run() -> None:
    cluster = a_fleet(a_service("one"), hosts=5)
    first = where(cluster)["shop-one-1"]
    intent = RebootIntent(ALL, Rolling(canary=first))

    found = planned(cluster, intent)

    assert (found.blocked, found.unplaced) == ((), ())
    assert [change.kind for change in found.changes] == ["move", "move"]
    assert carry_out(cluster, found).ok
    assert len(where(cluster)) == 1


def test_everything_runs_again_when_all_are_rebooted_and_nothing_is_left_to_do() -> None:
    services = (
        a_service("web", replicas=3, healthcheck=CHECK),
        a_service("api", environment={"KEY": "secret"}),
        a_service("front", port=80, replicas=4),
        a_service("agent", mode="global"),
        a_service("db", mounts=DATA, drain="interrupt"),
    )
    cluster = a_fleet(*services)
    before = boots(cluster)

    report = carry_out(cluster, planned(cluster, RebootIntent(ALL)))

    assert report.ok
    assert all(boots(cluster)[name] != before[name] for name in ALL)
    assert len(where(cluster)) == 14
    assert marks(cluster) == {}
    assert plan_for(cluster, a_project(*services)).is_empty


def test_an_instance_with_environment_may_move_twice() -> None:
    cluster = a_fleet(a_service("api", environment={"KEY": "secret"}), hosts=3)

    found = planned(cluster, RebootIntent(("h1", "h2", "h3")))

    assert found.blocked == ()
    assert carry_out(cluster, found).ok


def test_a_host_that_was_cordoned_before_the_run_stays_cordoned() -> None:
    cluster = a_fleet(a_service(replicas=3))
    cluster.hosts["h5"].markers["cordoned"] = BY_OPS

    found = planned(cluster, RebootIntent(ALL))
    report = carry_out(cluster, found)

    assert report.ok
    assert "back: unmark h5 cordoned" not in lines(found)
    assert marks(cluster) == {"h5": ["cordoned"]}
    assert cluster.hosts["h5"].markers["cordoned"] == BY_OPS
    assert "h5" not in where(cluster).values()


def test_global_instances_stay_until_the_reboot_and_are_verified_after_it() -> None:
    cluster = a_fleet(a_service("agent", mode="global"))

    found = planned(cluster, RebootIntent(("h4",)))

    assert lines(found, "stop the old copies") == []
    assert titled(found, "verify").steps == (
        Verify(
            "h4", ("clusterctl-shop-agent-4.service",), (), SETTLE_S, 10, "nothing may be worse than before"
        ),
    )


def test_what_was_failed_before_need_not_be_well_afterwards() -> None:
    cluster = a_fleet(a_service("agent", mode="global"))
    cluster.hosts["h4"].failed.add("backup.service")
    cluster.hosts["h4"].active["clusterctl-shop-agent-4.service"] = "failed"

    found = planned(cluster, RebootIntent(("h4",)))

    step = titled(found, "verify").steps[0]
    assert isinstance(step, Verify)
    assert step.units == ()
    assert step.failed_before == ("backup.service", "clusterctl-shop-agent-4.service")


def test_one_replica_with_a_volume_refuses_the_reboot_before_anything_starts() -> None:
    cluster = a_fleet(a_service("db", mounts=DATA), a_service("web", replicas=5))
    host = where(cluster)["shop-db-1"]

    found = planned(cluster, RebootIntent(ALL))

    assert [(block.host, block.reason) for block in found.blocked] == [
        (host, "shop-db-1 cannot leave: volume data holds its data here")
    ]
    assert found.batches == ()


def test_with_x_drain_interrupt_it_is_down_while_its_host_is_out_and_the_plan_says_so() -> None:
    cluster = a_fleet(a_service("db", mounts=DATA, drain="interrupt"))
    host = where(cluster)["shop-db-1"]

    found = planned(cluster, RebootIntent((host,)))

    assert titled(found, "take out").interrupts == (titled(found, "take out").interrupts[0],)
    assert [(c.kind, c.instance.name, c.reason) for c in found.changes] == [
        ("interrupt", "shop-db-1", "x-drain: interrupt")
    ]


def test_what_fits_nowhere_else_stays_as_far_as_its_service_keeps_enough() -> None:
    cluster = a_fleet(a_service(port=80, replicas=5))

    found = planned(cluster, RebootIntent(ALL))

    assert found.blocked == ()
    assert {change.reason for change in found.changes} == {"no other host can take it"}
    assert len(opened(found)) == 5


def test_a_service_that_is_short_already_keeps_its_hosts() -> None:
    cluster = a_fleet(a_service(port=80, replicas=5))
    cluster.hosts["h1"].active["clusterctl-shop-web-1.service"] = "failed"

    found = planned(cluster, RebootIntent(("h4", "h5")))

    assert len(found.blocked) == 1
    assert found.blocked[0].reason.startswith(
        "shop/web needs 4 instances, and 3 would be left without shop-web-"
    )
