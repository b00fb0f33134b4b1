"""What an operator asked for, as data: enough to plan it again, on another day, from another laptop.

An intent and a look make a plan (`planning.intents.plan_intent`). `freeze` of the verbs on hosts keeps what
the first look saw (boot ids), so that a resumed run knows what is done already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from clusterctl.model.limit import Limit
from clusterctl.model.service import Project
from clusterctl.model.window import Window


@dataclass(frozen=True, slots=True)
class ApplyIntent:
    """Make the hosts run a project. `overwrite`: also units that somebody else has edited (I3)."""

    project: Project
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class DeleteIntent:
    """Remove a project; `overwrite` as in ApplyIntent."""

    project: str
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class RollbackIntent:
    """Take a project back to a generation the hosts have kept; 0 is the one before the present one.

    `content` is the digest of what that generation holds: a resumed run knows by it that it is done already.
    `overwrite` as in ApplyIntent.
    """

    project: str
    generation: int = 0
    content: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ScaleIntent:
    """Have another number of replicas of a service; the rest of the project stays as last applied.

    `also`: other services of the project, and their numbers.
    """

    project: str
    service: str
    replicas: int
    also: Mapping[str, int] = field(default_factory=dict)

    @property
    def wanted(self) -> Mapping[str, int]:
        """The number of replicas by service."""
        return {self.service: self.replicas, **self.also}


@dataclass(frozen=True, slots=True)
class RestartIntent:
    """Restart the instances of a service, as many at once as its update_config says.

    `begun_s`: instances started later than that on their host (host -> its clock, epoch seconds) are done.
    """

    project: str
    service: str
    begun_s: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MoveIntent:
    """Move one instance to a host."""

    instance: str
    host: str


@dataclass(frozen=True, slots=True)
class CordonIntent:
    """Place nothing new on hosts, or (`on` False) allow it again."""

    hosts: tuple[str, ...]
    on: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DrainIntent:
    """Cordon hosts and move their instances away; they stay out until somebody uncordons them."""

    hosts: tuple[str, ...]
    deadline_s: int = 600
    max_unavailable: Limit | None = None


@dataclass(frozen=True, slots=True)
class Rolling:
    """How hosts are taken out one after the other; what is None comes from the inventory's policy.

    `per_zone`: all of one failure domain before the next, never two domains at once.
    """

    max_unavailable: Limit | None = None
    per_zone: bool = False
    windows: tuple[Window, ...] | None = None
    canary: str = ""
    soak_s: int = 10
    deadline_s: int = 600


@dataclass(frozen=True, slots=True)
class RebootIntent:
    """Reboot hosts one after the other. `boot_ids` (host -> id) are those of the first look: another one is done.

    `failed_before` (host -> units) are the units that had failed already at the first look.
    """

    hosts: tuple[str, ...]
    rolling: Rolling = Rolling()
    if_needed: bool = False
    uptime_over_s: int = 0
    boot_ids: Mapping[str, str] = field(default_factory=dict)
    failed_before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpdateIntent:
    """Update the operating system of hosts one after the other; `boot_ids` as in RebootIntent.

    A host takes its update back by itself unless it is committed within `undo_after_s`, also after a reboot.
    """

    hosts: tuple[str, ...]
    rolling: Rolling = Rolling()
    security: bool = False
    reboot: Literal["if-needed", "never", "always"] = "if-needed"
    retry_bad: bool = False
    disable_auto_reboot: bool = False
    undo_after_s: int = 900
    boot_ids: Mapping[str, str] = field(default_factory=dict)
    failed_before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlaybookStep:
    """One entry of `steps:`: a verb and its arguments, all of them text after parsing.

    What was left out is not among the arguments. `name` is for people, "" where the playbook gives none.
    """

    verb: Literal[
        "cordon", "uncordon", "drain", "reboot", "update", "exec", "copy", "wait", "gate", "verify", "apply"
    ]
    arguments: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 600.0
    content: bytes = b""
    project: Project | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class StepsIntent:
    """Run a playbook's steps over hosts, group after group.

    `serial` are the sizes of the groups, the last one repeated; `max_fail` hosts may fail before it stops.
    """

    name: str
    hosts: tuple[str, ...]
    steps: tuple[PlaybookStep, ...]
    serial: tuple[Limit, ...] = (Limit(1),)
    max_fail: int = 0
    on_failure: Literal["stop", "continue"] = "stop"
    rolling: Rolling = Rolling()
    boot_ids: Mapping[str, str] = field(default_factory=dict)
    failed_before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailoverIntent:
    """Start elsewhere what was on lost hosts, and remove surplus copies from hosts that are back.

    `off`: those of them that are certain to run nothing. `shunned` hosts answer, but get nothing new. `resting`
    instances (by name) were moved a short while ago: they do not move again, unless their host is `off`. At most
    `make_room` instances of other hosts are moved so that more has a place.
    """

    hosts: tuple[str, ...]
    off: tuple[str, ...] = ()
    shunned: tuple[str, ...] = ()
    resting: tuple[str, ...] = ()
    make_room: int = 0


@dataclass(frozen=True, slots=True)
class RebalanceIntent:
    """Move a few instances so that the fleet is more even: at most `max_moves` in this run, also when it is resumed.

    `threshold`: percentage points of load above the mean that are left alone. What was started less than `min_age_s`
    before the first look (`begun_s`: host -> its clock then, epoch seconds) does not move.
    """

    max_moves: int = 5
    threshold: float = 15.0
    min_age_s: int = 1800
    begun_s: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AbortIntent:
    """Take off the hosts what an earlier run on hosts has marked there; what it did beyond stays.

    `updates`: it may have staged or applied updates, which are undone where nobody has committed them.
    """

    run: str
    updates: bool = False


Intent = (
    ApplyIntent
    | DeleteIntent
    | RollbackIntent
    | ScaleIntent
    | RestartIntent
    | MoveIntent
    | CordonIntent
    | DrainIntent
    | RebootIntent
    | UpdateIntent
    | StepsIntent
    | FailoverIntent
    | RebalanceIntent
    | AbortIntent
)
