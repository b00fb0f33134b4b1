"""A limit: at most so many at once, as a number or as a share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` of them, or `percent` (0 to 100) of all where `count` is None."""

    count: int | None = 1
    percent: float = 0.0

    def of(self, total: int) -> int:
        """Return how many of `total` that is: a share rounds down, but is never less than one."""
        if self.count is not None:
            return self.count
        return max(1, int(total * self.percent / 100))

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.count is None else str(self.count)
