"""Which epochs of hosts are believed (row 40): one host that lies keeps nobody out, and uses up no numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.planning.epochs import MOST_AHEAD, MOST_ALONE, doubt_epochs


@pytest.mark.parametrize(
    "epochs",
    [
        {},
        {"h1": 0},
        {"h1": 12, "h2": 12, "h3": 0},
        {"h1": 1_000_007, "h2": 7},
        {"h1": 10**12},
        {"h1": 3_000_000, "h2": 2_500_000, "h3": 0},
    ],
)
def test_hosts_that_are_behind_make_no_liar_of_the_others(epochs: dict[str, int]) -> None:
    assert doubt_epochs(epochs) == {}


def test_a_host_far_ahead_of_all_others_is_not_believed() -> None:
    assert doubt_epochs({"h1": 999_999_999_999_998, "h2": 41, "h3": 42}) == {
        "h1": "its epoch 999999999999998 cannot be true: h3 has seen 42"
    }


def test_who_contradicts_a_lie_does_not_depend_on_who_answers_first() -> None:
    seen = {"h1": 10**14, "h2": 42, "h3": 42}

    assert doubt_epochs(seen) == doubt_epochs(dict(reversed(seen.items())))


def test_two_that_lie_each_for_himself_are_not_believed() -> None:
    assert doubt_epochs({"h1": 10**14, "h2": 10**10, "h3": 42}) == {
        "h1": "its epoch 100000000000000 cannot be true: h2 has seen 10000000000",
        "h2": "its epoch 10000000000 cannot be true: h3 has seen 42",
    }


def test_a_host_alone_is_not_believed_beyond_a_bound() -> None:
    assert doubt_epochs({"h1": MOST_ALONE + 1}) == {
        "h1": "its epoch 1000000000001 cannot be true: no other host says so"
    }


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=6), st.integers(0, 2**63))
def test_whatever_one_host_says_the_others_are_believed_and_the_number_stays_small(
    honest: list[int], lie: int
) -> None:
    epochs = {f"h{number}": epoch for number, epoch in enumerate(honest)} | {"liar": lie}

    doubted = doubt_epochs(epochs)

    assert set(doubted) <= {"liar"}
    assert max(epoch for name, epoch in epochs.items() if name not in doubted) <= max(honest) + MOST_AHEAD
