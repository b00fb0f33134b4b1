"""What changes, instance by instance, and why; and what would make such a change fail half way.

Where instances go is `scheduler`, in which order they change is `waves`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from clusterctl.model.inventory import Inventory
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Blocked, Change, FieldChange
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.diff import diff_service
from clusterctl.planning.eligibility import disk_refusal, mute
from clusterctl.planning.manifest import Manifest
from clusterctl.planning.networks import may_join, own_networks
from clusterctl.planning.observed import Observed, foreign_containers
from clusterctl.planning.placements import Placements
from clusterctl.planning.room import port_keys, writable_volumes
from clusterctl.planning.spec import environment_digest, spec_digest
from clusterctl.planning.tasks import Task
from clusterctl.planning.unit_header import Header


@dataclass(frozen=True)
class Context:
    """What every part of the planning needs."""

    inventory: Inventory
    project: Project
    snapshot: Snapshot
    units: tuple[Observed, ...]
    manifest: Manifest | None
    pinned: Mapping[str, str]
    generation: int

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """The services by name."""
        return {service.name: service for service in self.project.services}

    @cached_property
    def hosts_of(self) -> Mapping[Instance, tuple[str, ...]]:
        """The hosts that have a unit of an instance."""
        found: dict[Instance, tuple[str, ...]] = {}
        for unit in self.units:
            found[unit.instance] = (*found.get(unit.instance, ()), unit.host)
        return found

    @cached_property
    def env_digests(self) -> Mapping[str, Mapping[str, str]]:
        """The digests of the env files on each host, by instance name."""
        return {facts.host: facts.env_digests for facts in self.snapshot.seen}

    def header(self, instance: Instance) -> Header:
        """Return the header of an instance's wanted unit."""
        return replace(self._headers[instance.service], slot=instance.slot)

    @cached_property
    def _headers(self) -> Mapping[str, Header]:
        """The header of the first instance of each service: that of the others differs in its slot alone."""
        return {
            name: header_of(
                self.inventory.cluster,
                Instance(self.project.name, name, 1),
                service,
                self.generation,
                self.pinned[name],
            )
            for name, service in self.services.items()
            if name in self.pinned
        }

    @cached_property
    def differences(self) -> Mapping[str, tuple[FieldChange, ...]]:
        """What the last manifest says otherwise of each service."""
        services, pins = (self.manifest.services, self.manifest.pinned) if self.manifest else ({}, {})
        return {
            name: diff_service(services.get(name), service, pins.get(name, ""), self.pinned[name])
            for name, service in self.services.items()
            if name in self.pinned
        }


def header_of(cluster: str, instance: Instance, service: Service, generation: int, pinned: str) -> Header:
    """Return the header of the unit of an instance; `pinned` is the image with its digest."""
    return Header(
        cluster=cluster,
        project=instance.project,
        service=service.name,
        slot=instance.slot,
        generation=generation,
        spec=spec_digest(instance.project, service, pinned),
        image=service.image,
        pinned=pinned,
        host_ports=port_keys(service),
        cpus=service.reservations.cpus or 0.0,
        memory_bytes=service.reservations.memory_bytes or 0,
        volumes=writable_volumes(service),
        stop_s=service.stop_s,
        singleton=service.singleton,
        networks=own_networks(service, instance.project),
    )


def find_tasks(context: Context, placements: Placements) -> list[Task]:
    """Return what must change so that all is placed, and as wanted."""
    tasks = []
    for instance, unit in placements.kept.items():
        service = context.services[instance.service]
        task = _keep_or_change(context, instance, service, unit)
        tasks += [task] if task else []
    moved = {instance for instance, _ in placements.surplus}
    for instance, host in placements.placed.items():
        service = context.services[instance.service]
        was = context.hosts_of.get(instance)
        kind, reason = (
            ("move", f"from {was[0]}") if instance in moved and was else ("create", "not there yet")
        )
        change = Change("move" if kind == "move" else "create", instance, host, reason)
        tasks.append(Task(change, service=service, header=context.header(instance)))
    by_place = {(unit.instance, unit.host): unit for unit in context.units}
    for place, reason in placements.surplus.items():
        tasks.append(Task(Change("remove", *place, reason), old=by_place[place]))
    return sorted(tasks, key=lambda task: (task.change.instance, task.change.host, task.change.kind))


def _keep_or_change(context: Context, instance: Instance, service: Service, unit: Observed) -> Task | None:
    header = context.header(instance)
    reason, fields = _why_replace(context, service, unit, header)
    if reason:
        change = Change("replace", instance, unit.host, reason, fields)
        return Task(change, service=service, header=header, old=unit)
    action, why = _why_start(unit)
    if not why:
        return None
    change = Change("start", instance, unit.host, why)
    return Task(change, service=service, header=unit.header, old=unit, action=action)


def _why_replace(
    context: Context, service: Service, unit: Observed, header: Header
) -> tuple[str, tuple[FieldChange, ...]]:
    if unit.header.spec != header.spec:
        fields = context.differences[service.name]
        return (
            "changed: " + ", ".join(change.field for change in fields) if fields else "spec differs"
        ), fields
    if not unit.intact:
        return "the unit file was edited or cut by hand", ()
    env_digest = context.env_digests[unit.host].get(unit.instance.name)
    if service.environment and env_digest != environment_digest(service):
        return "the env file on the host differs", ()
    if not unit.runs_its_unit:
        return "the running container is of an older unit", ()
    return "", ()


def _why_start(unit: Observed) -> tuple[Literal["start", "restart", "enable"], str]:
    if unit.state != "running":
        return "start", f"the unit is {unit.state}" + (
            f" ({unit.fact.result})" if unit.state == "failed" else ""
        )
    if unit.health in {"unhealthy", "starting"}:
        return "restart", f"the container is {unit.health}"
    if unit.fact.enabled != "enabled":
        return "enable", "the unit does not start at boot"
    return "enable", "systemd has not read the unit again" if unit.fact.need_reload else ""


def find_step_blocks(context: Context, tasks: list[Task]) -> list[Blocked]:
    """Return what would make a step fail after something was stopped: better known before."""
    policy = context.inventory.policy
    seen = {facts.host: facts for facts in context.snapshot.seen}
    blocks = []
    for task in tasks:
        facts = seen[task.change.host]
        if task.change.kind != "remove" and task.change.instance.name in foreign_containers(facts):
            reason = f"a container {task.change.instance} exists and is not ours"
            blocks.append(Blocked("guard", facts.host, reason))
        misfit = "" if task.change.kind == "remove" else _network_misfit(task, facts)
        blocks += [Blocked("guard", facts.host, misfit)] if misfit else []
        if silent := mute(facts):
            reason = f"{task.change.instance}: cannot {task.change.kind} it: {silent}"
            blocks.append(Blocked("unreachable", facts.host, reason))
        elif task.change.kind == "replace":
            full = disk_refusal(facts, policy.min_free_disk_percent, policy.min_free_disk_bytes)
            blocks += [Blocked("guard", facts.host, full)] if full else []
    return blocks


def _network_misfit(task: Task, facts: HostFacts) -> str:
    return may_join(task.service, task.change.instance.project, facts) if task.service else ""
