"""Maintenance windows; the literal times are UTC, and what they are in Amsterdam stands beside them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clusterctl.model.window import Window
from clusterctl.planning.windows import seconds_left, why_closed

HOUR = 3600
SATURDAY = Window((5,), 2 * 60, 3 * HOUR, "Europe/Amsterdam")
SUNDAY = Window((6,), 1 * 60, 3 * HOUR, "Europe/Amsterdam")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_without_windows_it_is_always_open() -> None:
    assert why_closed((), at("2026-11-21T12:00"), 10**6) == ""


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-11-21T00:59:59", 0),  # 01:59:59
        ("2026-11-21T01:00:00", 3 * HOUR),  # 02:00
        ("2026-11-21T03:59:59", 1),  # 04:59:59
        ("2026-11-21T04:00:00", 0),  # 05:00
        ("2026-11-22T01:00:00", 0),  # Sunday, 02:00
        ("2026-07-18T00:00:00", 3 * HOUR),  # 02:00 in summer
    ],
)
def test_it_is_open_from_its_start_in_its_own_zone_until_its_length_has_passed(now: str, left: float) -> None:
    assert seconds_left(SATURDAY, at(now)) == left


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-03-29T00:00:00", 3 * HOUR),  # 01:00, before the clocks go from 02:00 to 03:00
        ("2026-03-29T01:00:00", 2 * HOUR),  # 03:00, an hour later
        ("2026-03-29T02:59:59", 1),  # 04:59:59: three elapsed hours, four on the clock
        ("2026-03-29T03:00:00", 0),
    ],
)
def test_in_spring_it_lasts_as_long_as_ever(now: str, left: float) -> None:
    assert seconds_left(SUNDAY, at(now)) == left


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-10-24T23:00:00", 3 * HOUR),  # 01:00, before the clocks go from 03:00 to 02:00
        ("2026-10-25T01:30:00", HOUR / 2),  # 02:30 for the second time
        ("2026-10-25T02:00:00", 0),  # 03:00: three elapsed hours, two on the clock
    ],
)
def test_in_autumn_it_lasts_as_long_as_ever(now: str, left: float) -> None:
    assert seconds_left(SUNDAY, at(now)) == left


def test_a_start_that_the_clocks_skip_counts_as_if_they_had_not_moved() -> None:
    skipped = Window((6,), 2 * 60 + 30, HOUR, "Europe/Amsterdam")

    assert seconds_left(skipped, at("2026-03-29T01:29:59")) == 0
    assert seconds_left(skipped, at("2026-03-29T01:30:00")) == HOUR  # 02:30 would be, it is 03:30


def test_a_start_that_comes_twice_counts_the_first_time() -> None:
    twice = Window((6,), 2 * 60 + 30, HOUR, "Europe/Amsterdam")

    assert seconds_left(twice, at("2026-10-25T00:30:00")) == HOUR  # 02:30, summer time
    assert seconds_left(twice, at("2026-10-25T01:30:00")) == 0  # 02:30 again


def test_a_window_reaches_over_midnight_and_over_days() -> None:
    night = Window((4,), 23 * 60, 4 * HOUR, "UTC")
    days = Window((4,), 0, 72 * HOUR, "UTC")

    assert seconds_left(night, at("2026-11-21T02:59:00")) == 60
    assert seconds_left(days, at("2026-11-22T23:00:00")) == HOUR


def test_what_does_not_fit_any_more_is_not_begun() -> None:
    left = at("2026-11-21T03:30")  # half an hour before its end

    assert why_closed((SATURDAY,), left, 1800) == ""
    assert why_closed((SATURDAY,), left, 1801) == (
        "window Sat 02:00 3h Europe/Amsterdam: 30 minutes are left, and this may take 30 at worst"
    )
    assert why_closed((SATURDAY,), at("2026-11-21T12:00"), 1) == (
        "window Sat 02:00 3h Europe/Amsterdam: not open now"
    )


def test_of_several_windows_the_one_that_lasts_longest_counts() -> None:
    short = Window((5,), 2 * 60, HOUR, "Europe/Amsterdam")

    assert why_closed((short, SATURDAY), at("2026-11-21T01:30"), 2 * HOUR) == ""
    assert why_closed((short, SUNDAY), at("2026-11-21T12:00"), 60) == (
        "window Sat 02:00 1h Europe/Amsterdam, Sun 01:00 3h Europe/Amsterdam: not open now"
    )


def test_nothing_begins_in_the_very_second_it_closes() -> None:
    assert why_closed((SATURDAY,), at("2026-11-21T04:00"), 0) != ""
