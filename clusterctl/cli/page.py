"""How the help of a verb looks: usage, sentence, arguments, options, examples. What is in it, the verbs say themselves.

Typer's own page shows Python's types (`<list[str]>`), required arguments in braces and half sentences of what is below.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from clusterctl.cli.console import say
from clusterctl.cli.usage import no_verb
from clusterctl.errors import EXIT_INPUT, InputError

MOST_EXAMPLES = 4
EVERYWHERE = "Options of every verb, such as --dry-run, --yes and -o json: clusterctl --help"


class Verb(TyperCommand):
    """A verb, with our help."""

    def collect_usage_pieces(self, _: Any) -> list[str]:
        """Return what follows the name in the usage line."""
        return usage_of(self)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options."""
        _write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples of the verb."""
        write_examples(ctx.command_path.partition(" ")[2], (), formatter)
        _write_everywhere(formatter)


class Group(TyperGroup):
    """Verbs below a noun, such as `lock status`, with our help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as usual; without a verb show the help, on stderr: nobody asked for it."""
        if not args and not ctx.resilient_parsing:
            raise unasked_help(ctx)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb that is typed; raises InputError with the nearest one where there is none."""
        find_verb(ctx, args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, _: Any, formatter: Any) -> None:
        """Write the verbs that are below, with the whole first half of their sentences."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, brief(sentence_of(one))) for name, one in self.commands.items()])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the first example of each verb that is below."""
        write_examples(ctx.command_path.partition(" ")[2], tuple(self.commands), formatter)
        _write_everywhere(formatter)


def usage_of(command: Any) -> list[str]:
    """Return what follows a verb's name: options, and arguments as they are typed."""
    return [command.options_metavar, *(name_of(one) for one in arguments_of(command))]


def arguments_of(command: Any) -> list[Any]:
    """Return the arguments of a verb, those that stand alone."""
    return [one for one in command.params if one.param_type_name == "argument"]


def name_of(argument: Any) -> str:
    """Return an argument as people type it: HOSTS, [HOST], [PLAYBOOK...]."""
    name = argument.metavar or argument.name.upper()
    if argument.nargs == -1 and "..." not in name and not name.startswith("["):
        name += "..."
    return name if argument.required or name.startswith("[") else f"[{name}]"


def sentence_of(command: Any) -> str:
    """Return the first sentence of a verb's help, on one line."""
    return " ".join((command.help or "").split("\n\n")[0].split())


def brief(sentence: str) -> str:
    """Return the first half of a sentence, for lists."""
    return sentence.partition(";")[0].rstrip(".") + "."


def unasked_help(ctx: Any) -> typer.Exit:
    """Say the help to somebody who has typed no verb, and return the end: it is wrong usage."""
    for line in ctx.get_help().splitlines():
        say(line)
    return typer.Exit(EXIT_INPUT)


def find_verb(ctx: Any, word: str) -> None:
    """Raise InputError where there is no verb of this name, with what may have been meant."""
    group = ctx.command
    if not ctx.resilient_parsing and group.get_command(ctx, word) is None:
        raise InputError(
            no_verb(ctx.command_path, word, group.commands), next_step=f"{ctx.command_path} --help"
        )


def help_asked(ctx: Any, words: Iterable[str]) -> str | None:
    """Return the help of the verb that words behind the root ask it of, or None.

    So it is shown before the values of any option are checked: the check alone takes longer to import than all the rest.
    """
    at, is_value = ctx, False
    for word in words:
        if word == "--":
            return None
        if is_value:
            is_value = False
        elif word in at.help_option_names and at is not ctx:
            return str(at.get_help())
        elif word.startswith("-"):
            is_value = _takes_value(at.command, word)
        elif hasattr(at.command, "get_command"):
            command = at.command.get_command(at, word)
            if command is None:
                return None
            at = typer.Context(command, info_name=word, parent=at)
    return None


def _takes_value(command: Any, option: str) -> bool:
    return any(option in one.opts and not getattr(one, "is_flag", False) for one in command.params)


def write_examples(verb: str, below: Sequence[str], formatter: Any) -> None:
    """Write the examples of a verb; of a group, the first one of each verb below it."""
    from clusterctl.cli.examples import EXAMPLES

    found = [EXAMPLES[f"{verb} {name}"][0] for name in below] or EXAMPLES[verb]
    with formatter.section("Examples"):
        for said, words in found[:MOST_EXAMPLES]:
            formatter.write(f"  # {said}\n  clusterctl {words}\n")


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    arguments = [(name_of(one).strip("[]"), one.help or "") for one in arguments_of(command)]
    options = [one for one in command.get_params(ctx) if one.param_type_name == "option"]
    records = [record for one in options if (record := one.get_help_record(ctx))]
    for heading, rows in (("Arguments", arguments), ("Options", records)):
        if rows:
            with formatter.section(heading):
                formatter.write_dl(rows)


def _write_everywhere(formatter: Any) -> None:
    formatter.write_paragraph()
    formatter.write_text(EVERYWHERE)
