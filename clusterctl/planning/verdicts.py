"""The verdict on each host: what the operator saw, what its peers saw, and the rounds so far. Pure.

A verdict never says "lost" where anything showed a sign of life, where too few could be asked, or where the operator
does not reach the majority of the inventory (I6). What follows from a verdict is decided by whoever asks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from clusterctl.model.health import (
    SIGNS_OF_LIFE,
    FleetHealth,
    HostHealth,
    Opinion,
    Rounds,
    Rung,
    Sign,
    Track,
    Verdict,
)
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.detector import Hysteresis, is_over, is_quarantined
from clusterctl.planning.ladder import able_to_tell, climb
from clusterctl.planning.peers import NEEDED

_WORDS: Mapping[Sign, str] = {
    "banner": "gets an SSH banner from it",
    "service": "gets an answer of a service from it",
    "refused": "finds its port closed",
    "nothing": "gets no answer from it either",
    "unknown": "could not try",
}
_IDENTITY = frozenset({"host-key", "auth", "sudo", "identity"})
_NETWORK = "but most hosts do not answer, so it is more likely the network here"


@dataclass(frozen=True)
class Sighting:
    """One round: how far up each host let the operator, and what peers said of the silent ones."""

    rungs: Mapping[str, Rung]
    able: tuple[str, ...]
    opinions: tuple[Opinion, ...] = ()

    @property
    def silent(self) -> tuple[str, ...]:
        """The hosts of which the operator saw no sign of life: peers are asked about them."""
        return tuple(host for host, rung in self.rungs.items() if rung.alive is False)

    @cached_property
    def alive(self) -> Mapping[str, bool | None]:
        """Host -> whether it is alive, silent, or (None) nobody can say."""
        return {
            host: rung.alive if rung.alive is not False else self._heard(host)
            for host, rung in self.rungs.items()
        }

    def of(self, host: str) -> tuple[Opinion, ...]:
        """Return what peers said of a host."""
        return tuple(self._by_host.get(host, ()))

    @cached_property
    def _by_host(self) -> Mapping[str, list[Opinion]]:
        found: dict[str, list[Opinion]] = {}
        for opinion in self.opinions:
            found.setdefault(opinion.host, []).append(opinion)
        return found

    @cached_property
    def _able(self) -> frozenset[str]:
        return frozenset(self.able)

    def _heard(self, host: str) -> bool | None:
        signs = [opinion.sign for opinion in self.of(host)]
        if SIGNS_OF_LIFE & set(signs):
            return True
        needed = min(NEEDED, len(self.able) - (host in self._able))
        return False if needed and signs.count("nothing") >= needed else None


def sight(snapshot: Snapshot, cluster: str, witnesses: Collection[str] = ()) -> Sighting:
    """Return what one look showed, before any peer was asked."""
    rungs = {
        host: climb(answer, cluster, witness=host in witnesses) for host, answer in snapshot.hosts.items()
    }
    return Sighting(rungs, able_to_tell(snapshot))


def judge(sighting: Sighting, rounds: Rounds, now_s: float, rules: Hysteresis) -> FleetHealth:
    """Return the verdicts on all hosts, in their order; `rounds` may have this sighting counted, or not yet.

    `now_s` is of the clock that `rounds` is of.
    """
    judge_ = _Judge(sighting, now_s, rules)
    hosts = tuple(judge_.host(host, rounds.tracks.get(host, Track())) for host in sighting.rungs)
    return FleetHealth(hosts, len(sighting.able))


@dataclass(frozen=True, slots=True)
class _Judge:
    sighting: Sighting
    now_s: float
    rules: Hysteresis

    def host(self, host: str, track: Track) -> HostHealth:
        rung = self.sighting.rungs[host]
        verdict, why = self._living(rung, track) if rung.alive else self._silent(host, rung, track)
        return HostHealth(host, verdict, rung, track, why, self.sighting.of(host))

    def _living(self, rung: Rung, track: Track) -> tuple[Verdict, str]:
        if rung.name in _IDENTITY:
            return "refused", f"{rung.reason}; that is no sign of a dead host"
        if is_quarantined(track, self.now_s):
            return "flapping", _join(rung.reason, self._quarantine(track))
        if track.is_down:
            rounds = _rounds(track.passed, track.first_passed_s, self.now_s, "good")
            after = f"(back after {self.rules.passed_rounds} over {self.rules.passed_s:.0f} s)"
            return "returning", _join(rung.reason, f"was lost; {rounds} {after}")
        return ("degraded", rung.reason) if rung.name else ("healthy", "")

    def _silent(self, host: str, rung: Rung, track: Track) -> tuple[Verdict, str]:
        if rung.alive is None:
            return "unknown", rung.reason
        opinions = self.sighting.of(host)
        words = _join(rung.reason, *(f"{opinion.peer} {_WORDS[opinion.sign]}" for opinion in opinions))
        alive = self.sighting.alive[host]
        if not alive:
            return self._dead(words, track, certain=alive is False)
        if any(opinion.sign == "banner" for opinion in opinions):
            return "operator-blind", _join(words, "the fault is between here and there")
        return "unmanaged", _join(words, "the machine lives, but lets nobody in")

    def _dead(self, words: str, track: Track, *, certain: bool) -> tuple[Verdict, str]:
        if is_quarantined(track, self.now_s):
            return "flapping", _join(words, self._quarantine(track))
        if not certain:
            return "suspect", _join(words, "too few hosts could be asked to tell whether it is lost")
        words = _join(words, _rounds(track.failed, track.first_failed_s, self.now_s, "silent"))
        if not self._is_lost(track):
            return (
                "suspect",
                f"{words} (lost after {self.rules.failed_rounds} over {self.rules.failed_s:.0f} s)",
            )
        if not 2 * len(self.sighting.able) > len(self.sighting.rungs):
            return "suspect", _join(words, _NETWORK)
        return "lost", words

    def _is_lost(self, track: Track) -> bool:
        rounds, over_s = self.rules.failed_rounds, self.rules.failed_s
        return track.is_down and is_over(track.failed, track.first_failed_s, self.now_s, rounds, over_s)

    def _quarantine(self, track: Track) -> str:
        left_min = max((track.quarantined_until_s - self.now_s) / 60, 1)
        return f"changed {len(track.changes)} times of late, left alone for another {left_min:.0f} min"


def _join(*words: str) -> str:
    return "; ".join(word for word in words if word)


def _rounds(count: int, first_s: float, now_s: float, kind: str) -> str:
    over = f" over {now_s - first_s:.0f} s" if count > 1 else ""
    return f"{count} {kind} round{'' if count == 1 else 's'}{over}"
