"""Failover of small full fleets against the proven maximum (`certificate`), and what making room may never do.

The seeds are fixed: a change of placement that places less is noticed. `python -m tests.oracle` does the same for as many
fleets as one likes and prints a table.
"""

from __future__ import annotations

from functools import lru_cache

from tests.oracle import Outcome, play
from tests.planning.certificate import ask, broken_rules
from tests.planning.full_fleets import a_full_fleet

FEW, BUDGET = 24, 100


@lru_cache(maxsize=128)
def outcomes(make_room: int) -> tuple[Outcome, ...]:
    """Play the fleets once for all tests."""
    return tuple(play(seed, make_room, may_evict=make_room > 0 and _is_quick(seed)) for seed in range(FEW))


def _is_quick(seed: int) -> bool:
    """Whether the maximum of any rearrangement is proven in a moment: not in the fullest fleets."""
    return seed % 4 < 2


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
    for outcome in outcomes(0):
        assert outcome.broken == []
        assert outcome.placed <= outcome.proven.placed, outcome.seed


def test_without_extra_moves_failover_places_the_proven_maximum_nearly_always() -> None:
    """How nearly: docs/failover.md has a table."""
    found = outcomes(0)

    assert sum(outcome.is_optimal for outcome in found) >= len(found) - 1
    assert all(outcome.proven.total - outcome.total <= 1 for outcome in found)


def test_where_everything_has_a_place_each_displaced_instance_moved_once_and_nothing_else() -> None:
    """The count bound: no plan can do with fewer moves."""
    met = [outcome for outcome in outcomes(0) if outcome.total == outcome.displaced]

    assert len(met) >= FEW // 8
    assert all(outcome.moves == outcome.displaced for outcome in met)
    assert all(outcome.is_optimal for outcome in met)


def test_with_extra_moves_more_has_a_place_and_nothing_is_without_that_had_one() -> None:
    for with_room, without in zip(outcomes(BUDGET), outcomes(0), strict=True):
        assert with_room.broken == []
        assert with_room.placed >= without.placed, with_room.seed
        assert with_room.moves <= with_room.total + BUDGET
        assert with_room.without_place == []


def test_with_extra_moves_most_of_what_could_have_a_place_has_one() -> None:
    """The maximum of any rearrangement, also of ones that would stop instances before they run elsewhere."""
    some = [outcome for outcome in outcomes(BUDGET) if _is_quick(outcome.seed)]

    assert all(outcome.placed <= outcome.proven.placed for outcome in some)
    assert sum(outcome.is_optimal for outcome in some) >= 0.8 * len(some)
    assert sum(outcome.total for outcome in some) >= 0.98 * sum(outcome.proven.total for outcome in some)


def test_no_more_is_moved_than_the_budget_says() -> None:
    full = [seed for seed in range(FEW) if not _is_quick(seed)][:4]

    assert [play(seed, 2).extra for seed in full] == [1, 0, 2, 1]
