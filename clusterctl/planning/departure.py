"""What becomes of everything on hosts that go out: a value, made by `leaving` and counted as done by `forecast`."""

from __future__ import annotations

from dataclasses import dataclass, field

from clusterctl.model.placement import Instance, Unplaced
from clusterctl.model.plan import Blocked
from clusterctl.model.service import Service
from clusterctl.planning.observed import Observed


@dataclass(frozen=True, slots=True)
class Move:
    """A unit that leaves its host for another one; `target` is empty where its copy runs elsewhere already.

    `left` is what an earlier try has left on the target, not well: it is replaced. `why` is for people, where it is not
    only that the host goes out.
    """

    unit: Observed
    service: Service
    target: str
    left: Observed | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """An instance that stays on its host and is down while the host is out, and why it does."""

    instance: Instance
    host: str
    reason: str


@dataclass(slots=True)
class Departure:
    """What becomes of everything on some hosts.

    `litter`: copies elsewhere that an earlier try has left, not well, where they cannot run.
    """

    moves: list[Move] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    unplaced: list[Unplaced] = field(default_factory=list)
    litter: list[Observed] = field(default_factory=list)

    @property
    def possible(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.blocked and not self.unplaced

    @property
    def interrupts(self) -> tuple[Instance, ...]:
        """The instances that are down while the hosts are out."""
        return tuple(stay.instance for stay in self.stays)
