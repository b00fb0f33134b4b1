"""What is well and which host ports are taken while a rollout is played through: what may be taken out now.

The order itself is `waves`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from clusterctl.planning.crews import Crew, quorum_out
from clusterctl.planning.tasks import Task


class Ledger:
    """Counts kept from wave to wave. `counted` services count on tasks although these may fail."""

    def __init__(
        self,
        crews: Mapping[str, Crew],
        tasks: Sequence[Task],
        quorums_elsewhere: Mapping[str, int],
        counted: frozenset[str],
    ) -> None:
        self._crews, self._counted = crews, counted
        self.well = Counter({name: crew.standing.well for name, crew in crews.items()})
        self.out = quorum_out(crews.values(), quorums_elsewhere)
        self._holders: dict[tuple[str, str], list[Task]] = defaultdict(list)
        self._takers: dict[tuple[str, str], list[Task]] = defaultdict(list)
        for task in tasks:
            for place in task.holds:
                self._holders[place].append(task)
            for place in task.needs:
                self._takers[place].append(task)

    def free(self, task: Task) -> bool:
        """Whether no other unit that is to change has a host port that this one needs."""
        return all(other is task for place in task.needs for other in self._holders[place])

    def waits_for_roll(self, task: Task) -> bool:
        """Whether a host port that a task needs is given up by a replacement."""
        return any(other.rolls for place in task.needs for other in self._holders[place])

    def takers(self, task: Task) -> list[Task]:
        """Return who waits for a host port that the task's present unit has."""
        return [other for place in task.holds for other in self._takers[place] if other is not task]

    def allowed(self, tasks: Iterable[Task], most: int = 0, beside: Sequence[Task] = ()) -> list[Task]:
        """Return the tasks that leave every service its floor and every quorum all but one."""
        taken: Counter[str] = Counter()
        groups = {self.quorum(task) for task in beside} - {""}
        found: list[Task] = []
        for task in tasks:
            group = self.quorum(task)
            if group in groups or self.refused(task, taken[task.of]):
                continue
            found.append(task)
            taken[task.of] += task.takes_out
            groups |= {group} - {""}
            if most and len(found) == most:
                break
        return found

    def refused(self, task: Task, taken: int = 0) -> bool:
        """Whether a task would take its service below the floor, or a quorum below all but one."""
        crew = self._crews.get(task.of)
        if crew is None or not task.takes_out:
            return False
        if self.quorum(task) and self.out[self.quorum(task)]:
            return True
        return self.well[task.of] - taken - 1 < crew.floor

    def quorum(self, task: Task) -> str:
        """Return the quorum that a task's service belongs to, or ""."""
        crew = self._crews.get(task.of)
        return crew.service.quorum if crew else ""

    def count(self, task: Task) -> None:
        """Count what a task changes in the number of well instances."""
        crew = self._crews.get(task.of)
        sure = crew is not None and (not crew.tolerance or task.of in self._counted)
        if task.mends and sure:
            self.well[task.of] += 1
            self.out[self.quorum(task)] = max(0, self.out[self.quorum(task)] - 1)
        elif task.removes and task.takes_out and (task.old or sure):
            self.well[task.of] -= 1

    def settle(self, tasks: Sequence[Task]) -> None:
        """Count tasks as done: what they make well, and the ports they give up."""
        gone = {id(task) for task in tasks}
        for task in tasks:
            self.count(task)
            for place in {*task.holds, *task.needs}:
                self._holders[place] = [other for other in self._holders[place] if id(other) not in gone]
                self._takers[place] = [other for other in self._takers[place] if id(other) not in gone]
