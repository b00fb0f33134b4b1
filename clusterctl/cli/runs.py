"""Verbs on runs: go on with one, take one back, and show what was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.carry import begin_run, carry_out
from clusterctl.cli.console import print_line, say, show_document, show_error
from clusterctl.cli.one_look import exit_code
from clusterctl.cli.run_view import (
    generation_document,
    print_generations,
    print_run,
    print_runs,
    run_document,
)
from clusterctl.cli.wiring import Workspace, state_root
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, InputError, JournalError, RemoteError
from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import LookRequest

if TYPE_CHECKING:
    from clusterctl.operations.resume import RunBook
    from clusterctl.planning.journal_lines import Entry

OptionalRun = Annotated[
    str, typer.Argument(help="The run, as history shows it. Default: the newest unfinished one.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.command("resume")(resume)
    app.command("abort")(abort)
    app.command("history")(history)
    app.command("show")(show)


def resume(ctx: typer.Context, run: OptionalRun = "") -> int:
    """Go on with a run that was killed, interrupted or stopped, from any machine."""
    from clusterctl.operations.resume import taken_over

    workspace = Workspace(ctx.obj, f"resume {run}".strip())
    record = _chosen(workspace, run, "resume")
    if record is None:
        return EXIT_DONE
    earlier = record.summary
    say(f"resuming run {earlier.id}: {earlier.verb} {earlier.subject}, begun by {earlier.by}")
    summary = taken_over(earlier, begin_run(workspace, earlier.verb, earlier.subject))
    return carry_out(workspace, record.intent, summary, closes="done")


def abort(ctx: typer.Context, run: OptionalRun = "") -> int:
    """Take back a run that is not to be finished: its project, or what it has marked on hosts."""
    from clusterctl.operations.resume import taken_over
    from clusterctl.planning.abort import abort_of

    workspace = Workspace(ctx.obj, f"abort {run}".strip())
    record = _chosen(workspace, run, "abort")
    if record is None:
        return EXIT_DONE
    earlier = record.summary
    say(f"aborting run {earlier.id}: {earlier.verb} {earlier.subject}, begun by {earlier.by}")
    hosts = tuple(host for host in workspace.inventory.hosts if host.name not in workspace.ignored)
    snapshot = workspace.fleet.look(hosts, LookRequest())
    intent = abort_of(record, snapshot, workspace.inventory.cluster)
    summary = taken_over(earlier, begin_run(workspace, earlier.verb, earlier.subject))
    return carry_out(workspace, intent, summary, closes="aborted")


def history(
    ctx: typer.Context,
    project: Annotated[str, typer.Argument(help="Only of this project. Default: all.")] = "",
) -> int:
    """Show the generations of projects that hosts keep, and the runs, newest first."""
    from clusterctl.cli.names import remember
    from clusterctl.planning.history import generations_of
    from clusterctl.planning.runs import left_unfinished, runs_of

    workspace = Workspace(ctx.obj, "history")
    hosts = tuple(host for host in workspace.inventory.hosts if host.name not in workspace.ignored)
    snapshot = workspace.fleet.look(hosts, LookRequest(history=True))
    generations = generations_of(snapshot, workspace.inventory.cluster, project)
    remember(workspace.settings.inventory, workspace.inventory, runs=[run.id for run in runs_of(snapshot)])
    runs = [summary for summary in runs_of(snapshot) if project in {"", summary.subject.partition("/")[0]}]
    if ctx.obj.output == "json":
        body = {
            "generations": [generation_document(kept) for kept in generations],
            "runs": [run_document(summary) for summary in runs],
        }
        show_document("History", body)
        return exit_code(snapshot)
    print_generations(generations)
    if generations and runs:
        print_line()
    print_runs(runs, left_unfinished(runs_of(snapshot)), wide=workspace.settings.wide)
    if not generations and not runs:
        print_line(f"no host remembers anything of {project}" if project else "no host remembers anything")
    for answer in snapshot.unreachable:
        say(f"{answer.host}: {answer.rung}: {answer.reason}; what it remembers is unknown")
    return exit_code(snapshot)


def show(
    ctx: typer.Context, run: Annotated[str, typer.Argument(help="The run, as history shows it.")]
) -> int:
    """Show one run: who did what, how far it came, and each result if it was done from this machine."""
    from clusterctl.operations.resume import is_run_id
    from clusterctl.planning.runs import left_unfinished

    workspace = Workspace(ctx.obj, f"show {run}")
    if not is_run_id(run):
        raise InputError(f"{run!r} is not the id of a run", next_step="clusterctl history lists them.")
    entries = _journal(workspace, run)
    code = EXIT_DONE
    try:
        runs = _book(workspace).runs()
    except RemoteError as error:
        if not entries:
            raise
        show_error(error)
        runs, code = (), EXIT_FAILED
    asked = next((summary for summary in runs if summary.id == run), None)
    found = asked or _from_journal(entries)
    if found is None:
        raise InputError(
            f"no run is called {run!r} on the lock hosts or on this machine",
            next_step="clusterctl history lists them.",
        )
    if ctx.obj.output == "json":
        show_document("Run", {"run": run_document(found), "journal": [dict(entry) for entry in entries]})
        return code
    print_run(found, entries, left_unfinished(runs) if asked else (found,))
    return code


def _book(workspace: Workspace) -> RunBook:
    from clusterctl.operations.resume import RunBook

    return RunBook(workspace.fleet, workspace.inventory, workspace.ignored)


def _chosen(workspace: Workspace, run: str, verb: str) -> RunRecord | None:
    """Return the record to go on with; None, and said why, where there is nothing to do."""
    found = _book(workspace).choose(run)
    if isinstance(found, RunRecord):
        return found
    text = f"nothing to {verb}: {found}"
    if workspace.settings.output == "json":
        show_document("Run", {"run": None, "journal": []})
        say(text)
    else:
        print_line(text)
    return None


def _journal(workspace: Workspace, run: str) -> tuple[Entry, ...]:
    """Return what this machine wrote of a run; one that cannot be believed is told of, and left out."""
    from clusterctl.operations.journal import read_journal

    try:
        return read_journal(state_root(), workspace.inventory.cluster, run)
    except JournalError as error:
        show_error(error)
        return ()


def _from_journal(entries: tuple[Entry, ...]) -> RunSummary | None:
    """Return the run as its journal here tells it, for when the hosts do not."""
    from clusterctl.planning.plain import NotPlainError, from_plain

    found: RunSummary | None = None
    try:
        for entry in entries:
            if entry["kind"] == "begin":
                found = from_plain(RunSummary, entry["run"])
            elif entry["kind"] == "end" and found:
                found = replace(
                    found,
                    state=entry["state"],
                    detail=entry["detail"],
                    batches_done=entry["batches_done"],
                )
    except (NotPlainError, KeyError):
        return None
    return found
