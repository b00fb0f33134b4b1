"""Verbs on services: plan, apply, delete; and without a playbook rollback, scale, restart, move."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.carry import Detailed, begin_run, carry_out, propose
from clusterctl.cli.layers import NO_LAYERS, LayerOptions, takes_layers
from clusterctl.cli.named_services import find_service, is_playbook, project_name
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import InputError
from clusterctl.model.intent import (
    ApplyIntent,
    DeleteIntent,
    MoveIntent,
    RestartIntent,
    RollbackIntent,
    ScaleIntent,
)

if TYPE_CHECKING:
    from clusterctl.cli.plan_file import PlanKeeper

Playbook = Annotated[str, typer.Argument(help="A Compose file.")]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Also replace or remove units of ours that somebody has edited by hand."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.command("plan")(plan)
    app.command("apply")(apply)
    app.command("delete")(delete)
    app.command("rollback")(rollback)
    app.command("scale")(scale)
    app.command("restart")(restart)
    app.command("move")(move)


@takes_layers
def plan(
    ctx: typer.Context,
    playbook: Playbook,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Keep the plan for `apply FILE` in a file (0600: it holds environment values).",
        ),
    ] = "",
    overwrite: Overwrite = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 3 when something would change.")
    ] = False,
    *,
    layers: LayerOptions = NO_LAYERS,
) -> int:
    """Show what `apply` would do, and why."""
    workspace = Workspace(ctx.obj, f"plan {playbook}", layers)
    intent = _apply_intent(workspace, playbook, overwrite=overwrite)
    summary = begin_run(workspace, "apply", intent.project.name)
    if not out:
        return propose(workspace, intent, summary, detailed=detailed_exitcode)
    from clusterctl.cli.plan_file import PlanWriter

    writer = PlanWriter(workspace, intent, summary, out)
    return propose(workspace, intent, summary, detailed=detailed_exitcode, check=writer)


@takes_layers
def apply(
    ctx: typer.Context,
    playbook: Annotated[
        str, typer.Argument(metavar="PLAYBOOK|PLAN", help="A Compose file, or a plan of `plan --out`.")
    ],
    overwrite: Overwrite = False,
    detailed_exitcode: Detailed = False,
    *,
    layers: LayerOptions = NO_LAYERS,
) -> int:
    """Make the hosts run what the playbook says, and remove what left it; of a plan file exactly that plan, or nothing."""
    workspace = Workspace(ctx.obj, f"apply {playbook}", layers)
    if kept := _kept_plan(workspace, playbook, overwrite=overwrite):
        intent, workspace = kept.file.intent, kept.workspace
        summary = begin_run(workspace, "apply", intent.project.name)
        return carry_out(workspace, intent, summary, detailed=detailed_exitcode, check=kept)
    intent = _apply_intent(workspace, playbook, overwrite=overwrite)
    summary = begin_run(workspace, "apply", intent.project.name)
    return carry_out(workspace, intent, summary, detailed=detailed_exitcode)


def delete(
    ctx: typer.Context,
    project: Annotated[str, typer.Argument(help="The project's name (or its playbook).")],
    overwrite: Overwrite = False,
    detailed_exitcode: Detailed = False,
) -> int:
    """Remove all instances of a project; its volumes stay."""
    workspace = Workspace(ctx.obj, f"delete {project}")
    name = workspace.playbook(project).name if is_playbook(project) else project_name(project)
    summary = begin_run(workspace, "delete", name)
    return carry_out(workspace, DeleteIntent(name, overwrite), summary, detailed=detailed_exitcode)


def rollback(
    ctx: typer.Context,
    project: Annotated[str, typer.Argument(help="The project's name.")],
    to: Annotated[
        int | None,
        typer.Option(
            "--to",
            metavar="N",
            min=1,
            help="The generation. Default: the newest before the present one that differs.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    detailed_exitcode: Detailed = False,
) -> int:
    """Take a project back to a generation that the hosts have kept; no playbook is needed."""
    workspace = _workspace(ctx, "rollback", project)
    name = project_name(project)
    intent = RollbackIntent(name, to or 0, overwrite=overwrite)
    return carry_out(workspace, intent, begin_run(workspace, "rollback", name), detailed=detailed_exitcode)


def scale(
    ctx: typer.Context,
    services: Annotated[
        list[str],
        typer.Argument(metavar="[PROJECT/]SERVICE=N...", help="Services of one project, and their replicas."),
    ],
    detailed_exitcode: Detailed = False,
) -> int:
    """Run more or fewer instances of services; 0 stops all of them."""
    workspace = _workspace(ctx, "scale", " ".join(services))
    numbers = [_number(text) for text in services]
    found = [(find_service(workspace, name), number) for name, number in numbers]
    projects, wanted = {project for (project, _), _ in found}, dict[str, int]()
    if len(projects) > 1:
        raise InputError(
            f"services of one project at a time: {', '.join(sorted(projects))}",
            next_step="scale them one after the other. Nothing was changed.",
        )
    for (_, service), number in found:
        if wanted.setdefault(service, number) != number:
            raise InputError(
                f"{service} is given twice: {wanted[service]} and {number}", next_step="give it once."
            )
    (project,), (first, *others) = projects, wanted
    summary = begin_run(workspace, "scale", " ".join(f"{project}/{service}" for service in wanted))
    intent = ScaleIntent(project, first, wanted[first], {name: wanted[name] for name in others})
    return carry_out(workspace, intent, summary, detailed=detailed_exitcode)


def _number(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not re.fullmatch("[0-9]{1,4}", number):
        raise InputError(
            f"not SERVICE=NUMBER, 0 to 9999: {text!r}", next_step="for example: clusterctl scale shop/web=3."
        )
    return name, int(number)


def restart(
    ctx: typer.Context,
    service: Annotated[str, typer.Argument(metavar="[PROJECT/]SERVICE", help="The service.")],
    detailed_exitcode: Detailed = False,
) -> int:
    """Restart all instances of a service, as many at once as its update_config says."""
    workspace = _workspace(ctx, "restart", service)
    project, found = find_service(workspace, service)
    summary = begin_run(workspace, "restart", f"{project}/{found}")
    return carry_out(workspace, RestartIntent(project, found), summary, detailed=detailed_exitcode)


def move(
    ctx: typer.Context,
    instance: Annotated[str, typer.Argument(help="An instance, such as shop-web-2.")],
    host: Annotated[str, typer.Argument(help="The host it is to run on.")],
    detailed_exitcode: Detailed = False,
) -> int:
    """Start an instance on another host, and remove it where it was once it is healthy there."""
    workspace = _workspace(ctx, "move", f"{instance} {host}")
    (target,) = _one(host, [found.name for found in workspace.hosts(host)])
    summary = begin_run(workspace, "move", instance)
    return carry_out(workspace, MoveIntent(instance, target), summary, detailed=detailed_exitcode)


def _kept_plan(workspace: Workspace, path: str, *, overwrite: bool) -> PlanKeeper | None:
    """Return who holds the run to the plan in a file, or None where it is a playbook; raises InputError."""
    from clusterctl.cli.plan_file import read_plan

    kept = read_plan(workspace, path)
    given = [
        name
        for name, value in (
            ("--overwrite", overwrite),
            ("--hosts", workspace.settings.selector),
            *workspace.layers.given,
        )
        if value
    ]
    if kept and given:
        raise InputError(
            f"{given[0]} does not go with a plan file: what is done is in it",
            next_step="make another plan with it: clusterctl plan PLAYBOOK --out FILE. Nothing was contacted.",
        )
    return kept


def _workspace(ctx: typer.Context, verb: str, subject: str) -> Workspace:
    """Return what a verb works with; -H makes no sense for one that goes by what runs."""
    workspace = Workspace(ctx.obj, f"{verb} {subject}")
    if workspace.settings.selector is not None:
        raise InputError(
            f"--hosts does not go with {verb}: it goes by service, on the whole cluster",
            next_step="leave a host out with --ignore-host NAME.",
        )
    return workspace


def _one(text: str, names: list[str]) -> list[str]:
    if len(names) != 1:
        raise InputError(f"{text!r} is {len(names)} hosts, and one is needed", next_step="name one host.")
    return names


def _apply_intent(workspace: Workspace, path: str, *, overwrite: bool) -> ApplyIntent:
    if workspace.settings.selector is not None:
        raise InputError(
            "--hosts does not go with plan and apply: a project is placed on the whole cluster",
            next_step="leave a host out with --ignore-host NAME, or choose hosts with placement.constraints.",
        )
    return ApplyIntent(workspace.playbook(path), overwrite)
