"""The verb completion: the script by which a shell asks for words."""

from __future__ import annotations

import os
from importlib.resources import files
from typing import Annotated

import typer

from clusterctl.cli.completing import SHELLS, complete
from clusterctl.cli.console import print_line
from clusterctl.errors import EXIT_DONE, InputError

Shell = Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="Your shell.")]


def register(app: typer.Typer) -> None:
    """Add the verb of this file to the command line."""
    app.command("completion")(completion)


def completion(shell: Shell) -> int:
    """Print the script that completes verbs, options, hosts and services in your shell."""
    if shell not in SHELLS:
        raise InputError(
            f"completion: expected bash, zsh or fish, got {shell!r}", next_step="clusterctl completion --help"
        )
    script = files("clusterctl.cli").joinpath("completion", f"clusterctl.{shell}").read_text("utf-8")
    for line in script.splitlines():
        print_line(line)
    return EXIT_DONE


def print_words(line: str) -> int:
    """Print what could be the last word of a line, each with a tab and what it is; how the scripts ask."""
    for word, said in complete(line, os.environ.get("CLUSTERCTL_INVENTORY") or "inventory.yaml"):
        print_line(f"{word}\t{said}" if said else word)
    return EXIT_DONE
