"""Verbs that take hosts out and bring them back: cordon, uncordon, drain, reboot, run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from clusterctl.cli.carry import Detailed, begin_run, carry_out
from clusterctl.cli.input_files import read_bytes_beside
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import InputError
from clusterctl.model.intent import CordonIntent, DrainIntent, RebootIntent, Rolling
from clusterctl.model.limit import Limit

T = TypeVar("T")

Hosts = Annotated[str, typer.Argument(help="Which hosts: all, web[01-03], zone=a, @group.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown to everybody who looks.")]
MaxUnavailable = Annotated[
    str,
    typer.Option(
        "--max-unavailable",
        metavar="LIMIT",
        help="At most so many hosts out at once: 1, 20%. Default: the policy's.",
    ),
]
PerZone = Annotated[
    bool,
    typer.Option(
        "--per-zone", help="All hosts of one failure domain before the next, never two domains at once."
    ),
]
Windows = Annotated[
    list[str] | None,
    typer.Option(
        "--window",
        metavar="WINDOW",
        help="Only then: 'Sat 02:00 3h Europe/Amsterdam', as in policy.windows; may be given again.",
    ),
]
Soak = Annotated[
    str, typer.Option("--soak", metavar="TIME", help="How long a host must be well before the next one.")
]
Deadline = Annotated[str, typer.Option("--deadline", metavar="TIME", help="How long one host may take.")]
Canary = Annotated[str, typer.Option("--canary", metavar="HOST", help="This host first, alone.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.command("cordon")(cordon)
    app.command("uncordon")(uncordon)
    app.command("drain")(drain)
    app.command("reboot")(reboot)
    app.command("run")(run)


def cordon(ctx: typer.Context, hosts: Hosts, reason: Reason = "", detailed_exitcode: Detailed = False) -> int:
    """Place nothing new on hosts; what runs there stays."""
    workspace = Workspace(ctx.obj, f"cordon {hosts}")
    intent = CordonIntent(chosen(workspace, hosts), on=True, reason=reason)
    summary = begin_run(workspace, "cordon", hosts)
    return carry_out(workspace, intent, summary, detailed=detailed_exitcode)


def uncordon(ctx: typer.Context, hosts: Hosts, detailed_exitcode: Detailed = False) -> int:
    """Let hosts take instances again, after a cordon or a drain."""
    workspace = Workspace(ctx.obj, f"uncordon {hosts}")
    intent = CordonIntent(chosen(workspace, hosts), on=False)
    summary = begin_run(workspace, "uncordon", hosts)
    return carry_out(workspace, intent, summary, detailed=detailed_exitcode)


def drain(
    ctx: typer.Context,
    hosts: Hosts,
    deadline: Deadline = "10m",
    max_unavailable: MaxUnavailable = "",
    detailed_exitcode: Detailed = False,
) -> int:
    """Cordon hosts and move their instances away, replacements first."""
    workspace = Workspace(ctx.obj, f"drain {hosts}")
    intent = DrainIntent(
        chosen(workspace, hosts),
        seconds("--deadline", deadline, 1),
        limit("--max-unavailable", max_unavailable),
    )
    summary = begin_run(workspace, "drain", hosts)
    return carry_out(workspace, intent, summary, detailed=detailed_exitcode)


def reboot(  # noqa: PLR0913, PLR0917 - typer wants one parameter an option
    ctx: typer.Context,
    hosts: Hosts,
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Only hosts that need one: reboot-required, needrestart.")
    ] = False,
    uptime_over: Annotated[
        str, typer.Option("--uptime-over", metavar="TIME", help="Only hosts up for longer: 30d, 720h.")
    ] = "",
    max_unavailable: MaxUnavailable = "",
    per_zone: PerZone = False,
    window: Windows = None,
    soak: Soak = "10s",
    deadline: Deadline = "10m",
    canary: Canary = "",
    detailed_exitcode: Detailed = False,
) -> int:
    """Reboot hosts one after the other; their instances move away first."""
    workspace = Workspace(ctx.obj, f"reboot {hosts}")
    rolling = rolling_of(workspace, max_unavailable, window, soak, deadline, canary, per_zone=per_zone)
    uptime_s = age_s("--uptime-over", uptime_over) if uptime_over else 0
    intent = RebootIntent(chosen(workspace, hosts), rolling, if_needed, uptime_s)
    summary = begin_run(workspace, "reboot", hosts)
    return carry_out(workspace, intent, summary, detailed=detailed_exitcode)


def run(
    ctx: typer.Context,
    playbook: Annotated[str, typer.Argument(help="A playbook with steps.")],
    detailed_exitcode: Detailed = False,
) -> int:
    """Run a playbook's steps over its hosts, group after group."""
    from clusterctl.parsing.steps.intent import parse_steps_playbook

    workspace = Workspace(ctx.obj, f"run {playbook}")
    folder = Path(playbook).parent
    intent = parse_steps_playbook(
        workspace.read(playbook),
        playbook,
        inventory=workspace.inventory,
        read_file=lambda name: read_bytes_beside(folder, name),
        hosts=workspace.settings.selector,
    )
    summary = begin_run(workspace, "run", intent.name)
    return carry_out(workspace, intent, summary, detailed=detailed_exitcode)


