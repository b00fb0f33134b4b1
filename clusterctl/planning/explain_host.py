"""A host as a whole: what runs there and why, what could and could not, how full it is, what a drain would do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clusterctl.model.intent import DrainIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.cordon import plan_drain
from clusterctl.planning.doctor import find_complaints
from clusterctl.planning.explain import Explanation, HostAnswer, Scene
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.observed import units_on
from clusterctl.planning.room import open_room


@dataclass(frozen=True, slots=True)
class Share:
    """What a host has and what of it is reserved; `free_disk_bytes` is for docker."""

    cpus: float
    cpus_reserved: float
    memory_bytes: int
    memory_reserved: int
    disk_free_bytes: int
    disk_total_bytes: int


@dataclass(frozen=True, slots=True)
class HostExplanation:
    """One host that answers. `services`: name -> what is true of one more instance of it here."""

    host: str
    markers: tuple[str, ...]
    wrong: tuple[str, ...]
    share: Share
    runs: tuple[tuple[Explanation, str], ...]
    services: Mapping[str, HostAnswer]
    drain: tuple[str, ...]


def explain_host(
    inventory: Inventory, snapshot: Snapshot, scenes: Mapping[str, Scene], facts: HostFacts, run: RunSummary
) -> HostExplanation:
    """Return all that is to be said of a host; `run` only names who would drain it."""
    here = frozenset({facts.host})
    services = {}
    for name, scene in scenes.items():
        for service in scene.project.services:
            (answer,) = scene.explain(scene.one_more(service), here).answers
            services[f"{name}/{service.name}"] = answer
    complaints = [one for one in find_complaints(inventory, snapshot) if one.host == facts.host]
    drain = plan_drain(DrainIntent((facts.host,)), inventory, snapshot, run, frozenset())
    return HostExplanation(
        facts.host,
        tuple(f"{name} {parse_marker(text)}".strip() for name, text in sorted(facts.markers.items())),
        tuple(f"{one.words}; {one.mend}" for one in complaints),
        _share(inventory, facts),
        tuple(_runs(inventory, facts, scenes)),
        services,
        _drain(drain, facts),
    )


def _share(inventory: Inventory, facts: HostFacts) -> Share:
    room = open_room(inventory.host(facts.host), facts, inventory)
    units = list(units_on(facts, inventory.cluster))
    return Share(
        room.cpus,
        sum(unit.header.cpus for unit in units),
        room.memory_bytes,
        sum(unit.header.memory_bytes for unit in units),
        facts.disk_free_bytes,
        facts.disk_total_bytes,
    )


def _runs(
    inventory: Inventory, facts: HostFacts, scenes: Mapping[str, Scene]
) -> Iterator[tuple[Explanation, str]]:
    for unit in sorted(units_on(facts, inventory.cluster), key=lambda unit: unit.instance):
        scene = scenes.get(unit.header.project)
        told = (
            scene.explain(unit.instance, frozenset({facts.host}))
            if scene
            else Explanation(
                unit.instance, "", unit.host, runs=True, why="no manifest of it counts", answers=()
            )
        )
        yield told, unit.condition


def _drain(plan: Plan, facts: HostFacts) -> tuple[str, ...]:
    """Return in words what a drain would do, or why it cannot be."""
    lines = [
        f"refused: {block.host}: {block.reason}" if block.host else f"refused: {block.reason}"
        for block in plan.blocked
    ]
    lines += [
        f"refused: no other host can take {item.instance} (needs {item.needs})" for item in plan.unplaced
    ]
    if lines:
        return tuple(lines)
    moved = [change for change in plan.changes if change.host != facts.host and change.kind == "move"]
    lines = [f"{change.instance} moves to {change.host}" for change in moved]
    names = {change.instance for change in moved}
    lines += [
        f"{change.instance} is {'interrupted' if change.kind == 'interrupt' else 'removed'}: {change.reason}"
        for change in plan.changes
        if change.host == facts.host and change.instance not in names
    ]
    return tuple(lines) or ("nothing has to leave",)
