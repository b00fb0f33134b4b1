"""What became of each change of a plan, read from the results of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from clusterctl.model.plan import Change, HostChange
from clusterctl.model.report import Report, Status
from clusterctl.model.step import (
    ApplyUnit,
    ClearMarker,
    CopyFile,
    Fence,
    Reboot,
    RemoveUnit,
    RunCommand,
    SetMarker,
    Step,
    StopUnit,
    Verify,
)
from clusterctl.model.update_step import ApplyUpdates

Fate = Literal["done", "failed", "begun", "not touched"]
AnyChange = Change | HostChange


def fates_of(report: Report) -> list[tuple[AnyChange, Fate]]:
    """Return what became of each change that was planned; what is only interrupted is no work of its own."""
    status = {result.step: result.status for result in report.results}
    places: dict[tuple[object, str], list[Status | None]] = {}
    hosts: dict[str, list[Step]] = {}
    for step in (step for batch in report.plan.batches for step in batch.steps):
        hosts.setdefault(getattr(step, "about", "") or step.host, []).append(step)
        if isinstance(step, ApplyUnit | RemoveUnit):
            places.setdefault((step.instance, step.host), []).append(status.get(step))
    fates: list[tuple[AnyChange, Fate]] = [
        (change, _fate(places.get((change.instance, change.host), [])))
        for change in report.plan.changes
        if change.kind != "interrupt"
    ]
    for change in report.plan.host_changes:
        mine = [step for step in hosts.get(change.host, []) if _is_of(change, step)]
        fates.append((change, _fate([status.get(step) for step in mine])))
    return fates


def _fate(statuses: Sequence[Status | None]) -> Fate:
    """Return the fate of a change from how its steps ended; None for a step that was not reached."""
    if "failed" in statuses:
        return "failed"
    ended = [status for status in statuses if status in {"changed", "unchanged"}]
    if not ended:
        return "not touched"
    return "done" if len(ended) == len(statuses) else "begun"


def _is_of(change: HostChange, step: Step) -> bool:
    """Whether a step on the host is one that a change stands for."""
    match change.kind:
        case "cordon":
            return isinstance(step, SetMarker) and step.marker == "cordoned"
        case "uncordon":
            return isinstance(step, ClearMarker) and step.marker == "cordoned"
        case "drain":
            return (isinstance(step, SetMarker) and step.marker == "draining") or isinstance(
                step, RemoveUnit | StopUnit
            )
        case "command":  # of one host there may be several
            if isinstance(step, CopyFile):
                return change.reason == f"copy to {step.path}"
            return isinstance(step, RunCommand) and change.reason == step.command
        case _:
            kinds: dict[str, type] = {
                "reboot": Reboot,
                "update": ApplyUpdates,
                "verify": Verify,
                "fence": Fence,
            }
            return isinstance(step, kinds[change.kind])
