"""Apply and delete: from a playbook's project and one look to a plan.

Decides what changes and why, what is pruned, and what blocks the whole plan. The order of the
resulting steps is `rolling`, where instances go is `scheduler`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Blocked, Change, FieldChange, Plan
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.diff import diff_service
from clusterctl.planning.eligibility import disk_refusal, port_keys, writable_volumes
from clusterctl.planning.guards import find_blocks, find_degraded, find_drift
from clusterctl.planning.images import pin_images
from clusterctl.planning.manifest import Manifest, latest_manifest, make_manifest, render_manifest
from clusterctl.planning.observed import Observed, foreign_containers, observe_units
from clusterctl.planning.rolling import Task, find_exchanges, order_batches
from clusterctl.planning.scheduler import Placements, Scheduler
from clusterctl.planning.spec import environment_digest, spec_digest
from clusterctl.planning.surge import plan_surges
from clusterctl.planning.unit import Header


@dataclass(frozen=True, slots=True)
class _Context:
    """What every step of the planning below needs."""

    inventory: Inventory
    project: Project
    snapshot: Snapshot
    units: tuple[Observed, ...]
    manifest: Manifest | None
    pinned: dict[str, str]
    generation: int

    def header(self, instance: Instance, service: Service) -> Header:
        """Return the header of an instance's wanted unit."""
        pinned = self.pinned[service.name]
        return Header(
            cluster=self.inventory.cluster,
            project=self.project.name,
            service=service.name,
            slot=instance.slot,
            generation=self.generation,
            spec=spec_digest(self.project.name, service, pinned),
            image=service.image,
            pinned=pinned,
            host_ports=port_keys(service),
            cpus=service.reservations.cpus or 0.0,
            memory_bytes=service.reservations.memory_bytes or 0,
            volumes=writable_volumes(service),
            stop_s=int(service.stop_grace_period_s),
        )


def plan_apply(
    inventory: Inventory, project: Project, snapshot: Snapshot, *, ignored: frozenset[str] = frozenset()
) -> Plan:
    """Return the plan that makes the hosts run the project; empty when they already do.

    `ignored` hosts were left out of the look on purpose: what the manifest has there stays there.
    """
    inventory, project, snapshot = _in_order(inventory, project, snapshot)
    units = observe_units(snapshot, inventory.cluster)
    manifest = latest_manifest(snapshot, inventory.cluster, project.name)
    pins = pin_images(project, snapshot, units)
    blocked = [*find_blocks(inventory, snapshot, ignored), *pins.blocked]
    if blocked:
        return Plan("apply", project.name, blocked=tuple(blocked), notes=pins.notes)
    recorded = _recorded_on(manifest, ignored)
    scheduler = Scheduler(inventory, project, snapshot, units)
    placements = scheduler.run(recorded)
    generation, wanted = _next_manifest(inventory, project, manifest, dict(pins.pinned), placements, units)
    context = _Context(inventory, project, snapshot, units, manifest, dict(pins.pinned), generation)
    tasks = _tasks(context, placements)
    surges, order_notes = plan_surges(project, tasks, units, scheduler)
    tasks += surges
    blocked = [*placements.blocked, *_step_blocks(context, tasks)]
    notes = (*pins.notes, *find_degraded(snapshot), *find_drift(units, project.name), *order_notes)
    if blocked or placements.unplaced:
        return Plan(
            "apply",
            project.name,
            unplaced=tuple(placements.unplaced),
            blocked=tuple(blocked),
            notes=notes,
            generation=generation,
        )
    batches = order_batches(project, snapshot, tuple(tasks), render_manifest(wanted), generation)
    changes = tuple(task.change for task in tasks)
    touched = {(task.change.instance, task.change.host) for task in tasks}
    unchanged = sum((instance, unit.host) not in touched for instance, unit in placements.kept.items())
    return Plan("apply", project.name, batches, changes, (), (), notes, unchanged, generation)


def plan_delete(
    inventory: Inventory, name: str, snapshot: Snapshot, *, ignored: frozenset[str] = frozenset()
) -> Plan:
    """Return the plan that removes a project from all hosts; its volumes stay."""
    inventory, emptied, snapshot = _in_order(inventory, Project(name, ()), snapshot)
    blocked = find_blocks(inventory, snapshot, ignored)
    if blocked:
        return Plan("delete", name, blocked=tuple(blocked))
    units = [unit for unit in observe_units(snapshot, inventory.cluster) if unit.header.project == name]
    tasks = tuple(Task(Change("remove", u.instance, u.host, "the project is deleted"), old=u) for u in units)
    batches = order_batches(emptied, snapshot, tasks, "", 0)
    volumes = sorted({volume for unit in units for volume in unit.header.volumes})
    notes = (f"volumes stay on their hosts: {', '.join(volumes)}",) if volumes else ()
    if not batches:
        notes = ("no host knows a project of that name",)
    return Plan("delete", name, batches, tuple(task.change for task in tasks), notes=notes)


