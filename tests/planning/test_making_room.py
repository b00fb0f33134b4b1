"""Room for what fits nowhere: who moves away for whom, in which order, and what is never moved."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterctl.model.intent import FailoverIntent, MoveIntent
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Plan
from clusterctl.model.service import Constraint, Mount, Service, Volume
from clusterctl.planning.failover import plan_failover
from clusterctl.planning.losses import find_losses
from clusterctl.planning.vacancies import BOTH, Vacancies
from tests.builders import MIB, a_project, a_service
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.fake_host import KilledError
from tests.planning import fleets
from tests.planning.fleets import DATA, a_fleet, lines, put
from tests.planning.full_fleets import FullFleet, a_full_fleet
from tests.planning.test_failover import lose, where

UNIT = "clusterctl-shop-small-1.service"


def planned(cluster: FakeCluster, *hosts: str, room: int = 9, off: tuple[str, ...] = ()) -> Plan:
    intent = FailoverIntent(hosts, off, make_room=room)
    return plan_failover(intent, cluster.inventory, cluster.see(), a_summary("failover"))


class Tight:
    """Three hosts of 4096 MiB: one with `mid` (2000), one with `small` (1500), and a lost one that had `big` (3000).

    `big` has room where `small` is, once that is beside `mid`.
    """

    def __init__(self, small: dict[str, Any] | None = None, **big: Any) -> None:
        services = (
            a_service("mid", memory_mb=2000, drain="refuse"),
            a_service("small", memory_mb=1500, **(small or {})),
            a_service("big", memory_mb=3000, **big),
        )
        self.cluster = a_fleet(*services, hosts=3)
        self.cluster.clock_s += 7200
        self.mid, self.small, self.big = (self.where[name] for name in ("mid", "small", "big"))
        assert len({self.mid, self.small, self.big}) == 3
        lose(self.cluster, self.big)

    @property
    def where(self) -> dict[str, str]:
        """The host of each service's instance, on hosts that answer."""
        return {name.split("-")[1]: host for name, host in where(self.cluster).items()}

    @property
    def there(self) -> bool:
        """Whether everything is where it should be in the end."""
        return self.where == {"mid": self.mid, "small": self.mid, "big": self.small}

    def plan(self, room: int = 9, off: tuple[str, ...] = ()) -> Plan:
        """Return the plan of a failover."""
        return planned(self.cluster, self.big, room=room, off=off)


def test_off_unless_asked_for() -> None:
    fleet = Tight()

    plan = fleet.plan(room=0)

    assert plan.is_empty
    assert [note.split(" (")[0] for note in plan.notes] == ["no place: shop-big-1"]
    assert "2096 MiB left to reserve" in plan.notes[0]


def test_a_replacement_starts_then_the_old_copy_stops_then_the_one_in_need_starts() -> None:
    fleet = Tight()

    plan = fleet.plan()

    assert [line for line in lines(plan) if "pull" not in line and "manifest" not in line] == [
        f"start elsewhere: start shop-small-1 on {fleet.mid}",
        f"stop the old copies: remove shop-small-1 from {fleet.small}",
        f"start elsewhere: start shop-big-1 on {fleet.small}",
    ]
    assert [(change.instance.name, change.host, change.reason) for change in plan.changes] == [
        ("shop-small-1", fleet.mid, f"from {fleet.small}: makes room for shop-big-1"),
        ("shop-big-1", fleet.small, f"from {fleet.big}"),
    ]
    assert plan.notes == ()
    assert carry_out(fleet.cluster, plan).ok
    assert fleet.there
    assert fleet.plan().is_empty


@pytest.mark.parametrize(
    "small", [{"mounts": DATA}, {"drain": "interrupt"}, {"drain": "refuse"}, {"priority": 8}]
)
def test_what_never_moves_for_another(small: dict[str, Any]) -> None:
    plan = Tight(small, priority=7).plan()

    assert plan.is_empty
    assert [note.split(" (")[0] for note in plan.notes] == ["no place: shop-big-1"]


