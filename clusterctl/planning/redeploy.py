"""Rollback, scale, restart and move: verbs on services that need no playbook.

The desired state is the manifest that the hosts keep. Each verb makes of it what is wanted instead and hands
that to `deploy`, with the images as they are pinned: no registry is asked. So what else differs from the
manifest is put right too, and shown. A restart changes no desired state and brings its own tasks. Which generation
a rollback means is `rollback`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from clusterctl.model.intent import MoveIntent, RestartIntent, RollbackIntent, ScaleIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Blocked, Change, Plan
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.crews import Standing, crews_of
from clusterctl.planning.deploy import Terms, in_order, plan_apply
from clusterctl.planning.generations import latest_manifest, why_none
from clusterctl.planning.guards import find_blocks
from clusterctl.planning.manifest import Manifest, project_of
from clusterctl.planning.observed import Observed, observe_units
from clusterctl.planning.placements import Wishes
from clusterctl.planning.quorum import quorum_elsewhere
from clusterctl.planning.rollback import plan_rollback
from clusterctl.planning.rolling import make_batches
from clusterctl.planning.tasks import Task
from clusterctl.planning.waves import Ties, order_tasks


def plan_redeploy(
    inventory: Inventory,
    intent: RollbackIntent | ScaleIntent | RestartIntent | MoveIntent,
    snapshot: Snapshot,
    *,
    ignored: frozenset[str] = frozenset(),
) -> Plan:
    """Return the plan of any of these verbs."""
    match intent:
        case RollbackIntent():
            return plan_rollback(inventory, intent, snapshot, ignored=ignored)
        case ScaleIntent():
            return plan_scale(inventory, intent, snapshot, ignored=ignored)
        case RestartIntent():
            return plan_restart(inventory, intent, snapshot, ignored=ignored)
        case MoveIntent():
            return plan_move(inventory, intent, snapshot, ignored=ignored)


def plan_scale(
    inventory: Inventory, intent: ScaleIntent, snapshot: Snapshot, *, ignored: frozenset[str] = frozenset()
) -> Plan:
    """Return the plan that gives services of a project another number of replicas."""
    subject = " ".join(f"{intent.project}/{name}" for name in intent.wanted)
    known = [_present(inventory, intent.project, name, snapshot, ignored) for name in intent.wanted]
    blocked = [block for one in known if isinstance(one, tuple) for block in one]
    found = known[0]
    if blocked or isinstance(found, tuple):
        return Plan("scale", subject, blocked=tuple(dict.fromkeys(blocked)))
    project = project_of(found)
    refused = [why for one in project.services if (why := _why_not_scaled(one, intent.wanted))]
    if refused:
        return Plan("scale", subject, blocked=tuple(Blocked("guard", "", reason) for reason in refused))
    services = tuple(
        replace(one, replicas=intent.wanted.get(one.name, one.replicas)) for one in project.services
    )
    wanted, terms = replace(project, services=services), Terms("scale", subject, pins=found.pinned)
    plan = plan_apply(inventory, wanted, snapshot, ignored=ignored, terms=terms)
    stopped = [name for name, number in intent.wanted.items() if not number]
    if not stopped or plan.is_empty:
        return plan
    return replace(plan, notes=(f"0 replicas: nothing of {', '.join(stopped)} will run", *plan.notes))


def _why_not_scaled(service: Service, wanted: Mapping[str, int]) -> str:
    """Return why a service cannot have the replicas that are wanted, or ""."""
    if service.name not in wanted:
        return ""
    if service.mode == "global":
        return f"{service.name} is global: it has one instance on each host"
    if service.singleton and wanted[service.name] > 1:
        return f"{service.name} may run only once (x-singleton)"
    return ""


def plan_restart(
    inventory: Inventory, intent: RestartIntent, snapshot: Snapshot, *, ignored: frozenset[str] = frozenset()
) -> Plan:
    """Return the plan that restarts a service's instances that run since before the verb was given."""
    subject = f"{intent.project}/{intent.service}"
    inventory, _, snapshot = in_order(inventory, Project(intent.project, ()), snapshot)
    found = _present(inventory, intent.project, intent.service, snapshot, ignored)
    if isinstance(found, tuple):
        return Plan("restart", subject, blocked=found)
    service = replace(_service(project_of(found), intent.service), canary=None)
    units = [
        unit
        for unit in observe_units(snapshot, inventory.cluster)
        if (unit.header.project, unit.header.service) == (intent.project, intent.service)
    ]
    tasks = [_restart(unit, service) for unit in units if not _is_done(unit, intent.begun_s)]
    crews = crews_of(
        Project(intent.project, (service,)), {service.name: _standing(found, service, units, ignored)}
    )
    groups = frozenset({service.quorum} - {""})
    elsewhere = quorum_elsewhere(snapshot, inventory.cluster, intent.project, groups)
    course = order_tasks(crews, tasks, Ties(quorum_out=elsewhere))
    blocked = (*_without_docker(tasks), *course.stuck)
    if blocked:
        return Plan("restart", subject, blocked=blocked)
    batches = make_batches(crews, snapshot, course.waves, ())
    changes = tuple(replace(task.change, kind="restart") for task in tasks)
    return Plan("restart", subject, batches, changes, unchanged=len(units) - len(tasks))


