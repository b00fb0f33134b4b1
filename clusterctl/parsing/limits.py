"""Limits ("at most so many at once") and sizes of groups: text in, values out. What a share comes to is in `model.limit`."""

from __future__ import annotations

import re

from clusterctl.model.limit import Limit
from clusterctl.parsing.scalars import parse_percent
from clusterctl.parsing.words import Expected

MOST_GROUPS = 100

_COUNT = re.compile(r"[1-9][0-9]{0,5}")


def parse_limit(text: str) -> Limit:
    """Return a limit from `2` or `20%`; nothing at all (0, 0%) is no limit one could work with."""
    if text.isascii() and _COUNT.fullmatch(text):
        return Limit(int(text))
    try:
        percent = parse_percent(text)
    except Expected:
        percent = 0.0
    if percent <= 0:
        raise Expected("a number of at least 1, or a percentage from above 0% to 100%")
    return Limit(None, percent)


def parse_serial(text: str) -> tuple[Limit, ...]:
    """Return the sizes of groups from `1`, `10%` or `[1, 10%, 100%]`; the last one is repeated by who uses them."""
    inside = text.strip(" ")
    if inside.startswith("[") and inside.endswith("]"):
        inside = inside[1:-1]
    try:
        return check_serial(tuple(parse_limit(part.strip(" ")) for part in inside.split(",")))
    except Expected:
        raise Expected("sizes of groups such as 1, 10% or [1, 10%, 100%]") from None


def check_serial(sizes: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Return the sizes if there are any, and not too many to be meant."""
    if not 0 < len(sizes) <= MOST_GROUPS:
        raise Expected(f"1 to {MOST_GROUPS} sizes of groups")
    return sizes
