"""Steps of OS updates as calls in a host's script; what is done is `shell/updates.sh` and the kit that it runs.

The kit of a run (common functions, the driver's, and its `main`) is sent with the first step and stays on the
host, since the host itself must be able to undo the update when nobody can reach it any more.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from clusterctl.model.packages import PackageChange
from clusterctl.model.step import Step
from clusterctl.model.update_step import ApplyUpdates, ArmUndo, CommitUpdates, StageUpdates, UndoUpdates
from clusterctl.remote.calls import StepCall
from clusterctl.remote.packages.drivers import driver_named
from clusterctl.remote.script_words import checked, here, safe, text_of

STAGE_S = 1800
UNDO_S = 900
QUICK_S = 120
LONGEST_DELAY_S = 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._:/@~-]{0,250}")
_VERSION = re.compile(r"[A-Za-z0-9.+:~^_@/-]{1,250}")
_UNIT = re.compile(r"[a-zA-Z0-9:_.\\@-]{1,255}")


def _stage(number: int, step: StageUpdates, end: str) -> str:
    run = safe(step.run)
    changes = here(text_of(_change(change) for change in step.changes), end)
    kit = here(_kit(step.driver), end)
    files = f"update_file {run} changes{changes}\nupdate_file {run} kit{kit}"
    return f"{files}\nupdate {number} stage {run} {STAGE_S}"


def _arm(number: int, step: ArmUndo, _end: str) -> str:
    if not 1 <= step.delay_s <= LONGEST_DELAY_S:
        raise ValueError(f"not a delay: {step.delay_s}")
    return f"update {number} arm {safe(step.run)} {QUICK_S} {int(step.delay_s)}"


def _apply(number: int, step: ApplyUpdates, end: str) -> str:
    run = safe(step.run)
    known = [unit for unit in step.failed_before if _UNIT.fullmatch(unit)]
    names = here(text_of(known), end)
    return f"update_file {run} known{names}\nupdate {number} apply {run} {int(step.timeout_s) + UNDO_S}"


def _commit(number: int, step: CommitUpdates, _end: str) -> str:
    return f"update {number} commit {safe(step.run)} {QUICK_S}"


def _undo(number: int, step: UndoUpdates, _end: str) -> str:
    return f"update {number} undo {safe(step.run)} {int(step.timeout_s)}"


def _change(change: PackageChange) -> str:
    if not change.old and not change.new:
        raise ValueError(f"{change.name}: neither installed nor to be installed")
    words = [checked(_NAME, change.name)]
    words += [checked(_VERSION, version) if version else "-" for version in (change.old, change.new)]
    return " ".join(words)


@cache
def _kit(driver: str) -> str:
    """Return the whole kit; a file cut on its way does nothing, since its last line is what calls `main`."""
    folder = resources.files("clusterctl.remote") / "shell"
    names = ("updates_kit.sh", driver_named(driver).shell)
    return "".join((folder / name).read_text("utf-8") for name in names) + 'main "$@"\n'


CALLS: dict[type[Step], StepCall] = {
    StageUpdates: StepCall(
        _stage, lambda _: STAGE_S, "updates", says=lambda s: f"stage {len(s.changes)} updates, run {s.run}"
    ),
    ApplyUpdates: StepCall(
        _apply,
        lambda s: float(s.timeout_s + UNDO_S),
        "updates",
        says=lambda s: f"apply {len(s.changes)} updates, run {s.run}",
    ),
    ArmUndo: StepCall(
        _arm, lambda _: QUICK_S, "updates", says=lambda s: f"arm the undo of updates, run {s.run}"
    ),
    CommitUpdates: StepCall(
        _commit, lambda _: QUICK_S, "updates", says=lambda s: f"commit updates, run {s.run}"
    ),
    UndoUpdates: StepCall(
        _undo, lambda s: float(s.timeout_s), "updates", says=lambda s: f"undo updates, run {s.run}"
    ),
}
