"""Maintenance windows: text in, values out. Whether one is open is decided in `planning.windows`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from zoneinfo import available_timezones

from clusterctl.model.window import WEEKDAYS, Window
from clusterctl.parsing.words import Expected, Unfit, did_you_mean, quoted

LONGEST_WINDOW_S = 7 * 86_400
LONGEST_TEXT = 200

_START = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_LENGTH = re.compile(r"(?=[0-9])(?:([0-9]{1,3})h)?(?:([0-9]{1,5})m)?")
_EXAMPLE = "Sat 02:00 3h Europe/Amsterdam"


def parse_window(text: str) -> Window:
    """Return a window from `DAYS HH:MM LENGTH ZONE`, such as `Mon-Fri 22:30 2h30m UTC`."""
    parts = text.split(" ") if len(text) <= LONGEST_TEXT else []
    if len(parts) == 3:
        raise Expected(f"a window such as {_EXAMPLE}", "the time zone is missing")
    if len(parts) != 4:
        raise Expected(f"a window such as {_EXAMPLE}")
    days, start, length, zone = parts
    return Window(_parse_days(days), _parse_start(start), _parse_length(length), parse_zone(zone))


def _parse_days(text: str) -> tuple[int, ...]:
    if text.lower() == "daily":
        return tuple(range(7))
    return tuple(sorted({day for part in text.split(",") for day in _days_of(part)}))


def _days_of(part: str) -> Iterator[int]:
    """Yield the days of `Sat` or `Mon-Fri`; a range may go over Sunday."""
    first, mark, last = part.partition("-")
    begin = _day(first)
    end = _day(last) if mark else begin
    yield from ((begin + offset) % 7 for offset in range((end - begin) % 7 + 1))


def _day(text: str) -> int:
    name = text.capitalize()
    if name not in WEEKDAYS:
        found = f"{quoted(text)} is none" if text else ""
        raise Expected(
            "days such as Sat, Mon-Fri, Sat,Sun or daily", f"{found}{did_you_mean(name, WEEKDAYS)}"
        )
    return WEEKDAYS.index(name)


def _parse_start(text: str) -> int:
    match = _START.fullmatch(text) if text.isascii() else None
    if not match:
        raise Expected(f"a window such as {_EXAMPLE}", f"{quoted(text)} is no time such as 02:00")
    return int(match[1]) * 60 + int(match[2])


def _parse_length(text: str) -> int:
    match = _LENGTH.fullmatch(text) if text.isascii() else None
    length_s = int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 if match else 0
    if not length_s:
        raise Expected(f"a window such as {_EXAMPLE}", f"{quoted(text)} is no length such as 3h or 2h30m")
    if length_s > LONGEST_WINDOW_S:
        raise Unfit(f"{quoted(text)} is longer than a week")
    return length_s


def parse_zone(text: str) -> str:
    """Return the name of a time zone of the IANA database, or UTC."""
    zones = _zones()
    if text in zones:
        return text
    if not zones:
        raise Unfit("no time zones are known here; install tzdata on this machine")
    raise Expected(
        "a time zone such as Europe/Amsterdam or UTC", f"{quoted(text)} is none{_near(text, zones)}"
    )


def _near(text: str, zones: frozenset[str]) -> str:
    """Return which zone may be meant; without a continent the city decides."""
    cities = {zone.rpartition("/")[2].lower(): zone for zone in sorted(zones)}
    city = text.rpartition("/")[2].replace(" ", "_").lower()
    if city in cities:
        return f"; did you mean {quoted(cities[city])}?"
    return did_you_mean(text, zones)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
