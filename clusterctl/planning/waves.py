"""The one rolling rule: in which order tasks come, so that no service ever falls below its floor (I1).

Worked out by playing it through. A wave is what may be done at once; the next one is, in this order of
preference: what can start, removals that free a port somebody waits for, a canary, replacements (services side
by side, what is not well first), and when all that is done the removals. A wave takes out of a service
at most as many well instances as are above its floor, as if all of them stopped before any started again.
What counts as well afterwards is what the wave was meant to make well; where failures are tolerated, only
what was well before, unless there is no other way: then a failure of those it counts on is not tolerated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from clusterctl.model.plan import Blocked
from clusterctl.planning.crews import Crew
from clusterctl.planning.ledger import Ledger
from clusterctl.planning.tasks import Task, end_of_surge


@dataclass(frozen=True, slots=True)
class Wave:
    """Tasks that may be done at once; a gate has none. `tolerance` of it may fail, `pause_s` passes after it."""

    kind: Literal["start", "start in freed ports", "make room", "canary", "gate", "replace", "remove"]
    services: tuple[str, ...]
    tasks: tuple[Task, ...] = ()
    tolerance: int = 0
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Course:
    """All waves in order, and why some tasks have no place in any order."""

    waves: tuple[Wave, ...]
    stuck: tuple[Blocked, ...] = ()


@dataclass(frozen=True, slots=True)
class Ties:
    """What binds services beyond their own crews.

    `depends`: service -> services it needs, also of services that the playbook no longer has. `quorum_out`: how
    many members of a quorum are not well in other projects.
    """

    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quorum_out: Mapping[str, int] = field(default_factory=dict)


def order_tasks(crews: Mapping[str, Crew], tasks: Sequence[Task], ties: Ties) -> Course:
    """Return the order of the tasks; where failures are tolerated, first without counting on what may fail."""
    first = _Play(crews, tasks, ties, frozenset())
    course = first.run()
    tolerant = {name for name, crew in crews.items() if crew.tolerance}
    if not course.stuck or not tolerant:
        return course
    return _Play(crews, tasks, ties, frozenset(tolerant)).run()


class _Play:
    """The play: what is left to do, and what is well by now. `counted` services count on what may fail."""

    def __init__(
        self, crews: Mapping[str, Crew], tasks: Sequence[Task], ties: Ties, counted: frozenset[str]
    ) -> None:
        self._crews, self._ties, self._counted = crews, ties, counted
        surges = [end_of_surge(task) for task in tasks if task.change.kind == "surge"]
        everything = [*tasks, *surges]
        self._starts = [task for task in tasks if not task.rolls and not task.removes]
        self._starting = Counter(task.of for task in self._starts)
        self._rolls: dict[str, list[Task]] = {name: [] for name in crews}
        for task in sorted((task for task in tasks if task.rolls), key=lambda task: task.takes_out):
            self._rolls.setdefault(task.of, []).append(task)
        self._removals = [task for task in everything if task.removes]
        self._ledger = Ledger(crews, everything, ties.quorum_out, counted)
        self._canary = {name: crew.canary for name, crew in crews.items()}
        self._gated = {name for name, crew in crews.items() if not crew.gate}
        self._tried: set[str] = set()
        self._waiting = {id(task) for task in self._starts if self._ledger.waits_for_roll(task)}

    def run(self) -> Course:
        waves: list[Wave] = []
        while wave := self._next():
            self._done(wave)
            waves.append(wave)
        return Course(tuple(waves), tuple(sorted(self._stuck())))

    def _next(self) -> Wave | None:
        return (
            self._gate(self._tried)
            or self._start()
            or self._make_room()
            or self._gate(set(self._crews))
            or self._canaries()
            or self._replace()
            or self._remove()
        )

    # --- the kinds of waves ----------------------------------------------------------------------

    def _start(self) -> Wave | None:
        ready = [task for task in self._starts if self._ledger.free(task) and self._in_turn(task)]
        ready = self._one_tolerance(ready)
        kind: Literal["start", "start in freed ports"] = "start"
        if any(id(task) in self._waiting for task in ready):
            kind = "start in freed ports"
        return self._wave(kind, ready)

    def _make_room(self) -> Wave | None:
        asked = []
        for task in self._removals:
            takers = [other for other in self._ledger.takers(task) if self._in_turn(other)]
            if takers:
                asked.append((not any(other.of == task.of for other in takers), task))
        asked.sort(key=lambda item: (item[0], item[1].takes_out))
        return self._wave("make room", self._ledger.allowed(task for _, task in asked))

    def _gate(self, names: set[str]) -> Wave | None:
        due = [
            name
            for name in self._crews
            if name in names
            and name not in self._gated
            and (self._canary[name] <= 0 or not self._rolls[name])
            and (name in self._tried or (self._rolls[name] and self._in_turn(self._rolls[name][0])))
        ]
        return Wave("gate", tuple(due)) if due else None

    def _canaries(self) -> Wave | None:
        found: list[Task] = []
        for name, crew in self._crews.items():
            if self._canary[name] > 0:
                found += self._group(name, min(crew.size, self._canary[name]), found)
        return self._wave("canary", found)

    def _replace(self) -> Wave | None:
        """Return the next group of every service that tolerates nothing, else of one that does."""
        found: list[Task] = []
        for name, crew in self._crews.items():
            if name in self._gated and not crew.tolerance and self._canary[name] <= 0:
                found += self._group(name, crew.size, found)
        for name, crew in self._crews.items():
            if not found and name in self._gated and self._canary[name] <= 0:
                found += self._group(name, crew.size, found)
        return self._wave("replace", found)

    def _remove(self) -> Wave | None:
        """Return what goes at the end, who depends on others first."""
        if self._starts or any(self._rolls.values()):
            return None
        going = {task.of for task in self._removals}
        needed = {
            name for one in going for name in self._ties.depends.get(one, ()) if name in going and name != one
        }
        free = [task for task in self._removals if task.of not in needed]
        return self._wave("remove", self._ledger.allowed(free or self._removals))

    # --- what may be done ------------------------------------------------------------------------

    def _group(self, name: str, most: int, beside: list[Task]) -> list[Task]:
        """Return up to `most` replacements of a service that may go now, beside those chosen already."""
        mine = self._rolls[name]
        if not mine or not self._in_turn(mine[0]):
            return []
        ready = (task for task in mine if self._ledger.free(task))
        return self._ledger.allowed(ready, most, beside if self._crews[name].service.quorum else ())

    def _in_turn(self, task: Task) -> bool:
        """Whether all is done that the service waits for."""
        crew = self._crews.get(task.of)
        if crew is None:
            return True
        if task.rolls:
            return not any(self._unfinished(name) for name in crew.rolls_after)
        old = any(self._rolls.get(name) for name in crew.rolls_after)
        return not old and not any(self._starting[name] for name in crew.starts_after)

    def _unfinished(self, name: str) -> bool:
        return bool(self._rolls.get(name)) or self._starting[name] > 0

    def _one_tolerance(self, tasks: list[Task]) -> list[Task]:
        """Return those of services that tolerate nothing, else those of one service that does."""
        strict = [task for task in tasks if not self._tolerance(task.of)]
        return strict or [task for task in tasks if task.of == tasks[0].of]

    def _tolerance(self, name: str) -> int:
        crew = self._crews.get(name)
        return crew.tolerance if crew else 0

    # --- what is so afterwards -------------------------------------------------------------------

    def _wave(
        self,
        kind: Literal["start", "start in freed ports", "make room", "canary", "replace", "remove"],
        tasks: Sequence[Task],
    ) -> Wave | None:
        if not tasks:
            return None
        names = tuple(dict.fromkeys(task.of for task in tasks))
        tolerance = self._tolerance(names[0]) if kind not in {"canary", "make room", "remove"} else 0
        if any(self._counts_on(task) for task in tasks):
            tolerance = 0
        return Wave(kind, names, tuple(tasks), tolerance, self._pause(tasks))

    def _counts_on(self, task: Task) -> bool:
        return task.of in self._counted and task.mends

    def _pause(self, tasks: Sequence[Task]) -> float:
        """Return the seconds between this group and the next of the same service."""
        done = Counter(task.of for task in tasks if task.rolls)
        return max(
            [
                self._crews[name].service.update.delay_s
                for name, count in done.items()
                if len(self._rolls[name]) > count
            ],
            default=0.0,
        )

    def _done(self, wave: Wave) -> None:
        if wave.kind == "gate":
            self._gated |= set(wave.services)
            self._tried -= set(wave.services)
        if wave.kind == "canary":
            self._tried |= set(wave.services)
        gone = {id(task) for task in wave.tasks}
        self._ledger.settle(wave.tasks)
        for task in wave.tasks:
            self._canary[task.of] = self._canary.get(task.of, 0) - (wave.kind == "canary")
        self._starts = [task for task in self._starts if id(task) not in gone]
        self._starting = Counter(task.of for task in self._starts)
        self._removals = [task for task in self._removals if id(task) not in gone]
        for name in {task.of for task in wave.tasks if task.rolls}:
            self._rolls[name] = [task for task in self._rolls[name] if id(task) not in gone]

    # --- when it goes no further -----------------------------------------------------------------

    def _stuck(self) -> set[Blocked]:
        """Return why what is left can never be done: the causes, not those who only wait for them."""
        rolls = [task for mine in self._rolls.values() for task in mine]
        causes = {self._why(task) for task in [*rolls, *self._removals] if task.takes_out or task.rolls}
        found = {cause for cause in causes if cause}
        left = [*rolls, *self._starts]
        return found or {self._block(task, "waits for what can never be done before it") for task in left}

    def _why(self, task: Task) -> Blocked | None:
        if not self._ledger.free(task):
            return self._block(task, "takes a port of another that waits for it")
        if not self._ledger.refused(task):
            return None
        crew, group = self._crews[task.of], self._ledger.quorum(task)
        if group and self._ledger.out[group]:
            return self._block(task, f"must stay while another member of quorum {group} is not well")
        left = self._ledger.well[task.of] - 1
        reason = (
            f"cannot be taken out: {left} of {crew.standing.wanted} would be left, {crew.floor} must stay"
        )
        return self._block(task, reason)

    @staticmethod
    def _block(task: Task, reason: str) -> Blocked:
        return Blocked("guard", task.change.host, f"{task.change.instance} {reason}")
