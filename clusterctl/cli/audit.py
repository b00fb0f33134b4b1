"""The verb that asks what would happen: audit. Every host and every failure domain is lost once, on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from clusterctl.cli.console import print_line, say, show_document, show_table
from clusterctl.cli.one_look import exit_code, look
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_FAILED

if TYPE_CHECKING:
    from clusterctl.planning.losses import Loss

STYLES = {"survived": "green", "not survived": "red"}


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("audit")(audit)


def audit(ctx: typer.Context) -> int:
    """Lose each host, and each failure domain, on paper: does everything have a place elsewhere then? (N+1).

    Exit 1 when something would not, with what and why; nothing is changed.
    """
    from clusterctl.planning.losses import find_losses

    workspace = Workspace(ctx.obj, "audit")
    _, snapshot = look(workspace, "all")
    losses = find_losses(workspace.inventory, snapshot)
    if ctx.obj.output == "json":
        show_document("Audit", {"losses": [_document(loss) for loss in losses]})
    else:
        _show(losses)
    for answer in snapshot.unreachable:
        say(f"{answer.host}: {answer.rung}: {answer.reason}; counted as not there")
    return exit_code(snapshot) or (0 if all(loss.is_survived for loss in losses) else EXIT_FAILED)


def _show(losses: tuple[Loss, ...]) -> None:
    rows = [
        (
            f"{loss.kind} {loss.name}",
            "survived" if loss.is_survived else "not survived",
            str(loss.moves),
            str(len(loss.held)),
            str(len(loss.unplaced)),
        )
        for loss in losses
    ]
    show_table(("LOST", "VERDICT", "MOVE", "HELD", "NO PLACE"), rows, styles=STYLES)
    for loss in losses:
        if not loss.is_survived:
            print_line()
            print_line(f"without {loss.kind} {loss.name}:")
            for blocked in loss.held:
                print_line(f"  {blocked.reason}")
            for item in loss.unplaced:
                print_line(f"  {item.instance} ({item.needs}) has no place")
                for refusal in item.refusals:
                    print_line(f"    {refusal.host}  {refusal.reason}")


def _document(loss: Loss) -> dict[str, Any]:
    return {
        "kind": loss.kind,
        "name": loss.name,
        "hosts": list(loss.hosts),
        "survived": loss.is_survived,
        "moves": loss.moves,
        "held": [{"host": blocked.host, "reason": blocked.reason} for blocked in loss.held],
        "unplaced": [
            {
                "instance": item.instance.name,
                "needs": item.needs,
                "refusals": [{"host": r.host, "reason": r.reason} for r in item.refusals],
            }
            for item in loss.unplaced
        ],
    }
