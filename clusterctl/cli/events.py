"""The verb that tells what happened: events."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import print_line, say, show_document, show_table
from clusterctl.cli.documents import timestamp
from clusterctl.cli.maintenance import age_s
from clusterctl.cli.wiring import Workspace, state_root
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable

if TYPE_CHECKING:
    from clusterctl.planning.events import Happening
    from clusterctl.remote.ssh import Connection

DEADLINE_S = 60.0
CAP_BYTES = 8 * 1024 * 1024


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("events")(events)


def events(
    ctx: typer.Context,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="How far back: 30m, 24h, 7d.")
    ] = "24h",
) -> int:
    """Show what was changed, by whom, and what failed: from the journals of all hosts and this machine's audit."""
    from clusterctl.operations.audit import Audit
    from clusterctl.planning.events import parse_audit

    workspace = Workspace(ctx.obj, "events")
    since_s = int(time.time() - age_s("--since", since))
    answers = _ask(workspace, since_s)
    silent = {name: answer for name, answer in answers.items() if isinstance(answer, Unreachable)}
    journals = [answer for answer in answers.values() if isinstance(answer, CommandResult)]
    found = [one for journal in journals for one in _read(journal)]
    kept = Audit(state_root()).lines()
    found += parse_audit(kept, workspace.inventory.cluster, since_s, silent, found)
    _show(ctx.obj.output, sorted(found), since_s)
    for name, answer in silent.items():
        say(f"{name}: {answer.rung}: {answer.reason}; of it only what this machine has written down is shown")
    if any(answer.is_identity for answer in silent.values()):
        return EXIT_IDENTITY
    return EXIT_FAILED if silent or any(journal.exit_code for journal in journals) else EXIT_DONE


def _ask(workspace: Workspace, since_s: int) -> Mapping[str, CommandResult | Unreachable]:
    """Return what the journals of all hosts say of us since then (Unix seconds)."""
    from clusterctl.planning.events import journal_script
    from clusterctl.remote.ssh import root_shell

    def work(connection: Connection) -> CommandResult:
        shell = root_shell(connection.target.user)
        return connection.run(journal_script(since_s), shell, DEADLINE_S, CAP_BYTES)

    hosts = [host for host in workspace.hosts() if host.name not in workspace.ignored]
    return workspace.fleet.run(hosts, work, DEADLINE_S + 10)


def _read(journal: CommandResult) -> list[Happening]:
    """Return what a host's journal says; say where that is not all of it."""
    from clusterctl.planning.events import MOST_HAPPENINGS, parse_journal
    from clusterctl.remote.text import first_line

    lines = parse_journal(journal.host, journal.stdout)
    if journal.truncated or len(lines) == MOST_HAPPENINGS:
        say(f"{journal.host}: its journal is too long: only a part of it is shown; --since asks for less")
    elif journal.exit_code:
        say(f"{journal.host}: journalctl: {first_line(journal.stderr)}")
    return lines


def _show(form: str, found: Iterable[Happening], since_s: int) -> None:
    from clusterctl.remote.text import printable

    rows = [
        (timestamp(one.at_s) or "", one.host, one.who or "-", one.during or "-", printable(one.words))
        for one in found
    ]
    if form == "json":
        names = ("time", "host", "who", "during", "what")
        show_document("Events", {"events": [dict(zip(names, row, strict=True)) for row in rows]})
    elif rows:
        show_table(("TIME", "HOST", "WHO", "DURING", "WHAT"), rows)
    else:
        print_line(f"nothing since {timestamp(since_s)}")
