"""The verb that cron runs when hosts die: failover."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from clusterctl.cli.carry import begin_run, carry_out
from clusterctl.cli.console import say
from clusterctl.cli.health import Period, check
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, InputError, RefusedError

Off = Annotated[
    list[str] | None,
    typer.Option(
        "--confirm-host-off",
        metavar="HOST",
        help="You are certain that it runs nothing: move its data services too.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="How you know; recorded with the run.")]

MakeRoom = Annotated[
    int,
    typer.Option(
        "--make-room",
        metavar="N",
        min=0,
        help="Move at most N instances of other hosts, where something of a lost host would fit nowhere else.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("failover")(failover)


def failover(
    ctx: typer.Context,
    confirm_host_off: Off = None,
    reason: Reason = "",
    period: Period = "60s",
    make_room: MakeRoom = 0,
) -> int:
    """Look, and start elsewhere what was on hosts that are lost; remove surplus copies from hosts that are back.

    Silent, with exit 0, when there is nothing to do. Each call counts as a round of `health --record`.
    Exit 1: something is not started elsewhere, and why. Exit 4: too few hosts answer, or too many were lost at once.
    """
    from clusterctl.model.intent import FailoverIntent
    from clusterctl.model.snapshot import Snapshot
    from clusterctl.planning.evacuation import burdened, decide
    from clusterctl.planning.failover import plan_failover

    off = tuple(confirm_host_off or ())
    workspace = Workspace(ctx.obj, "failover")
    unknown = [host for host in off if host not in workspace.inventory.names]
    if unknown or (off and not reason.strip()):
        problem = (
            f"{unknown[0]} is not in the inventory" if unknown else "--confirm-host-off needs a --reason"
        )
        raise InputError(
            problem, next_step="clusterctl failover --confirm-host-off HOST --reason 'power is cut'"
        )
    found = check(workspace, period, record=not ctx.obj.dry_run)
    choice = decide(found.health, burdened(found.snapshot, workspace.inventory), off)
    if choice.refused:
        raise RefusedError(
            choice.refused, next_step="clusterctl health says what each host looks like. Nothing was changed."
        )
    intent = FailoverIntent(choice.hosts, choice.off, choice.shunned, make_room)
    summary = begin_run(workspace, "failover", " ".join(choice.hosts) or "surplus copies")
    seen = Snapshot({facts.host: facts for facts in found.snapshot.seen})
    plan = plan_failover(intent, workspace.inventory, seen, summary)
    code = EXIT_FAILED if plan.notes else EXIT_DONE
    if plan.is_empty:
        for note in plan.notes:
            say(note)
        return code
    workspace.fleet.close()
    silent = tuple(answer.host for answer in found.snapshot.unreachable)
    # What does not answer was looked at just now: it is not waited for again.
    settings = replace(ctx.obj, ignore_hosts=(*ctx.obj.ignore_hosts, *silent))
    return carry_out(Workspace(settings, "failover"), intent, summary) or code
