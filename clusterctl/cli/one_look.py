"""One look at chosen hosts, as many verbs begin: who is chosen, what is said of it, and how it ends."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from clusterctl.cli.console import say
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY
from clusterctl.model.host import Host
from clusterctl.model.snapshot import LookRequest, Snapshot

HELP = "Which hosts: web[01-03], zone=a, @group, all."
Selector = Annotated[str, typer.Argument(help=HELP)]
OptionalSelector = Annotated[str | None, typer.Argument(help=f"{HELP} Default: -H, else all.")]


def look(workspace: Workspace, selector: str | None = None) -> tuple[tuple[Host, ...], Snapshot]:
    """Look once at the chosen hosts, and say whose clock is off; hosts of --ignore-host are left out."""
    from clusterctl.planning.clocks import clock_notes

    chosen = tuple(host for host in workspace.hosts(selector) if host.name not in workspace.ignored)
    began_s = time.time()
    snapshot = workspace.fleet.look(chosen, LookRequest())
    for note in clock_notes(snapshot, began_s, time.time()):
        say(f"note: {note}")
    remember_instances(workspace, snapshot)
    return chosen, snapshot


def remember_instances(workspace: Workspace, snapshot: Snapshot) -> None:
    """Keep the names that were seen, for shells to complete; of a look at some hosts only, nothing is kept."""
    from clusterctl.cli.names import remember
    from clusterctl.planning.observed import observe_units

    inventory = workspace.inventory
    if snapshot.unreachable or len(snapshot.hosts) < len(inventory.hosts):
        return
    units = observe_units(snapshot, inventory.cluster)
    remember(
        workspace.settings.inventory,
        inventory,
        projects=[unit.header.project for unit in units],
        services=[f"{unit.header.project}/{unit.header.service}" for unit in units],
        instances=[unit.instance.name for unit in units],
    )


def exit_code(snapshot: Snapshot) -> int:
    """Return 0 when every host answered, 6 when one refused us or was not who it should be, else 1."""
    if not snapshot.unreachable:
        return EXIT_DONE
    return EXIT_IDENTITY if any(answer.is_identity for answer in snapshot.unreachable) else EXIT_FAILED


def say_unreachable(snapshot: Snapshot) -> None:
    """Say of each host that did not answer why, and that it tells nothing of what runs there."""
    for answer in snapshot.unreachable:
        say(f"{answer.host}: {answer.rung}: {answer.reason}; what runs there is unknown, not stopped")
