"""Schedulers that are made once and asked many times what if: each answer is taken back before the next question.

To count a whole fleet in is most of the work of a placement; `losses` asks a thousand times about the same fleet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clusterctl.model.placement import Instance
from clusterctl.model.service import Service
from clusterctl.model.snapshot import HostFacts
from clusterctl.planning.departure import Departure
from clusterctl.planning.observed import Observed
from clusterctl.planning.scheduler import Scheduler

Put = tuple[Instance, Service, str]


class Rehearsal:
    """Schedulers by project, each with everything counted in; `copies` are all units by their instance."""

    def __init__(self, units: Iterable[Observed]) -> None:
        self.copies = copies_in(units)
        self._made: dict[str, Scheduler] = {}
        self._guests: dict[str, list[Put]] = {}
        self._facts: Sequence[HostFacts] = ()

    def begin(self, facts: Sequence[HostFacts]) -> None:
        """Open a question: what if hosts were so."""
        self._facts = facts

    def keep(self, project: str, scheduler: Scheduler) -> None:
        """Keep a scheduler for later questions; it must have placed nothing itself."""
        self._made[project] = scheduler

    def scheduler(self, project: str, departure: Departure) -> Scheduler | None:
        """Return the scheduler of a project, which knows what the departure has moved so far, if one is kept."""
        found = self._made.get(project)
        if found is None:
            return None
        found.suppose(self._facts)
        guests = self._guests.setdefault(project, [])
        new = [put for put in _puts(departure) if put[0].project != project][len(guests) :]
        for instance, service, host in new:
            found.put_guest(instance, service, host)
        guests += new
        return found

    def end(self, departure: Departure) -> None:
        """Take back what the question has moved."""
        for project, guests in self._guests.items():
            own = [put for put in _puts(departure) if put[0].project == project]
            for instance, service, host in (*guests, *own):
                self._made[project].take_back(instance, service, host)
            self._made[project].recall()
        self._guests = {}


def copies_in(units: Iterable[Observed]) -> dict[Instance, list[Observed]]:
    """Return units by their instance."""
    found: dict[Instance, list[Observed]] = {}
    for unit in units:
        found.setdefault(unit.instance, []).append(unit)
    return found


def _puts(departure: Departure) -> list[Put]:
    return [(move.unit.instance, move.service, move.target) for move in departure.moves if move.target]
