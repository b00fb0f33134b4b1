"""The steps on instances of hosts that go out and come back: started elsewhere, stopped, removed, started again.

What becomes of each is decided in `leaving`; in which batches the steps are done is `host_plan`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from clusterctl.model.plan import Change
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import ApplyUnit, PullImage, StopUnit
from clusterctl.planning.departure import Departure, Move
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.images import holds_image
from clusterctl.planning.observed import Observed
from clusterctl.planning.tasks import Task, apply_step, stop_step


def start_steps(departure: Departure) -> list[ApplyUnit]:
    """Return the steps that start the replacements."""
    tasks = [
        Task(
            Change("move", move.unit.instance, move.target, _why_moves(move)),
            service=move.service,
            header=move.unit.header,
            old=move.left,
        )
        for move in departure.moves
        if move.target
    ]
    hosts = [move.unit.host for move in departure.moves if move.target]
    return [replace(apply_step(task), leaves=host) for task, host in zip(tasks, hosts, strict=True)]


def pull_steps(departure: Departure, snapshot: Snapshot) -> list[PullImage]:
    """Return the steps that bring images to hosts without them."""
    pulls = {(move.target, move.unit.header.pinned) for move in departure.moves if move.target}
    missing = [pull for pull in sorted(pulls) if not holds_image(pull[1], snapshot, pull[0])]
    return [PullImage(host, image, "not on the host yet") for host, image in missing]


def stop_steps(departure: Departure, lost: Sequence[str]) -> list[StopUnit]:
    """Return the steps that stop what may run only once, before it starts elsewhere; not on hosts that are lost."""
    once = [
        move.unit
        for move in departure.moves
        if move.target and move.unit.header.singleton and move.unit.host not in lost
    ]
    return [stop_step(unit, "it starts elsewhere") for unit in once]


def removals(departure: Departure, lost: Sequence[str]) -> list[Task]:
    """Return the removals of the old copies, those on hosts that are lost excepted, and of what earlier tries left."""
    gone = [removal(move.unit, move.target) for move in departure.moves if move.unit.host not in lost]
    litter = [
        Task(Change("remove", unit.instance, unit.host, "an earlier try has left it"), old=unit)
        for unit in departure.litter
    ]
    return gone + litter


def removal(unit: Observed, target: str = "") -> Task:
    """Return the removal of a copy of what runs on `target`, or elsewhere already."""
    why = f"runs on {target} now" if target else "runs elsewhere already"
    return Task(Change("remove", unit.instance, unit.host, why), old=unit)


def changes_of(departure: Departure, starts: Sequence[ApplyUnit], gone: Sequence[Task]) -> list[Change]:
    """Return what a departure changes, for the person who approves: a move is told once."""
    moved = {(move.unit.instance, move.unit.host) for move in departure.moves if move.target}
    return [
        *(Change("interrupt", stay.instance, stay.host, stay.reason) for stay in departure.stays),
        *(Change("move", step.instance, step.host, step.reason) for step in starts),
        *(task.change for task in gone if (task.change.instance, task.change.host) not in moved),
    ]


def again_steps(units: Iterable[Observed], forecast: Forecast, reason: str) -> list[ApplyUnit]:
    """Return the steps that start stopped units where they are, where their services are still wanted."""
    return [
        apply_step(Task(change, service, unit.header, unit, action="start"))
        for unit in units
        if (service := forecast.service_of(unit))
        for change in [Change("start", unit.instance, unit.host, reason)]
    ]


def longest_s(departure: Departure, starts: Sequence[ApplyUnit]) -> int:
    """Return how long moving everything away may take at worst, in seconds."""
    stops = max([move.unit.header.stop_s + 30 for move in departure.moves], default=0)
    return stops + max([step.gate_s for step in starts], default=0)


def _why_moves(move: Move) -> str:
    return f"from {move.unit.host}" + (f": {move.why}" if move.why else "")
