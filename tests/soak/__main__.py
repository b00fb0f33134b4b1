"""`make soak`: many generated rollouts in two processes, and a table of what was checked and what refused.

CLUSTERCTL_ROLLOUTS (10000) possible rollouts, each killed at CLUSTERCTL_KILLS (4) effects, or at every one where
that is `all`. The first broken promise ends it, with the seed that plays it again: CLUSTERCTL_SEED. With CLUSTERCTL_NIGHTS
nights are played instead (`tests.nights.soak`).
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.nights.soak import main as nights
from tests.soak.rollouts import play
from tests.soak.watch import BrokenPromiseError, Tally

PROCESSES = 2
CHUNK = 50


@dataclass
class Chunk:
    """What some seeds gave."""

    possible: int = 0
    tally: Tally = field(default_factory=Tally)
    broken: list[str] = field(default_factory=list)


def run_chunk(first: int, kills: int | None) -> Chunk:
    """Play the seeds of a chunk."""
    chunk = Chunk()
    for seed in range(first, first + CHUNK):
        try:
            chunk.possible += play(seed, kills, chunk.tally)
        except BrokenPromiseError as error:
            chunk.broken.append(str(error))
    return chunk


def main() -> int:
    """Play until enough rollouts were possible, and print the table."""
    if "CLUSTERCTL_NIGHTS" in os.environ:
        return nights()
    wanted, kills = int(os.environ.get("CLUSTERCTL_ROLLOUTS", "10000")), _kills()
    if "CLUSTERCTL_SEED" in os.environ:
        play(int(os.environ["CLUSTERCTL_SEED"]), kills, Tally())
        return 0
    whole, began, firsts = Chunk(), time.monotonic(), iter(range(0, 10**9, CHUNK))
    with ProcessPoolExecutor(PROCESSES) as pool:
        running = [pool.submit(run_chunk, next(firsts), kills) for _ in range(2 * PROCESSES)]
        while running:
            chunk = running.pop(0).result()
            whole.possible += chunk.possible
            whole.tally.add(chunk.tally)
            whole.broken += chunk.broken
            if whole.possible < wanted and not whole.broken:
                running.append(pool.submit(run_chunk, next(firsts), kills))
            _say(f"\r{whole.possible} of {wanted} rollouts, {time.monotonic() - began:.0f} s", sys.stderr)
    _say("\n", sys.stderr)
    _table(whole, time.monotonic() - began)
    return 1 if whole.broken else 0


def _kills() -> int | None:
    text = os.environ.get("CLUSTERCTL_KILLS", "4")
    return None if text == "all" else int(text)


def _table(whole: Chunk, seconds: float) -> None:
    tally = whole.tally
    crashes = tally.runs["crashes"] + tally.runs["second crashes"]
    played = whole.possible + crashes
    _say(
        f"{whole.possible} rollouts, {crashes} crashes, {seconds:.0f} s, {played / seconds:.0f} runs a second\n"
    )
    for title, counts in (("runs", tally.runs), ("promises checked", tally.checks), ("guards", tally.guards)):
        _say(f"\n{title}\n")
        for name, number in sorted(Counter(counts).items()):
            _say(f"  {name:42}{number:>12}\n")
    _say(f"\nbroken promises: {len(whole.broken)}\n")
    for text in whole.broken[:20]:
        _say(f"  {text}\n")


def _say(text: str, stream: object = None) -> None:
    out = sys.stdout if stream is None else sys.stderr
    out.write(text)
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
