"""The order of names: digits as numbers, so that h2 stands before h10 (as `ls -v` does)."""

from __future__ import annotations

import re


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a key that sorts names with the digits in them as numbers."""
    return tuple(
        (0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"([0-9]+)", name) if part
    )
