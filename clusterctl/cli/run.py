"""The verb exec: a command on many hosts, its output folded."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import say, say_dry_run, show_document
from clusterctl.cli.documents import command_document, unreachable_document
from clusterctl.cli.folded import print_diff, print_folded
from clusterctl.cli.one_look import Selector
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, EXIT_IDENTITY, InputError
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable

if TYPE_CHECKING:
    from clusterctl.remote.ssh import Connection


MAX_TIMEOUT_S = 86_400


def register(app: typer.Typer) -> None:
    """Add the verbs of this file to the command line."""
    app.command("exec", context_settings={"ignore_unknown_options": True})(exec_)


def exec_(
    ctx: typer.Context,
    selector: Selector,
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND...", help="Words as they are, or one text for the shell."),
    ],
    sudo: Annotated[bool, typer.Option("--sudo", help="Run it as root.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="SECONDS", help="Seconds for each host; default: ssh.command_timeout."
        ),
    ] = None,
    diff: Annotated[
        bool,
        typer.Option(
            "--diff",
            help="Show other output as differences to what most hosts printed; more than 256 KiB is shown whole.",
        ),
    ] = False,
) -> int:
    """Run a command on hosts in parallel; the same output is shown once.

    With --dry-run it only says where, and contacts nobody.
    """
    workspace = Workspace(ctx.obj, "exec")
    limit_s = workspace.inventory.ssh.command_timeout_s if timeout is None else timeout
    if not 0 < limit_s <= MAX_TIMEOUT_S:
        raise InputError(f"--timeout: expected seconds above 0 and up to {MAX_TIMEOUT_S}, got {limit_s}")
    chosen = workspace.hosts(selector)
    text = command[0] if len(command) == 1 else shlex.join(command)
    if ctx.obj.dry_run:
        from clusterctl.parsing.selector import fold

        where = fold([host.name for host in chosen])
        say_dry_run(ctx.obj.output, "Results", f"would run on {where}: {text}")
        return EXIT_DONE
    answers = workspace.fleet.run(chosen, _command(text, limit_s, as_root=sudo), limit_s + 10)
    results = [answer for answer in answers.values() if isinstance(answer, CommandResult)]
    failed = [answer for answer in answers.values() if isinstance(answer, Unreachable)]
    if ctx.obj.output == "json":
        body = {
            "results": [command_document(result) for result in results],
            "unreachable": [unreachable_document(answer) for answer in failed],
        }
        show_document("Results", body)
    else:
        (print_diff if diff else print_folded)(results)
        for answer in failed:
            say(f"{answer.host}: {answer.rung}: {answer.reason}")
    if any(answer.is_identity for answer in failed):
        return EXIT_IDENTITY
    return EXIT_FAILED if failed or any(result.exit_code for result in results) else EXIT_DONE


def _command(text: str, deadline_s: float, *, as_root: bool) -> Callable[[Connection], CommandResult]:
    from clusterctl.remote.ssh import root_shell

    def work(connection: Connection) -> CommandResult:
        shell = root_shell(connection.target.user) if as_root else "/bin/sh -s"
        return connection.run(f"exec /bin/sh -c {shlex.quote(text)} </dev/null\n", shell, deadline_s)

    return work
