"""start-first: which instances run beside the old ones while these are replaced, or why none can.

A surge instance has a slot above all others, is started before the first old instance stops and is
removed after the last one is replaced. What a killed run left of it is surplus to the next plan.
"""

from __future__ import annotations

from dataclasses import replace

from clusterctl.model.placement import Instance
from clusterctl.model.plan import Change
from clusterctl.model.service import Project, Service
from clusterctl.planning.observed import Observed
from clusterctl.planning.room import port_keys, writable_volumes
from clusterctl.planning.scheduler import Scheduler
from clusterctl.planning.tasks import Task


def plan_surges(
    project: Project, tasks: list[Task], units: tuple[Observed, ...], scheduler: Scheduler
) -> tuple[list[Task], list[str]]:
    """Return the surge tasks of all services and notes on those that stop first all the same."""
    surges: list[Task] = []
    notes: list[str] = []
    rolling: dict[str, list[Task]] = {}
    for task in tasks:
        if task.rolls:
            rolling.setdefault(task.of, []).append(task)
    used: dict[str, int] = {}
    for unit in units:
        if unit.header.project == project.name:
            used[unit.header.service] = max(used.get(unit.header.service, 0), unit.header.slot)
    for service in project.services:
        mine = rolling.get(service.name, [])
        if service.update.order != "start-first" or not mine:
            continue
        why = why_stop_first(service)
        found = [] if why else _surge(service, mine, used.get(service.name, 0), scheduler)
        surges += found
        if not found:
            notes.append(
                f"{service.name}: stop-first, since {why or 'no host has room for the instances more'}"
            )
    return surges, notes


def why_stop_first(service: Service) -> str:
    """Return why a new instance cannot run beside the old one, or ""."""
    if service.mode == "global":
        return "a global service has one instance on each host"
    if service.host_ports:
        return f"host port {port_keys(service)[0]} cannot be taken twice"
    if writable_volumes(service):
        return f"volume {writable_volumes(service)[0]} has a single writer"
    if service.quorum:
        return f"quorum {service.quorum} must not grow"
    return ""


def _surge(service: Service, mine: list[Task], used: int, scheduler: Scheduler) -> list[Task]:
    """Return the surge tasks of a service; `used` is the highest slot that any unit of it has."""
    project = mine[0].change.instance.project
    first = max(service.replicas, used) + 1
    surges: list[Task] = []
    count = min(service.update.at_once(service.replicas), len(mine))
    for slot in range(first, first + count):
        instance = Instance(project, service.name, slot)
        host = scheduler.place_beside(instance, service)
        header = mine[0].header
        if host and header:
            change = Change(
                "surge", instance, host, "start-first: runs beside the old ones until all are replaced"
            )
            surges.append(Task(change, service=service, header=replace(header, slot=slot)))
    if len(surges) == count:
        return surges
    for task in surges:  # fewer would let the service fall below its replicas
        scheduler.take_back(task.change.instance, service, task.change.host)
    return []
