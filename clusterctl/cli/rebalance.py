"""The verb that makes an uneven fleet more even: rebalance."""

from __future__ import annotations

from typing import Annotated

import typer

from clusterctl.cli.carry import Detailed, begin_run, carry_out
from clusterctl.cli.cron import Jitter, Notify, NotifyCommand, rest, watch
from clusterctl.cli.maintenance import limit, seconds
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import InputError
from clusterctl.model.intent import RebalanceIntent


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("rebalance")(rebalance)


def rebalance(
    ctx: typer.Context,
    max_moves: Annotated[
        int, typer.Option("--max-moves", metavar="N", min=1, help="At most so many moves in this run.")
    ] = 5,
    threshold: Annotated[
        str,
        typer.Option(
            "--threshold", metavar="PERCENT", help="Hosts up to so far above the mean load are left alone."
        ),
    ] = "15%",
    min_age: Annotated[
        str,
        typer.Option("--min-age", metavar="TIME", help="What was started less long ago does not move."),
    ] = "30m",
    jitter: Jitter = "",
    notify: Notify = None,
    notify_command: NotifyCommand = None,
    detailed_exitcode: Detailed = False,
) -> int:
    """Move a few instances where a rule is broken, a service crowds, or a host is much fuller than the others.

    Each move says why; replacements are started first. Nothing that has data moves.
    """
    points = limit("--threshold", threshold)
    if points is None or points.count is not None:
        raise InputError(
            f"--threshold: {threshold!r} is not a percentage", next_step="write it as --threshold 15%."
        )
    workspace = Workspace(ctx.obj, "rebalance")
    intent = RebalanceIntent(max_moves, points.percent, seconds("--min-age", min_age))
    watching = watch(workspace, "rebalance", notify, notify_command)
    rest(jitter)
    summary = begin_run(workspace, "rebalance", "all")
    return watching.around(
        lambda: carry_out(workspace, intent, summary, detailed=detailed_exitcode, ended=watching.did)
    )
