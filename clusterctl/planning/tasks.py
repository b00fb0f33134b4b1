"""A task: a change to one instance with what is needed to make its step. Their order is `waves`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from clusterctl.model.plan import Change
from clusterctl.model.service import Service
from clusterctl.model.step import ApplyUnit, RemoveUnit, StopUnit, UnitFile
from clusterctl.planning.container import files_at
from clusterctl.planning.gate import gate_seconds
from clusterctl.planning.hooks import start_s
from clusterctl.planning.observed import Observed
from clusterctl.planning.spec import render_environment
from clusterctl.planning.unit import render_unit
from clusterctl.planning.unit_header import Header, file_digest


@dataclass(frozen=True, slots=True)
class Task:
    """A change together with what is needed to make its step."""

    change: Change
    service: Service | None = None
    header: Header | None = None
    old: Observed | None = None
    action: Literal["replace", "start", "restart", "enable"] = "replace"

    @property
    def of(self) -> str:
        """The name of the service."""
        return self.change.instance.service

    @property
    def rolls(self) -> bool:
        """Whether a present instance is replaced or restarted in its place."""
        return self.change.kind == "replace"

    @property
    def removes(self) -> bool:
        """Whether an instance goes away."""
        return self.change.kind == "remove"

    @property
    def takes_out(self) -> bool:
        """Whether an instance that does its work stops, if only for a while (I1)."""
        return (self.rolls or self.removes) and (self.old is None or self.old.is_well)

    @property
    def mends(self) -> bool:
        """Whether one instance more does its work afterwards."""
        return not self.removes and (self.old is None or not self.old.is_well)

    @property
    def holds(self) -> tuple[tuple[str, str], ...]:
        """The host ports that the present unit has, each with its host; of a singleton, that it runs at all."""
        return self._takes(self.old.header) if self.old else ()

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        """The host ports that the unit to come takes, each with its host; of a singleton, that it runs at all."""
        return self._takes(self.header) if self.header and not self.removes else ()

    def _takes(self, header: Header) -> tuple[tuple[str, str], ...]:
        once = [("", header.instance.name)] if header.singleton else []
        return (*((self.change.host, port) for port in header.host_ports), *once)


def apply_step(task: Task, monitor_s: float = 0.0) -> ApplyUnit:
    """Return the step that has a task's unit running."""
    service, header, change = task.service, task.header, task.change
    if service is None or header is None:
        raise ValueError(f"{change.instance}: a change without a service has no unit")
    text = task.old.fact.text if task.old and task.action != "replace" else render_unit(service, header)
    gate_s = gate_seconds(service.healthcheck) + start_s(service) + service.stop_s + 30
    return ApplyUnit(
        host=change.host,
        instance=change.instance,
        unit_text=text,
        unit_digest=file_digest(text),
        environment=render_environment(service),
        replaces=task.old.file_digest if task.old else "",
        gate_s=gate_s,
        reason=change.reason,
        action=task.action,
        monitor_s=monitor_s,
        files=tuple(
            UnitFile(path, file.content, file.mode, file.uid, file.gid)
            for path, file in files_at(header.instance, service, header.spec)
        ),
    )


def remove_step(task: Task) -> RemoveUnit:
    """Return the step that takes an instance away; of a surge instance, the unit that this plan started."""
    if task.old:
        digest, stop_s = task.old.file_digest, task.old.header.stop_s
    elif task.service:
        digest, stop_s = apply_step(task).unit_digest, task.service.stop_s
    else:
        raise ValueError(f"{task.change.instance}: nothing to remove")
    return RemoveUnit(task.change.host, task.change.instance, digest, stop_s + 30, task.change.reason)


def stop_step(unit: Observed, reason: str) -> StopUnit:
    """Return the step that stops a unit and leaves it where it is."""
    return StopUnit(unit.host, unit.instance, unit.file_digest, unit.header.stop_s + 30, reason)


def end_of_surge(task: Task) -> Task:
    """Return the task that takes a surge instance away again."""
    change = replace(task.change, kind="remove", reason="start-first: all are replaced")
    return replace(task, change=change)
