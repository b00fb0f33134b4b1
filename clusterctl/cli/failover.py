"""The verb that cron runs when hosts die: failover."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from clusterctl.cli.carry import begin_run, carry_out
from clusterctl.cli.console import say
from clusterctl.cli.cron import Heartbeat, Jitter, Notify, NotifyCommand, Watch, rest, watch
from clusterctl.cli.health import Period, check, lookout
from clusterctl.cli.maintenance import seconds
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, InputError

Off = Annotated[
    list[str] | None,
    typer.Option(
        "--confirm-host-off",
        metavar="HOST",
        help="You are certain that it runs nothing: move its data services too.",
    ),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="How you know; recorded with the run.")]

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


def failover(  # noqa: PLR0913, PLR0917 - typer wants one parameter an option
    ctx: typer.Context,
    confirm_host_off: Off = None,
    reason: Reason = "",
    period: Period = "60s",
    make_room: MakeRoom = 0,
    jitter: Jitter = "",
    heartbeat: Heartbeat = "",
    notify: Notify = None,
    notify_command: NotifyCommand = None,
) -> int:
    """Look, and start elsewhere what was on hosts that are lost; remove surplus copies from hosts that are back.

    Silent, with exit 0, when there is nothing to do. Each call counts as a round of `health --record`.
    Exit 1: something is not started elsewhere, and why. Exit 4: too few hosts answer, or too many were lost at once.
    """
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
    seconds("--period", period, 1)
    watching = watch(workspace, "failover", notify, notify_command, heartbeat)
    rest(jitter)
    return watching.around(lambda: _look_and_act(watching, off, period, make_room))


def _look_and_act(watching: Watch, off: tuple[str, ...], period: str, make_room: int) -> int:
    """Look, decide, and do what is to be done."""
    from clusterctl.operations.failover import propose_failover

    workspace = watching.workspace
    found = check(workspace, period, record=not workspace.settings.dry_run)
    watching.saw(found.health)
    proposal = propose_failover(
        found, workspace.inventory, lambda subject: begin_run(workspace, "failover", subject), off, make_room
    )
    plan = proposal.plan
    watching.held(plan.notes)
    code = EXIT_FAILED if plan.notes else EXIT_DONE
    if plan.is_empty:
        for note in plan.notes:
            say(note)
        return code
    workspace.fleet.close()
    # What does not answer was looked at just now: it is not waited for again.
    settings = replace(workspace.settings, ignore_hosts=(*workspace.settings.ignore_hosts, *proposal.silent))
    carried = carry_out(Workspace(settings, "failover"), proposal.intent, proposal.run, ended=watching.did)
    if carried == EXIT_DONE and proposal.moves and not workspace.settings.dry_run:
        lookout(workspace, period).note_moves(proposal.moves)
    return carried or code