def chosen(workspace: Workspace, selector: str) -> tuple[str, ...]:
    """Return the names of the hosts a selector names; raises InputError where there are none."""
    if workspace.settings.selector is not None:
        raise InputError("the hosts are named twice, by -H and by the argument", next_step="leave -H out.")
    found = tuple(host.name for host in workspace.hosts(selector))
    if not found:
        raise InputError(f"{selector}: no host is called so", next_step="clusterctl hosts lists them.")
    return found


def rolling_of(
    workspace: Workspace,
    max_unavailable: str,
    windows: list[str] | None,
    soak: str,
    deadline: str,
    canary: str,
    *,
    per_zone: bool,
) -> Rolling:
    """Return how hosts are taken out, as the options say; what they leave out comes from the policy."""
    from clusterctl.parsing.windows import parse_window

    return Rolling(
        max_unavailable=limit("--max-unavailable", max_unavailable),
        per_zone=per_zone,
        windows=None if windows is None else tuple(_read("--window", text, parse_window) for text in windows),
        canary=chosen_one(workspace, canary),
        soak_s=seconds("--soak", soak),
        deadline_s=seconds("--deadline", deadline, 1),
    )


def chosen_one(workspace: Workspace, name: str) -> str:
    """Return the name of a host, or "" for none; raises InputError for one that is not in the inventory."""
    if name and name not in workspace.inventory.names:
        raise InputError(f"--canary: no host is called {name!r}", next_step="clusterctl hosts lists them.")
    return name


def limit(option: str, text: str) -> Limit | None:
    """Return a number or a share, None where the option was not given."""
    from clusterctl.parsing.limits import parse_limit

    return _read(option, text, parse_limit) if text else None


def seconds(option: str, text: str, least_s: int = 0) -> int:
    """Return a duration in whole seconds; raises InputError for one that is shorter than `least_s`."""
    from clusterctl.parsing.scalars import parse_duration

    found_s = int(_read(option, text, parse_duration))
    if found_s < least_s:
        raise InputError(f'{option}: expected {least_s}s or more, got "{text}"')
    return found_s


def age_s(option: str, text: str) -> int:
    """Return days or a duration in whole seconds."""
    from clusterctl.parsing.scalars import parse_age

    return int(_read(option, text, parse_age))


def _read(option: str, text: str, parser: Callable[[str], T]) -> T:
    from clusterctl.parsing.words import Expected, Unfit, quoted

    try:
        return parser(text)
    except Expected as expected:
        raise InputError(f"{option}: {expected.got(quoted(text))}") from None
    except Unfit as unfit:
        raise InputError(f"{option}: {unfit}") from None
