"""The options that every verb knows, wherever on the line they stand."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from clusterctl import __version__
from clusterctl.cli import deadline
from clusterctl.cli.console import error_document, print_line, say, show_document
from clusterctl.cli.page import find_verb, help_asked, unasked_help
from clusterctl.errors import EXIT_DONE, ClusterctlError, InputError, LockedError

if TYPE_CHECKING:
    from clusterctl.operations.failures import Failures

MAX_WORKERS = 1000


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback gets the flag so
    if wanted:
        typer.echo(f"clusterctl {__version__}")
        raise typer.Exit


Inventory = Annotated[
    str,
    typer.Option(
        "-i", "--inventory", metavar="FILE", envvar="CLUSTERCTL_INVENTORY", help="The inventory file."
    ),
]
Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="FORM",
        help="table, wide (more columns), json or yaml (one document), jsonl (a line for all that "
        "happens) or name (one name a line).",
    ),
]
Color = Annotated[
    str,
    typer.Option(
        "--color",
        metavar="WHEN",
        help="auto, always or never; auto colours on a terminal, and obeys NO_COLOR, FORCE_COLOR and TERM=dumb.",
    ),
]
Selector = Annotated[
    str | None,
    typer.Option(
        "-H",
        "--hosts",
        metavar="SELECTOR",
        help="Only these hosts, for verbs that look and for run: web[01-03], zone=a, @group. Default: all.",
    ),
]
Workers = Annotated[int, typer.Option("--workers", metavar="N", help="SSH connections at once, 1 to 1000.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Of verbs that change something: show the plan, change nothing.")
]
NoInput = Annotated[bool, typer.Option("--no-input", help="Never ask; so it is without a terminal.")]
IgnoreHost = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-host",
        metavar="HOST",
        help="Go on without this host; what it runs stays there; may be given again.",
    ),
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")]
Quiet = Annotated[
    bool,
    typer.Option(
        "-q",
        "--quiet",
        help="No progress: only the plan, the result and errors; nothing where nothing was to be done.",
    ),
]
BusyOk = Annotated[
    bool,
    typer.Option(
        "--busy-ok", help="Exit 0 instead of 5, and no error, when somebody else is at work: for cron."
    ),
]
EndWithin = Annotated[
    str,
    typer.Option(
        "--deadline",
        metavar="TIME",
        help="Stop in order after so long, 10m, and at once 15 s later. Before the verb, if that has its own.",
    ),
]
SshOption = Annotated[
    list[str] | None,
    typer.Option(
        "--ssh-option",
        metavar="KEY=VALUE",
        help="As in ssh_config(5), over the inventory: User=root; may be given again.",
    ),
]
AskPass = Annotated[bool, typer.Option("--ask-pass", help="Ask for the password of the login, once.")]
AskSudoPass = Annotated[
    bool, typer.Option("--ask-sudo-pass", help="Ask for the password that sudo wants, once.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show a trace when something breaks.")]
Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the global options said. With `lines`, `output` is json and every document is one or more lines.

    `failures`: the hosts that did not answer so far.
    """

    inventory: str = "inventory.yaml"
    output: str = "table"
    selector: str | None = None
    workers: int = 50
    yes: bool = False
    dry_run: bool = False
    no_input: bool = False
    ignore_hosts: tuple[str, ...] = ()
    verbose: bool = False
    debug: bool = False
    lines: bool = False
    quiet: bool = False
    wide: bool = False
    busy_ok: bool = False
    ask_pass: bool = False
    ask_sudo_pass: bool = False
    ssh_options: tuple[str, ...] = ()
    failures: Failures = field(default_factory=dict, compare=False)

    @property
    def may_ask(self) -> bool:
        """Whether there is a person to ask: both ends are a terminal and --no-input was not given."""
        return not self.no_input and _is_tty(sys.stdin) and _is_tty(sys.stderr)


def _is_tty(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def check_workers(value: int) -> int:
    """Return the number of workers; raises InputError outside 1 to MAX_WORKERS."""
    if not 1 <= value <= MAX_WORKERS or math.isnan(value):
        raise InputError(f"--workers: expected a whole number from 1 to {MAX_WORKERS}, got {value}")
    return value


class GlobalsAnywhere(TyperGroup):
    """A group whose own options may also stand after the verb, unless the verb has one of that name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Move our options before the verb, then parse as usual; nothing after `--` is touched.

        The help of a verb is shown at once; without any word our own is, on stderr: nobody asked for it.
        """
        if not args and not ctx.resilient_parsing:
            raise unasked_help(ctx)
        ours, others = self._hoist(ctx, list(args))
        page = None if ctx.resilient_parsing else help_asked(ctx, others)
        if page is not None:
            for line in page.splitlines():
                print_line(line)
            raise typer.Exit
        rest = super().parse_args(ctx, [*ours, *others])
        if not others and not ctx.resilient_parsing:
            raise InputError("a verb is missing", next_step="clusterctl --help")
        return rest

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb that is typed; raises InputError with the nearest one where there is none."""
        find_verb(ctx, args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; with `-o json` its error is a document on stdout as well as words on stderr.

        With --busy-ok, that somebody else is at work is no error: the next run from cron looks again.
        """
        try:
            return self._invoke(ctx)
        except ClusterctlError as error:
            if isinstance(error, LockedError) and getattr(ctx.obj, "busy_ok", False):
                if ctx.obj.verbose:
                    say(f"{error}; nothing was done (--busy-ok)")
                return EXIT_DONE
            _name_page(error, ctx)
            if getattr(ctx.obj, "output", "table") == "json":
                show_document("Error", error_document(error))
            raise
        except KeyboardInterrupt:  # typer would end it without a word
            raise typer.Abort from None

    def _invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except deadline.DeadlineOver:
            raise deadline.over() from None

    def _hoist(self, ctx: Any, args: list[str]) -> tuple[list[str], list[str]]:
        takes_value = {
            name: not getattr(param, "is_flag", False)
            for param in self.get_params(ctx)
            for name in (*param.opts, *param.secondary_opts)
            if param.param_type_name == "option" and name not in {"-h", "--help", "--version"}
        }
        front: list[str] = []
        rest: list[str] = []
        while args:
            word = args.pop(0)
            if word == "--":
                return front, [*rest, word, *args]
            name = word.partition("=")[0] if word.startswith("--") else word[:2]
            if word.startswith("-") and name in takes_value and name not in self._own_options(ctx, rest):
                front.append(word)
                if takes_value[name] and word == name:
                    front.append(_value_of(word, args))
            else:
                rest.append(word)
        return front, rest

    def _own_options(self, ctx: Any, words: list[str]) -> set[str]:
        """Return the options of the verb that the words so far name."""
        command: Any = self
        for word in words:
            found = command.get_command(ctx, word) if hasattr(command, "get_command") else None
            command = found or command
        if command is self:
            return set()
        return {name for param in command.get_params(ctx) for name in param.opts}


def _value_of(option: str, words: list[str]) -> str:
    """Take the value of an option from the words behind it; raises InputError where there is none."""
    if not words:
        raise InputError(f"{option}: its value is missing", next_step="clusterctl --help")
    return words.pop(0)


def _name_page(error: ClusterctlError, ctx: Any) -> None:
    """Have an error about an option lead to the help it is in: that of the verb, or, before there are settings, ours."""
    if isinstance(error, InputError) and error.message.startswith("--") and not error.next_step:
        verb = f" {ctx.invoked_subcommand}" if isinstance(ctx.obj, Settings) else ""
        error.next_step = f"{ctx.command_path}{verb} --help"