def plan_move(
    inventory: Inventory, intent: MoveIntent, snapshot: Snapshot, *, ignored: frozenset[str] = frozenset()
) -> Plan:
    """Return the plan that starts an instance on another host and then removes it where it was."""
    subject = f"{intent.instance} to {intent.host}"
    blocked = tuple(find_blocks(inventory, snapshot, ignored))
    found = None if blocked else _home(inventory, intent.instance, snapshot)
    if found is None:
        lost = Blocked("guard", "", f"no host runs an instance {intent.instance}, and no manifest has one")
        return Plan("move", subject, blocked=blocked or (lost,))
    manifest, instance = found
    service = _service(project_of(manifest), instance.service)
    why = _why_not_there(inventory, intent, snapshot, service)
    if why:
        return Plan("move", subject, blocked=(why,))
    wishes = Wishes(forced={intent.instance: intent.host})
    terms = Terms("move", subject, pins=manifest.pinned, wishes=wishes)
    plan = plan_apply(inventory, project_of(manifest), snapshot, ignored=ignored, terms=terms)
    refusals = [
        Blocked("guard", refusal.host, f"{item.instance} may not go there: {refusal.reason}")
        for item in plan.unplaced
        if item.instance.name == intent.instance
        for refusal in item.refusals
    ]
    return replace(plan, unplaced=(), blocked=tuple(refusals)) if refusals else plan


# --- what the verbs need -------------------------------------------------------------------------


def _present(
    inventory: Inventory, project: str, service: str, snapshot: Snapshot, ignored: frozenset[str]
) -> Manifest | tuple[Blocked, ...]:
    """Return the present manifest of a project that has the service, or what is in the way."""
    blocked = find_blocks(inventory, snapshot, ignored)
    if blocked:
        return tuple(blocked)
    manifest = latest_manifest(snapshot, inventory.cluster, project)
    if manifest is None:
        return (Blocked("guard", "", why_none(snapshot, inventory.cluster, project)),)
    if service not in manifest.services:
        names = ", ".join(sorted(manifest.services))
        return (Blocked("guard", "", f"{project} has no service {service} (it has {names})"),)
    return manifest


def _service(project: Project, name: str) -> Service:
    return next(service for service in project.services if service.name == name)


def _is_done(unit: Observed, begun_s: Mapping[str, int]) -> bool:
    """Whether a unit was started after the verb was given, by the clock of its own host."""
    since_s, before_s = unit.fact.since_s, begun_s.get(unit.host)
    return before_s is not None and unit.is_well and since_s is not None and since_s >= before_s


def _restart(unit: Observed, service: Service) -> Task:
    change = Change("replace", unit.instance, unit.host, "its unit stays as it is")
    return Task(change, service=service, header=unit.header, old=unit, action="restart")


def _standing(
    manifest: Manifest, service: Service, units: list[Observed], ignored: frozenset[str]
) -> Standing:
    prefix = f"{manifest.project}-{service.name}"
    homes = [host for name, host in manifest.placements.items() if name.rpartition("-")[0] == prefix]
    silent = sum(host in ignored for host in homes)
    return Standing(len(homes) - silent, sum(unit.is_well for unit in units), 0, silent)


def _without_docker(tasks: list[Task]) -> list[Blocked]:
    return [
        Blocked(
            "unreachable",
            task.change.host,
            f"{task.change.instance}: cannot restart it: docker does not answer",
        )
        for task in tasks
        if task.old and not task.old.docker_answers
    ]


def _home(inventory: Inventory, name: str, snapshot: Snapshot) -> tuple[Manifest, Instance] | None:
    """Return the manifest that has an instance of that name, and the instance."""
    for project in sorted({project for facts in snapshot.seen for project in facts.manifests}):
        manifest = latest_manifest(snapshot, inventory.cluster, project)
        for service in manifest.services if manifest else ():
            slot = name.removeprefix(f"{project}-{service}-")
            if manifest and name in manifest.placements and slot.isdecimal():
                return manifest, Instance(project, service, int(slot))
    return None


def _why_not_there(
    inventory: Inventory, intent: MoveIntent, snapshot: Snapshot, service: Service
) -> Blocked | None:
    """Return why an instance may not be moved to a host whatever room it has, or None."""
    if intent.host not in {facts.host for facts in snapshot.seen}:
        known = "was not looked at" if intent.host in inventory.names else "is not in the inventory"
        return Blocked("guard", intent.host, known)
    if service.mode == "global":
        return Blocked("guard", "", f"{service.name} is global: it has one instance on each host")
    for unit in observe_units(snapshot, inventory.cluster):
        leaves = unit.instance.name == intent.instance and unit.host != intent.host
        if leaves and unit.header.volumes:
            volume = unit.header.volumes[0]
            reason = f"{intent.instance} cannot leave: volume {volume} holds its data here"
            return Blocked("guard", unit.host, reason)
    return None
