"""A slice of the simulated nights, small enough for every change; `make soak` plays many whole ones (docs/testing.md).

A promise that was never looked at counts as broken, and so does a guard that never fired.
"""

from __future__ import annotations

import pytest

from tests.nights.night import play
from tests.nights.sizes import Size
from tests.nights.soak import GUARDS, PROMISES, lacking
from tests.soak.watch import Tally

SMALL = Size(hosts=12, hours=6)


@pytest.fixture(scope="module")
def tally() -> Tally:
    found = Tally()
    for seed in range(25):
        play(seed, SMALL, found)
    return found


@pytest.mark.parametrize("promise", PROMISES)
def test_what_is_promised_holds_in_small_nights_and_was_looked_at(tally: Tally, promise: str) -> None:
    assert tally.checks[promise] > 0


@pytest.mark.parametrize("guard", GUARDS)
def test_every_guard_has_fired(tally: Tally, guard: str) -> None:
    assert tally.guards[guard] >= 5


def test_a_larger_fleet_keeps_its_promises_for_some_hours() -> None:
    tally = Tally()

    play(1, Size(hosts=50, hours=5), tally)

    assert (tally.runs["nights"], tally.checks["I6"] > 0) == (1, True)


def test_the_same_seed_plays_the_same_night() -> None:
    first, second = Tally(), Tally()

    play(3, SMALL, first)
    play(3, SMALL, second)

    assert first == second


def test_what_is_lacking_is_named() -> None:
    assert lacking(Tally(), 1) == [*PROMISES, *GUARDS]
