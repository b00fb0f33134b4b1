"""Plans and events for tests of what is shown: a rolling reboot of two hosts, a deploy of two instances."""

from __future__ import annotations

from clusterctl.model.limit import Limit
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Batch, Change, Floor, HostChange, Limits, Plan
from clusterctl.model.report import Event, Status, StepResult
from clusterctl.model.step import (
    ApplyUnit,
    ClearMarker,
    PullImage,
    Reboot,
    RemoveUnit,
    SetMarker,
    Step,
    Verify,
    WriteManifest,
)
from clusterctl.model.window import Window

WEB_1, WEB_2 = Instance("shop", "web", 1), Instance("shop", "web", 2)
RUN = "20270115-080000-reboot-0001"


def starts(host: str, instance: Instance, reason: str = "changed: image") -> ApplyUnit:
    """Return the step that has an instance run on a host."""
    return ApplyUnit(
        host, instance, "unit s3cret text", "d", "TOKEN=s3cret\n", "", 120, reason, monitor_s=5.0
    )


def a_deploy() -> Plan:
    """Return a plan that replaces two instances, one after the other."""
    return Plan(
        "apply",
        "shop",
        (
            Batch("pull images", (PullImage("h1", "registry:5000/web:2@sha256:1", "not on the host yet"),)),
            Batch("replace 1 of 2", (starts("h1", WEB_1),), pause_s=10.0),
            Batch("replace 2 of 2", (starts("h2", WEB_2),)),
            Batch(
                "record",
                tuple(WriteManifest(h, "shop", 8, "{}", "d", "generation 8") for h in ("h1", "h2", "h3")),
            ),
        ),
        (
            Change("replace", WEB_1, "h1", "changed: image"),
            Change("replace", WEB_2, "h2", "changed: image"),
        ),
        generation=8,
        goes_back_to=7,
    )


def a_reboot() -> Plan:
    """Return a plan that reboots h1 and h2, one at a time; web-1 moves away from h1."""
    return Plan(
        "reboot",
        "h[1-2]",
        (
            Batch("cordon", tuple(SetMarker(h, "cordoned", RUN, "ops", "reboot") for h in ("h1", "h2"))),
            Batch("take out", (SetMarker("h1", "draining", RUN, "ops", "reboot"),), opens=("h1",)),
            Batch("start elsewhere", (starts("h3", WEB_1, "from h1"),)),
            Batch("stop the old copies", (RemoveUnit("h1", WEB_1, "d", 10, "runs on h3 now"),)),
            *_course("h1"),
            Batch("take out", (SetMarker("h2", "draining", RUN, "ops", "reboot"),), opens=("h2",)),
            *_course("h2"),
        ),
        (Change("move", WEB_1, "h3", "from h1"),),
        host_changes=(
            HostChange("cordon", "h1", "nothing new is placed here meanwhile"),
            HostChange("cordon", "h2", "nothing new is placed here meanwhile"),
            HostChange("reboot", "h1", "kernel waits"),
            HostChange("uncordon", "h1", "done"),
            HostChange("reboot", "h2", "kernel waits"),
            HostChange("uncordon", "h2", "done"),
        ),
        limits=Limits(
            "test",
            1,
            Limit(None, 50.0),
            floors=(Floor("shop/web", (("shop", "web"),), 2), Floor("shop/db", (("shop", "db"),), 1)),
            windows=(Window((5,), 120, 10_800, "Europe/Amsterdam"),),
        ),
    )


def _course(host: str) -> tuple[Batch, ...]:
    return (
        Batch("reboot", (Reboot(host, "boot-1", 600, "kernel waits"),)),
        Batch("verify", (Verify(host, (), (), 300, 10, "nothing may be worse"),), pause_s=30.0),
        Batch("back", (ClearMarker(host, "cordoned", RUN, "the host is back"),)),
    )


def planned(plan: Plan) -> Event:
    """Return the event that tells the plan."""
    return Event("plan", "run", of=len(plan.batches), plan=plan)


def begins(plan: Plan, number: int) -> Event:
    """Return the event that begins a batch."""
    batch = plan.batches[number - 1]
    return Event("batch", batch.title, number=number, of=len(plan.batches), hosts=batch.hosts, batch=batch)


def ends(plan: Plan, number: int, status: Status = "changed") -> Event:
    """Return the event that ends a batch, all its steps alike."""
    batch = plan.batches[number - 1]
    outcome = results(batch.steps, status)
    return Event("batch-end", batch.title, number=number, of=len(plan.batches), batch=batch, results=outcome)


def results(steps: tuple[Step, ...], status: Status = "changed") -> tuple[StepResult, ...]:
    """Return results of steps, all alike."""
    return tuple(StepResult(step, status, "it broke" if status == "failed" else "") for step in steps)


def until(plan: Plan, number: int) -> tuple[StepResult, ...]:
    """Return the results of the first batches of a plan, all of them well."""
    return tuple(r for batch in plan.batches[:number] for r in results(batch.steps))
