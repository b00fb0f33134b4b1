"""Generated rollouts, killed at sampled effects and recovered; `make soak` plays many more of them (docs/testing.md).

A promise that was never looked at counts as broken, and so does a guard that never refused anything.
"""

from __future__ import annotations

import os
from itertools import count

import pytest

from tests.soak.rollouts import play
from tests.soak.watch import Tally

ROLLOUTS = int(os.environ.get("CLUSTERCTL_ROLLOUTS", "300"))
KILLS = int(os.environ.get("CLUSTERCTL_KILLS", "1"))


@pytest.fixture(scope="module")
def tally() -> Tally:
    found, possible = Tally(), 0
    for seed in count():
        possible += play(seed, KILLS, found)
        if possible == ROLLOUTS:
            break
    return found


@pytest.mark.parametrize(
    "promise", ["I1", "I3", "I4", "I5", "I7", "I8", "I12", "lock", "journal", "markers", "reboots", "refused"]
)
def test_what_is_promised_holds_and_was_looked_at(tally: Tally, promise: str) -> None:
    assert tally.checks[promise] > 0


@pytest.mark.parametrize(
    "how",
    ["crashes", "second crashes", "resume", "again", "abort"]
    + [f"rollouts: {verb}" for verb in ("apply", "rollback", "scale", "drain", "reboot", "run")],
)
def test_every_verb_was_played_and_recovered_in_every_way(tally: Tally, how: str) -> None:
    assert tally.runs[how] > 0


@pytest.mark.parametrize(
    "guard",
    [
        "locked by another",
        "stale operator",
        "limit of the fleet",
        "limit of the fleet, before a batch",
        "must not leave its host",
        "no placement",
        "silent host, before a batch",
        "window, before a batch",
    ],
)
def test_every_guard_has_refused_something(tally: Tally, guard: str) -> None:
    assert tally.guards[guard] > 0


@pytest.mark.parametrize("seed", [1903, 1943, 2011, 4028, 5226])
def test_rollouts_that_once_broke_a_promise(seed: int) -> None:
    """Groups larger than limits or services allow, a port that two copies wanted, two copies that left together."""
    tally = Tally()

    play(seed, 4, tally)

    assert tally.runs["crashes"] == 4


def test_the_same_seed_plays_the_same_rollout() -> None:
    first, second = Tally(), Tally()

    play(7, 2, first)
    play(7, 2, second)

    assert first == second
