"""In which order instances are taken out: the one rolling rule, and the gate between batches.

Images first, everywhere. Then what is new (nothing is lost if it fails), then replacements, at most
`parallelism` of each service at once, then what is pruned, then the manifest. start-first runs surge
instances beside the old ones until all are replaced. Who needs a host port that another unit still
holds comes after that unit is replaced or removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from clusterctl.model.plan import (
    ApplyUnit,
    Batch,
    Blocked,
    Change,
    PullImage,
    RemoveManifest,
    RemoveUnit,
    Step,
    WriteManifest,
)
from clusterctl.model.report import StepResult
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.images import holds_image
from clusterctl.planning.manifest import digest
from clusterctl.planning.observed import Observed
from clusterctl.planning.spec import render_environment
from clusterctl.planning.unit import Header, file_digest, gate_seconds, render_unit


@dataclass(frozen=True, slots=True)
class Task:
    """A change together with what is needed to make its step."""

    change: Change
    service: Service | None = None
    header: Header | None = None
    old: Observed | None = None
    action: Literal["replace", "start", "restart", "enable"] = "replace"


def order_batches(
    project: Project, snapshot: Snapshot, tasks: tuple[Task, ...], manifest: str, generation: int
) -> tuple[Batch, ...]:
    """Return the batches of a plan, empty ones left out. No manifest text means: forget the project."""
    removals = [task for task in tasks if task.change.kind == "remove"]
    surges = [task for task in tasks if task.change.kind == "surge"]
    replaced = [task for task in tasks if task.change.kind == "replace"]
    fresh = [task for task in tasks if task.change.kind in {"create", "move", "start", "surge"}]
    early = [task for task in removals if _in_the_way(task, [*fresh, *replaced])]
    late = [task for task in removals if task not in early]
    waiting = [task for task in fresh if any(_in_the_way(other, [task]) for other in replaced)]
    batches = [
        _batch("pull images", _pulls(snapshot, tasks)),
        _batch("make room", [_remove_step(task) for task in early]),
        _batch("start", [_apply_step(task) for task in fresh if task not in waiting]),
        *_replacements(project, replaced),
        _batch("start in freed ports", [_apply_step(task) for task in waiting]),
        _batch("remove", [*(_end_surge(task) for task in surges), *(_remove_step(task) for task in late)]),
        _batch("record", _manifest_steps(project, snapshot, manifest, generation)),
    ]
    return tuple(batch for batch in batches if batch.steps)


def may_continue(batch: Batch, results: Iterable[StepResult]) -> str:
    """Return why the next batch must not start, or "": a batch stops at the first host that is worse off."""
    failed = [result for result in results if result.status not in {"changed", "unchanged"}]
    if not failed:
        return ""
    hosts = ", ".join(dict.fromkeys(result.step.host for result in failed))
    return f"batch “{batch.title}” failed on {hosts}"


def _batch(title: str, steps: Iterable[Step]) -> Batch:
    return Batch(title, tuple(steps))


def find_exchanges(tasks: Iterable[Task]) -> list[Blocked]:
    """Return the replacements that wait for each other's host ports: no order of batches serves them."""
    stuck = _waves([task for task in tasks if task.change.kind == "replace"])[1]
    return [
        Blocked(
            "guard", task.change.host, f"{task.change.instance} takes a port of another that waits for it"
        )
        for task in stuck
    ]


def _in_the_way(holder: Task, takers: Iterable[Task]) -> bool:
    """Whether another instance needs, on the same host, a port that the holder's present unit has."""
    held = set(holder.old.header.host_ports) if holder.old else set()
    return any(
        task.header
        and task is not holder
        and task.change.host == holder.change.host
        and held & set(task.header.host_ports)
        for task in takers
    )


def _waves(replaced: list[Task]) -> tuple[list[list[Task]], list[Task]]:
    """Return replacements in waves, each free to go once the one before is done, and those never free."""
    waves, left = [], replaced
    while left:
        ready = [task for task in left if not any(_in_the_way(other, [task]) for other in left)]
        if not ready:
            break
        waves.append(ready)
        left = [task for task in left if task not in ready]
    return waves, left


def _pulls(snapshot: Snapshot, tasks: tuple[Task, ...]) -> list[Step]:
    wanted = sorted(
        {(t.change.host, t.header.pinned) for t in tasks if t.header and t.change.kind != "remove"}
    )
    return [
        PullImage(h, image, "not on the host yet")
        for h, image in wanted
        if not holds_image(image, snapshot, h)
    ]


def _replacements(project: Project, replaced: list[Task]) -> list[Batch]:
    """Return one batch for the k-th group of every service: services roll side by side."""
    rows = [row for wave in _waves(replaced)[0] for row in _rows(project, wave)]
    return [
        _batch(f"replace {k + 1} of {len(rows)}", [_apply_step(task) for task in row])
        for k, row in enumerate(rows)
    ]


def _rows(project: Project, replaced: list[Task]) -> list[list[Task]]:
    columns = []
    for service in project.services:
        mine = [task for task in replaced if task.change.instance.service == service.name]
        size = service.update.parallelism or len(mine) or 1
        columns.append([mine[start : start + size] for start in range(0, len(mine), size)])
    return [[task for group in row for task in group] for row in zip_longest(*columns, fillvalue=[])]


def _apply_step(task: Task) -> ApplyUnit:
    service, header, change = task.service, task.header, task.change
    if service is None or header is None:
        raise ValueError(f"{change.instance}: a change without a service has no unit")
    text = task.old.fact.text if task.old and task.action != "replace" else render_unit(service, header)
    gate_s = gate_seconds(service.healthcheck) + int(service.stop_grace_period_s) + 30
    return ApplyUnit(
        host=change.host,
        instance=change.instance,
        unit_text=text,
        unit_digest=file_digest(text),
        environment=render_environment(service),
        replaces=task.old.file_digest if task.old else "",
        gate_s=gate_s,
        reason=change.reason,
        action=task.action,
    )


def _remove_step(task: Task) -> RemoveUnit:
    if task.old is None:
        raise ValueError(f"{task.change.instance}: nothing to remove")
    stop_s = task.old.header.stop_s + 30
    return RemoveUnit(
        task.change.host, task.change.instance, task.old.file_digest, stop_s, task.change.reason
    )


def _end_surge(task: Task) -> RemoveUnit:
    started = _apply_step(task)
    stop_s = int(task.service.stop_grace_period_s if task.service else 0) + 30
    reason = "start-first: all are replaced"
    return RemoveUnit(started.host, started.instance, started.unit_digest, stop_s, reason)


def _manifest_steps(project: Project, snapshot: Snapshot, manifest: str, generation: int) -> list[Step]:
    if not manifest:
        holders = [facts.host for facts in snapshot.seen if project.name in facts.manifests]
        return [RemoveManifest(host, project.name, "the project is deleted") for host in holders]
    stale = [facts.host for facts in snapshot.seen if facts.manifests.get(project.name) != manifest]
    text_digest = digest(manifest)
    return [
        WriteManifest(h, project.name, generation, manifest, text_digest, f"generation {generation}")
        for h in stale
    ]
