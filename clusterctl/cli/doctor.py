"""The verb that looks for trouble before it is noticed: doctor."""

from __future__ import annotations

import dataclasses
import time

import typer

from clusterctl.cli.console import print_line, show_document, show_table
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY
from clusterctl.model.snapshot import LookRequest


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("doctor")(doctor)


def doctor(ctx: typer.Context) -> int:
    """Look at everything once and say what is wrong, each with the command that mends it; changes nothing.

    Exit 1 when there is anything, 6 when a host refused us or is not who it should be.
    """
    from clusterctl.planning.clocks import clock_notes
    from clusterctl.planning.doctor import find_complaints

    workspace = Workspace(ctx.obj, "doctor")
    hosts = tuple(host for host in workspace.inventory.hosts if host.name not in workspace.ignored)
    began_s = time.time()
    snapshot = workspace.fleet.look(hosts, LookRequest(history=True))
    found = find_complaints(workspace.inventory, snapshot, clock_notes(snapshot, began_s, time.time()))
    if ctx.obj.output == "json":
        show_document("Doctor", {"complaints": [dataclasses.asdict(one) for one in found]})
    elif found:
        rows = [(one.host or "-", one.kind, one.words, one.mend) for one in found]
        show_table(("HOST", "WHAT", "FOUND", "MEND"), rows)
    else:
        print_line(f"{len(hosts)} hosts: nothing is wrong")
    if any(answer.is_identity for answer in snapshot.unreachable):
        return EXIT_IDENTITY
    return EXIT_FAILED if found else EXIT_DONE
