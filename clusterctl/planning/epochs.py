"""Which epochs that hosts name can be believed, so that one that lies neither keeps everybody out nor uses up the numbers.

Each run has one number more than the run before, so a host that was away is behind by as many runs as it missed. Who
is far ahead of every other host lies, or has somebody else's file; its word counts as no answer (docs/lock.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterctl.model.names import natural

MOST_AHEAD = 1_000_000
"""More runs than a host can have missed: 1,000 a day for nearly three years. At most so many numbers does a lie cost."""
MOST_ALONE = 10**12
"""The highest number that is taken from a host whom no other one can contradict; there is room for 10**15."""


def doubt_epochs(epochs: Mapping[str, int]) -> dict[str, str]:
    """Return the hosts whose epoch cannot be true, and why, of what all that answered have seen."""
    ranked = sorted(epochs, key=lambda name: (-epochs[name], natural(name)))
    doubted: dict[str, str] = {}
    for place, name in enumerate(ranked):
        most, known = _most_beside(ranked[place + 1 :], epochs)
        if epochs[name] <= most:
            break
        doubted[name] = f"its epoch {epochs[name]} cannot be true: {known}"
    return doubted


def _most_beside(others: Sequence[str], epochs: Mapping[str, int]) -> tuple[int, str]:
    """Return the highest epoch that can be true beside what others have seen (the highest first), and what that is."""
    if not others:
        return MOST_ALONE, "no other host says so"
    return epochs[others[0]] + MOST_AHEAD, f"{others[0]} has seen {epochs[others[0]]}"
