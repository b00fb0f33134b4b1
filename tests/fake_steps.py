"""What the fake cluster does for the steps around maintenance: verify, reboot, commands, files.

As in `remote/shell/verify.sh` and `command.sh`, without the waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clusterctl.model.report import StepResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.model.step import CopyFile, Fence, Reboot, RunCommand, Step, Verify

if TYPE_CHECKING:
    from tests.fake_cluster import FakeCluster
    from tests.fake_host import FakeHost

SKIPPED = "not begun, because a step before it failed"


def failed_units(fake: FakeHost) -> tuple[str, ...]:
    """Return the units of a host that systemd calls failed, ours and others."""
    return tuple(sorted(fake.failed | {unit for unit, state in fake.active.items() if state == "failed"}))


def verify(fake: FakeHost, step: Verify) -> StepResult:
    """Pass only if the units are active and healthy and nothing else is newly failed."""
    if not fake.docker:
        return StepResult(step, "failed", f"docker does not answer, {step.settle_s} s on")
    for unit in step.units:
        if fake.active.get(unit) != "active":
            return StepResult(step, "failed", f"{unit} is {fake.active.get(unit, 'not there')}")
        name = unit.removeprefix("clusterctl-").removesuffix(".service")
        if fake.containers[name].health not in {"", "healthy"}:
            return StepResult(step, "failed", f"container {name} is {fake.containers[name].health}")
    new = [unit for unit in failed_units(fake) if unit not in step.failed_before]
    if new:
        return StepResult(step, "failed", f"newly failed: {' '.join(new)}")
    return StepResult(step, "unchanged", f"{len(step.units)} units well, nothing newly failed")


def reboot(cluster: FakeCluster, fake: FakeHost, step: Reboot) -> StepResult:
    """Reboot a host that has still the boot id; `never_goes_down` and `never_returns` are its faults."""
    if fake.boot_id(step.host) != step.boot_id:
        return StepResult(step, "unchanged", "rebooted already")
    cluster.effect()
    within = f"within {step.deadline_s} s"
    if fake.never_goes_down:
        return StepResult(
            step, "failed", f"never went down: still the same boot {within} of the order to reboot"
        )
    cluster.reboot(step.host)
    if fake.never_returns:
        fake.unreachable = Unreachable(step.host, "connect", "no answer within 10 s")
        reason = f"did not come back {within}: connect: no answer within 10 s"
        return StepResult(step, "failed", reason, unreachable=fake.unreachable)
    return StepResult(step, "changed", "rebooted")


def copy(cluster: FakeCluster, fake: FakeHost, step: CopyFile) -> StepResult:
    """Keep a file in `copied`, with mode and owner."""
    wanted = (step.content, step.mode, step.owner)
    if fake.copied.get(step.path) == wanted:
        return StepResult(step, "unchanged")
    cluster.effect()
    fake.copied[step.path] = wanted
    return StepResult(step, "changed")


def run_here(cluster: FakeCluster, steps: Mapping[int, Step]) -> dict[int, StepResult]:
    """Run the operator's own commands; after a failure, no more about the same host."""
    results: dict[int, StepResult] = {}
    failed: set[str] = set()
    for number, step in steps.items():
        if not isinstance(step, RunCommand | Fence):
            raise TypeError(step)
        if step.about in failed:
            results[number] = StepResult(step, "skipped", SKIPPED)
        else:
            results[number] = cluster.fence(step) if isinstance(step, Fence) else cluster.command(step)
        if results[number].status == "failed":
            failed.add(step.about)
    return results
