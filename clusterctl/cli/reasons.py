"""Why hosts cannot take an instance, told together: many hosts have the same reason, or one that differs by a figure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusterctl.planning.explain import HostAnswer

_GISTS = (
    (re.compile(r"^\d+ MiB left to reserve$"), "too little memory left to reserve"),
    (re.compile(r"^[\d.e+-]+ cpus left to reserve$"), "too few cpus left to reserve"),
    (re.compile(r"(taken|in use) by (\S+)-\d+$"), r"\1 by \2-*"),
)
"""Reasons that differ by a figure or a slot only: with many hosts they are told as one."""


def folded(refused: Iterable[HostAnswer]) -> list[tuple[list[str], tuple[str, ...]]]:
    """Return hosts with the same reasons together; figures that differ are left out where there are several."""
    groups: dict[tuple[str, ...], list[HostAnswer]] = {}
    for answer in refused:
        groups.setdefault(tuple(gist(reason) for reason in answer.reasons), []).append(answer)
    return [
        (
            [one.host for one in answers],
            answers[0].reasons if len({a.reasons for a in answers}) == 1 else gists,
        )
        for gists, answers in groups.items()
    ]


def gist(reason: str) -> str:
    """Return a reason without the figure that is another one on each host."""
    for pattern, words in _GISTS:
        reason = pattern.sub(words, reason)
    return reason
