"""A plan is batches; a batch is a barrier of steps (`step`).

Plans hold no time and no volatile figure, so that two plans made from two looks compare with `==`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterctl.model.limit import Limit
from clusterctl.model.placement import Instance, Unplaced
from clusterctl.model.step import Step
from clusterctl.model.window import Window


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
