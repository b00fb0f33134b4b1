"""The verbs of timers on this machine: timer install, status, remove."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import print_line, say, show_document, show_table
from clusterctl.cli.cron import NotifyCommand
from clusterctl.cli.documents import timestamp
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, InputError

if TYPE_CHECKING:
    from clusterctl.operations.crontab import CrontabTimers
    from clusterctl.operations.timers import SystemdTimers
    from clusterctl.planning.timers import Job

timer_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Run failover (and health, rebalance) again and again from this machine: install, status, remove.",
)


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.add_typer(timer_app, name="timer")


STYLES = {"no": "red"}

Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="Name in the timers; default is the cluster's.")
]
Crontab = Annotated[bool, typer.Option("--crontab", help="Lines in the crontab, also where systemd runs.")]
Every = Annotated[
    str, typer.Option("--every", metavar="TIME", help="How often failover looks; it becomes its --period.")
]
Rebalance = Annotated[
    str,
    typer.Option(
        "--rebalance",
        metavar="WHEN",
        help="Rebalance too, at these times: daily, 'Mon 03:00' (systemd.time).",
    ),
]
Textfile = Annotated[
    str, typer.Option("--textfile", metavar="FILE", help="Write metrics too, as health --textfile does.")
]
Heartbeat = Annotated[
    str,
    typer.Option(
        "--heartbeat", metavar="FILE", help="Write this file at the end of each run: somebody watches."
    ),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="@FILE",
        help="Tell news to the URLs of this file, by apprise; may be given again.",
    ),
]
Deadline = Annotated[
    str,
    typer.Option(
        "--deadline", metavar="TIME", help="How long one run may take: the global option of the runs."
    ),
]
Print = Annotated[
    bool, typer.Option("--print", help="Show what would be written, write nothing; so does --dry-run.")
]


@timer_app.command("install")
def install(  # noqa: PLR0913, PLR0917 - typer wants one parameter an option
    ctx: typer.Context,
    every: Every = "60s",
    rebalance: Rebalance = "",
    textfile: Textfile = "",
    heartbeat: Heartbeat = "",
    notify: Notify = None,
    notify_command: NotifyCommand = None,
    deadline: Deadline = "15m",
    name: Name = "",
    crontab: Crontab = False,
    print_: Print = False,
) -> int:
    """Have failover run again and again from this machine: by systemd where that runs, else by cron.

    Exactly the jobs that are named here are there afterwards; a second time nothing changes.
    """
    from clusterctl.cli.timer_jobs import Wanted, kept_environment

    workspace = Workspace(ctx.obj, "timer install")
    cluster = _name(workspace, name or workspace.inventory.cluster)
    wanted = Wanted(
        ctx.obj.inventory, every, deadline, rebalance, textfile, heartbeat, notify or [], notify_command or []
    )
    jobs = wanted.jobs()
    return _install(workspace, _timers(cluster, crontab=crontab), jobs, kept_environment(), shown=print_)


@timer_app.command("status")
def status(ctx: typer.Context, name: Name = "", crontab: Crontab = False) -> int:
    """Show each job: whether it is installed and active, its last run and how that ended, and the next.

    Exit 1 when one is missing, or failed last time.
    """
    workspace = Workspace(ctx.obj, "timer status")
    jobs = _timers(_name(workspace, name), crontab=crontab).status()
    if ctx.obj.output == "json":
        show_document("Timers", {"jobs": [job.document() for job in jobs]})
    else:
        yes = {True: "yes", False: "no"}
        rows = [
            (
                job.job,
                yes[job.installed],
                yes[job.active],
                timestamp(job.last_run_s) or "-",
                job.last_result,
                timestamp(job.next_run_s) or "-",
            )
            for job in jobs
        ]
        show_table(("JOB", "INSTALLED", "ACTIVE", "LAST RUN", "LAST RESULT", "NEXT RUN"), rows, styles=STYLES)
    return EXIT_DONE if all(job.is_well for job in jobs) else EXIT_FAILED


@timer_app.command("remove")
def remove(ctx: typer.Context, name: Name = "", crontab: Crontab = False) -> int:
    """Take the timers of this cluster away from this machine; nothing else is touched."""
    workspace = Workspace(ctx.obj, "timer remove")
    timers = _timers(_name(workspace, name), crontab=crontab)
    if ctx.obj.dry_run:
        raise InputError(
            "timer remove has no --dry-run", next_step="clusterctl timer status shows what is there."
        )
    return _tell(timers.remove(), workspace)


def _install(
    workspace: Workspace,
    timers: SystemdTimers | CrontabTimers,
    jobs: list[Job],
    env: dict[str, str],
    *,
    shown: bool,
) -> int:
    from clusterctl.operations.timers import SystemdTimers

    if shown or workspace.settings.dry_run:
        for path, text in timers.texts(jobs, env).items():
            print_line(f"# {path}")
            for line in text.splitlines():
                print_line(line)
        return EXIT_DONE
    code = _tell(timers.install(jobs, env), workspace)
    if isinstance(timers, SystemdTimers) and not timers.system:
        _say_lingering(timers)
    return code


def _tell(changed: list[str], workspace: Workspace) -> int:
    if workspace.settings.output == "json":
        show_document("TimerChanges", {"changed": changed})
        return EXIT_DONE
    for words in changed:
        print_line(words)
    print_line(f"{len(changed)} changed" if changed else "nothing to change")
    return EXIT_DONE


def _say_lingering(timers: SystemdTimers) -> None:
    """Say what is missing where a user's timers end with the login."""
    ended = timers.machine.call(["loginctl", "show-user", str(os.geteuid()), "--property=Linger"])
    if ended.stdout.strip() != "Linger=yes":
        say("these timers end when you log out; so that they stay: loginctl enable-linger")


def _name(workspace: Workspace, name: str) -> str:
    """Return the name in the timers; raises InputError for one that is no part of a file's name."""
    found = name or workspace.inventory.cluster
    if not found.replace("-", "").replace("_", "").isalnum() or not found.isascii():
        raise InputError(f"--name: letters, digits, - and _ are possible, got {found!r}")
    return found


def _timers(cluster: str, *, crontab: bool) -> SystemdTimers | CrontabTimers:
    from clusterctl.operations.crontab import CrontabTimers
    from clusterctl.operations.timers import SystemdTimers
    from clusterctl.remote.machine import OwnMachine

    machine = OwnMachine()
    if crontab or not Path("/run/systemd/system").is_dir():
        return CrontabTimers(machine, cluster)
    if os.geteuid() == 0:
        return SystemdTimers(machine, cluster, "/etc/systemd/system", system=True)
    if machine.call(["systemctl", "--user", "show", "--property=Version"]).code != 0:
        raise InputError(
            "no systemd of this user answers here",
            next_step="log in by SSH or on the console, or use --crontab.",
        )
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return SystemdTimers(machine, cluster, f"{config}/systemd/user", system=False)
