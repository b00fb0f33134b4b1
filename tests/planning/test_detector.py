"""When a host counts as lost and as back: rounds, seconds, gaps, quarantine."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.model.health import Rounds, Track
from clusterctl.planning.detector import Hysteresis, begin, count_round, is_quarantined, note_moves, resting

RULES = Hysteresis(period_s=60)


def played(signs: Iterable[bool | None], period_s: float = 60, rules: Hysteresis = RULES) -> list[Track]:
    """Return the track of a host after each round, `period_s` apart."""
    rounds, tracks = Rounds("me", "boot"), []
    for number, sign in enumerate(signs):
        rounds = count_round(rounds, {"h1": sign}, 1000 + number * period_s, rules)
        tracks.append(rounds.tracks["h1"])
    return tracks


def test_three_silent_rounds_over_ninety_seconds_and_no_fewer() -> None:
    assert [track.is_down for track in played([True, False, False, False])] == [False, False, False, True]


def test_three_rounds_too_close_together_are_not_enough() -> None:
    downs = [track.is_down for track in played([False] * 11, period_s=10, rules=Hysteresis(period_s=10))]

    assert downs == [False] * 9 + [True] * 2


def test_one_sign_of_life_begins_the_count_anew() -> None:
    assert not any(track.is_down for track in played([False, False, True, False, False, True] * 5))


def test_a_round_that_nobody_can_judge_counts_neither_way() -> None:
    assert [track.failed for track in played([False, None, False, False])] == [1, 1, 2, 3]
    assert played([False, None, False, False])[-1].is_down


def test_a_gap_of_more_than_three_periods_begins_anew() -> None:
    rounds = Rounds("me", "boot")
    for at_s in (0, 60, 60 + 181, 60 + 181 + 60):
        rounds = count_round(rounds, {"h1": False}, at_s, RULES)
    assert rounds.tracks["h1"].failed == 2
    assert not rounds.tracks["h1"].is_down


def test_back_takes_three_good_rounds_over_two_minutes() -> None:
    downs = [track.is_down for track in played([False] * 3 + [True] * 3)]

    assert downs == [False, False, True, True, True, False]


def test_three_changes_in_half_an_hour_are_left_alone_for_an_hour() -> None:
    tracks = played([False] * 3 + [True] * 3 + [False] * 3)

    assert [len(track.changes) for track in tracks] == [0, 0, 1, 1, 1, 2, 2, 2, 3]
    now_s = 1000 + 8 * 60
    assert is_quarantined(tracks[-1], now_s)
    assert is_quarantined(tracks[-1], now_s + 3599)
    assert not is_quarantined(tracks[-1], now_s + 3600)


def test_changes_of_long_ago_are_forgotten() -> None:
    calm = [True] * 31
    tracks = played([False] * 3 + calm + [False] * 3 + calm + [False] * 3)

    assert not any(is_quarantined(track, 1000 + number * 60) for number, track in enumerate(tracks))


@pytest.mark.parametrize("other", [("you", "boot"), ("me", "another boot")])
def test_another_observer_and_another_boot_begin_anew(other: tuple[str, str]) -> None:
    rounds = Rounds("me", "boot", {"h1": Track(is_down=True, failed=9)})

    assert begin(rounds, "me", "boot") is rounds
    assert begin(rounds, *other) == Rounds(*other)


def test_hosts_that_left_the_inventory_are_forgotten() -> None:
    rounds = Rounds("me", "boot", {"gone": Track(failed=2)})

    assert set(count_round(rounds, {"h1": True}, 5, RULES).tracks) == {"h1"}


@given(
    st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(1, 400)), max_size=60),
    st.floats(5, 300),
)
def test_down_only_after_three_silent_rounds_in_a_row_over_ninety_seconds(
    rounds_: list[tuple[bool | None, float]], period_s: float
) -> None:
    """Whatever the rounds: a reference of its own, written the slow way, says when a host may go down."""
    rules, rounds, now_s = Hysteresis(period_s=period_s), Rounds("me", "boot"), 0.0
    past: list[tuple[float, bool]] = []
    was_down = False
    for sign, step_s in rounds_:
        now_s += step_s
        rounds = count_round(rounds, {"h1": sign}, now_s, rules)
        if sign is not None:
            past.append((now_s, sign))
        if rounds.tracks["h1"].is_down and not was_down:
            silent: list[float] = []
            for at_s, alive in reversed(past):
                if alive or (silent and silent[-1] - at_s > rules.gap_s):
                    break
                silent.append(at_s)
            assert len(silent) >= 3
            assert silent[0] - silent[-1] >= 90
        was_down = rounds.tracks["h1"].is_down


def test_what_has_moved_rests_for_half_an_hour_and_is_forgotten_then() -> None:
    rounds = note_moves(Rounds("o", "b"), ["shop-web-1"], 100.0)

    assert resting(rounds, 1899.0) == ("shop-web-1",)
    assert resting(rounds, 1900.0) == ()
    again = note_moves(rounds, ["shop-web-2"], 2000.0)
    assert dict(again.moved) == {"shop-web-2": 2000.0}
    assert count_round(again, {"h1": True}, 2001.0, Hysteresis()).moved == again.moved
    assert begin(again, "o", "another boot").moved == {}


@pytest.mark.parametrize("period_s", [10.0, 30.0, 60.0])
@pytest.mark.parametrize("each_s", [40.0, 100.0, 130.0, 200.0, 300.0])
def test_a_link_that_flaps_is_lost_once_at_most_and_then_left_alone(period_s: float, each_s: float) -> None:
    """Faults row 10: 30 minutes of it; what moved away does not come back, and goes nowhere else."""
    rules, rounds, lost, at_s = Hysteresis(period_s=period_s), Rounds("me", "boot"), 0, 0.0
    was_down = False
    while at_s < 1800.0:
        rounds = count_round(rounds, {"h1": int(at_s / each_s) % 2 == 0}, at_s, rules)
        track = rounds.tracks["h1"]
        evacuated = track.is_down and not is_quarantined(track, at_s)
        lost += evacuated and not was_down
        was_down = evacuated or (was_down and track.is_down)
        at_s += period_s

    assert lost <= (1 if each_s > 90 else 0)
    if each_s >= 200:
        assert is_quarantined(track, at_s)
