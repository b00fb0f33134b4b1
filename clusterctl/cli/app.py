"""The command line: global options, the verbs, and one place where errors become exit codes."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import typer

from clusterctl.cli.console import COLOURS, FORMS, choose_form
from clusterctl.cli.deadline import Deadline
from clusterctl.cli.ending import forget_stdout, tell
from clusterctl.cli.globals import (
    AskPass,
    AskSudoPass,
    BusyOk,
    Color,
    Debug,
    DryRun,
    EndWithin,
    IgnoreHost,
    Inventory,
    NoInput,
    Output,
    Quiet,
    Selector,
    Settings,
    SshOption,
    Verbose,
    Version,
    Workers,
    Yes,
    check_workers,
)
from clusterctl.cli.verbs import NAMED, Verbs
from clusterctl.errors import EXIT_FAILED, EXIT_INTERRUPTED, InputError

if TYPE_CHECKING:
    from clusterctl.operations.failures import Failures

app = typer.Typer(
    name="clusterctl",
    cls=Verbs,
    no_args_is_help=True,
    subcommand_metavar="VERB [ARGUMENTS]...",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Containers on a fleet of plain Linux hosts, over SSH, without daemons. "
    "Global options may stand anywhere on the line.",
    epilog="Exit codes: 0 done, 1 a step or host failed, 2 wrong input, 3 changes pending "
    "(--detailed-exitcode), 4 refused by a guard, 5 locked, 6 identity refused, 130/143 interrupted.",
)


@app.callback()
def globals_(  # noqa: PLR0913, PLR0917 - typer wants one parameter an option
    ctx: typer.Context,
    inventory: Inventory = "inventory.yaml",
    output: Output = "table",
    color: Color = "auto",
    selector: Selector = None,
    workers: Workers = 50,
    yes: Yes = False,
    dry_run: DryRun = False,
    no_input: NoInput = False,
    ignore_host: IgnoreHost = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    busy_ok: BusyOk = False,
    deadline: EndWithin = "",
    ssh_option: SshOption = None,
    ask_pass: AskPass = False,
    ask_sudo_pass: AskSudoPass = False,
    debug: Debug = False,
    _: Version = False,
) -> None:
    """Fill the settings that every verb reads."""
    choose_form(_one_of("--output", output, FORMS), _one_of("--color", color, COLOURS))
    if output == "name":
        _demand_names(ctx)
    if deadline:
        _end_within(ctx, deadline)
    ctx.obj = Settings(
        inventory=inventory,
        output="table" if output in {"table", "wide"} else "json",
        selector=selector,
        workers=check_workers(workers),
        yes=yes,
        dry_run=dry_run,
        no_input=no_input,
        ignore_hosts=tuple(ignore_host or ()),
        verbose=verbose,
        debug=debug,
        lines=output == "jsonl",
        quiet=quiet,
        wide=output == "wide",
        busy_ok=busy_ok,
        ask_pass=ask_pass,
        ask_sudo_pass=ask_sudo_pass,
        ssh_options=tuple(ssh_option or ()),
        failures=ctx.obj,
    )


def _demand_names(ctx: typer.Context) -> None:
    """Raise InputError for a verb that lists nothing with a name."""
    verb = ctx.invoked_subcommand or ""
    words = [*getattr(ctx, "_protected_args", ()), *ctx.args, *sys.argv]
    if verb not in NAMED or (NAMED[verb] and NAMED[verb] not in words):
        known = ", ".join(f"{name} {word}".strip() for name, word in sorted(NAMED.items()))
        raise InputError(
            f"--output: {verb} has no names to print", next_step=f"of {known} only. Nothing was contacted."
        )


def _one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise InputError(
            f"{option}: expected {', '.join(known[:-1])} or {known[-1]}, got {value!r}",
            next_step="clusterctl --help",
        )
    return value


def _end_within(ctx: typer.Context, text: str) -> None:
    """Have the verb end after so long; raises InputError."""
    from clusterctl.cli.maintenance import seconds

    watch = Deadline(seconds("--deadline", text, 1))
    watch.start()
    ctx.call_on_close(watch.stop)


def main() -> None:
    """Run the command line and exit with PROMISES' codes; no trace without --debug."""
    mute = _fill_closed_streams()
    code = _run()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        forget_stdout()
        code = 128 + signal.SIGPIPE
    except (ValueError, OSError):
        code = code or EXIT_FAILED
    if mute and not code:
        code = EXIT_FAILED
    # Threads of hosts that were given up must not keep the process (I11).
    sys.stderr.flush()
    os._exit(code)


def _fill_closed_streams() -> bool:
    """Open what the caller closed, so that no connection becomes stdout; return whether results have no reader."""
    closed = [sys.stdin is None, sys.stdout is None, sys.stderr is None]
    for fd, (missing, name) in enumerate(zip(closed, ("stdin", "stdout", "stderr"), strict=True)):
        if missing:
            os.dup2(os.open(os.devnull, os.O_RDWR), fd)
            setattr(sys, name, os.fdopen(fd, "r" if fd == 0 else "w", encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal that cannot show a character is no error
    return closed[1]


def _run() -> int:
    """Run the verb; where it did not end well, say last what to do about hosts that did not answer."""
    failures: Failures = {}
    code = _run_verb(failures)
    if failures and 0 < code < EXIT_INTERRUPTED:
        from clusterctl.cli.next_steps import say_next_steps

        say_next_steps(list(failures.values()))  # a list: a thread that was given up may still note one
    return code


def _run_verb(failures: Failures) -> int:
    try:
        if sys.argv[1:3] == ["completion", "words"]:
            return _complete(sys.argv[3:])
        result = app(standalone_mode=False, prog_name="clusterctl", obj=failures)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person gets a sentence, not a trace
        if "--debug" in sys.argv and not isinstance(error, typer.Exit):
            traceback.print_exc()
        return tell(error)
    except KeyboardInterrupt:
        return tell(typer.Abort())
    except SystemExit as ended:  # so typer answers a pipe that nobody reads
        return tell(ended.__context__ if isinstance(ended.__context__, OSError) else typer.Exit(1))
    return result if isinstance(result, int) else 0


def _complete(rest: list[str]) -> int:
    """Answer a shell's script; not as a verb, whose arguments take as long to check as all the rest."""
    from clusterctl.cli.completion_verb import print_words

    return print_words(rest[0] if rest else "")
