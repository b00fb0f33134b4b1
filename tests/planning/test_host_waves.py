"""Who goes together, and in which order: no effects here, only waves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterctl.model.host import Host
from clusterctl.model.intent import RebootIntent, Rolling
from clusterctl.model.inventory import Inventory, Policy
from clusterctl.model.limit import Limit
from clusterctl.model.plan import Floor
from clusterctl.model.snapshot import HostFacts, Unreachable
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.host_waves import limits_of, order_hosts
from tests.builders import a_host, a_project, a_service, a_snapshot, an_inventory, facts_of
from tests.planning.fleets import a_fleet, opened, planned, put

EIGHT = [a_host(f"h{n}", zone="ab"[n % 2]) for n in range(1, 9)]
OURS = "by=ops\nrun=20270115-080000-reboot-0001\nreason=\nsince=0\n"


def ordered(inventory: Inventory, *changed: HostFacts | Unreachable, canary: str = "") -> list[str]:
    answers: dict[str, Host | HostFacts | Unreachable] = {host.name: host for host in inventory.hosts}
    answers |= {answer.host: answer for answer in changed}
    return order_hosts(inventory.names, inventory, a_snapshot(*answers.values()), canary)


def test_hosts_go_by_failure_domain_and_name_and_the_lock_hosts_last() -> None:
    inventory = an_inventory(EIGHT)

    assert ordered(inventory) == ["h4", "h6", "h8", "h5", "h7", "h2", "h1", "h3"]


def test_digits_in_names_count_as_numbers() -> None:
    inventory = an_inventory([a_host(f"h{n}") for n in (1, 2, 3, 9, 10, 20)])

    assert ordered(inventory)[:3] == ["h9", "h10", "h20"]


def test_the_lock_hosts_are_those_the_policy_names() -> None:
    inventory = an_inventory(EIGHT, policy=Policy(lock_hosts=("h4", "h6", "h8")))

    assert ordered(inventory)[-3:] == ["h4", "h6", "h8"]


def test_hosts_that_are_out_go_first_then_those_without_docker_then_the_canary() -> None:
    inventory = an_inventory(EIGHT)

    found = ordered(
        inventory,
        facts_of("h8", containers=None),
        facts_of("h7", markers={"draining": OURS}),
        facts_of("h1", markers={"rebooting": OURS}),
        canary="h5",
    )

    assert found == ["h1", "h7", "h8", "h5", "h4", "h6", "h2", "h3"]


def test_a_lock_host_without_docker_still_goes_last() -> None:
    found = ordered(an_inventory(EIGHT), facts_of("h1", containers=None))

    assert found[-3:] == ["h2", "h1", "h3"]


def test_the_canary_may_be_a_lock_host() -> None:
    assert ordered(an_inventory(EIGHT), canary="h3")[0] == "h3"


# --- together -----------------------------------------------------------------------------------


def reboot_all(hosts: int, rolling: Rolling, policy: Policy | None = None) -> list[tuple[str, ...]]:
    cluster = a_fleet(hosts=hosts, zones=("b", "a"), policy=policy)
    return opened(planned(cluster, RebootIntent(cluster.inventory.names, rolling)))


def test_by_default_one_host_is_out_at_a_time() -> None:
    assert reboot_all(5, Rolling()) == [("h4",), ("h5",), ("h2",), ("h1",), ("h3",)]


def test_as_many_as_the_limit_go_together_and_lock_hosts_alone() -> None:
    assert reboot_all(8, Rolling(Limit(2))) == [
        ("h4", "h6"),
        ("h8", "h5"),
        ("h7",),
        ("h2",),
        ("h1",),
        ("h3",),
    ]


def test_a_share_is_of_all_hosts_of_the_inventory() -> None:
    assert reboot_all(8, Rolling(Limit(None, 40)))[0] == ("h4", "h6", "h8")


def test_the_policys_limit_holds_where_the_verb_says_nothing() -> None:
    assert reboot_all(8, Rolling(), Policy(max_unavailable=Limit(3)))[0] == ("h4", "h6", "h8")


def test_a_canary_goes_alone() -> None:
    assert reboot_all(8, Rolling(Limit(3), canary="h7"))[:2] == [("h7",), ("h4", "h6", "h8")]


def test_a_canary_is_not_taken_along_with_hosts_that_are_out_already() -> None:
    cluster = a_fleet(hosts=8)
    cluster.hosts["h8"].markers["draining"] = OURS

    found = planned(cluster, RebootIntent(cluster.inventory.names, Rolling(Limit(3), canary="h7")))

    assert opened(found)[:3] == [("h8", "h4", "h5"), ("h7",), ("h6",)]


def test_per_zone_finishes_one_failure_domain_before_the_next() -> None:
    assert reboot_all(8, Rolling(Limit(2), per_zone=True))[:3] == [("h4", "h6"), ("h8",), ("h5", "h7")]


def test_a_failure_domain_has_a_limit_of_its_own() -> None:
    policy = Policy(max_unavailable=Limit(3), max_unavailable_per_domain=Limit(1))

    assert reboot_all(8, Rolling(), policy)[:3] == [("h4", "h5"), ("h6", "h7"), ("h8",)]


def test_hosts_that_are_out_elsewhere_leave_less_room() -> None:
    cluster = a_fleet(hosts=8)
    cluster.hosts["h8"].unreachable = Unreachable("h8", "connect", "no answer")

    found = planned(cluster, RebootIntent(("h4", "h5", "h6"), Rolling(Limit(2))))

    assert opened(found) == [("h4",), ("h5",), ("h6",)]


def test_fewer_go_together_where_more_would_not_leave_enough_of_a_service() -> None:
    cluster = a_fleet(a_service(port=80, replicas=6), hosts=6)

    found = planned(cluster, RebootIntent(("h4", "h5", "h6"), Rolling(Limit(3))))

    assert opened(found) == [("h4",), ("h5",), ("h6",)]
    assert found.limits is not None
    assert found.limits.floors == (Floor("shop/web", (("shop", "web"),), 5),)


# --- what must hold -----------------------------------------------------------------------------


def test_the_floors_are_replicas_less_what_an_update_takes_out() -> None:
    cluster = a_fleet(
        a_service("one"),
        a_service("all", mode="global"),
        a_service("web", replicas=4),
        hosts=5,
    )

    limits = limits_of(cluster.inventory, Rolling(), Forecast(cluster.inventory, cluster.see()))

    assert limits.floors == (Floor("shop/web", (("shop", "web"),), 3),)


def test_a_quorum_group_spans_services_and_projects_and_may_miss_one() -> None:
    cluster = a_fleet(a_service("a", quorum="etcd"), a_service("b", quorum="etcd"), hosts=5)
    put(cluster, a_project(a_service("c", quorum="etcd"), name="other"))

    limits = limits_of(cluster.inventory, Rolling(), Forecast(cluster.inventory, cluster.see()))

    members = (("other", "c"), ("shop", "a"), ("shop", "b"))
    assert limits.floors == (Floor("quorum etcd", members, 2),)


def test_a_quorum_group_of_a_global_service_has_as_many_members_as_hosts() -> None:
    cluster = a_fleet(a_service("etcd", mode="global", quorum="etcd"), hosts=5)

    limits = limits_of(cluster.inventory, Rolling(), Forecast(cluster.inventory, cluster.see()))

    assert limits.floors == (Floor("quorum etcd", (("shop", "etcd"),), 4),)


def test_two_members_of_a_quorum_never_go_together() -> None:
    cluster = a_fleet(a_service("etcd", mode="global", quorum="etcd"), hosts=6)

    found = planned(cluster, RebootIntent(("h4", "h5", "h6"), Rolling(Limit(3))))

    assert opened(found) == [("h4",), ("h5",), ("h6",)]


@pytest.mark.parametrize("windows", [None, ()])
def test_windows_of_the_verb_stand_before_those_of_the_policy(windows: tuple[()] | None) -> None:
    from clusterctl.model.window import Window

    policy = Policy(windows=(Window((5,), 120, 10_800, "UTC"),))
    cluster = a_fleet(hosts=5, policy=policy)
    rolling = replace(Rolling(), windows=windows)

    limits = limits_of(cluster.inventory, rolling, Forecast(cluster.inventory, cluster.see()))

    assert limits.windows == (policy.windows if windows is None else ())
