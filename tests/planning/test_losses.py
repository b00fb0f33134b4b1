"""What if a host or a zone is lost: counted by the placement of a failover, and nothing is changed by asking."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from clusterctl.planning.forecast import Forecast
from clusterctl.planning.leaving import depart
from clusterctl.planning.losses import find_losses
from clusterctl.planning.making_room import make_room
from tests.builders import a_project, a_service
from tests.conduct import carry_out
from tests.planning.fleets import DATA, a_fleet, put, where
from tests.planning.test_failover import home_of, lose, planned


def test_a_fleet_with_room_survives_the_loss_of_each_host_and_zone() -> None:
    cluster = a_fleet(a_service(replicas=6), hosts=6, zones=("a", "b", "c"))

    losses = find_losses(cluster.inventory, cluster.see())

    assert [(loss.kind, loss.name) for loss in losses] == [
        *(("host", f"h{number}") for number in range(1, 7)),
        ("zone", "a"),
        ("zone", "b"),
        ("zone", "c"),
    ]
    assert all(loss.is_survived for loss in losses)
    assert [loss.moves for loss in losses] == [1] * 6 + [2] * 3


def test_what_has_no_place_is_named_with_each_refusal() -> None:
    cluster = a_fleet(a_service(port=80, replicas=5))

    losses = find_losses(cluster.inventory, cluster.see())

    assert [loss.is_survived for loss in losses] == [False] * 5
    (item,) = losses[0].unplaced
    assert [refusal.host for refusal in item.refusals] == [f"h{number}" for number in range(1, 6)]


def test_data_is_held_and_global_services_are_no_loss() -> None:
    cluster = a_fleet(a_service(mode="global"), a_service("db", mounts=DATA))
    home = home_of(cluster, "db")

    bad = [loss for loss in find_losses(cluster.inventory, cluster.see()) if not loss.is_survived]

    assert [(loss.name, len(loss.held), len(loss.unplaced)) for loss in bad] == [(home, 1, 0)]


def test_asking_changes_nothing_and_agrees_with_the_failover_itself() -> None:
    cluster = a_fleet(a_service(replicas=7, memory_mb=1500), a_service("api", replicas=3, memory_mb=700))
    losses = find_losses(cluster.inventory, cluster.see())
    assert losses == find_losses(cluster.inventory, cluster.see())
    for loss in losses:
        again = a_fleet(a_service(replicas=7, memory_mb=1500), a_service("api", replicas=3, memory_mb=700))
        lose(again, loss.name)
        plan = planned(again, loss.name)
        assert len([change for change in plan.changes if change.kind == "move"]) == loss.moves
        assert len(plan.notes) == len(loss.unplaced) + len(loss.held)
        carry_out(again, plan)


def test_a_host_that_does_not_answer_takes_nothing() -> None:
    cluster = a_fleet(a_service(port=80, replicas=3), hosts=4)
    assert all(loss.is_survived for loss in find_losses(cluster.inventory, cluster.see()))
    lose(cluster, "h4")

    assert [loss.is_survived for loss in find_losses(cluster.inventory, cluster.see())] == [False] * 3


@settings(max_examples=50, deadline=None)
@example([(5, 900)] * 3, [(1, 500), (3, 500)], 1, ("",))
@given(
    first=st.lists(st.tuples(st.integers(1, 5), st.sampled_from([None, 300, 900])), min_size=1, max_size=3),
    second=st.lists(st.tuples(st.integers(1, 4), st.sampled_from([None, 500])), min_size=1, max_size=2),
    missing=st.integers(0, 3),
    zones=st.sampled_from([("",), ("a", "b"), ("a", "b", "c")]),
)
def test_a_rehearsed_loss_is_what_a_departure_asked_for_alone_says(
    first: list[tuple[int, int | None]],
    second: list[tuple[int, int | None]],
    missing: int,
    zones: tuple[str, ...],
) -> None:
    """Schedulers that are asked again and again remember nothing of an earlier question."""
    cluster = a_fleet(hosts=5, zones=zones)
    for name, shapes in (("one", first), ("two", second)):
        services = [
            a_service(f"s{n}", replicas=r, memory_mb=size, priority=n % 2)
            for n, (r, size) in enumerate(shapes)
        ]
        put(cluster, a_project(*services, name=name))
    for name, host in list(where(cluster).items())[:missing]:
        cluster.hosts[host].files.pop(f"clusterctl-{name}.service")
        cluster.hosts[host].containers.pop(name)

    for loss in find_losses(cluster.inventory, cluster.see()):
        forecast = Forecast(cluster.inventory, cluster.see())
        forecast.cordon(loss.hosts)
        alone = depart(forecast, loss.hosts, returns=False, lost=True)
        if alone.unplaced:
            alone = make_room(forecast, loss.hosts, alone, 0).direct
        assert (loss.moves, loss.held, loss.unplaced) == (
            len(alone.moves),
            tuple(alone.blocked),
            tuple(alone.unplaced),
        )
