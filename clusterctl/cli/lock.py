"""The verbs of `clusterctl lock`: who holds the right to change the cluster, and taking it away by force."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clusterctl.cli.console import print_line, say, show_document, show_table
from clusterctl.cli.documents import timestamp, unreachable_document
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY, InputError
from clusterctl.model.snapshot import Unreachable

if TYPE_CHECKING:
    from clusterctl.operations.lock_admin import Freed
    from clusterctl.remote.lock_holder import Holder
    from clusterctl.remote.lock_look import HostLock

lock_app = typer.Typer(name="lock", help="Who holds the right to change the cluster.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.add_typer(lock_app, name="lock")


@lock_app.command()
def status(ctx: typer.Context) -> int:
    """Show who holds the lock, on each lock host; takes no lock itself."""
    from clusterctl.operations.lock_admin import lock_hosts_of, look_at_locks

    fleet = Workspace(ctx.obj, "lock status").fleet
    answers = look_at_locks(fleet, lock_hosts_of(fleet))
    failed = [answer for answer in answers.values() if isinstance(answer, Unreachable)]
    if ctx.obj.output == "json":
        seen = [answer for answer in answers.values() if not isinstance(answer, Unreachable)]
        show_document(
            "Lock",
            {
                "held": any(answer.holder for answer in seen),
                "hosts": [_document(answer) for answer in seen],
                "unreachable": [unreachable_document(answer) for answer in failed],
            },
        )
    else:
        columns = ("HOST", "HELD BY", "COMMAND", "RUN", "SINCE", "EPOCH")
        show_table(columns, [_row(name, answer) for name, answer in answers.items()])
        for answer in failed:
            say(f"{answer.host}: {answer.rung}: {answer.reason}; who holds the lock there is unknown")
    if any(answer.is_identity for answer in failed):
        return EXIT_IDENTITY
    return EXIT_FAILED if failed else EXIT_DONE


@lock_app.command()
def release(
    ctx: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Needed, together with --reason: take it from whoever holds it.")
    ] = False,
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="TEXT",
            help="Why; shown to everybody who looks, and kept in the hosts' journals.",
        ),
    ] = "",
) -> int:
    """End whoever holds the lock; whatever it does afterwards is refused by the hosts."""
    from clusterctl.operations.lock_admin import release_by_force

    if not force or not reason.strip():
        raise InputError(
            "the lock of a running operator is taken only with --force and --reason TEXT",
            next_step="look who it is: clusterctl lock status. It goes by itself within 30 s when its operator "
            "is gone. Nothing was changed.",
        )
    workspace = Workspace(ctx.obj, "lock release")
    if workspace.settings.dry_run:
        raise InputError(
            "lock release has no dry run", next_step="clusterctl lock status shows what it would end."
        )
    by = f"{workspace.login}@{socket.gethostname()}"
    freed = release_by_force(workspace.fleet, by, " ".join(reason.split()))
    _show_freed(freed, json=ctx.obj.output == "json")
    return (
        EXIT_FAILED if any(isinstance(answer, Unreachable) for answer in freed.hosts.values()) else EXIT_DONE
    )


def _show_freed(freed: Freed, *, json: bool) -> None:
    if json:
        seen = [answer for answer in freed.hosts.values() if not isinstance(answer, Unreachable)]
        failed = [answer for answer in freed.hosts.values() if isinstance(answer, Unreachable)]
        show_document(
            "LockReleased",
            {
                "epoch": freed.epoch,
                "hosts": [_document(answer) for answer in seen],
                "unreachable": [unreachable_document(answer) for answer in failed],
            },
        )
        return
    from clusterctl.operations.lock_words import told

    for name, answer in freed.hosts.items():
        if isinstance(answer, Unreachable):
            say(f"{name}: {answer.rung}: {answer.reason}; what is held there goes by itself within 30 s")
        else:
            print_line(f"{name}: {f'ended {told(answer.holder)}' if answer.holder else 'nobody held it'}")
    print_line(f"epoch {freed.epoch}: whoever has a lower one is refused from now on")


def _document(answer: HostLock) -> dict[str, Any]:
    """Return one lock host; what is unknown or absent is null."""
    holder: Holder | None = answer.holder
    return {
        "host": answer.host,
        "held": holder is not None,
        "by": holder.by if holder else None,
        "command": holder.command if holder else None,
        "run": holder.run if holder else None,
        "since": timestamp(holder.since_s) if holder else None,
        "age_s": holder.age_s if holder else None,
        "epoch": answer.epoch,
    }


def _row(name: str, answer: HostLock | Unreachable) -> tuple[str, ...]:
    from clusterctl.operations.lock_words import ago

    if isinstance(answer, Unreachable):
        return (name, f"unknown ({answer.rung})", "", "", "", "")
    holder = answer.holder
    if holder is None:
        return (name, "nobody", "", "", "", str(answer.epoch))
    return (name, holder.by, holder.command, holder.run, ago(holder.age_s), str(answer.epoch))
