"""May these hosts be taken out now? With fresh facts: who is out counts, whoever took it out (I1, I8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterctl.model.limit import Limit
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Batch, Floor, Limits
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.model.window import Window
from clusterctl.planning.limits import hosts_out, may_open
from tests.builders import a_service, a_snapshot, facts_of
from tests.conduct import NOW_S
from tests.planning.fleets import a_fleet, where

ONE = Limits("test", fleet=1)
OPENS_H1 = Batch("take out", (), opens=("h1",), worst_s=600)
SILENT = Unreachable("h3", "connect", "no answer within 10 s")


def marked(host: str, *names: str) -> Snapshot:
    facts = facts_of(host, markers=dict.fromkeys(names, "by=dev\nrun=r1\nreason=\nsince=0\n"))
    return a_snapshot("h1", "h2", "h3", facts)


def test_a_host_may_go_out_while_all_others_are_there() -> None:
    assert may_open(ONE, OPENS_H1, a_snapshot("h1", "h2", "h3"), NOW_S) == ""


def test_a_plan_without_limits_opens_what_it_likes() -> None:
    assert may_open(None, OPENS_H1, a_snapshot("h1", SILENT), NOW_S) == ""


@pytest.mark.parametrize("marker", ["draining", "updating", "rebooting"])
def test_a_host_that_any_run_has_marked_is_out(marker: str) -> None:
    assert may_open(ONE, OPENS_H1, marked("h2", marker), NOW_S) == (
        f"limit: at most 1 hosts out at once, and h2 is marked {marker}"
    )


def test_a_host_that_does_not_answer_is_out() -> None:
    assert may_open(ONE, OPENS_H1, a_snapshot("h1", "h2", SILENT), NOW_S) == (
        "limit: at most 1 hosts out at once, and h3 does not answer (no answer within 10 s)"
    )


def test_a_cordoned_host_still_serves() -> None:
    assert hosts_out(marked("h2", "cordoned")) == {}
    assert may_open(ONE, OPENS_H1, marked("h2", "cordoned"), NOW_S) == ""


def test_the_hosts_to_be_opened_count_once_also_where_they_are_marked_already() -> None:
    assert may_open(ONE, OPENS_H1, marked("h1", "draining"), NOW_S) == ""


def test_more_hosts_than_the_limit_are_not_opened_together() -> None:
    both = replace(OPENS_H1, opens=("h1", "h2"))

    assert may_open(ONE, both, a_snapshot("h1", "h2"), NOW_S) == (
        "limit: at most 1 hosts out at once, and these are 2"
    )
    assert may_open(replace(ONE, fleet=2), both, a_snapshot("h1", "h2"), NOW_S) == ""


def test_a_host_that_fell_silent_since_is_not_opened() -> None:
    assert may_open(ONE, replace(OPENS_H1, opens=("h3",)), a_snapshot("h1", SILENT), NOW_S) == (
        "h3 does not answer any more"
    )


def test_the_limit_of_a_failure_domain_holds_beside_that_of_the_fleet() -> None:
    zones = (("h1", "a"), ("h2", "a"), ("h3", "b"))
    limits = Limits("test", fleet=2, per_domain=Limit(1), domains=zones)

    assert may_open(limits, OPENS_H1, marked("h2", "rebooting"), NOW_S) == (
        "limit: at most 1 hosts of a out at once, and 2 would be"
    )
    assert may_open(limits, OPENS_H1, a_snapshot("h1", "h2", SILENT), NOW_S) == ""


def test_a_share_of_a_domain_rounds_down_and_is_never_less_than_one() -> None:
    zones = tuple((f"h{n}", "a") for n in range(1, 6))
    limits = Limits("test", fleet=5, per_domain=Limit(None, 50), domains=zones)
    hosts = [f"h{n}" for n in range(1, 6)]

    assert may_open(limits, Batch("", (), opens=("h1", "h2")), a_snapshot(*hosts), NOW_S) == ""
    assert may_open(limits, Batch("", (), opens=("h1", "h2", "h3")), a_snapshot(*hosts), NOW_S) != ""
    assert Limit(None, 10).of(5) == 1


def test_a_service_keeps_its_floor() -> None:
    cluster = a_fleet(a_service(port=80, replicas=3), hosts=3)
    limits = replace(ONE, floors=(Floor("shop/web", (("shop", "web"),), 2),))
    batch = replace(OPENS_H1, interrupts=(Instance("shop", "web", 1),))

    assert where(cluster)["shop-web-1"] == "h1"
    assert may_open(limits, batch, cluster.see(), NOW_S) == ""

    cluster.hosts["h2"].active["clusterctl-shop-web-2.service"] = "failed"
    assert may_open(limits, batch, cluster.see(), NOW_S) == (
        "limit: shop/web needs 2 instances, and 1 would be left"
    )


def test_who_interrupts_nothing_that_is_well_is_not_held_up_by_a_service_that_is_ill_already() -> None:
    cluster = a_fleet(a_service(port=80, replicas=3), hosts=3)
    limits = replace(ONE, floors=(Floor("shop/web", (("shop", "web"),), 2),))
    for host in ("h1", "h2"):
        cluster.hosts[host].active[f"clusterctl-shop-web-{host[1]}.service"] = "failed"

    assert (
        may_open(limits, replace(OPENS_H1, interrupts=(Instance("shop", "web", 1),)), cluster.see(), 0) == ""
    )


def test_the_window_is_asked_with_the_batchs_worst_case() -> None:
    friday = Window((4,), 8 * 60, 900, "UTC")  # NOW_S is Friday, 2027-01-15 08:00
    limits = replace(ONE, windows=(friday,))

    assert may_open(limits, replace(OPENS_H1, worst_s=900), a_snapshot("h1"), NOW_S) == ""
    assert may_open(limits, replace(OPENS_H1, worst_s=901), a_snapshot("h1"), NOW_S) == (
        "window Fri 08:00 15m UTC: 15 minutes are left, and this may take 15 at worst"
    )
