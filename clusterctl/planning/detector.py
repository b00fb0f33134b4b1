"""When a host counts as lost, and when as back: hysteresis over rounds of looks. Pure; the caller keeps the rounds.

The figures are those of PROMISES (detecting a lost host). A round is one look at all hosts; a host is alive in it when
the operator or a peer saw any sign of life, silent when both saw none, and not counted when nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from clusterctl.model.health import Rounds, Track

REST_S = 1800.0
"""An instance moves at most once in so long (PROMISES): one that takes its hosts down with it does not take all of them."""


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """How many rounds, over how many seconds; `period_s` is how far apart rounds are meant to be."""

    period_s: float = 60.0
    failed_rounds: int = 3
    failed_s: float = 90.0
    passed_rounds: int = 3
    passed_s: float = 120.0
    changes: int = 3
    changes_s: float = 1800.0
    quarantine_s: float = 3600.0

    @property
    def gap_s(self) -> float:
        """How far apart two rounds may be and still be counted together."""
        return 3 * self.period_s


def begin(rounds: Rounds, observer: str, boot_id: str) -> Rounds:
    """Return the rounds to go on from: none, where another observer counted them, or before its last boot.

    The clock that the times are of begins anew with each boot.
    """
    if (rounds.observer, rounds.boot_id) == (observer, boot_id):
        return rounds
    return Rounds(observer, boot_id)


def count_round(rounds: Rounds, alive: Mapping[str, bool | None], now_s: float, rules: Hysteresis) -> Rounds:
    """Return the rounds with one more; hosts that were not looked at are forgotten."""
    tracks = {
        host: _count(rounds.tracks.get(host, Track(last_s=now_s)), sign, now_s, rules)
        for host, sign in alive.items()
    }
    return replace(rounds, tracks=tracks)


def resting(rounds: Rounds, now_s: float) -> tuple[str, ...]:
    """Return the instances that failover moved so short a while ago that it does not move them again."""
    return tuple(sorted(name for name, at_s in rounds.moved.items() if now_s - at_s < REST_S))


def note_moves(rounds: Rounds, names: Iterable[str], now_s: float) -> Rounds:
    """Return the rounds with instances noted as moved now, and without those that have rested."""
    kept = {name: rounds.moved[name] for name in resting(rounds, now_s)}
    return replace(rounds, moved={**kept, **dict.fromkeys(names, now_s)})


def is_quarantined(track: Track, now_s: float) -> bool:
    """Whether a host changed too often of late to be moved away from, or back to."""
    return now_s < track.quarantined_until_s


def _count(track: Track, alive: bool | None, now_s: float, rules: Hysteresis) -> Track:  # noqa: FBT001
    if now_s - track.last_s > rules.gap_s:
        track = replace(track, failed=0, passed=0)
    if alive is None:
        return track
    track = replace(track, last_s=now_s)
    if alive:
        first_s = track.first_passed_s if track.passed else now_s
        track = replace(track, failed=0, passed=track.passed + 1, first_passed_s=first_s)
        if track.is_down and is_over(track.passed, first_s, now_s, rules.passed_rounds, rules.passed_s):
            return _change(replace(track, is_down=False), now_s, rules)
        return track
    first_s = track.first_failed_s if track.failed else now_s
    track = replace(track, passed=0, failed=track.failed + 1, first_failed_s=first_s)
    if not track.is_down and is_over(track.failed, first_s, now_s, rules.failed_rounds, rules.failed_s):
        return _change(replace(track, is_down=True), now_s, rules)
    return track


def is_over(rounds: int, first_s: float, now_s: float, most_rounds: int, most_s: float) -> bool:
    """Whether enough rounds in a row said the same, over long enough."""
    return rounds >= most_rounds and now_s - first_s >= most_s


def _change(track: Track, now_s: float, rules: Hysteresis) -> Track:
    recent = (*(at_s for at_s in track.changes if now_s - at_s <= rules.changes_s), now_s)
    until_s = now_s + rules.quarantine_s if len(recent) >= rules.changes else track.quarantined_until_s
    return replace(track, changes=recent, quarantined_until_s=until_s)
