"""Windows, limits and sizes of groups: what the command line and files have in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clusterctl.model.limit import Limit
from clusterctl.model.window import Window
from clusterctl.parsing.limits import parse_limit, parse_serial
from clusterctl.parsing.windows import parse_window
from clusterctl.parsing.words import Expected, Unfit

WINDOW = "expected a window such as Sat 02:00 3h Europe/Amsterdam"
DAYS = "expected days such as Sat, Mon-Fri, Sat,Sun or daily"
ZONE = "expected a time zone such as Europe/Amsterdam or UTC"
LIMIT = "expected a number of at least 1, or a percentage from above 0% to 100%"
SERIAL = "expected sizes of groups such as 1, 10% or [1, 10%, 100%]"


def problem(parse: Callable[[str], object], text: str) -> str:
    """Return what is said of a text, as a file's mistake or an option's."""
    with pytest.raises((Expected, Unfit)) as caught:
        parse(text)
    error = caught.value
    return error.got("it") if isinstance(error, Expected) else str(error)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("Sat 02:00 3h Europe/Amsterdam", Window((5,), 120, 10_800, "Europe/Amsterdam")),
        ("Mon-Fri 22:30 2h30m UTC", Window((0, 1, 2, 3, 4), 1350, 9000, "UTC")),
        ("sun,SAT 00:00 90m UTC", Window((5, 6), 0, 5400, "UTC")),
        ("Sat-Mon 23:59 24h UTC", Window((0, 5, 6), 1439, 86_400, "UTC")),
        (
            "daily 03:00 168h America/New_York",
            Window((0, 1, 2, 3, 4, 5, 6), 180, 604_800, "America/New_York"),
        ),
    ],
)
def test_a_window_is_days_start_length_and_zone(text: str, window: Window) -> None:
    assert parse_window(text) == window


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", f"{WINDOW}, got it"),
        ("Sat 02:00 3h", f"{WINDOW}, got it: the time zone is missing"),
        ("Saturday 02:00 3h UTC", f'{DAYS}, got it: "Saturday" is none'),
        ("Mon-Fry 02:00 3h UTC", f'{DAYS}, got it: "Fry" is none; did you mean "Fri"?'),
        ("Sat 2:00 3h UTC", f'{WINDOW}, got it: "2:00" is no time such as 02:00'),
        ("Sat 24:00 3h UTC", f'{WINDOW}, got it: "24:00" is no time such as 02:00'),
        ("Sat 02:00 3 UTC", f'{WINDOW}, got it: "3" is no length such as 3h or 2h30m'),
        ("Sat 02:00 0m UTC", f'{WINDOW}, got it: "0m" is no length such as 3h or 2h30m'),
        ("Sat 02:00 168h1m UTC", '"168h1m" is longer than a week'),
        (
            "Sat 02:00 3h Europe/Amsterdm",
            f'{ZONE}, got it: "Europe/Amsterdm" is none; did you mean "Europe/Amsterdam"?',
        ),
        ("Sat 02:00 3h Amsterdam", f'{ZONE}, got it: "Amsterdam" is none; did you mean "Europe/Amsterdam"?'),
        ("Sat 02:00 3h ../etc/passwd", f'{ZONE}, got it: "../etc/passwd" is none'),
    ],
)
def test_a_window_that_cannot_be_meant_is_refused(text: str, expected: str) -> None:
    assert problem(parse_window, text) == expected


def test_a_limit_is_a_number_or_a_share() -> None:
    assert parse_limit("1") == Limit(1)
    assert parse_limit("20%") == Limit(None, 20.0)
    assert parse_limit("100%") == Limit(None, 100.0)


@pytest.mark.parametrize("text", ["0", "0%", "101%", "-1", "1.5", "", "all", "01", "1 %", "٣"])
def test_a_limit_of_nothing_and_more_than_all_are_refused(text: str) -> None:
    assert problem(parse_limit, text) == f"{LIMIT}, got it"


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("1", (Limit(1),)),
        ("10%", (Limit(None, 10.0),)),
        ("[1, 10%, 100%]", (Limit(1), Limit(None, 10.0), Limit(None, 100.0))),
        ("1,2", (Limit(1), Limit(2))),
    ],
)
def test_serial_is_one_size_or_several(text: str, sizes: tuple[Limit, ...]) -> None:
    assert parse_serial(text) == sizes


@pytest.mark.parametrize("text", ["", "[]", "[1,]", "0", "[1", "1,0%", ",".join(["1"] * 101)])
def test_serial_without_a_size_is_refused(text: str) -> None:
    assert problem(parse_serial, text) == f"{SERIAL}, got it"
