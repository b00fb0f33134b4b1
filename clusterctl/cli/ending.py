"""How a verb ended, in words on stderr and as an exit code (PROMISES, "Exit codes"); no trace without --debug."""

from __future__ import annotations

import errno
import os
import signal

import typer

from clusterctl.cli.console import say, show_error
from clusterctl.cli.usage import next_step, wrong_usage
from clusterctl.errors import EXIT_FAILED, EXIT_INPUT, EXIT_INTERRUPTED, ClusterctlError


def tell(error: Exception) -> int:
    """Say on stderr what ended the verb, and return the exit code."""
    match error:
        case ClusterctlError():
            show_error(error)
            return error.exit_code
        case typer.Exit():
            return int(error.exit_code)
        case typer.Abort():
            say(
                "interrupted; hosts finish what they began. The same command, or clusterctl resume, goes on from there."
            )
            return EXIT_INTERRUPTED
        case OSError():
            return _tell_of_the_machine(error)
        case _ if hasattr(error, "format_message"):  # typer's own: an unknown verb, a missing argument
            say(f"error: {wrong_usage(error)}")
            say(f"next: {next_step(error)}")
            return EXIT_INPUT
        case _:
            return _tell_a_defect(error)


def _tell_of_the_machine(error: OSError) -> int:
    """Say what this machine refused: a pipe that nobody reads ends us without a word, a full disk is no defect."""
    if isinstance(error, BrokenPipeError):
        forget_stdout()
        return 128 + signal.SIGPIPE
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return _tell_a_defect(error)
    forget_stdout()
    say(
        f"error: {error.strerror}: the result, or what clusterctl keeps on this machine, is not written whole"
    )
    say("next: make room there. The same command, or clusterctl resume, goes on.")
    return EXIT_FAILED


def _tell_a_defect(error: Exception) -> int:
    say(f"error: this is a defect of clusterctl: {type(error).__name__}: {error}")
    say("next: run it again with --debug and report what it prints.")
    return EXIT_FAILED


def forget_stdout() -> None:
    """Nobody reads stdout any more: let nothing complain about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
