"""Whose clock is off: hosts against the machine that looks at them. Pure; nothing here depends on it being right.

Locks, leases and deadlines use monotonic clocks. Wall clocks are for windows, logs and certificates, so a wrong one is
worth a word and no refusal.
"""

from __future__ import annotations

from clusterctl.model.snapshot import Snapshot

MOST_S = 5
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def clock_notes(snapshot: Snapshot, began_s: float, ended_s: float) -> tuple[str, ...]:
    """Return a note for every host whose clock is more than 5 s off, or one where all are off alike.

    A host read its clock at some moment between `began_s` and `ended_s` (epoch seconds here), so only what lies
    outside of both is known to be off.
    """
    offs = {facts.host: _off_s(facts.clock_s, began_s, ended_s) for facts in snapshot.seen}
    wrong = {host: off_s for host, off_s in offs.items() if abs(off_s) > MOST_S}
    if len(wrong) > 1 and len(wrong) == len(offs) and max(wrong.values()) - min(wrong.values()) <= MOST_S:
        most = next(iter(wrong.values()))
        return (f"clock: this machine is {_words(-most)} all {len(wrong)} hosts",)
    return tuple(f"clock: {host} is {_words(off_s)} this machine" for host, off_s in wrong.items())


def _off_s(clock_s: int, began_s: float, ended_s: float) -> float:
    """Return how far a clock is ahead at least (below 0: behind); it counts whole seconds."""
    if clock_s > ended_s:
        return clock_s - ended_s
    return min(0.0, clock_s + 1 - began_s)


def _words(off_s: float) -> str:
    amount = abs(off_s)
    for size, unit in ((DAY_S, "days"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if amount >= 2 * size:
            return f"{amount / size:.0f} {unit} {'ahead of' if off_s > 0 else 'behind'}"
    return f"{amount:.0f} s {'ahead of' if off_s > 0 else 'behind'}"
