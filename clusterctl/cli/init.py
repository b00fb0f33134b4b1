"""The verb that begins: init asks little, and writes an inventory and a first playbook (`first_files`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import ask, say
from clusterctl.cli.first_files import Source, render_inventory, write_all
from clusterctl.cli.found_sources import find_sources
from clusterctl.cli.globals import Settings
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, InputError
from clusterctl.model.inventory import Inventory

if TYPE_CHECKING:
    from clusterctl.parsing.outside import Outside

MOST_SHOWN = 6

Cluster = Annotated[
    str, typer.Option("--cluster", metavar="NAME", help="Name of the cluster; default is the folder's.")
]
SshConfig = Annotated[
    str,
    typer.Option("--ssh-config", metavar="FILE", help="Take hosts from this ssh_config, and ask nothing."),
]
Ansible = Annotated[
    str,
    typer.Option(
        "--ansible", metavar="FILE", help="Take hosts from this Ansible inventory, and ask nothing."
    ),
]
Vagrant = Annotated[
    str,
    typer.Option(
        "--vagrant",
        metavar="FOLDER",
        help="Take the machines of the Vagrantfile in this folder, and ask nothing.",
    ),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="NAME[=ADDRESS]",
        help="A host, both with ranges such as web[1-3]; may be given again.",
    ),
]
NAME_THEM = "name them: clusterctl init --host 'web[1-3]=192.0.2.[11-13]'"
Only = Annotated[
    str,
    typer.Option(
        "--only", metavar="SELECTOR", help="Only these hosts of the ssh_config or the Ansible inventory."
    ),
]
User = Annotated[
    str,
    typer.Option(
        "--user", metavar="NAME", help="Who logs in; default is what the sources say, or your name."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("init")(init)


def init(
    ctx: typer.Context,
    cluster: Cluster = "",
    ssh_config: SshConfig = "",
    ansible: Ansible = "",
    vagrant: Vagrant = "",
    host: Hosts = None,
    only: Only = "",
    user: User = "",
) -> int:
    """Write an inventory and a first playbook, from what is there: ssh_config, Ansible inventory, Vagrantfile.

    Nothing is contacted, and no file is overwritten. With --dry-run the files are shown.
    """
    from clusterctl.cli.outside import outside_of

    settings: Settings = ctx.obj
    if Path(settings.inventory).exists():
        raise InputError(
            f"{settings.inventory} is there already, and init overwrites nothing",
            next_step=f"clusterctl -i {settings.inventory} inventory show, or init with another -i FILE.",
        )
    given = [("ssh_config", ssh_config), ("ansible", ansible), ("vagrant", vagrant)]
    sources = [Source(kind, path, only if kind != "vagrant" else "") for kind, path in given if path]
    hosts = list(host or ())
    outside = outside_of(settings.inventory, Workspace(settings, "init").login)
    name = cluster or _default_name(settings)
    if not sources and not hosts:
        name, sources, hosts = _find(settings, outside, name, only, asked=bool(cluster))
    text = render_inventory(name, user, sources, hosts)
    inventory = _checked(text, settings, outside)
    write_all(settings, text, inventory)
    return EXIT_DONE


def _default_name(settings: Settings) -> str:
    from clusterctl.parsing.compose.playbook import normalise_name

    return normalise_name(Path(settings.inventory).absolute().parent.name) or "prod"


def _find(
    settings: Settings, outside: Outside, name: str, only: str, *, asked: bool
) -> tuple[str, list[Source], list[str]]:
    """Ask what to take of what is there; with --yes take it. Raises InputError where there is nothing, or nobody."""
    found = find_sources(outside, only)
    if settings.yes or settings.dry_run:
        if not found:
            raise InputError(
                "no hosts: there is no ssh_config that names any, no Ansible inventory and no Vagrantfile here",
                next_step=NAME_THEM,
            )
        return name, [source for source, _ in found if source.kind == found[0][0].kind][:1], []
    if not settings.may_ask:
        raise InputError(
            "there is nobody to ask what to take",
            next_step="say --yes, or --host, --ssh-config, --ansible, --vagrant.",
        )
    name = name if asked else ask("Name of the cluster", name)
    sources = [chosen for source, names in found if (chosen := _asked(source, names))]
    hosts = [] if sources else ask("Hosts, such as web[1-3]=192.0.2.[11-13]", "").split()
    if not sources and not hosts:
        raise InputError("no hosts were named", next_step=f"{NAME_THEM}. Nothing was written.")
    return name, sources, hosts


def _asked(source: Source, names: Sequence[str]) -> Source | None:
    from clusterctl.parsing.selector import fold

    what = (
        f"{source.path} names {len(names)}: {_shortened(fold(names))}" if names else f"{source.path} is there"
    )
    answer = ask(
        f"{what}. Take hosts from it? y, n, or which (web*,db*)", "y" if source.kind != "ssh_config" else "n"
    )
    if answer.lower() in {"n", "no", ""}:
        return None
    return source if answer.lower() in {"y", "yes"} else Source(source.kind, source.path, answer)


def _shortened(folded: str) -> str:
    parts = folded.split(",")
    return ", ".join(parts[:MOST_SHOWN]) + (", ..." if len(parts) > MOST_SHOWN else "")


def _checked(text: str, settings: Settings, outside: Outside) -> Inventory:
    """Return the inventory that is about to be written; raises InputError with what its sources have wrong."""
    from clusterctl.parsing.inventory.file import read_inventory

    try:
        reading = read_inventory(text, settings.inventory, outside)
    except InputError as error:
        raise InputError(
            error.message,
            mistakes=error.mistakes,
            details=error.details,
            next_step="mend them, or take fewer hosts with --only. Nothing was written.",
        ) from None
    for note in reading.notes:
        say(f"note: {note}")
    return reading.inventory
