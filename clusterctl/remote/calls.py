"""How each kind of step is called in a host's script: its line, how long it may take, which library it needs.

The functions that are called are in `shell/`; which steps there are is decided in planning. Every name that
enters a script is checked here once more and quoted (`script_words`): the script runs as root. Calls of OS updates
are in `packages`.
"""

from __future__ import annotations

import hashlib
import math
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from clusterctl.model.step import (
    ApplyUnit,
    ClearMarker,
    CopyFile,
    PullImage,
    Reboot,
    RecordRun,
    RemoveManifest,
    RemoveUnit,
    RunCommand,
    SetMarker,
    Step,
    StopUnit,
    UnitFile,
    Verify,
    WriteManifest,
)
from clusterctl.remote.script_words import checked, here, one_line, packed, quoted, safe, text_of

PULL_S = 900
_HEX = re.compile(r"[0-9a-f]{64}")
_IMAGE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,400}@sha256:[0-9a-f]{64}")
_UNIT = re.compile(r"clusterctl-([a-zA-Z0-9][a-zA-Z0-9._-]{0,200})\.service")
_ANY_UNIT = re.compile(r"[a-zA-Z0-9:_.\\@-]{1,255}")
_BOOT_ID = re.compile(r"[0-9a-f-]{1,64}")
_PATH = re.compile(r"(?:/[^/\0\n]+)+")
_OWNER = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,31}(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,31})?")
_UNIT_FILE = re.compile(
    r"/etc/clusterctl/files/[a-zA-Z0-9._-]+/[0-9a-f]{16}/[0-9]+\.(?:config|secret)\.[A-Za-z0-9._-]+"
)
_PINNED = re.compile(r"^Pinned=(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class StepCall:
    """A kind of step in a script.

    `render(number, step, end)` is its call; `end` is the end mark for `here`. `duration` is how many seconds it
    may take at worst. `library` names files of `shell/` without suffix, in the order they are needed. An
    `ordered` step waits for all units staged before it, and is not begun when a step before it failed. `says` is the step in the host's journal: no secrets.
    """

    render: Callable[[int, Any, str], str]
    duration: Callable[[Any], float]
    library: str
    ordered: bool = True
    says: Callable[[Any], str] = lambda step: _words(type(step).__name__)


def units_duration(steps: Sequence[ApplyUnit]) -> float:
    """Return how long the units of one host may take: replaced together, put back one after the other."""
    if not steps:
        return 0.0
    gates = [step.gate_s for step in steps]
    monitor_s = max(math.ceil(step.monitor_s) for step in steps)
    watching = monitor_s + 20 + 10 * len(steps) if monitor_s else 0
    return float(2 * max(gates) + sum(gates) + 120 * len(gates) + watching)


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def _pull(number: int, step: PullImage, _end: str) -> str:
    return f"pull {number} {shlex.quote(checked(_IMAGE, step.image))}"


def _apply(number: int, step: ApplyUnit, end: str) -> str:
    name = safe(step.instance.name)
    replaces = checked(_HEX, step.replaces) if step.replaces else "-"
    pinned = _PINNED.search(step.unit_text)
    image = shlex.quote(checked(_IMAGE, pinned.group(1) if pinned else ""))
    times = f"{int(step.gate_s)} {math.ceil(step.monitor_s)}"
    call = f"unit {number} {name} {step.action} {replaces} {checked(_HEX, step.unit_digest)} {times} {image}"
    text = f"{call}{here(step.unit_text, end)}\nenvironment {name}{here(step.environment, end)}"
    return "\n".join([text, *(_unit_file(name, file, end) for file in step.files)])


def _unit_file(instance: str, file: UnitFile, end: str) -> str:
    """Return the call that stages a config or secret; the folder it is for must be the instance's own."""
    path = checked(_UNIT_FILE, file.path)
    if path.split("/")[4] != instance:
        raise ValueError(f"not a file of {instance}: {path!r}")
    content = file.content.encode()
    return (
        f"unit_file {instance} {path.removeprefix('/etc/clusterctl/')} {file.mode & 0o777:o} {int(file.uid)} {int(file.gid)} "
        f"{hashlib.sha256(content).hexdigest()}{here(text_of(packed(content)), end)}"
    )


def _remove(number: int, step: RemoveUnit, _end: str) -> str:
    return f"drop {number} {safe(step.instance.name)} {checked(_HEX, step.replaces)} {int(step.stop_s)}"


def _stop(number: int, step: StopUnit, _end: str) -> str:
    return f"halt {number} {safe(step.instance.name)} {checked(_HEX, step.replaces)} {int(step.stop_s)}"


def _write(number: int, step: WriteManifest, end: str) -> str:
    return f"manifest {number} {safe(step.project)} {int(step.generation)}{here(step.text, end)}"


def _forget(number: int, step: RemoveManifest, _end: str) -> str:
    return f"manifest {number} {safe(step.project)} 0 </dev/null"


def _mark(number: int, step: SetMarker, end: str) -> str:
    lines = [f"by={one_line(step.by)}", f"run={safe(step.run)}", f"reason={one_line(step.reason)}"]
    return f"mark {number} {safe(step.marker)}{here(text_of(lines), end)}"


def _unmark(number: int, step: ClearMarker, _end: str) -> str:
    return f"unmark {number} {safe(step.marker)} {safe(step.run) if step.run else '-'}"


def _record(number: int, step: RecordRun, end: str) -> str:
    return f"record {number} {safe(step.run)}{here(step.text, end)}"


def _verify(number: int, step: Verify, end: str) -> str:
    names = [checked(_UNIT, unit)[len("clusterctl-") : -len(".service")] for unit in step.units]
    # A name that systemd cannot have given is no unit's: it may be left out.
    failed = [unit for unit in step.failed_before if _ANY_UNIT.fullmatch(unit)]
    words = " ".join(["verify", str(number), str(int(step.settle_s)), str(int(step.soak_s)), *names])
    return f"{words}{here(text_of(failed), end)}"


def _run(number: int, step: RunCommand, _end: str) -> str:
    words = [quoted(word) for word in (step.creates, step.unless, step.command)]
    return f"command_line {number} {math.ceil(step.timeout_s)} {' '.join(words)}"


def _copy(number: int, step: CopyFile, end: str) -> str:
    path = shlex.quote(checked(_PATH, step.path))
    digest = hashlib.sha256(step.content).hexdigest()
    owner = checked(_OWNER, step.owner or "root")
    return f"file {number} {path} {digest} {step.mode & 0o7777:o} {owner}{here(text_of(packed(step.content)), end)}"


def _reboot(number: int, step: Reboot, _end: str) -> str:
    return f"reboot_host {number} {checked(_BOOT_ID, step.boot_id)}"


def _command_s(step: RunCommand) -> float:
    return (math.ceil(step.timeout_s) + 10.0) * (2 if step.unless else 1)


CALLS: dict[type[Step], StepCall] = {
    PullImage: StepCall(
        _pull, lambda _: PULL_S, "watch files networks units", ordered=False, says=lambda s: f"pull {s.image}"
    ),
    # How long units take is known of all of them together: `units_duration`.
    ApplyUnit: StepCall(
        _apply,
        lambda _: 0.0,
        "watch files networks units",
        ordered=False,
        says=lambda s: f"{s.action if s.replaces else 'create'} {s.instance}",
    ),
    RemoveUnit: StepCall(
        _remove,
        lambda s: s.stop_s,
        "watch files networks units",
        ordered=False,
        says=lambda s: f"remove {s.instance}",
    ),
    StopUnit: StepCall(
        _stop,
        lambda s: s.stop_s,
        "watch files networks units",
        ordered=False,
        says=lambda s: f"stop {s.instance}",
    ),
    WriteManifest: StepCall(
        _write,
        lambda _: 0.0,
        "records",
        ordered=False,
        says=lambda s: f"write manifest {s.project} generation {s.generation}",
    ),
    RemoveManifest: StepCall(
        _forget, lambda _: 0.0, "records", ordered=False, says=lambda s: f"remove manifest {s.project}"
    ),
    SetMarker: StepCall(_mark, lambda _: 0.0, "records", says=lambda s: f"mark {s.marker}, run {s.run}"),
    ClearMarker: StepCall(_unmark, lambda _: 0.0, "records", says=lambda s: f"unmark {s.marker}"),
    RecordRun: StepCall(
        _record, lambda _: 0.0, "records", ordered=False, says=lambda s: f"record run {s.run}"
    ),
    Verify: StepCall(
        _verify,
        lambda s: s.settle_s + s.soak_s + 120.0 + 20.0 * len(s.units),
        "watch verify",
        says=lambda _: "verify the host",
    ),
    # What is run may hold secrets, and is not said.
    RunCommand: StepCall(_run, _command_s, "command", says=lambda s: f"run a command ({s.reason})"),
    CopyFile: StepCall(_copy, lambda _: 60.0, "command", says=lambda s: f"write {s.path}"),
    Reboot: StepCall(_reboot, lambda _: 10.0, "command", says=lambda _: "reboot"),
}


def call_of(step: Step) -> StepCall:
    """Return how a step is called; raises TypeError for one that is done by no script."""
    call = CALLS.get(type(step)) or _package_calls().get(type(step))
    if call is None:
        raise TypeError(f"no script does {type(step).__name__}")
    return call


def _package_calls() -> dict[type[Step], StepCall]:
    from clusterctl.remote.packages import CALLS as PACKAGE_CALLS

    return PACKAGE_CALLS
