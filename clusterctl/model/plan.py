"""A plan is batches; a batch is a barrier of steps; a step is one effect on one host with its reason.

Plans hold no time and no volatile figure, so that two plans made from two looks compare with `==`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from clusterctl.model.limit import Limit
from clusterctl.model.packages import PackageChange
from clusterctl.model.placement import Instance, Unplaced
from clusterctl.model.window import Window

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


@dataclass(frozen=True, slots=True)
class StageUpdates:
    """Download what an update needs and keep the packages it replaces, so that it can be undone."""

    host: str
    driver: str
    run: str
    changes: tuple[PackageChange, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ApplyUpdates:
    """Update the host's packages as staged; taken back on the spot when the host is worse than before.

    Success is the package manager's exit code and its database and the state of all units; what
    `failed_before` names was failed already.
    """

    host: str
    driver: str
    run: str
    changes: tuple[PackageChange, ...]
    failed_before: tuple[str, ...]
    timeout_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class ArmUndo:
    """Have the host itself undo the run's update `delay_s` after its next boot, unless committed by then."""

    host: str
    driver: str
    run: str
    delay_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class CommitUpdates:
    """The update stays: disarm the host's own undo. Fails when the host has undone it already."""

    host: str
    driver: str
    run: str
    reason: str


@dataclass(frozen=True, slots=True)
class UndoUpdates:
    """Put back what the run's update replaced, remember the versions as bad, and disarm the undo."""

    host: str
    driver: str
    run: str
    timeout_s: int
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


@dataclass(frozen=True, slots=True)
class Batch:
    """Steps that may run at once: hosts in parallel, one host's steps in order.

    `opens` names hosts that the batch begins to take out: limits, floors and the window are looked at
    with fresh facts first, and `worst_s` is how long it may take at worst until they are back; `interrupts`
    are the instances that stay on them and are down meanwhile. `pause_s`
    passes after the batch. Up to `tolerated` failed steps, counted from the plan's start, do not stop it.
    """

    title: str
    steps: tuple[Step, ...]
    opens: tuple[str, ...] = ()
    interrupts: tuple[Instance, ...] = ()
    worst_s: int = 0
    pause_s: float = 0.0
    tolerated: int = 0

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts the batch touches, each once, in order of first mention; OPERATOR may be among them."""
        return tuple(dict.fromkeys(step.host for step in self.steps))


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a service, before and after; secrets appear as a name only."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one instance, for the person who approves."""

    kind: Literal["create", "replace", "restart", "start", "move", "surge", "remove", "interrupt"]
    instance: Instance
    host: str
    reason: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Blocked:
    """What forbids the whole plan; `kind` decides the exit code."""

    kind: Literal["unreachable", "identity", "busy", "guard", "image", "edited", "replaced", "newer"]
    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class HostChange:
    """What happens to one host, for the person who approves; `reason` says why."""

    kind: Literal["cordon", "uncordon", "drain", "reboot", "update", "command", "verify", "fence"]
    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class Floor:
    """How many instances of services (project, service) must stay well while hosts are taken out (I1).

    One service, or all of one quorum group (`x-quorum`); `name` is for people.
    """

    name: str
    services: tuple[tuple[str, str], ...]
    least: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What must hold whenever a batch opens hosts (I1, I8); checked by `planning.limits.may_open`.

    `fleet` and `per_domain` bound the hosts that are out, whoever took them out; `domains` are pairs of
    host and failure domain. `floors` bound services. `windows`: one of them must be open, and long enough
    for the batch (none: always).
    """

    cluster: str
    fleet: int = 1
    per_domain: Limit | None = None
    domains: tuple[tuple[str, str], ...] = ()
    floors: tuple[Floor, ...] = ()
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order, and why; what cannot be done; what stays.

    `goes_back_to`: when a batch fails, the whole fleet is taken back to that generation (0: it stops there).
    `drops_failed_hosts`: where failures are tolerated, later batches leave out the hosts that failed.
    `privileges`: what changing services take of their hosts by leave of the inventory.
    `rebooting`: hosts that an earlier try of the run may have told to reboot just now.
    """

    verb: str
    subject: str
    batches: tuple[Batch, ...] = ()
    changes: tuple[Change, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: int = 0
    generation: int = 0
    host_changes: tuple[HostChange, ...] = ()
    limits: Limits | None = None
    goes_back_to: int = 0
    drops_failed_hosts: bool = False
    rebooting: tuple[str, ...] = ()
    privileges: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do and nothing stands in the way."""
        return not self.batches and not self.unplaced and not self.blocked
