"""Apply and delete: from a project and one look to a plan. The other verbs on services come through here too.

Decides which generation it is, what is recorded, and what blocks the whole plan. What changes and why is
`changes`, where instances go `scheduler`, in which order they change `waves`, what the other verbs want `redeploy`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from clusterctl.model.inventory import Inventory
from clusterctl.model.names import natural
from clusterctl.model.plan import Blocked, Change, Plan
from clusterctl.model.privilege import privileges_of
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.changes import Context, find_step_blocks, find_tasks
from clusterctl.planning.crews import Standing, crews_of
from clusterctl.planning.edited import find_cut, refuse_cut, refuse_edited
from clusterctl.planning.generations import FAR, latest_manifest
from clusterctl.planning.guards import drop_in_notes, find_blocks, find_degraded, find_namesakes
from clusterctl.planning.images import Pins, pin_images
from clusterctl.planning.manifest import Manifest, make_manifest, project_of, render_manifest
from clusterctl.planning.observed import Observed, observe_units
from clusterctl.planning.placements import Placements, Wishes
from clusterctl.planning.quorum import quorum_elsewhere
from clusterctl.planning.replaced import refuse_replaced
from clusterctl.planning.rolling import make_batches, manifest_steps
from clusterctl.planning.scheduler import Scheduler
from clusterctl.planning.surge import plan_surges
from clusterctl.planning.tasks import Task
from clusterctl.planning.waves import Ties, order_tasks


@dataclass(frozen=True, slots=True)
class Terms:
    """What a verb wants other than a plain apply.

    `pins`: images as they are pinned already, so that no registry is asked. `goes_back`: roll as
    `rollback_config` says, and a project equal to the manifest's keeps its generation, whatever a half-done apply
    has left on units. `overwrite`: also what somebody else has edited is replaced (I3).
    """

    verb: str = "apply"
    subject: str = ""
    pins: Mapping[str, str] | None = None
    wishes: Wishes = field(default_factory=Wishes)
    goes_back: bool = False
    overwrite: bool = False


def plan_apply(
    inventory: Inventory,
    project: Project,
    snapshot: Snapshot,
    *,
    ignored: frozenset[str] = frozenset(),
    terms: Terms = Terms(),
) -> Plan:
    """Return the plan that makes the hosts run the project; empty when they already do.

    `ignored` hosts were left out of the look on purpose: what the manifest has there stays there.
    """
    inventory, project, snapshot = in_order(inventory, project, snapshot)
    units = observe_units(snapshot, inventory.cluster)
    manifest = latest_manifest(snapshot, inventory.cluster, project.name)
    pins = pin_images(project, snapshot, units) if terms.pins is None else Pins(terms.pins)
    plan = Plan(terms.verb, terms.subject or project.name, notes=pins.notes)
    cut = find_cut(snapshot, inventory.cluster, project.name)
    if terms.overwrite:
        units = tuple(sorted((*units, *cut), key=lambda unit: (unit.instance, unit.host)))
    blocked = [*find_blocks(inventory, snapshot, ignored), *pins.blocked, *find_namesakes(project, units)]
    blocked += [] if terms.overwrite else _refuse_foreign(project, snapshot, units, cut, manifest)
    if blocked:
        return replace(plan, blocked=tuple(blocked))
    scheduler = Scheduler(inventory, project, snapshot, units, terms.wishes)
    placements = scheduler.run(_recorded_on(manifest, ignored))
    generation, wanted = _next_manifest(inventory, project, manifest, pins, placements, units, terms)
    context = Context(inventory, project, snapshot, units, manifest, pins.pinned, generation)
    tasks = find_tasks(context, placements)
    rolled = _as_rolled(project, terms)
    surges, order_notes = plan_surges(rolled, tasks, units, scheduler)
    tasks += surges
    crews = crews_of(rolled, _standings(context, placements, tasks))
    course = order_tasks(crews, tasks, _ties(context))
    blocked = [*placements.blocked, *sorted({*find_step_blocks(context, tasks), *course.stuck})]
    back, back_notes = _way_back(rolled, manifest, generation, tasks, terms)
    notes = (
        *pins.notes,
        *find_degraded(snapshot, inventory.witnesses),
        *drop_in_notes(units, project.name),
        *order_notes,
        *back_notes,
    )
    plan = replace(plan, notes=notes, generation=generation)
    if blocked or placements.unplaced:
        return replace(plan, unplaced=tuple(placements.unplaced), blocked=tuple(blocked))
    touched = {(task.change.instance, task.change.host) for task in tasks}
    record = manifest_steps(project.name, snapshot, render_manifest(wanted), generation)
    return replace(
        plan,
        batches=make_batches(crews, snapshot, course.waves, record),
        changes=tuple(task.change for task in tasks),
        unchanged=sum((instance, unit.host) not in touched for instance, unit in placements.kept.items()),
        goes_back_to=back,
        privileges=_privileges(project, tasks),
    )


def _refuse_foreign(
    project: Project,
    snapshot: Snapshot,
    units: Sequence[Observed],
    cut: Sequence[Observed],
    manifest: Manifest | None,
) -> list[Blocked]:
    """Return what keeps an apply from writing over what somebody else did; `--overwrite` does it all the same."""
    mine = [unit for unit in units if unit.header.project == project.name]
    return [*sorted([*refuse_cut(cut), *refuse_edited(mine)]), *refuse_replaced(snapshot, manifest)]


def plan_delete(
    inventory: Inventory,
    name: str,
    snapshot: Snapshot,
    *,
    ignored: frozenset[str] = frozenset(),
    overwrite: bool = False,
) -> Plan:
    """Return the plan that removes a project from all hosts; its volumes stay. `overwrite`: edited units too."""
    inventory, _, snapshot = in_order(inventory, Project(name, ()), snapshot)
    cut = find_cut(snapshot, inventory.cluster, name)
    units = [unit for unit in observe_units(snapshot, inventory.cluster) if unit.header.project == name]
    blocked = find_blocks(inventory, snapshot, ignored)
    if overwrite:
        units += cut
    else:
        blocked += sorted([*refuse_cut(cut), *refuse_edited(units)])
    if blocked:
        return Plan("delete", name, blocked=tuple(blocked))
    tasks = tuple(Task(Change("remove", u.instance, u.host, "the project is deleted"), old=u) for u in units)
    depends = _depends((), latest_manifest(snapshot, inventory.cluster, name))
    waves = order_tasks({}, tasks, Ties(depends)).waves
    batches = make_batches({}, snapshot, waves, manifest_steps(name, snapshot, "", 0))
    volumes = sorted({volume for unit in units for volume in unit.header.volumes})
    notes = (f"volumes stay on their hosts: {', '.join(volumes)}",) if volumes else ()
    if not batches:
        notes = ("no host knows a project of that name",)
    return Plan("delete", name, batches, tuple(task.change for task in tasks), notes=notes)


def in_order(
    inventory: Inventory, project: Project, snapshot: Snapshot
) -> tuple[Inventory, Project, Snapshot]:
    """Return the same by name: no plan depends on the order in which hosts or services were given."""
    return (
        replace(inventory, hosts=tuple(sorted(inventory.hosts, key=lambda host: natural(host.name)))),
        replace(project, services=tuple(sorted(project.services, key=lambda service: service.name))),
        Snapshot(dict(sorted(snapshot.hosts.items(), key=lambda item: natural(item[0])))),
    )


def _privileges(project: Project, tasks: Sequence[Task]) -> tuple[str, ...]:
    """Return what the services that change take of their hosts, one line each."""
    changing = {task.of for task in tasks if not task.removes}
    services = (service for service in project.services if service.name in changing)
    return tuple(
        f"{service.name} {privilege.words} (policy.allow.{privilege.grant})"
        for service in services
        for privilege in privileges_of(service)
    )


def _recorded_on(manifest: Manifest | None, hosts: frozenset[str]) -> dict[str, str]:
    placements = manifest.placements if manifest else {}
    return {instance: host for instance, host in placements.items() if host in hosts}


def _next_manifest(
    inventory: Inventory,
    project: Project,
    manifest: Manifest | None,
    pins: Pins,
    placements: Placements,
    units: tuple[Observed, ...],
    terms: Terms,
) -> tuple[int, Manifest]:
    """Return the generation to write and its manifest: the same one while the content is the same."""
    on_units = [unit.header.generation for unit in units if unit.header.project == project.name]
    known = manifest.generation if manifest else 0
    highest = max([known, *(number for number in on_units if number <= known + FAR)])
    wanted = make_manifest(inventory.cluster, project, highest + 1, pins.pinned, placements.hosts)
    if manifest is None or manifest.content != wanted.content:
        return highest + 1, wanted
    if manifest.generation != highest and not terms.goes_back:
        return highest + 1, wanted
    if manifest.placements != wanted.placements:
        moved = replace(manifest, placements=wanted.placements, revision=manifest.revision + 1)
        return manifest.generation, moved
    return manifest.generation, manifest


def _as_rolled(project: Project, terms: Terms) -> Project:
    """Return the project with what says how it rolls: on the way back `rollback_config`, and no canary."""
    if not terms.goes_back:
        return project
    services = tuple(replace(one, update=one.rollback, canary=None) for one in project.services)
    return replace(project, services=services)


def _standings(context: Context, placements: Placements, tasks: Sequence[Task]) -> dict[str, Standing]:
    rolling = {task.change.instance for task in tasks if task.rolls}
    wanted = Counter(instance.service for instance in (*placements.kept, *placements.placed))
    silent = Counter(instance.service for instance in placements.held)
    mine = [unit for unit in context.units if unit.header.project == context.project.name and unit.is_well]
    well = Counter(unit.header.service for unit in mine)
    kept = [i for i, unit in placements.kept.items() if unit.is_well and i not in rolling]
    done = Counter(instance.service for instance in kept)
    names = [service.name for service in context.project.services]
    return {name: Standing(wanted[name], well[name], done[name], silent[name]) for name in names}


def _ties(context: Context) -> Ties:
    depends = _depends(context.project.services, context.manifest)
    groups = frozenset(service.quorum for service in context.project.services if service.quorum)
    return Ties(
        depends, quorum_elsewhere(context.snapshot, context.inventory.cluster, context.project.name, groups)
    )


def _depends(services: Sequence[Service], manifest: Manifest | None) -> dict[str, tuple[str, ...]]:
    """Return who depends on whom, also among the services that were applied last."""
    found = {}
    for service in (*(project_of(manifest).services if manifest else ()), *services):
        found[service.name] = tuple(dependency.service for dependency in service.depends_on)
    return found


def _way_back(
    rolled: Project, manifest: Manifest | None, generation: int, tasks: Sequence[Task], terms: Terms
) -> tuple[int, list[str]]:
    """Return the generation the fleet goes back to when a batch fails (0: it stops there), and notes."""
    changing = {task.of for task in tasks if not task.removes}
    wish = [s.name for s in rolled.services if s.update.failure_action == "rollback" and s.name in changing]
    if not wish or terms.goes_back:
        return 0, []
    if manifest is None:
        return 0, [f"{', '.join(wish)}: failure_action is rollback, but there is nothing to go back to"]
    return (manifest.generation if manifest.generation != generation else 0), []
