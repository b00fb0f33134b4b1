"""A plan is batches; a batch is a barrier of steps; a step is one effect on one host with its reason.

Plans hold no time and no volatile figure, so that two plans made from two looks compare with `==`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from clusterctl.model.placement import Instance, Unplaced


@dataclass(frozen=True, slots=True)
class PullImage:
    """Have an image in the host's store, by digest."""

    host: str
    image: str
    reason: str


@dataclass(frozen=True, slots=True)
class ApplyUnit:
    """Write a unit and its environment, and have it running and healthy, within `gate_s` seconds.

    `action` says how: install and (re)start it, start or restart what is there, or only enable it.

    `replaces` is the sha256 of the unit file expected on the host ("" for none): the step is
    conditional, "if old then new". The environment is kept out of every text shown (I9).
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


@dataclass(frozen=True, slots=True)
class RemoveUnit:
    """Stop an instance and take its unit away; volumes stay. Conditional on `replaces`."""

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


Step = PullImage | ApplyUnit | RemoveUnit | WriteManifest | RemoveManifest


@dataclass(frozen=True, slots=True)
class Batch:
    """Steps that may run at once: hosts in parallel, one host's steps in order."""

    title: str
    steps: tuple[Step, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts the batch touches, each once, in order of first mention."""
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

    kind: Literal["create", "replace", "start", "move", "surge", "remove"]
    instance: Instance
    host: str
    reason: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Blocked:
    """What forbids the whole plan; `kind` decides the exit code."""

    kind: Literal["unreachable", "identity", "busy", "guard", "image"]
    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order, and why; what cannot be done; what stays."""

    verb: str
    subject: str
    batches: tuple[Batch, ...] = ()
    changes: tuple[Change, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: int = 0
    generation: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do and nothing stands in the way."""
        return not self.batches and not self.unplaced and not self.blocked
