"""The verb update: the operating system of hosts, one after the other; `--check` only looks."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import typer

from clusterctl.cli.carry import Detailed, begin_run, carry_out
from clusterctl.cli.console import say, show_document, show_table
from clusterctl.cli.maintenance import (
    Canary,
    Deadline,
    Hosts,
    MaxUnavailable,
    PerZone,
    Soak,
    Windows,
    chosen,
    rolling_of,
    seconds,
)
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY, InputError
from clusterctl.model.intent import UpdateIntent
from clusterctl.model.packages import PackageFacts
from clusterctl.model.snapshot import HostFacts, LookRequest, Snapshot

REBOOT = ("if-needed", "never", "always")
LONGEST_UNDO_S = 86_400
_MOST_PENDING = 5

Security = Annotated[bool, typer.Option("--security", help="Security updates only.")]
Reboot = Annotated[str, typer.Option("--reboot", metavar="WHEN", help="Reboot if-needed, never or always.")]
Check = Annotated[
    bool, typer.Option("--check", help="Show what is pending and how it can be undone; change nothing.")
]
RetryBad = Annotated[
    bool, typer.Option("--retry-bad", help="Offer versions again that were taken back before.")
]
DisableAutoReboot = Annotated[
    bool, typer.Option("--disable-auto-reboot", help="Turn off that hosts reboot by themselves.")
]
UndoAfter = Annotated[
    str,
    typer.Option(
        "--undo-after",
        metavar="TIME",
        help="A host undoes its update after so long, unless it is committed.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("update")(update)


def update(  # noqa: PLR0913, PLR0917 - typer wants one parameter an option
    ctx: typer.Context,
    hosts: Hosts,
    security: Security = False,
    reboot: Reboot = "if-needed",
    check: Check = False,
    retry_bad: RetryBad = False,
    disable_auto_reboot: DisableAutoReboot = False,
    undo_after: UndoAfter = "15m",
    max_unavailable: MaxUnavailable = "",
    per_zone: PerZone = False,
    window: Windows = None,
    soak: Soak = "10s",
    deadline: Deadline = "10m",
    canary: Canary = "",
    detailed_exitcode: Detailed = False,
) -> int:
    """Update the operating system of hosts; an update that breaks a host takes itself back."""
    workspace = Workspace(ctx.obj, f"update {hosts}")
    names = chosen(workspace, hosts)
    when, undo_after_s = _when(reboot), _undo_after_s(undo_after)
    if check:
        return _check(workspace, names)
    intent = UpdateIntent(
        names,
        rolling_of(workspace, max_unavailable, window, soak, deadline, canary, per_zone=per_zone),
        security=security,
        reboot=when,
        retry_bad=retry_bad,
        disable_auto_reboot=disable_auto_reboot,
        undo_after_s=undo_after_s,
    )
    summary = begin_run(workspace, "update", hosts)
    return carry_out(workspace, intent, summary, detailed=detailed_exitcode)


def _when(reboot: str) -> Literal["if-needed", "never", "always"]:
    if reboot not in REBOOT:
        raise InputError(f"--reboot: expected if-needed, never or always, got {reboot!r}")
    return cast("Literal['if-needed', 'never', 'always']", reboot)


def _undo_after_s(text: str) -> int:
    found_s = seconds("--undo-after", text, 1)
    if not 1 <= found_s <= LONGEST_UNDO_S:
        raise InputError(f"--undo-after: expected 1s to 24h, got {text!r}")
    return found_s


def _check(workspace: Workspace, names: tuple[str, ...]) -> int:
    wanted = tuple(workspace.inventory.host(name) for name in names if name not in workspace.ignored)
    snapshot = workspace.fleet.look(wanted, LookRequest(packages=True))
    if workspace.settings.output == "json":
        show_document("Updates", {"hosts": [_document(host.name, snapshot) for host in wanted]})
    else:
        columns = ("HOST", "SYSTEM", "GRADE", "TESTED", "PENDING", "SECURITY", "REBOOT", "NOTES")
        show_table(columns, [_row(facts) for facts in snapshot.seen])
        for answer in snapshot.unreachable:
            say(f"{answer.host}: {answer.rung}: {answer.reason}; what is pending there is unknown")
    if any(answer.is_identity for answer in snapshot.unreachable):
        return EXIT_IDENTITY
    unknown = any(facts.packages is None or facts.packages.error for facts in snapshot.seen)
    return EXIT_FAILED if snapshot.unreachable or unknown else EXIT_DONE


def _row(facts: HostFacts) -> tuple[str, ...]:
    found = facts.packages or PackageFacts(error="not looked at")
    tested = "on real hosts" if found.tested else "recorded output only"
    unknown = bool(found.error)
    return (
        facts.host,
        found.driver or "unknown",
        found.grade,
        tested if found.driver else "",
        "unknown" if unknown else str(len(found.pending)),
        "unknown" if unknown else str(sum(change.security for change in found.pending)),
        ", ".join(found.reboot_reasons) or "no",
        "; ".join(_notes(found)),
    )


def _notes(found: PackageFacts) -> list[str]:
    notes = [found.error] if found.error else []
    notes += [str(change) for change in found.pending[:_MOST_PENDING]]
    if len(found.pending) > _MOST_PENDING:
        notes.append(f"and {len(found.pending) - _MOST_PENDING} more")
    for words, names in (("held", found.held), ("half-installed", found.broken)):
        notes += [f"{words}: {', '.join(names)}"] if names else []
    if found.bad:
        notes.append(f"taken back before: {', '.join(' '.join(each) for each in found.bad)}")
    if found.auto_reboot:
        notes.append("reboots by itself")
    if found.armed_run:
        notes.append(f"run {found.armed_run} is not committed")
    if found.undone_run:
        notes.append(f"took run {found.undone_run} back by itself")
    return notes


def _document(name: str, snapshot: Snapshot) -> dict[str, object]:
    answer = snapshot.hosts[name]
    if not isinstance(answer, HostFacts):
        return {"host": name, "error": answer.reason}
    found = answer.packages or PackageFacts(error="not looked at")
    return {
        "host": name,
        "driver": found.driver,
        "grade": found.grade,
        "tested": found.tested,
        "pending": [
            {"name": each.name, "old": each.old, "new": each.new, "security": each.security}
            for each in found.pending
        ],
        "held": list(found.held),
        "broken": list(found.broken),
        "bad": [{"name": package, "version": version} for package, version in found.bad],
        "reboot": list(found.reboot_reasons),
        "auto_reboot": found.auto_reboot,
        "armed_run": found.armed_run,
        "undone_run": found.undone_run,
        "error": found.error,
    }