@pytest.mark.parametrize("priority", [0, 7])
def test_a_priority_as_high_moves_and_loses_nothing(priority: int) -> None:
    plan = Tight({"priority": priority}, priority=7).plan()

    assert [change.instance.name for change in plan.changes] == ["shop-small-1", "shop-big-1"]


def test_what_was_started_within_half_an_hour_stays() -> None:
    fleet = Tight()
    since = fleet.cluster.hosts[fleet.small].since
    since[UNIT] = fleet.cluster.clock_s - 1799
    assert fleet.plan().is_empty

    since[UNIT] = fleet.cluster.clock_s - 1800

    assert not fleet.plan().is_empty


def test_what_is_not_well_stays() -> None:
    fleet = Tight()

    containers = fleet.cluster.hosts[fleet.small].containers
    containers["shop-small-1"] = dataclasses.replace(containers["shop-small-1"], health="unhealthy")

    assert fleet.plan().is_empty


def test_of_what_runs_twice_only_the_surplus_copy_goes() -> None:
    fleet = Tight()
    here, there = fleet.cluster.hosts[fleet.small], fleet.cluster.hosts[fleet.mid]
    there.files[UNIT] = there.loaded[UNIT] = here.files[UNIT]
    there.active[UNIT], there.containers["shop-small-1"] = "active", here.containers["shop-small-1"]

    changes = fleet.plan().changes

    assert [change.kind for change in changes if change.instance.service == "small"] == ["remove"]


def test_room_is_made_for_data_when_its_host_is_certain_to_be_off() -> None:
    fleet = Tight(mounts=DATA)
    assert fleet.plan().is_empty

    plan = fleet.plan(off=(fleet.big,))

    assert carry_out(fleet.cluster, plan).ok
    assert fleet.there


def test_who_holds_the_port_moves() -> None:
    """`api` may be only where `web` has the port, and `web` elsewhere, too."""
    service = a_service("api", port=80, constraints=(Constraint("node.hostname", "!=", "h3"),))
    cluster = a_fleet(service, hosts=3)
    home = where(cluster)["shop-api-1"]
    other = ({"h1", "h2"} - {home}).pop()
    put(
        cluster,
        a_project(a_service(port=80, constraints=(Constraint("node.hostname", "!=", home),)), name="a"),
    )
    if where(cluster)["a-web-1"] != other:
        carry_out(cluster, fleets.planned(cluster, MoveIntent("a-web-1", other)))
    cluster.clock_s += 7200
    lose(cluster, home)
    assert planned(cluster, home, room=0).is_empty

    plan = planned(cluster, home)

    assert [(c.instance.name, c.host) for c in plan.changes] == [("a-web-1", "h3"), ("shop-api-1", other)]


@pytest.mark.parametrize(("budget", "moves"), [(1, 0), (2, 3), (9, 3)])
def test_several_small_ones_move_for_a_large_one_or_none_at_all(budget: int, moves: int) -> None:
    """h1 and h2 have 1096 MiB left each, h3 two of 1000 MiB, and both must leave it."""
    on = [(Constraint("node.hostname", "==", f"h{number}"),) for number in range(5)]
    not_there = tuple(Constraint("node.hostname", "!=", name) for name in ("h1", "h2"))
    cluster = a_fleet(
        a_service("a", memory_mb=3000, constraints=on[1]),
        a_service("b", memory_mb=3000, constraints=on[2]),
        a_service("big", memory_mb=4000, constraints=not_there),
        hosts=4,
    )
    home = where(cluster)["shop-big-1"]
    other = ({"h3", "h4"} - {home}).pop()
    services = [a_service(name, memory_mb=1000) for name in ("s", "t")]
    put(cluster, a_project(*services, name="x"))
    for name in ("x-s-1", "x-t-1"):
        if where(cluster)[name] != other:
            carry_out(cluster, fleets.planned(cluster, MoveIntent(name, other)))
    cluster.clock_s += 7200
    lose(cluster, home)

    plan = planned(cluster, home, room=budget)

    assert len(plan.changes) == moves
    assert carry_out(cluster, plan).ok
    assert ("shop-big-1" in where(cluster)) is bool(moves)


