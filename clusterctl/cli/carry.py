"""From an intent to its end, for every verb that changes something: propose it, have it approved, carry it out."""

from __future__ import annotations

import os
import secrets
import shlex
import socket
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clusterctl.cli.console import confirm, say, show_document, show_error
from clusterctl.cli.documents import plan_document, report_document
from clusterctl.cli.globals import Settings
from clusterctl.cli.interrupt import Interrupt
from clusterctl.cli.plan_view import print_plan
from clusterctl.cli.summary import print_report, say_failures
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_IDENTITY,
    EXIT_INTERRUPTED,
    EXIT_LOCKED,
    EXIT_PENDING,
    EXIT_REFUSED,
    ClusterctlError,
    InputError,
)
from clusterctl.model.intent import Intent
from clusterctl.model.plan import Plan
from clusterctl.model.report import Event, Report
from clusterctl.model.run import RunSummary

if TYPE_CHECKING:
    from clusterctl.cli.progress_lines import Listener
    from clusterctl.model.snapshot import Snapshot
    from clusterctl.operations.pipeline import Pipeline

Check = Callable[[Plan, "Snapshot"], None]
Closes = Literal["", "done", "aborted"]
_SECRET = frozenset({"--notify", "--notify-command"})
_VARIABLE = "--env"
_STOPPED = {
    "interrupted": EXIT_INTERRUPTED,
    "terminated": EXIT_INTERRUPTED + 13,
    "deadline": EXIT_FAILED,
}
"""The exit codes of runs that were stopped from outside, by `interrupt.REASONS`."""


Detailed = Annotated[
    bool,
    typer.Option("--detailed-exitcode", help="With --dry-run: exit 3 when something would change."),
]


def no_check(plan: Plan, snapshot: Snapshot) -> None:
    """Hold a run to nothing but what is approved."""


def begin_run(workspace: Workspace, verb: str, subject: str) -> RunSummary:
    """Return who does what, from now on: the id sorts by time and is unique."""
    now = datetime.now(UTC)
    identity = f"{now:%Y%m%d-%H%M%S}-{verb}-{secrets.token_hex(2)}"
    by = f"{workspace.login}@{socket.gethostname()}"
    command = shlex.join(["clusterctl", *without_secrets(sys.argv[1:])])
    return RunSummary(identity, verb, subject, command, by, int(now.timestamp()))


def without_secrets(words: Sequence[str]) -> list[str]:
    """Return a command line as it may be recorded: where news are sent to, and variables, may be secret (I9)."""
    shown: list[str] = []
    for word in words:
        option, equals, value = word.partition("=")
        if shown and shown[-1] in _SECRET:
            shown.append("***")
        elif equals and option in _SECRET:
            shown.append(f"{option}=***")
        elif shown and shown[-1] == _VARIABLE:
            shown.append(_without_value(word))
        else:
            shown.append(f"{option}={_without_value(value)}" if equals and option == _VARIABLE else word)
    return shown


def _without_value(assignment: str) -> str:
    """Return `NAME=***` for `NAME=VALUE`; a name alone stays."""
    name, equals, _ = assignment.partition("=")
    return f"{name}=***" if equals else name


def pipeline_for(
    workspace: Workspace,
    intent: Intent,
    summary: RunSummary,
    emit: Callable[[Event], None],
    interrupt: Interrupt | None = None,
    closes: Closes = "",
    check: Check = no_check,
) -> Pipeline:
    """Return the pipeline of an intent; its events go to `emit`. `closes` and `check`: see there."""
    from clusterctl.operations.patience import PatientFleet
    from clusterctl.operations.pipeline import Pipeline, Timekeeper

    interrupt = interrupt or Interrupt()
    return Pipeline(
        PatientFleet(workspace.fleet, interrupt.waiting),
        workspace.inventory,
        intent,
        summary,
        workspace.lock,
        workspace.journal,
        Timekeeper(time.time, interrupt.pause),
        emit,
        workspace.ignored,
        closes,
        check,
    )


