"""Failover of small full fleets against the proven maximum (`certificate`).

The seeds are fixed: a change of placement that places less is noticed. `python -m tests.oracle` does the same for as many
fleets as one likes and prints a table.
"""

from __future__ import annotations

from functools import lru_cache

from tests.oracle import Outcome, play
from tests.planning.certificate import ask, broken_rules
from tests.planning.full_fleets import a_full_fleet

FEW = 24


@lru_cache(maxsize=1)
def outcomes() -> tuple[Outcome, ...]:
    """Play the fleets once for all tests."""
    return tuple(play(seed) for seed in range(FEW))


def test_the_certificate_knows_the_rules() -> None:
    """A fleet as the scheduler has made it breaks none; two instances swapped about do."""
    fleet = a_full_fleet(3, fill=92)
    places = fleet.where()
    assert broken_rules(fleet, places) == []

    crowded = dict.fromkeys(places, "h1")

    words = " ".join(broken_rules(fleet, crowded))
    assert all(word in words for word in ("memory", "cpus", "port 80/tcp twice", "may not be here"))


def test_a_fleet_that_lost_nothing_has_nothing_to_place() -> None:
    fleet = a_full_fleet(3, fill=92)

    assert ask(fleet, fleet.where()).placed == ()


def test_no_plan_breaks_a_rule_or_is_better_than_the_proven_maximum() -> None:
    for outcome in outcomes():
        assert outcome.broken == []
        assert outcome.placed <= outcome.proven.placed, outcome.seed


def test_failover_places_nearly_what_could_be_placed_without_moving_others() -> None:
    """One after the other is not always the best; how far off it is was measured."""
    found = outcomes()

    assert sum(outcome.total for outcome in found) >= 0.93 * sum(outcome.proven.total for outcome in found)
    assert sum(outcome.is_optimal for outcome in found) >= len(found) // 2


def test_where_everything_has_a_place_each_displaced_instance_moved_once_and_nothing_else() -> None:
    """The count bound: no plan can do with fewer moves."""
    met = [outcome for outcome in outcomes() if outcome.total == outcome.displaced]

    assert len(met) >= FEW // 8
    assert all(outcome.moves == outcome.displaced for outcome in met)
    assert all(outcome.is_optimal for outcome in met)