def test_a_replacement_must_fit_beside_everything_that_still_stands() -> None:
    """`b` would fit on h1 only once `a` is gone from there: a later run may do that."""

    def only(name: str, memory_mb: int, *hosts: str, **fields: Any) -> Service:
        others = sorted({"h1", "h2", "h3", "h4"} - set(hosts))
        rules = tuple(Constraint("node.hostname", "!=", other) for other in others)
        return a_service(name, memory_mb=memory_mb, constraints=rules, **fields)

    cluster = a_fleet(
        only("x", 2000, "h1", drain="refuse"),
        only("y", 1500, "h2", drain="refuse"),
        only("z", 2000, "h4", drain="refuse"),
        hosts=4,
    )
    movable = (only("a", 2000, "h1", "h4"), only("b", 1500, "h1", "h2"))
    put(
        cluster,
        a_project(*movable, only("first", 500, "h1", "h3"), only("second", 2000, "h2", "h3"), name="m"),
    )
    assert [where(cluster)[f"m-{name}-1"] for name in ("a", "b", "first", "second")] == [
        "h1",
        "h2",
        "h3",
        "h3",
    ]
    cluster.clock_s += 7200
    lose(cluster, "h3")

    plan = planned(cluster, "h3")

    assert [(change.instance.service, change.host) for change in plan.changes] == [
        ("a", "h4"),
        ("first", "h1"),
    ]
    assert carry_out(cluster, plan).ok
    cluster.clock_s += 7200
    later = planned(cluster, "h3").changes
    assert [(change.instance.service, change.host) for change in later] == [("b", "h1"), ("second", "h2")]


def test_a_replacement_that_does_not_get_healthy_ends_it_and_the_old_copy_goes_on() -> None:
    fleet = Tight({"image": "registry:5000/web:2"})
    fleet.cluster.broken_images = {"registry:5000/web:2"}

    report = carry_out(fleet.cluster, fleet.plan())

    assert not report.ok
    assert "shop-small-1" in fleet.cluster.hosts[fleet.small].containers
    assert fleet.cluster.hosts[fleet.small].active[UNIT] == "active"
    assert "big" not in fleet.where


def test_killed_at_any_point_the_next_runs_bring_it_to_an_end() -> None:
    effects = Tight()
    effects.cluster.effects = 0
    carry_out(effects.cluster, effects.plan())
    assert effects.cluster.effects > 8
    for crash_after in range(effects.cluster.effects):
        fleet = Tight()
        fleet.cluster.effects, fleet.cluster.crash_after = 0, crash_after
        with pytest.raises(KilledError):
            carry_out(fleet.cluster, fleet.plan())
        assert {"mid", "small"} <= set(fleet.where)
        fleet.cluster.crash_after = None

        for _ in range(3):
            carry_out(fleet.cluster, fleet.plan())

        assert {"mid", "small", "big"} == set(fleet.where), crash_after
        assert fleet.plan().is_empty


# --- of every fleet --------------------------------------------------------------------------------

seeds = st.integers(0, 10_000)


def a_lost_host(seed: int) -> tuple[FullFleet, str]:
    """Return a small full fleet without the host that had the most on it."""
    fleet = a_full_fleet(seed, fill=94, priorities=True, hosts=9)
    lost = max(sorted(fleet.cluster.hosts), key=lambda name: len(fleet.cluster.hosts[name].containers))
    fleet.lose(lost)
    return fleet, lost


