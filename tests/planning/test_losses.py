"""What if a host or a zone is lost: counted by the placement of a failover, and nothing is changed by asking."""

from __future__ import annotations

from clusterctl.planning.losses import find_losses
from tests.builders import a_service
from tests.conduct import carry_out
from tests.planning.fleets import DATA, a_fleet
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
