"""From tasks to batches, and the gate between batches.

Images first, everywhere; then the waves of `waves`; then the manifest. What a wave is and why it comes when it
comes is decided there.

Failures that are tolerated: a batch names how many steps of the whole plan may have failed when it ends. Services that
tolerate failures are in batches of their own, and such a batch allows its own service's number, counted over
everything that has failed so far: so no service's tolerance lets another's failure pass, and where several
services fail it stops too early rather than too late. An old instance that is not put back is never tolerated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from clusterctl.model.plan import Batch
from clusterctl.model.report import StepResult
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import ApplyUnit, PullImage, RemoveManifest, Step, WriteManifest
from clusterctl.planning.canary import gate_step, soak_seconds
from clusterctl.planning.crews import EVERY_FAILURE, Crew
from clusterctl.planning.images import holds_image
from clusterctl.planning.manifest import digest, is_same
from clusterctl.planning.tasks import Task, apply_step, remove_step
from clusterctl.planning.waves import Wave

__all__ = ["Task", "apply_step", "make_batches", "manifest_steps", "may_continue", "remove_step"]


def make_batches(
    crews: Mapping[str, Crew], snapshot: Snapshot, waves: Sequence[Wave], record: Sequence[Step]
) -> tuple[Batch, ...]:
    """Return the batches of a plan: pulls, waves, and what is recorded at the end; empty ones left out."""
    tasks = [task for wave in waves for task in wave.tasks]
    pulls, count = _pulls(snapshot, tasks), len(tasks) + sum(wave.kind == "gate" for wave in waves)
    every = len(pulls) + count + len(record)
    total, number = sum(wave.kind == "replace" for wave in waves), 0
    batches = [Batch("pull images", pulls, tolerated=every if _all_may_fail(crews, tasks) else 0)]
    for wave in waves:
        number += wave.kind == "replace"
        title = f"{_verb(wave)} {number} of {total}" if wave.kind == "replace" else _title(wave)
        tolerated = every if wave.tolerance == EVERY_FAILURE else wave.tolerance
        steps = _gates(crews, wave) if wave.kind == "gate" else _steps(crews, wave)
        batches.append(Batch(title, steps, pause_s=wave.pause_s, tolerated=tolerated))
    batches.append(Batch("record", tuple(record)))
    return tuple(batch for batch in batches if batch.steps)


def _verb(wave: Wave) -> str:
    return "restart" if all(task.action == "restart" for task in wave.tasks) else "replace"


def manifest_steps(project: str, snapshot: Snapshot, manifest: str, generation: int) -> list[Step]:
    """Return the steps that leave every host with this manifest; none means: forget the project."""
    if not manifest:
        holders = [facts.host for facts in snapshot.seen if project in facts.manifests]
        return [RemoveManifest(host, project, "the project is deleted") for host in holders]
    stale = [facts.host for facts in snapshot.seen if not is_same(facts.manifests.get(project, ""), manifest)]
    text_digest = digest(manifest)
    reason = f"generation {generation}"
    return [WriteManifest(host, project, generation, manifest, text_digest, reason) for host in stale]


def may_continue(batch: Batch, results: Iterable[StepResult], failed_before: int) -> str:
    """Return why the next batch must not start, or "": a batch stops at the first host that is worse off.

    `failed_before` are the steps of this plan that failed in earlier batches, and were tolerated. What was in
    place and could not be put back is tolerated by nobody: the next batch would take out one more (I1).
    """
    undone = [result for result in results if result.status not in {"changed", "unchanged"}]
    failed = sum(result.status == "failed" for result in undone)
    tolerable = failed and failed_before + failed <= batch.tolerated and not any(map(_stays_out, undone))
    if not undone or tolerable:
        return ""
    hosts = ", ".join(dict.fromkeys(result.step.host or "the operator" for result in undone))
    return f"batch “{batch.title}” failed on {hosts}"


def _stays_out(result: StepResult) -> bool:
    """Whether an instance that was there before the step may be out now: unknown counts as out."""
    step = result.step
    return isinstance(step, ApplyUnit) and bool(step.replaces) and not result.restored


def _title(wave: Wave) -> str:
    return f"{wave.kind} of {', '.join(wave.services)}" if wave.kind in {"canary", "gate"} else wave.kind


def _pulls(snapshot: Snapshot, tasks: Iterable[Task]) -> tuple[Step, ...]:
    wanted = sorted(
        {(task.change.host, task.header.pinned) for task in tasks if task.header and not task.removes}
    )
    return tuple(
        PullImage(host, image, "not on the host yet")
        for host, image in wanted
        if not holds_image(image, snapshot, host)
    )


def _all_may_fail(crews: Mapping[str, Crew], tasks: Iterable[Task]) -> bool:
    """Whether only services are concerned that go on whatever fails."""
    names = {task.of for task in tasks if not task.removes}
    return all(name in crews and crews[name].tolerance == EVERY_FAILURE for name in names)


def _gates(crews: Mapping[str, Crew], wave: Wave) -> tuple[Step, ...]:
    return tuple(gate_step(crews[name]) for name in wave.services)


def _steps(crews: Mapping[str, Crew], wave: Wave) -> tuple[Step, ...]:
    return tuple(
        remove_step(task) if task.removes else apply_step(task, _monitor_s(crews, wave, task))
        for task in wave.tasks
    )


def _monitor_s(crews: Mapping[str, Crew], wave: Wave, task: Task) -> float:
    """Return how long an instance is watched: where it is the new version in the place, or beside, of an old one."""
    crew = crews.get(task.of)
    if crew is None or task.change.kind not in {"replace", "surge"}:
        return 0.0
    return soak_seconds(crew) if wave.kind == "canary" else crew.service.update.monitor_s
