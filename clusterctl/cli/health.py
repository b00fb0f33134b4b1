"""The verb that judges: health. One look at all hosts, second opinions on the silent ones, and the verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from clusterctl.cli.console import print_line, say, show_document, show_table
from clusterctl.cli.cron import Heartbeat, Jitter, Notify, NotifyCommand, Watch, rest, watch
from clusterctl.cli.maintenance import seconds
from clusterctl.cli.wiring import Workspace, state_root
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY, EXIT_REFUSED

if TYPE_CHECKING:
    from clusterctl.model.health import FleetHealth, HostHealth
    from clusterctl.operations.health import Checked, HealthLook
    from clusterctl.planning.status import ServiceStatus

STYLES = {
    "healthy": "green",
    "degraded": "yellow",
    "returning": "yellow",
    "suspect": "yellow",
    "flapping": "yellow",
    "unmanaged": "red",
    "operator-blind": "yellow",
    "refused": "red",
    "unknown": "yellow",
    "lost": "red",
}
Host = Annotated[str | None, typer.Argument(help="Explain the verdict on this host.", show_default=False)]
Record = Annotated[bool, typer.Option("--record", help="Count this look as a round towards lost, or back.")]
Period = Annotated[
    str,
    typer.Option(
        "--period",
        metavar="TIME",
        help="How far apart rounds are; after three times that the count begins anew.",
    ),
]
Textfile = Annotated[
    str, typer.Option("--textfile", metavar="FILE", help="Write metrics there, as node_exporter reads them.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.command("health")(health)


def health(  # noqa: PLR0913, PLR0917 - typer wants one parameter an option
    ctx: typer.Context,
    host: Host = None,
    record: Record = False,
    period: Period = "60s",
    textfile: Textfile = "",
    jitter: Jitter = "",
    heartbeat: Heartbeat = "",
    notify: Notify = None,
    notify_command: NotifyCommand = None,
) -> int:
    """Judge each host: healthy, degraded, suspect, lost, ..., and why; nothing is changed on any.

    Exit 4: most hosts do not answer, so the network here is more likely at fault. Else 6: a key was refused.
    Else 1: a host or a service is not well. With --quiet only what is not well is shown.
    """
    workspace = Workspace(ctx.obj, "health")
    named = {each.name for each in workspace.hosts(host)}
    seconds("--period", period, 1)
    watching = watch(workspace, "health", notify, notify_command, heartbeat)
    rest(jitter)
    return watching.around(lambda: _judge(watching, named, period, textfile, explained=host, record=record))


def _judge(
    watching: Watch, named: set[str], period: str, textfile: str, *, explained: str | None, record: bool
) -> int:
    """Look, judge, show, and return the exit code."""
    from clusterctl.planning.status import summarise

    workspace = watching.workspace
    checked = check(workspace, period, record=record)
    watching.saw(checked.health)
    services = summarise(checked.snapshot, workspace.inventory.cluster)
    if textfile:
        from clusterctl.operations.metrics import write_metrics

        write_metrics(textfile, workspace.inventory.cluster, checked.health, services)
    shown = [each for each in checked.health.hosts if each.host in named]
    if workspace.settings.output == "json":
        show_document("Health", health_document(checked.health, services))
    elif explained is not None:
        for each in shown:
            _explain(each)
    else:
        _show(shown, services, only_unwell=workspace.settings.quiet)
    if not checked.health.has_majority:
        say(
            f"only {checked.health.reached} of {len(checked.health.hosts)} hosts answer: the network here is more "
            "likely at fault than so many hosts; nothing may be moved"
        )
    return exit_code(checked.health, services)


def check(workspace: Workspace, period: str, *, record: bool) -> Checked:
    """Look once at all hosts of the inventory, whatever -H says, and judge them; raises InputError."""
    return lookout(workspace, period).look(record=record)


def lookout(workspace: Workspace, period: str) -> HealthLook:
    """Return what looks and counts rounds for this cluster; raises InputError."""
    from clusterctl.operations import rounds as rounds_
    from clusterctl.operations.health import HealthLook
    from clusterctl.planning.detector import Hysteresis

    rules = Hysteresis(period_s=seconds("--period", period, 1))
    file = rounds_.RoundsFile(state_root(), workspace.inventory.cluster)
    return HealthLook(workspace.inventory, workspace.fleet, file, rules, rounds_.observer)


def exit_code(found: FleetHealth, services: tuple[ServiceStatus, ...]) -> int:
    """Return 4 without a majority, 6 where a key was refused, 1 where something is not well, else 0."""
    if not found.has_majority:
        return EXIT_REFUSED
    if found.of("refused"):
        return EXIT_IDENTITY
    well = len(found.of("healthy")) == len(found.hosts) and all(service.is_well for service in services)
    return EXIT_DONE if well else EXIT_FAILED


def health_document(found: FleetHealth, services: tuple[ServiceStatus, ...]) -> dict[str, Any]:
    """Return the verdicts as plain values."""
    return {
        "reached": found.reached,
        "majority": found.has_majority,
        "hosts": [_host_document(each) for each in found.hosts],
        "services": [service.document() for service in services],
    }


def _host_document(found: HostHealth) -> dict[str, Any]:
    return {
        "host": found.host,
        "verdict": found.verdict,
        "rung": found.rung.name or None,
        "reason": found.rung.reason or None,
        "why": found.why or None,
        "rounds_silent": found.track.failed,
        "rounds_good": found.track.passed,
        "opinions": [{"peer": opinion.peer, "sign": opinion.sign} for opinion in found.opinions],
    }


def _show(hosts: list[HostHealth], services: tuple[ServiceStatus, ...], *, only_unwell: bool) -> None:
    rows = [
        (each.host, each.verdict, each.rung.name, each.why)
        for each in hosts
        if not only_unwell or each.verdict != "healthy"
    ]
    if rows or not only_unwell:
        show_table(("HOST", "VERDICT", "BROKE AT", "WHY"), rows, styles=STYLES)
    unwell = [service for service in services if not service.is_well]
    if unwell:
        if rows:
            print_line()
        show_table(
            ("SERVICE", "WANTED", "HEALTHY", "NOTES"),
            [
                (
                    f"{service.project}/{service.service}",
                    "?" if service.wanted is None else str(service.wanted),
                    str(service.healthy),
                    service.notes,
                )
                for service in unwell
            ],
        )


def _explain(found: HostHealth) -> None:
    print_line(f"{found.host} is {found.verdict}")
    rung = (
        f"broke at {found.rung.name}: {found.rung.reason}" if found.rung.name else "up to its services: well"
    )
    print_line(f"  ladder    {rung}")
    for opinion in found.opinions:
        print_line(f"  {opinion.peer:9} {opinion.sign}")
    track = found.track
    state = "down" if track.is_down else "up"
    print_line(
        f"  rounds    {state}; {track.failed} silent, {track.passed} good in a row; {len(track.changes)} changes"
    )
    if found.why:
        print_line(f"  why       {found.why}")