def propose(
    workspace: Workspace,
    intent: Intent,
    summary: RunSummary,
    *,
    detailed: bool = False,
    closes: Closes = "",
    check: Check = no_check,
) -> int:
    """Show the plan and change nothing."""
    from clusterctl.operations.possible import demand_possible

    hear = _listener(workspace.settings)
    proposed = pipeline_for(workspace, intent, summary, hear, closes=closes, check=check).propose()
    if workspace.settings.output == "json":
        show_document("Plan", plan_document(proposed))
    else:
        print_plan(proposed)
    try:
        demand_possible(proposed)
    except ClusterctlError as error:  # the document has it already, as `blocked` and `unplaced`
        show_error(error)
        return error.exit_code
    return EXIT_PENDING if detailed and not proposed.is_empty else EXIT_DONE


def carry_out(
    workspace: Workspace,
    intent: Intent,
    summary: RunSummary,
    *,
    detailed: bool = False,
    closes: Closes = "",
    check: Check = no_check,
    ended: Callable[[Report], None] = lambda _: None,
) -> int:
    """Plan, ask, lock, do and report, to `ended` too; with --dry-run only the first of these."""
    settings = workspace.settings
    if settings.dry_run:
        return propose(workspace, intent, summary, detailed=detailed, closes=closes, check=check)
    interrupt = Interrupt()

    def approve(proposed: Plan) -> bool:
        if settings.lines:
            show_document("Plan", plan_document(proposed))
        elif settings.output != "json":
            print_plan(proposed)
        if not settings.yes and not settings.may_ask:
            raise InputError(
                f"{proposed.verb} {proposed.subject} changes hosts and there is nobody to ask",
                next_step="run it with --yes, or look first with --dry-run. Nothing was changed.",
            )
        approved = settings.yes or confirm(f"{proposed.verb} {proposed.subject}?")
        if approved:
            interrupt.arm()
        return approved

    hear = _listener(settings, interrupt.stopped)
    try:
        pipeline = pipeline_for(workspace, intent, summary, hear, interrupt, closes, check)
        report = pipeline.carry_out(approve, interrupt.stopped)
    finally:
        hear.close()
    if report is None:
        say("not approved; nothing was changed.")
        return EXIT_FAILED
    ended(report)
    if settings.quiet and settings.output != "json" and report.ok and report.plan.is_empty:
        return EXIT_DONE
    if settings.output == "json":
        times = hear.times
        show_document("Report", report_document(report, duration_s=times.total_s, hosts_s=times.hosts_s))
        say_failures(report)
    else:
        print_report(report, hear.times)
    return exit_code_of(report)


def exit_code_of(report: Report) -> int:
    """Return the exit code of a report (PROMISES, "Exit codes")."""
    if report.ok:
        return EXIT_DONE
    if report.stopped in _STOPPED:
        return _STOPPED[report.stopped]
    if any(result.unreachable and result.unreachable.is_identity for result in report.failed):
        return EXIT_IDENTITY
    if report.stopped.startswith(("limit:", "window ")):
        return EXIT_REFUSED
    return EXIT_LOCKED if report.failed and all(result.locked for result in report.failed) else EXIT_FAILED


def _listener(settings: Settings, stopping: Callable[[], str] = lambda: "") -> Listener:
    """Return who hears of events: a display on a terminal, else plain lines, JSON lines or nothing.

    `stopping` says why the run is about to stop, or "".

    CLUSTERCTL_FAILPOINT=N, for tests, kills this process (SIGKILL) just before batch N, counted from 1.
    """
    from clusterctl.cli.progress import display_for
    from clusterctl.cli.progress_lines import Listener

    wanted = os.environ.get("CLUSTERCTL_FAILPOINT", "")
    failpoint = int(wanted) if wanted.isdecimal() else 0
    return Listener(display_for(settings, time.time, stopping), time.time, failpoint)
