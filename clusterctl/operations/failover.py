"""From one look at the fleet's health to what a failover would do: chosen, and planned for what was seen.

The verb and the simulated nights of the tests go through here. Carrying it out is the pipeline's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clusterctl.errors import RefusedError
from clusterctl.model.intent import FailoverIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.operations.health import Checked
from clusterctl.planning.evacuation import Evacuation, burdened, decide
from clusterctl.planning.failover import plan_failover


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one look leads to; `silent` hosts need not be waited for again: they were looked at just now."""

    choice: Evacuation
    intent: FailoverIntent
    run: RunSummary
    plan: Plan
    silent: tuple[str, ...]

    @property
    def moves(self) -> tuple[str, ...]:
        """The instances that are started elsewhere, by name: when that is done they rest."""
        return tuple(change.instance.name for change in self.plan.changes if change.kind == "move")


def propose_failover(
    found: Checked,
    inventory: Inventory,
    begin_run: Callable[[str], RunSummary],
    off: Sequence[str] = (),
    make_room: int = 0,
) -> Proposal:
    """Return what to do after a look; `begin_run` makes a run of its subject.

    `off` hosts a person says are off. At most `make_room` other instances are moved to make room.
    Raises RefusedError where nothing may be moved: no majority, too many at once, a host that is not off.
    """
    choice = decide(found.health, burdened(found.snapshot, inventory, found.resting), off)
    if choice.refused:
        raise RefusedError(
            choice.refused, next_step="clusterctl health says what each host looks like. Nothing was changed."
        )
    intent = FailoverIntent(choice.hosts, choice.off, choice.shunned, found.resting, make_room)
    run = begin_run(" ".join(choice.hosts) or "surplus copies")
    seen = Snapshot({facts.host: facts for facts in found.snapshot.seen})
    silent = tuple(answer.host for answer in found.snapshot.unreachable)
    return Proposal(choice, intent, run, plan_failover(intent, inventory, seen, run), silent)
