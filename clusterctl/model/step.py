"""A step is one effect on one host with its reason; the `steps` of a playbook are `model.intent`.

Those of an update of the operating system are `update_step`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from clusterctl.model.placement import Instance
from clusterctl.model.update_step import ApplyUpdates, ArmUndo, CommitUpdates, StageUpdates, UndoUpdates

OPERATOR = ""
"""The `host` of a step that runs with the operator and not on a host."""


@dataclass(frozen=True, slots=True)
class PullImage:
    """Have an image in the host's store, by digest."""

    host: str
    image: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A config or secret of a unit: an absolute path on the host, and the content, which is never shown (I9)."""

    path: str
    content: str = field(repr=False)
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class ApplyUnit:
    """Write a unit and its environment, and have it running and healthy, within `gate_s` seconds.

    It must then stay so for `monitor_s`, or the unit before it is put back.

    `action` says how: install and (re)start it, start or restart what is there, or only enable it.

    `replaces` is the sha256 of the unit file expected on the host ("" for none): the step is
    conditional, "if old then new". The environment and `files` are kept out of every text shown (I9). `leaves` is the
    host that is drained, where the instance is started elsewhere.
    """

    host: str
    instance: Instance
    unit_text: str
    unit_digest: str
    environment: str = field(repr=False)
    replaces: str
    gate_s: int
    reason: str
    action: Literal["replace", "start", "restart", "enable"] = "replace"
    monitor_s: float = 0.0
    leaves: str = ""
    files: tuple[UnitFile, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveUnit:
    """Stop an instance and take its unit away; volumes stay. Conditional on `replaces`."""

    host: str
    instance: Instance
    replaces: str
    stop_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class StopUnit:
    """Stop an instance that may run only once, before it is started elsewhere; its unit stays. Conditional on `replaces`."""

    host: str
    instance: Instance
    replaces: str
    stop_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class WriteManifest:
    """Keep the canonical desired state of a project on a host."""

    host: str
    project: str
    generation: int
    text: str = field(repr=False)
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class RemoveManifest:
    """Forget a project on a host."""

    host: str
    project: str
    reason: str


MarkerName = Literal["cordoned", "draining", "rebooting", "updating"]


@dataclass(frozen=True, slots=True)
class SetMarker:
    """Write a marker on a host: by whom, of which run, and why. A marker that is there already stays as it is."""

    host: str
    marker: MarkerName
    run: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ClearMarker:
    """Take a marker off a host; with `run`, only if it is of that run."""

    host: str
    marker: MarkerName
    run: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecordRun:
    """Keep the record of a run on a lock host, so that any operator can resume or abort it (`planning.runs`)."""

    host: str
    run: str
    text: str = field(repr=False)
    reason: str = "the run can be resumed or aborted from anywhere"


@dataclass(frozen=True, slots=True)
class Verify:
    """See on the host that nothing is worse than before, and that it stays so for `soak_s`.

    Waits up to `settle_s` for systemd to have settled, docker to answer and each unit of `units` to be
    active with its container healthy (or without a health check); then all must stay so for `soak_s`. Fails when a
    unit is failed that is not in `failed_before`.
    """

    host: str
    units: tuple[str, ...]
    failed_before: tuple[str, ...]
    settle_s: int
    soak_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reboot:
    """Reboot a host whose boot id is still `boot_id`, and wait until it answers with another one.

    A host that has another boot id already was rebooted by an earlier try: nothing is done. Ends
    within `deadline_s`; "never went down" and "did not come back" are different failures.
    """

    host: str
    boot_id: str
    deadline_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run a shell command as root on a host (or with the operator); it must exit 0 within `timeout_s`.

    On a host it is skipped when the path `creates` exists, or when the command `unless` exits 0. With the
    operator (`host` is OPERATOR) the environment says CLUSTERCTL_HOST=`about`.
    """

    host: str
    command: str
    timeout_s: float
    reason: str
    about: str = ""
    creates: str = ""
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Fence:
    """Make certain that the host `about` is off, by its fence devices; the operator does it (`host` is OPERATOR)."""

    host: str
    about: str
    timeout_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class CopyFile:
    """Have a file on a host with this content; unchanged when its sha256 and mode are as wanted."""

    host: str
    path: str
    content: bytes = field(repr=False)
    mode: int
    owner: str
    reason: str


Step = (
    PullImage
    | ApplyUnit
    | RemoveUnit
    | StopUnit
    | WriteManifest
    | RemoveManifest
    | SetMarker
    | ClearMarker
    | RecordRun
    | Verify
    | Reboot
    | RunCommand
    | Fence
    | CopyFile
    | StageUpdates
    | ApplyUpdates
    | ArmUndo
    | CommitUpdates
    | UndoUpdates
)
