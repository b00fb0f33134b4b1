"""How far from the proven maximum failover is, on small full fleets: `make oracle` prints a table.

    python -m tests.oracle [FLEETS] [MAKE_ROOM]

With MAKE_ROOM (0) extra moves are allowed, and the maximum is that of any rearrangement of the fleet.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass

from clusterctl.model.intent import FailoverIntent
from clusterctl.model.placement import Instance
from clusterctl.model.service import Service
from clusterctl.planning.failover import plan_failover
from tests.conduct import a_summary, carry_out
from tests.planning.certificate import Proof, ask, broken_rules, goes
from tests.planning.full_fleets import a_full_fleet

FILLS = (80, 88, 92, 96)


@dataclass(frozen=True)
class Outcome:
    """What a failover of one or two of twenty hosts did, and what was proven to be possible.

    `placed` as in `Proof`. `displaced` may be started elsewhere. `moves` counts everything that is on another host now,
    `extra` what was not on a lost one. `without_place` stood on a living host and is nowhere now.
    """

    seed: int
    fill: int
    lost: int
    displaced: int
    placed: tuple[tuple[int, int], ...]
    proven: Proof
    moves: int
    extra: int
    without_place: list[Instance]
    broken: list[str]

    @property
    def total(self) -> int:
        """How many of the displaced have a place."""
        return sum(number for _, number in self.placed)

    @property
    def is_optimal(self) -> bool:
        """Whether nothing could have been placed more, by priority."""
        return self.placed == self.proven.placed


def play(seed: int, make_room: int, *, may_evict: bool = False) -> Outcome:
    """Lose hosts of a fleet made from a seed, fail over in memory, and ask the certificate."""
    fill, lost = FILLS[seed % 4], 1 + seed // 4 % 2
    fleet = a_full_fleet(seed, fill=fill, priorities=bool(seed // 8 % 2))
    before = fleet.where()
    names = random.Random(seed).sample(sorted(fleet.cluster.hosts), lost)  # noqa: S311 - the same each time
    fleet.lose(*names)
    inventory, snapshot = fleet.cluster.inventory, fleet.cluster.see()
    intent = FailoverIntent(tuple(names), make_room=make_room)
    assert carry_out(fleet.cluster, plan_failover(intent, inventory, snapshot, a_summary("failover"))).ok
    proven, after = ask(fleet, before, may_evict=may_evict), fleet.where()

    def is_displaced(instance: Instance) -> bool:
        return before[instance] in names and goes(fleet.service_of(instance))

    service_of: dict[Instance, Service] = {i: fleet.service_of(i) for i in before}
    got = Counter(service_of[i].priority for i in before if is_displaced(i) and i in after)
    moved = [i for i in before if i in after and after[i] != before[i]]
    return Outcome(
        seed=seed,
        fill=fill,
        lost=lost,
        displaced=sum(map(is_displaced, before)),
        placed=tuple((level, got[level]) for level, _ in proven.placed),
        proven=proven,
        moves=len(moved),
        extra=sum(before[i] not in names for i in moved),
        without_place=[i for i in before if before[i] not in names and i not in after],
        broken=broken_rules(fleet, after),
    )


def main() -> int:
    """Play fleets and print what came of them, by how full they are."""
    words = [int(word) for word in sys.argv[1:]]
    fleets, make_room = (*words, *(100, 0)[len(words) :])
    found = [play(seed, make_room, may_evict=make_room > 0) for seed in range(fleets)]
    sys.stdout.write("FILL  LOST  FLEETS  DISPLACED  PLACED  PROVEN MOST  OPTIMAL  BOUND MET  EXTRA MOVES\n")
    for fill, lost in sorted({(o.fill, o.lost) for o in found}):
        mine = [o for o in found if (o.fill, o.lost) == (fill, lost)]
        cells = (
            fill,
            lost,
            len(mine),
            sum(o.displaced for o in mine),
            sum(o.total for o in mine),
            sum(o.proven.total for o in mine),
            sum(o.is_optimal for o in mine),
            sum(o.moves == o.total == o.displaced for o in mine),
            sum(o.extra for o in mine),
        )
        widths = (4, 6, 8, 11, 8, 13, 9, 11, 13)
        sys.stdout.write(
            "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)) + "\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
