"""What an earlier try has left elsewhere, not well: it is used where it may run, and removed where it may not."""

from __future__ import annotations

from clusterctl.model.intent import RebootIntent
from clusterctl.model.service import Port
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.leaving import depart
from tests.builders import a_project, a_service
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import a_fleet, lines, plan_for, planned, put

PORT = (Port(8080, 8080),)


def two_services_of_one_port() -> FakeCluster:
    """Return web-1 on h1 and api-1 on h2, both with the same port, and two hosts with room."""
    cluster = a_fleet(hosts=4)
    put(cluster, a_project(a_service("api", ports=PORT, replicas=2), a_service("web", replicas=2)))
    return cluster


def leave(cluster: FakeCluster, unit: str, source: str, target: str) -> None:
    """Leave a copy of a unit on another host as a killed run does: written, and not running."""
    old, new = cluster.hosts[source], cluster.hosts[target]
    instance = unit.removeprefix("clusterctl-").removesuffix(".service")
    new.files[unit] = new.loaded[unit] = old.files[unit]
    new.active[unit] = "failed"
    if instance in old.env:
        new.env[instance] = old.env[instance]


def test_a_copy_that_may_run_is_started_again_before_anything_else_takes_its_port() -> None:
    cluster = a_fleet(hosts=3)
    put(cluster, a_project(a_service("api", ports=PORT, replicas=2)))
    free = next(name for name, host in cluster.hosts.items() if not host.containers)
    second = next(n for n, host in cluster.hosts.items() if "shop-api-2" in host.containers)
    leave(cluster, "clusterctl-shop-api-2.service", second, free)

    found = planned(cluster, RebootIntent((second,)))

    assert lines(found, "start elsewhere") == [f"start elsewhere: start shop-api-2 on {free}"]
    assert carry_out(cluster, found).ok


def test_a_copy_whose_port_another_took_is_removed_and_its_instance_goes_where_there_is_room() -> None:
    cluster = two_services_of_one_port()
    homes = {name: h for h, host in cluster.hosts.items() for name in host.containers}
    first, second = homes["shop-api-1"], homes["shop-api-2"]
    leave(cluster, "clusterctl-shop-api-1.service", first, second)

    found = planned(cluster, RebootIntent((first,)))

    starts = lines(found, "start elsewhere")
    assert f"start elsewhere: start shop-api-1 on {second}" not in starts
    assert any(line.startswith("start elsewhere: start shop-api-1 on ") for line in starts)
    assert f"stop the old copies: remove shop-api-1 from {second}" in lines(found)
    assert carry_out(cluster, found).ok
    project = a_project(a_service("api", ports=PORT, replicas=2), a_service("web", replicas=2))
    assert plan_for(cluster, project).is_empty


def test_of_two_copies_that_leave_together_one_is_moved_and_the_other_dropped() -> None:
    cluster = a_fleet(a_service(replicas=2), hosts=5)
    homes = {name: h for h, host in cluster.hosts.items() for name in host.containers}
    first = homes["shop-web-1"]
    leave(cluster, "clusterctl-shop-web-1.service", first, "h5")
    cluster.hosts["h5"].active["clusterctl-shop-web-1.service"] = "active"
    cluster.hosts["h5"].containers["shop-web-1"] = cluster.hosts[first].containers["shop-web-1"]

    found = depart(Forecast(cluster.inventory, cluster.see()), (first, "h5"), returns=True)

    moves = [move for move in found.moves if move.unit.instance.name == "shop-web-1"]
    assert sorted(bool(move.target) for move in moves) == [False, True]
    assert {move.unit.host for move in moves} == {first, "h5"}
    assert found.possible


def test_of_two_copies_that_leave_together_the_one_that_is_well_is_moved() -> None:
    """Whichever host is named first: a replacement is made of the copy that works."""
    cluster = a_fleet(a_service(replicas=2), hosts=5)
    homes = {name: h for h, host in cluster.hosts.items() for name in host.containers}
    first = homes["shop-web-1"]
    leave(cluster, "clusterctl-shop-web-1.service", first, "h5")

    for hosts in (("h5", first), (first, "h5")):
        found = depart(Forecast(cluster.inventory, cluster.see()), hosts, returns=True)
        moved = [m.unit.host for m in found.moves if m.unit.instance.name == "shop-web-1" and m.target]
        assert moved == [first]
