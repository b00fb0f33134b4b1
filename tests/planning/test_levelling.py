"""New instances change places before anything is carried out: hosts get less full, and nothing else gets worse."""

from __future__ import annotations

import random
from dataclasses import replace

from clusterctl.model.host import Host
from clusterctl.model.service import Constraint, Port, Service
from clusterctl.planning.explain import scenes_of
from clusterctl.planning.scheduler import Scheduler
from tests.bench_places import a_mixed_fleet, a_mixed_project, bound, load, skew
from tests.builders import a_host, a_project, a_service
from tests.planning.test_strategies import a_cluster, placed, where
from tests.planning.worlds import apply, look, plan

TWO = [a_host("h1", memory_mb=1000), a_host("h2", memory_mb=1000)]
SIZES_MB = {"a": 300, "b": 300, "c": 200, "d": 200, "e": 200}
"""One after the other, largest first, these fill h1 with 700 MB and h2 with 500."""


def five() -> list[Service]:
    """Return five services of which the best halves are 600 MB each."""
    return [a_service(name, memory_mb=size) for name, size in SIZES_MB.items()]


def filled(found: dict[str, str]) -> dict[str, int]:
    """Return how many MB are on each host."""
    return {h: sum(SIZES_MB.get(one[0], 0) for one, host in found.items() if host == h) for h in ("h1", "h2")}


def test_new_instances_are_exchanged_until_no_host_is_much_fuller() -> None:
    found = placed(*five(), on=TWO)

    assert found == {"a-1": "h2", "b-1": "h2", "c-1": "h1", "d-1": "h1", "e-1": "h1"}
    assert filled(found) == {"h1": 600, "h2": 600}


def test_an_instance_that_would_be_elsewhere_by_itself_says_so() -> None:
    sizes = {"a": (1, 200), "b": (0.5, 100), "c": (2, 200), "d": (0.5, 400), "e": (0.1, 400), "f": (1, 300)}
    services = [a_service(name, cpus=cpus, memory_mb=mb) for name, (cpus, mb) in sizes.items()]
    cluster = a_cluster([a_host("h1", memory_mb=2000), a_host("h2", memory_mb=2000)])
    scene = scenes_of(cluster.inventory, cluster.see(), a_project(*services))["shop"]

    told = {one.instance.service: (one.host, one.why) for one in map(scene.explain, scene.instances)}

    assert told["e"] == (
        "h1",
        "runs nowhere yet; the best for all new instances together; by itself it would go to h2",
    )
    assert told["a"][1] == "runs nowhere yet; of the hosts that may have it this is the best"
    moved = next(one for one in scene.instances if one.service == "e")
    assert scene.explain(moved, frozenset({"h1"})).why == told["e"][1]


def test_what_runs_does_not_change_places_with_what_is_new() -> None:
    cluster = a_cluster(TWO)
    apply(cluster, a_project(*five()[:4]))

    assert where(plan(cluster, a_project(*five()))) == {"e-1": "h1"}


def test_instances_are_not_exchanged_where_they_would_be_spread_less() -> None:
    """Each host has one of both large ones; the small ones are two and one, as three must be."""
    services = [a_service("a", replicas=2, memory_mb=300), a_service("c", replicas=3, memory_mb=200)]

    found = placed(*services, on=TWO)

    assert filled(found) == {"h1": 700, "h2": 500}
    assert {found["a-1"], found["a-2"]} == {"h1", "h2"}


def test_instances_with_a_port_on_two_addresses_are_exchanged_too() -> None:
    ports = (Port(80, 8080, "tcp", "127.0.0.1"), Port(80, 8080, "tcp", "10.0.0.1"))
    first, *others = five()

    assert filled(placed(replace(first, ports=ports), *others, on=TWO)) == {"h1": 600, "h2": 600}


def test_instances_are_not_exchanged_against_a_rule() -> None:
    first, second, *small = five()
    large = [
        replace(one, constraints=(Constraint("node.hostname", "==", host),))
        for one, host in ((first, "h1"), (second, "h2"))
    ]

    assert filled(placed(*large, *small, on=TWO)) == {"h1": 700, "h2": 500}


def test_a_cordoned_host_gets_nothing_in_exchange() -> None:
    cluster = a_cluster([*TWO, a_host("h3", memory_mb=1000)])
    cluster.hosts["h3"].markers["cordoned"] = "ops"

    assert filled(where(plan(cluster, a_project(*five())))) == {"h1": 600, "h2": 600}


def test_nothing_is_exchanged_where_something_is_packed_or_keeps_places_free() -> None:
    """Their hosts are full on purpose, or have room on purpose."""
    packed = a_service("f", memory_mb=1, strategy="pack")
    roomy = a_service("f", memory_mb=1, strategy="headroom")

    assert filled(placed(*five(), packed, on=TWO)) == {"h1": 700, "h2": 500}
    assert filled(placed(*five(), roomy, on=TWO)) == {"h1": 700, "h2": 500}


def mixed(seed: int, hosts: int, instances: int, fill: float) -> tuple[float, int]:
    """Return how far the peak is above the bound, in percent, and the most that zones differ for a service."""
    rng = random.Random(seed)  # noqa: S311 - the same fleet each time
    cluster = a_mixed_fleet(hosts, "spread", rng)
    project = a_mixed_project(cluster, instances, fill, rng)
    scheduler = Scheduler(cluster.inventory, project, look(cluster, project), ())
    result = scheduler.run({})
    assert not result.unplaced
    rooms = list(scheduler.rooms.values())
    return 100 * (max(map(load, rooms)) / bound(rooms) - 1), skew(project, cluster, result.placed)


def test_a_thousand_hosts_of_mixed_sizes_are_within_two_percent_of_the_bound() -> None:
    """The worst of the fleets of `make bench`: one after the other they would be 2.4 % above, exchanged 1.6 %."""
    above, most = mixed(seed=4, hosts=1000, instances=10_000, fill=0.6)

    assert above <= 2
    assert most == 1


def test_a_fleet_in_any_order_gets_the_same_placements() -> None:
    """Exchanges and all."""
    rng = random.Random(2)  # noqa: S311 - the same fleet each time
    cluster = a_mixed_fleet(40, "spread", rng)
    project = a_mixed_project(cluster, 400, 0.6, rng)
    hosts: list[Host] = list(cluster.inventory.hosts)
    services = list(project.services)
    rng.shuffle(hosts)
    rng.shuffle(services)
    first = plan(cluster, project)

    shuffled = a_cluster(hosts)

    assert plan(shuffled, replace(project, services=tuple(services))) == first