@settings(deadline=None, max_examples=8)
@given(seeds, st.integers(0, 6))
def test_at_no_time_is_a_host_too_full_or_does_a_service_have_fewer_instances(seed: int, budget: int) -> None:
    fleet, lost = a_lost_host(seed)
    before = fleet.where()
    plan = planned(fleet.cluster, lost, room=budget)
    kept = {name for name, host in before.items() if host != lost}

    for batch in plan.batches:
        assert carry_out(fleet.cluster, dataclasses.replace(plan, batches=(batch,))).ok
        assert reserved_too_much(fleet) == []
        assert kept <= set(fleet.where())

    extra = [name for name in kept if fleet.where()[name] != before[name]]
    assert len(extra) <= budget
    assert planned(fleet.cluster, lost, room=0).is_empty


@settings(deadline=None, max_examples=8)
@given(seeds)
def test_nothing_of_a_higher_priority_moves_and_each_move_says_for_whom(seed: int) -> None:
    fleet, lost = a_lost_host(seed)
    services = {f"{p.name}-{s.name}": s for p in fleet.projects for s in p.services}

    plan = planned(fleet.cluster, lost)

    assert plan == planned(fleet.cluster, lost)
    placed = {change.instance.name for change in plan.changes}
    for change in plan.changes:
        _, found, needy = change.reason.partition(": makes room for ")
        if found:
            mine, theirs = (services[name.rpartition("-")[0]] for name in (change.instance.name, needy))
            assert mine.priority <= theirs.priority
            assert needy in placed
        else:
            assert change.reason == f"from {lost}"


@settings(deadline=None, max_examples=5)
@given(seeds)
def test_the_plan_does_not_depend_on_the_order_of_hosts(seed: int) -> None:
    fleet, lost = a_lost_host(seed)
    cluster, intent, run = fleet.cluster, FailoverIntent((lost,), make_room=5), a_summary("failover")
    reversed_inventory = dataclasses.replace(cluster.inventory, hosts=cluster.inventory.hosts[::-1])

    usual = plan_failover(intent, cluster.inventory, cluster.see(), run)
    other = plan_failover(intent, reversed_inventory, cluster.see(), run)

    assert usual.changes == other.changes


def test_the_audit_loses_a_host_nearly_as_a_failover_without_extra_moves_would() -> None:
    """What is lost still counts in its failure domain for the audit: on fleets this full one more or less has a place."""
    audited, placed, displaced = 0, 0, 0
    for seed in range(12):
        fleet, lost = a_lost_host(seed)
        fleet.cluster.hosts[lost].unreachable = None
        losses = find_losses(fleet.cluster.inventory, fleet.cluster.see())
        (loss,) = [one for one in losses if one.hosts == (lost,)]
        fleet.lose(lost)

        plan = planned(fleet.cluster, lost, room=0)

        notes = Counter(note.split(":")[0] for note in plan.notes)
        assert len(plan.changes) + notes["no place"] == loss.moves + len(loss.unplaced)
        audited, placed = audited + loss.moves, placed + len(plan.changes)
        displaced += loss.moves + len(loss.unplaced)
    assert abs(audited - placed) <= displaced * 0.05, (audited, placed, displaced)


def reserved_too_much(fleet: FullFleet) -> list[str]:
    """Return the hosts on which containers reserve more memory than there is."""
    services = {f"{p.name}-{s.name}": s for p in fleet.projects for s in p.services}
    found = []
    for host in fleet.cluster.inventory.hosts:
        names = fleet.cluster.hosts[host.name].containers
        sizes = (services[name.rpartition("-")[0]].reservations.memory_bytes or 0 for name in names)
        if sum(sizes) > (host.capacity.memory_bytes or 0):
            found.append(f"{host.name}: {sum(sizes) // MIB} MiB")
    return found


def test_data_is_found_by_the_name_that_its_volume_was_given() -> None:
    cluster = a_fleet(hosts=2)
    cluster.hosts["h2"].volumes.add("real")
    service = a_service("db", mounts=(Mount("volume", "data", "/data", volume=Volume(name="real")),))
    vacancies = Vacancies(cluster.inventory, cluster.see(), (), ())

    able = [host for host in ("h1", "h2") if vacancies.fits(Instance("shop", "db", 1), service, host, BOTH)]

    assert able == ["h2"]
