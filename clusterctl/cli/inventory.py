"""Verbs about what is written: inventory show, inventory schema, playbook schema. Nothing is contacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from clusterctl.cli.console import print_line, show_document, show_table
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory

inventory_app = typer.Typer(no_args_is_help=True, help="The inventory, merged with its sources.")
playbook_app = typer.Typer(no_args_is_help=True, help="Playbooks, as editors know them.")

DEFAULT = "ssh: of the inventory, or the default"

Selector = Annotated[
    str | None, typer.Argument(help="Which hosts: web[01-03], zone=a, @group. Default: -H, else all.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.add_typer(inventory_app, name="inventory")
    app.add_typer(playbook_app, name="playbook")


@inventory_app.command("show")
def show(
    ctx: typer.Context,
    selector: Selector = None,
    source: Annotated[
        bool, typer.Option("--source", help="Say of each value in which line of which file it is.")
    ] = False,
) -> int:
    """Show the hosts and groups as all sources together describe them; nothing is contacted."""
    workspace = Workspace(ctx.obj, "inventory show")
    chosen = workspace.hosts(selector)
    origins = _origins(workspace) if source else {}
    workspace.say_notes()
    groups = _groups_of(workspace.inventory)
    documents = [_document(host, groups, origins) for host in chosen]
    if ctx.obj.output == "json":
        names = {host.name for host in chosen}
        body = {
            "cluster": workspace.inventory.cluster,
            "hosts": documents,
            "groups": {
                name: [one for one in members if one in names]
                for name, members in workspace.inventory.groups.items()
            },
        }
        show_document("Inventory", body)
    elif source:
        show_table(
            ("HOST", "KEY", "VALUE", "SOURCE"), [row for one in documents for row in _source_rows(one)]
        )
    else:
        _show_hosts(documents, workspace.inventory)
    return EXIT_DONE


@inventory_app.command("schema")
def schema() -> int:
    """Print the JSON Schema of an inventory, for editors that check while you write."""
    from importlib.resources import files

    text = (files("clusterctl") / "parsing/inventory.schema.json").read_text("utf-8")
    for line in text.splitlines():
        print_line(line)
    return EXIT_DONE


@playbook_app.command("schema")
def schema_of_playbooks() -> int:
    """Print the JSON Schema of a playbook, for editors that check while you write."""
    import json

    from clusterctl.parsing.compose.schema import playbook_schema

    for line in json.dumps(playbook_schema(), indent=2).splitlines():
        print_line(line)
    return EXIT_DONE


def _show_hosts(documents: Sequence[Mapping[str, Any]], inventory: Inventory) -> None:
    from clusterctl.parsing.selector import fold

    columns = ("HOST", "ADDRESS", "PORT", "USER", "VIA", "LABELS", "GROUPS")
    show_table(columns, [_row(document) for document in documents])
    if inventory.groups:
        print_line()
        rows = [
            (name, str(len(members)), fold(members)) for name, members in sorted(inventory.groups.items())
        ]
        show_table(("GROUP", "HOSTS", ""), rows)


def _row(document: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        document["host"],
        document["address"],
        str(document["port"]),
        document["user"],
        ",".join(document["jump"]),
        _pairs(document["labels"]),
        ",".join(document["groups"]),
    )


def _pairs(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _groups_of(inventory: Inventory) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, members in sorted(inventory.groups.items()):
        for member in members:
            found.setdefault(member, []).append(name)
    return found


def _document(
    host: Host, groups: Mapping[str, list[str]], origins: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return one host of `inventory show`; with origins also where its values come from."""
    from clusterctl.parsing.inventory.ssh import written_ssh

    document: dict[str, Any] = {
        "host": host.name,
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "jump": [_hop(hop.user, hop.name, hop.port) for hop in host.jumps],
        "labels": dict(host.labels),
        "groups": groups.get(host.name, []),
        "witness": host.witness,
        "ssh": written_ssh(host.ssh),
    }
    return {**document, "sources": origins[host.name]} if origins else document


def _hop(user: str, name: str, port: int) -> str:
    shown = f"[{name}]" if ":" in name else name
    return f"{user}@{shown}:{port}" if user else f"{shown}:{port}"


def _origins(workspace: Workspace) -> Mapping[str, Mapping[str, str]]:
    from clusterctl.parsing.inventory.origins import origins_of

    return origins_of(workspace.reading.origins)


def _source_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row for each value that was written, and for each that has its default."""
    sources: Mapping[str, str] = document["sources"]
    rows: list[tuple[str, ...]] = [(document["host"], "name", document["host"], sources["name"])]
    for key in ("address", "port", "user", "jump"):
        value = document[key]
        shown = ",".join(value) if key == "jump" else str(value)
        default = "the name" if key == "address" else DEFAULT
        if shown or key in sources:
            rows.append(("", key, shown, sources.get(key, default)))
    for key, value in sorted(document["labels"].items()):
        rows.append(("", f"labels.{key}", value, sources[f"labels.{key}"]))
    for key, value in document["ssh"].items():
        plain = str(value).lower() if isinstance(value, bool) else str(value)
        shown = ", ".join(value) if isinstance(value, list) else plain
        rows.append(("", f"ssh.{key}", shown, sources.get(f"ssh.{key}", DEFAULT)))
    told = {row[1] for row in rows}
    rows += [("", key, "", where) for key, where in sources.items() if key not in told]
    return rows