def _in_order(
    inventory: Inventory, project: Project, snapshot: Snapshot
) -> tuple[Inventory, Project, Snapshot]:
    """Return the same by name: no plan depends on the order in which hosts or services were given."""
    return (
        replace(inventory, hosts=tuple(sorted(inventory.hosts, key=lambda host: natural(host.name)))),
        replace(project, services=tuple(sorted(project.services, key=lambda service: service.name))),
        Snapshot(dict(sorted(snapshot.hosts.items(), key=lambda item: natural(item[0])))),
    )


def _recorded_on(manifest: Manifest | None, hosts: frozenset[str]) -> dict[str, str]:
    placements = manifest.placements if manifest else {}
    return {instance: host for instance, host in placements.items() if host in hosts}


def _next_manifest(
    inventory: Inventory,
    project: Project,
    manifest: Manifest | None,
    pinned: dict[str, str],
    placements: Placements,
    units: tuple[Observed, ...],
) -> tuple[int, Manifest]:
    """Return the generation to write and its manifest: the same one while the content is the same."""
    on_units = [unit.header.generation for unit in units if unit.header.project == project.name]
    highest = max([manifest.generation if manifest else 0, *on_units])
    wanted = make_manifest(inventory.cluster, project, highest + 1, pinned, placements.hosts)
    if manifest and manifest.content == wanted.content and manifest.generation == highest:
        return highest, manifest
    return highest + 1, wanted


def _tasks(context: _Context, placements: Placements) -> list[Task]:
    tasks = []
    for instance, unit in placements.kept.items():
        service = _service(context.project, instance)
        task = _keep_or_change(context, instance, service, unit)
        tasks += [task] if task else []
    moved = {instance for instance, _ in placements.surplus}
    for instance, host in placements.placed.items():
        service = _service(context.project, instance)
        was = [unit.host for unit in context.units if unit.instance == instance]
        kind, reason = (
            ("move", f"from {was[0]}") if instance in moved and was else ("create", "not there yet")
        )
        change = Change("move" if kind == "move" else "create", instance, host, reason)
        tasks.append(Task(change, service=service, header=context.header(instance, service)))
    by_place = {(unit.instance, unit.host): unit for unit in context.units}
    for place, reason in placements.surplus.items():
        tasks.append(Task(Change("remove", *place, reason), old=by_place[place]))
    return sorted(tasks, key=lambda task: (task.change.instance, task.change.host, task.change.kind))


def _service(project: Project, instance: Instance) -> Service:
    return next(service for service in project.services if service.name == instance.service)


def _keep_or_change(context: _Context, instance: Instance, service: Service, unit: Observed) -> Task | None:
    header = context.header(instance, service)
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
    context: _Context, service: Service, unit: Observed, header: Header
) -> tuple[str, tuple[FieldChange, ...]]:
    if unit.header.spec != header.spec:
        old = context.manifest.services.get(service.name) if context.manifest else None
        old_pin = context.manifest.pinned.get(service.name, "") if context.manifest else ""
        fields = diff_service(old, service, old_pin, header.pinned)
        return (
            "changed: " + ", ".join(change.field for change in fields) if fields else "spec differs"
        ), fields
    if not unit.intact:
        return "the unit file was edited or cut by hand", ()
    facts = next(facts for facts in context.snapshot.seen if facts.host == unit.host)
    if service.environment and facts.env_digests.get(unit.instance.name) != environment_digest(service):
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


def _step_blocks(context: _Context, tasks: list[Task]) -> list[Blocked]:
    """Return what would make a step fail after something was stopped: better known before."""
    policy = context.inventory.policy
    seen = {facts.host: facts for facts in context.snapshot.seen}
    blocks = []
    for task in tasks:
        facts = seen[task.change.host]
        if task.change.kind != "remove" and task.change.instance.name in foreign_containers(facts):
            reason = f"a container {task.change.instance} exists and is not ours"
            blocks.append(Blocked("guard", facts.host, reason))
        if not facts.docker_answers:
            reason = (
                f"{task.change.instance}: to {task.change.kind} it docker must answer: {facts.docker_error}"
            )
            blocks.append(Blocked("unreachable", facts.host, reason))
        elif task.change.kind == "replace":
            full = disk_refusal(facts, policy.min_free_disk_percent, policy.min_free_disk_bytes)
            blocks += [Blocked("guard", facts.host, full)] if full else []
    return sorted({*blocks, *find_exchanges(tasks)})
