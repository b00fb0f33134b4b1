"""Many nights in several processes (`make soak` with CLUSTERCTL_NIGHTS), and a table of what was checked and what fired.

CLUSTERCTL_NIGHTS nights of CLUSTERCTL_NIGHT_HOSTS (50) hosts and CLUSTERCTL_NIGHT_HOURS (24) hours. Each broken promise is
shown with its seed; CLUSTERCTL_SEED plays that one night again.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.nights.night import play
from tests.nights.sizes import Size
from tests.soak.watch import BrokenPromiseError, Tally

PROCESSES = 2
LEAST = 100
"""How often each guard must have fired in 200 nights or more."""
GUARDS = (
    *("no majority", "too many at once", "held", "fence failed", "fence proven", "later (cap of a run)"),
    *("verdict flapping", "verdict operator-blind", "verdict unmanaged", "reset: a gap between rounds"),
    *("reset: the observer was rebooted", "surplus removed", "killed in a run", "another holds the lock"),
    "a host lies",
)
PROMISES = (
    *(
        "I1",
        "I2",
        "I2 fence first",
        "I6",
        "I7",
        "I8",
        "I10",
        "I12",
        "newest data stays",
        "lost is lost",
        "hysteresis",
    ),
    *("cap of a run", "cap at once", "x-drain: refuse", "everything runs once", "nothing is left marked"),
)


def play_one(seed: int, size: Size) -> tuple[Tally, str, float]:
    """Play one night; return what was counted, what broke, and the seconds of processor it took."""
    tally, began, broken = Tally(), time.process_time(), ""
    try:
        play(seed, size, tally)
    except BrokenPromiseError as error:
        broken = str(error)
    return tally, broken, time.process_time() - began


def lacking(tally: Tally, least: int) -> list[str]:
    """Return the promises that were never looked at, and the guards that fired less often than that."""
    promises = [name for name in PROMISES if not tally.checks[name]]
    return promises + [name for name in GUARDS if tally.guards[name] < least]


def main() -> int:
    """Play the nights, and print the table."""
    environment = os.environ
    size = Size(
        int(environment.get("CLUSTERCTL_NIGHT_HOSTS", "50")),
        float(environment.get("CLUSTERCTL_NIGHT_HOURS", "24")),
    )
    if "CLUSTERCTL_SEED" in environment:
        first, number = int(environment["CLUSTERCTL_SEED"]), 1
    else:
        first, number = 0, int(environment["CLUSTERCTL_NIGHTS"])
    whole, broken, used_s, began = Tally(), list[str](), 0.0, time.monotonic()
    with ProcessPoolExecutor(PROCESSES) as pool:
        played = pool.map(partial(play_one, size=size), range(first, first + number), chunksize=1)
        for done, (tally, words, seconds) in enumerate(played, start=1):
            whole.add(tally)
            used_s += seconds
            broken += [words] if words else []
            sys.stderr.write(f"\r{done} of {number} nights, {time.monotonic() - began:.0f} s")
    sys.stderr.write("\n")
    _table(whole, size, used_s / number)
    short = lacking(whole, LEAST if number >= 200 else 0)
    sys.stdout.write("".join(f"never, or too rarely: {name}\n" for name in short))
    sys.stdout.write(f"\nbroken promises: {len(broken)}\n" + "".join(f"  {words}\n" for words in broken[:20]))
    return 1 if broken or short else 0


def _table(tally: Tally, size: Size, seconds: float) -> None:
    sys.stdout.write(f"{size.hosts} hosts, {size.hours:g} h: {seconds:.1f} s of processor a night\n")
    for title, counts in (("runs", tally.runs), ("promises checked", tally.checks), ("guards", tally.guards)):
        sys.stdout.write(f"\n{title}\n")
        sys.stdout.write("".join(f"  {name:42}{number:>12}\n" for name, number in sorted(counts.items())))


if __name__ == "__main__":
    sys.exit(main())
