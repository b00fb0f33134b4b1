"""Verbs that only look: hosts, facts, ps, status."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from clusterctl.cli.console import print_line, say, show_document, show_table
from clusterctl.cli.documents import (
    drift_of,
    host_document,
    instance_document,
    snapshot_unreachable,
)
from clusterctl.cli.one_look import HELP, OptionalSelector, exit_code, look, say_unreachable
from clusterctl.cli.wide import WIDE_HOST, WIDE_INSTANCE, wide_host, wide_instance
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, InputError
from clusterctl.model.host import Host
from clusterctl.model.snapshot import HostFacts, Unreachable

HOST_COLUMNS = ("HOST", "ADDRESS", "LABELS", "STATE", "DOCKER", "LOAD", "MEMORY FREE", "DISK FREE", "OS")
STYLES = {"healthy": "green", "running": "green", "failed": "red", "unhealthy": "red", "starting": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.command("hosts")(hosts)
    app.command("facts")(facts)
    app.command("ps")(ps)
    app.command("status")(status)


def hosts(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[trust] [SELECTOR]", help=f"{HELP} Default: -H, else all.")
    ] = None,
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(
            "--fingerprint",
            metavar="PRINT",
            help="With trust: add the keys with these prints, without asking; may be given again.",
        ),
    ] = None,
) -> int:
    """Show who is there: address, labels, state, docker, load, memory, disk. With `trust`: show their host keys, and add them."""
    words = words or []
    trusting = words[:1] == ["trust"]
    if len(words) > 1 + trusting:
        raise InputError(
            "hosts: expected one selector", next_step="clusterctl hosts --help. Nothing was contacted."
        )
    selector = words[-1] if len(words) > trusting else None
    if trusting:
        from clusterctl.cli.trust import trust

        return trust(Workspace(ctx.obj, "hosts trust"), selector, fingerprint or [])
    workspace = Workspace(ctx.obj, "hosts")
    chosen, snapshot = look(workspace, selector)
    if ctx.obj.output == "json":
        show_document("Hosts", {"hosts": [host_document(host, snapshot.hosts[host.name]) for host in chosen]})
        return exit_code(snapshot)
    columns: tuple[str, ...] = HOST_COLUMNS
    rows: list[tuple[str, ...]] = [_host_row(host, snapshot.hosts[host.name]) for host in chosen]
    if ctx.obj.wide:
        columns = (*columns, *WIDE_HOST)
        rows = [row + wide_host(snapshot.hosts[host.name]) for row, host in zip(rows, chosen, strict=True)]
    show_table(columns, rows)
    say_unreachable(snapshot)
    return exit_code(snapshot)


def facts(ctx: typer.Context, selector: OptionalSelector = None) -> int:
    """Show everything one look tells of hosts."""
    workspace = Workspace(ctx.obj, "facts")
    chosen, snapshot = look(workspace, selector)
    documents = [host_document(host, snapshot.hosts[host.name]) for host in chosen]
    if ctx.obj.output == "json":
        show_document("Facts", {"hosts": documents})
        return exit_code(snapshot)
    for document in documents:
        show_table(
            (document["host"], ""), [(key, _value(value)) for key, value in document.items() if key != "host"]
        )
        print_line()
    say_unreachable(snapshot)
    return exit_code(snapshot)


def ps(ctx: typer.Context, selector: OptionalSelector = None) -> int:
    """Show every managed container: host, state, health, since, image, drift."""
    from clusterctl.planning.guards import find_foreign
    from clusterctl.planning.observed import observe_units

    workspace = Workspace(ctx.obj, "ps")
    _, snapshot = look(workspace, selector)
    units = observe_units(snapshot, workspace.inventory.cluster)
    if ctx.obj.output == "json":
        body = {
            "instances": [instance_document(u) for u in units],
            "unreachable": snapshot_unreachable(snapshot),
        }
        show_document("Instances", body)
        return exit_code(snapshot)
    clocks = {facts.host: facts.clock_s for facts in snapshot.seen}
    rows: list[tuple[str, ...]] = [
        (
            unit.instance.name,
            unit.host,
            unit.state,
            unit.health,
            age(unit.fact.since_s, clocks[unit.host]),
            unit.header.image,
            ", ".join(drift_of(unit)),
        )
        for unit in units
    ]
    columns: tuple[str, ...] = ("INSTANCE", "HOST", "STATE", "HEALTH", "SINCE", "IMAGE", "DRIFT")
    if not any(row[-1] for row in rows) and not ctx.obj.wide:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    if ctx.obj.wide:
        columns = (*columns, *WIDE_INSTANCE)
        rows = [row + wide_instance(unit) for row, unit in zip(rows, units, strict=True)]
    show_table(columns, rows, styles=STYLES)
    for note in find_foreign(snapshot, workspace.inventory.cluster):
        say(f"note: {note}")
    say_unreachable(snapshot)
    return exit_code(snapshot)


def status(ctx: typer.Context) -> int:
    """Show hosts, services and drift at a glance; exit 1 when something is not as it should be."""
    from clusterctl.planning.drift import find_drift
    from clusterctl.planning.status import summarise

    workspace = Workspace(ctx.obj, "status")
    chosen, snapshot = look(workspace)
    services = summarise(snapshot, workspace.inventory.cluster)
    drift = find_drift(workspace.inventory, snapshot)
    well = all(service.is_well for service in services) and not drift
    code = exit_code(snapshot) or (EXIT_DONE if well else EXIT_FAILED)
    if ctx.obj.output == "json":
        body = {
            "hosts": [host_document(host, snapshot.hosts[host.name]) for host in chosen],
            "services": [service.document() for service in services],
            "drift": [dataclasses.asdict(one) for one in drift],
        }
        show_document("Status", body)
        return code
    rows = [_host_row(host, snapshot.hosts[host.name])[:6] for host in chosen]
    show_table(HOST_COLUMNS[:6], rows)
    print_line()
    columns = ("SERVICE", "WANTED", "HEALTHY", "IMAGE", "GENERATION", "HOSTS", "NOTES")
    show_table(columns, [_service_row(workspace, service.document()) for service in services])
    if drift:
        print_line()
        rows = [(one.host or "-", one.kind, one.words, one.mend) for one in drift]
        show_table(("HOST", "DRIFT", "FOUND", "MEND"), rows)
    say_unreachable(snapshot)
    return code


def _service_row(workspace: Workspace, service: dict[str, object]) -> tuple[str, ...]:
    from clusterctl.parsing.selector import fold

    del workspace
    on = service["hosts"]
    return (
        f"{service['project']}/{service['service']}",
        "?" if service["wanted"] is None else str(service["wanted"]),
        str(service["healthy"]),
        str(service["image"]),
        str(service["generation"]),
        fold(on) if isinstance(on, list) and on else "",
        str(service["notes"]),
    )


def _host_row(host: Host, answer: HostFacts | Unreachable) -> tuple[str, ...]:
    labels = ",".join(f"{key}={value}" for key, value in sorted(host.labels.items()))
    address = host.address if host.port == 22 else f"{host.address}:{host.port}"
    if isinstance(answer, Unreachable):
        return (host.name, address, labels, f"unreachable ({answer.rung})", "unknown", "", "", "", "")
    return (
        host.name,
        address,
        labels,
        "cordoned" if "cordoned" in answer.markers else answer.systemd_state,
        answer.docker_version if answer.docker_answers else "not answering",
        f"{answer.load_1m:.2f}",
        _gib(answer.memory_available_bytes),
        _gib(answer.disk_free_bytes),
        answer.os,
    )


def age(since_s: int | None, now_s: int) -> str:
    """Return how long ago, in the one unit that says enough: 40s, 3m, 5h, 12d. Both are the host's clock."""
    if since_s is None:
        return ""
    passed = max(0, now_s - since_s)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if passed >= 2 * size:
            return f"{passed // size}{unit}"
    return f"{passed}s"


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item["name"]) if isinstance(item, dict) else str(item) for item in value)
    return "unknown" if value is None else str(value)
