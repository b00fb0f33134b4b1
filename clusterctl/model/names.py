"""The order of names, everywhere the same: digits as numbers, so that h2 stands before h10."""

from __future__ import annotations

import re
from functools import lru_cache

_DIGITS = re.compile(r"([0-9]+)")


@lru_cache(maxsize=65536)
def natural(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return a key that sorts h2 before h10 and, of web1 and web01, always the same one first."""
    parts = _DIGITS.split(name)
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts)), name
