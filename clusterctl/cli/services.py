"""Verbs on services: plan, apply, delete."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import confirm, say, show_document, show_error
from clusterctl.cli.documents import plan_document, report_document
from clusterctl.cli.plan_view import print_plan, print_report, say_failures
from clusterctl.cli.wiring import Interrupt, Workspace, listener
from clusterctl.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_IDENTITY,
    EXIT_INTERRUPTED,
    EXIT_LOCKED,
    EXIT_PENDING,
    ClusterctlError,
    InputError,
)
from clusterctl.model.plan import Plan
from clusterctl.model.report import Report

if TYPE_CHECKING:
    from clusterctl.operations.pipeline import Pipeline

Playbook = Annotated[str, typer.Argument(help="A Compose file.")]
Detailed = Annotated[
    bool,
    typer.Option("--detailed-exitcode", help="With plan or --dry-run: exit 3 when something would change."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.command("plan")(plan)
    app.command("apply")(apply)
    app.command("delete")(delete)


def plan(ctx: typer.Context, playbook: Playbook, detailed_exitcode: Detailed = False) -> int:
    """Show what `apply` would do, and why."""
    workspace = Workspace(ctx.obj, f"plan {playbook}")
    return _propose(workspace, _apply_pipeline(workspace, playbook), detailed=detailed_exitcode)


def apply(ctx: typer.Context, playbook: Playbook, detailed_exitcode: Detailed = False) -> int:
    """Make the hosts run what the playbook says."""
    workspace = Workspace(ctx.obj, f"apply {playbook}")
    return _carry_out(workspace, _apply_pipeline(workspace, playbook), detailed=detailed_exitcode)


def delete(
    ctx: typer.Context, project: Annotated[str, typer.Argument(help="The project's name (or its playbook).")]
) -> int:
    """Remove all instances of a project; its volumes stay."""
    from clusterctl.planning.deploy import plan_delete

    workspace = Workspace(ctx.obj, f"delete {project}")
    name = workspace.playbook(project).name if project.endswith((".yaml", ".yml")) else _project_name(project)
    planner = partial(plan_delete, workspace.inventory, name, ignored=workspace.ignored)
    return _carry_out(workspace, _pipeline(workspace, planner, ()), detailed=False)


def _project_name(text: str) -> str:
    from clusterctl.parsing.names import parse_service_name
    from clusterctl.parsing.words import Expected, quoted

    try:
        return parse_service_name(text)
    except Expected as expected:
        raise InputError(
            f"delete: {expected.got(quoted(text))}", next_step="clusterctl status lists projects."
        ) from None


def _apply_pipeline(workspace: Workspace, path: str) -> Pipeline:
    from clusterctl.planning.deploy import plan_apply

    if workspace.settings.selector is not None:
        raise InputError(
            "--hosts does not go with plan and apply: a project is placed on the whole cluster",
            next_step="leave a host out with --ignore-host NAME, or choose hosts with placement.constraints.",
        )
    project = workspace.playbook(path)
    planner = partial(plan_apply, workspace.inventory, project, ignored=workspace.ignored)
    images = tuple(sorted({service.image for service in project.services}))
    return _pipeline(workspace, planner, images)


def _pipeline(workspace: Workspace, planner: partial[Plan], images: tuple[str, ...]) -> Pipeline:
    from clusterctl.operations.pipeline import Pipeline

    hosts = tuple(host for host in workspace.inventory.hosts if host.name not in workspace.ignored)
    return Pipeline(workspace.fleet, hosts, planner, listener(), images)


def _propose(workspace: Workspace, pipeline: Pipeline, *, detailed: bool) -> int:
    from clusterctl.operations.pipeline import demand_possible

    proposed = pipeline.propose()
    if workspace.settings.output == "json":
        show_document("Plan", plan_document(proposed))
    else:
        print_plan(proposed)
    try:
        demand_possible(proposed)
    except ClusterctlError as error:  # the document has it already, as `blocked` and `unplaced`
        show_error(error)
        return error.exit_code
    return EXIT_PENDING if detailed and not proposed.is_empty else EXIT_DONE


def _carry_out(workspace: Workspace, pipeline: Pipeline, *, detailed: bool) -> int:
    settings = workspace.settings
    if settings.dry_run:
        return _propose(workspace, pipeline, detailed=detailed)
    interrupt = Interrupt()

    def approve(proposed: Plan) -> bool:
        if settings.output != "json":
            print_plan(proposed)
        if not settings.yes and not settings.may_ask:
            raise InputError(
                f"{proposed.verb} {proposed.subject} changes hosts and there is nobody to ask",
                next_step="run it with --yes, or look first with --dry-run. Nothing was changed.",
            )
        approved = settings.yes or confirm(f"{proposed.verb} {proposed.subject}?")
        if approved:
            interrupt.arm()
        return approved

    report = pipeline.carry_out(approve, interrupt.stopped)
    if report is None:
        say("not approved; nothing was changed.")
        return EXIT_FAILED
    if settings.output == "json":
        show_document("Report", report_document(report))
        say_failures(report)
    else:
        print_report(report)
    return _exit_code(report)


def _exit_code(report: Report) -> int:
    if report.ok:
        return EXIT_DONE
    if report.stopped == "interrupted":
        return EXIT_INTERRUPTED
    if report.stopped == "terminated":
        return EXIT_INTERRUPTED + 13
    if any(result.unreachable and result.unreachable.is_identity for result in report.failed):
        return EXIT_IDENTITY
    return EXIT_LOCKED if report.failed and all(result.locked for result in report.failed) else EXIT_FAILED
