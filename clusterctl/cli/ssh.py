"""The verb ssh: a shell on one host, by the user's own ssh with our options."""

from __future__ import annotations

import os
import shlex
from typing import Annotated

import typer

from clusterctl.cli.console import print_line
from clusterctl.cli.wiring import Workspace
from clusterctl.errors import EXIT_DONE, InputError


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("ssh", context_settings={"ignore_unknown_options": True})(ssh)


def ssh(
    ctx: typer.Context,
    host: Annotated[str, typer.Argument(help="One host of the inventory.")],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND...", help="Words as they are, or one text for the shell."),
    ] = None,
    show: Annotated[bool, typer.Option("--print", help="Show the command of ssh, run nothing.")] = False,
) -> int:
    """Log in to a host with your own ssh: the user, keys, known hosts and jump hosts of the inventory."""
    from clusterctl.remote.openssh import ssh_argv

    workspace = Workspace(ctx.obj, "ssh")
    chosen = workspace.hosts(host)
    if len(chosen) != 1:
        raise InputError(
            f"ssh: expected one host, {host} means {len(chosen)}",
            next_step="clusterctl exec runs on many. Nothing was contacted.",
        )
    words = command or []
    argv = ssh_argv(workspace.target(chosen[0]), words if len(words) < 2 else [shlex.join(words)])
    if show or ctx.obj.dry_run:
        print_line(shlex.join(argv))
        return EXIT_DONE
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - the user's own ssh, by PATH as they would type it
    except OSError as error:
        raise InputError(
            f"ssh cannot be run here: {error.strerror}", next_step="apt-get install openssh-client"
        ) from None
