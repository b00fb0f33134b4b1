"""The verb diff: what would be written over the units on the hosts."""

from __future__ import annotations

import dataclasses
import time
from typing import Annotated

import typer

from clusterctl.cli.carry import begin_run
from clusterctl.cli.console import print_coloured, say, show_document, show_error
from clusterctl.cli.layers import NO_LAYERS, LayerOptions, takes_layers
from clusterctl.cli.named_services import is_playbook
from clusterctl.cli.one_look import exit_code
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_PENDING, ClusterctlError, InputError
from clusterctl.model.intent import ApplyIntent, Intent, RollbackIntent
from clusterctl.model.plan import Plan
from clusterctl.model.snapshot import LookRequest, Snapshot

_COLOURS = {"---": 1, "+++": 1, "@@ ": 36}
_SIGNS = {"-": 31, "+": 32, "!": 33}
MANY = 20


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("diff")(diff)


@takes_layers
def diff(
    ctx: typer.Context,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[PLAYBOOK|PROJECT|INSTANCE]",
            help="A playbook: what apply would write. Else what was applied last. Default: all projects.",
        ),
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 3 when there is a difference.")
    ] = False,
    *,
    layers: LayerOptions = NO_LAYERS,
) -> int:
    """Show the units on the hosts against what would be written; of environments names only."""
    from clusterctl.planning.unit_diff import diff_units

    workspace = Workspace(ctx.obj, f"diff {what or ''}".strip(), layers)
    apply = ApplyIntent(workspace.playbook(what), overwrite=True) if what and is_playbook(what) else None
    snapshot = _look(workspace, apply)
    instance, intents = ("", [apply]) if apply else _as_applied(workspace, snapshot, what)
    found, code = [], exit_code(snapshot)
    for answer in snapshot.unreachable:
        say(f"{answer.host}: {answer.rung}: {answer.reason}; what lies there is unknown")
    for intent in intents:
        plan = _plan(workspace, intent, snapshot)
        code = _say_impossible(plan) or code
        found += [
            one
            for one in diff_units(plan, snapshot, workspace.inventory.cluster)
            if instance in {"", one.instance.name}
        ]
    if ctx.obj.output == "json":
        body = [{"host": one.host, "instance": one.instance.name, "lines": list(one.lines)} for one in found]
        show_document("Diffs", {"diffs": body})
    else:
        for line in (line for one in found for line in one.lines):
            print_coloured(line, _COLOURS.get(line[:3], _SIGNS.get(line[:1], 0)))
    return code or (EXIT_PENDING if found and detailed_exitcode else EXIT_DONE)


def _look(workspace: Workspace, apply: ApplyIntent | None) -> Snapshot:
    from clusterctl.planning.intents import request_of

    hosts = tuple(host for host in workspace.inventory.hosts if host.name not in workspace.ignored)
    request = request_of(apply) if apply else LookRequest(history=True)
    return workspace.fleet.look(hosts, request)


def _as_applied(
    workspace: Workspace, snapshot: Snapshot, what: str | None
) -> tuple[str, list[ApplyIntent | RollbackIntent]]:
    """Return the one instance that is asked for, or "", and what puts the projects back as they were applied."""
    from clusterctl.planning.generations import latest_manifest

    names = sorted({name for facts in snapshot.seen for name in facts.manifests})
    cluster = workspace.inventory.cluster
    manifests = [manifest for name in names if (manifest := latest_manifest(snapshot, cluster, name))]
    if what:
        manifests = [one for one in manifests if what == one.project or what in one.placements]
    if what and not manifests:
        raise InputError(
            f"{what}: no project and no instance of that name was applied"
            + (f"; projects: {', '.join(names[:MANY])}" if names else ""),
            next_step="clusterctl status lists projects, clusterctl ps instances; a playbook is named by its file.",
        )
    instance = what if what and what not in names else ""
    return instance, [RollbackIntent(one.project, one.generation, overwrite=True) for one in manifests]


def _plan(workspace: Workspace, intent: Intent, snapshot: Snapshot) -> Plan:
    """Return the plan as if hosts that do not answer were left out: what lies there is unknown."""
    from clusterctl.planning.intents import plan_intent

    silent = frozenset(answer.host for answer in snapshot.unreachable)
    answers = {name: answer for name, answer in snapshot.hosts.items() if name not in silent}
    summary = dataclasses.replace(begin_run(workspace, "diff", ""), command="")
    return plan_intent(
        intent,
        workspace.inventory,
        Snapshot(answers),
        ignored=workspace.ignored | silent,
        run=summary,
        now_s=time.time(),
    )


def _say_impossible(plan: Plan) -> int:
    """Say why a plan cannot be carried out, and return the exit code; 0 where it can."""
    from clusterctl.operations.possible import demand_possible

    try:
        demand_possible(plan)
    except ClusterctlError as error:
        show_error(error)
        return error.exit_code
    return EXIT_DONE
