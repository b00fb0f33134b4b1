"""The verbs of fence devices: fence status, off, on."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import confirm, print_line, say, show_document, show_table
from clusterctl.cli.maintenance import Hosts
from clusterctl.cli.wiring import Workspace, state_root
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, InputError, RefusedError

if TYPE_CHECKING:
    from clusterctl.model.fence import AgentAnswer

Host = Annotated[str, typer.Argument(help="One host, by its name, that has a fence device.")]
fence_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Power of hosts, by their fence devices: status, off, on.",
)


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.add_typer(fence_app, name="fence")


STYLES = {"on": "green", "off": "red", "unknown": "yellow"}


@fence_app.command("status")
def status(ctx: typer.Context, hosts: Hosts = "all") -> int:
    """Ask each fence device whether its host has power; exit 1 when one does not say."""
    workspace = Workspace(ctx.obj, "fence status")
    answers = [
        (host.name, answer)
        for host in workspace.hosts(hosts)
        if host.fence
        for answer in workspace.fencing.status(host.name)
    ]
    bare = [host.name for host in workspace.hosts(hosts) if not host.fence]
    if ctx.obj.output == "json":
        show_document(
            "Fence", {"devices": [_document(host, answer) for host, answer in answers], "without": bare}
        )
    else:
        rows = [(host, answer.agent, answer.power, answer.words) for host, answer in answers]
        show_table(("HOST", "DEVICE", "POWER", "SAYS"), rows, styles=STYLES)
        if bare:
            say(f"without a device: {', '.join(bare)}")
    return EXIT_FAILED if any(answer.power == "unknown" for _, answer in answers) else EXIT_DONE


@fence_app.command("off")
def off(ctx: typer.Context, host: Host) -> int:
    """Cut the power of a host at once, whatever runs there, and prove it; drain is the polite way."""
    workspace = _one(ctx, "off", host)
    _record(workspace, "off", host, "begun")
    fenced = workspace.fencing.off(host)
    _record(workspace, "off", host, "changed" if fenced.certain else "failed", fenced.words)
    print_line(f"{host}: {fenced.words}")
    return EXIT_DONE if fenced.certain else EXIT_FAILED


@fence_app.command("on")
def on(ctx: typer.Context, host: Host) -> int:
    """Give a host its power back, with all its devices; what moved away does not move back."""
    workspace = _one(ctx, "on", host)
    _record(workspace, "on", host, "begun")
    answers = workspace.fencing.on(host)
    for answer in answers:
        _record(
            workspace, "on", host, "failed" if answer.code else "changed", f"{answer.agent}: {answer.words}"
        )
        print_line(f"{host}: {answer.agent}: {'done' if answer.code == 0 else f'failed: {answer.words}'}")
    return EXIT_DONE if all(answer.code == 0 for answer in answers) else EXIT_FAILED


def _one(ctx: typer.Context, verb: str, host: str) -> Workspace:
    """Return the workspace of a verb that was approved, for a host that has a device."""
    workspace = Workspace(ctx.obj, f"fence {verb} {host}")
    if host not in workspace.inventory.names:
        raise InputError(
            f"{host} is not in the inventory", next_step="clusterctl fence status lists the devices."
        )
    if not workspace.inventory.host(host).fence:
        raise RefusedError(
            f"{host} has no fence device",
            next_step="give it one in the inventory (docs/fencing.md), or turn it off by hand and say so: "
            "clusterctl failover --confirm-host-off",
        )
    if ctx.obj.dry_run:
        raise InputError(
            f"fence {verb} has no --dry-run: it is one step", next_step="clusterctl fence status"
        )
    if not ctx.obj.yes and not ctx.obj.may_ask:
        raise InputError(
            f"fence {verb} {host} needs --yes where nobody can be asked", next_step="Nothing was done."
        )
    if not ctx.obj.yes and not confirm(f"turn {host} {verb}?"):
        raise RefusedError("not approved", next_step="Nothing was done.")
    return workspace


def _record(workspace: Workspace, verb: str, host: str, result: str, words: str = "") -> None:
    """Write what is done to the audit of this machine: before, and how it ended."""
    from clusterctl.operations.audit import Audit

    who = f"{workspace.login}@{socket.gethostname()}"
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entry = {
        "who": who,
        "when": when,
        "cluster": workspace.inventory.cluster,
        "run": "",
        "epoch": 0,
        "host": host,
    }
    Audit(state_root()).append(
        [{**entry, "step": f"fence {verb}", "instance": "", "result": result, "detail": words}]
    )


def _document(host: str, answer: AgentAnswer) -> dict[str, str | int | None]:
    return {
        "host": host,
        "agent": answer.agent,
        "power": answer.power,
        "code": answer.code,
        "words": answer.words,
    }
