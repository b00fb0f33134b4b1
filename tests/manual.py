"""The manual page, made from the commands themselves: `python -m tests.manual` writes man/clusterctl.1 anew."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from clusterctl.cli.app import app
from clusterctl.cli.examples import EXAMPLES
from clusterctl.cli.page import arguments_of, name_of
from clusterctl.cli.verbs import SECTIONS

PAGE = Path(__file__).parent.parent / "man/clusterctl.1"
ENDS = (
    ("0", "done, or nothing to do"),
    ("1", "a step or host failed"),
    ("2", "wrong usage or input; nothing was contacted"),
    ("3", "changes pending, with --detailed-exitcode"),
    ("4", "refused by a guard: quorum, limit, window, no placement"),
    ("5", "locked by somebody else"),
    ("6", "identity or authentication refused"),
    ("130, 143", "interrupted"),
)
VARIABLES = (
    ("CLUSTERCTL_INVENTORY", "the inventory file, where -i does not say it"),
    ("CLUSTERCTL_STATE", "the folder of what is kept on this machine; default $XDG_STATE_HOME/clusterctl"),
    ("XDG_CACHE_HOME", "names for completion are kept below; default ~/.cache"),
    ("NO_COLOR, FORCE_COLOR, TERM, COLUMNS", "colour and width of tables"),
)


def manual() -> str:
    """Return the page in man(7)."""
    root: Any = typer.main.get_command(app)
    lines = [
        '.TH CLUSTERCTL 1 "" clusterctl "User Commands"',
        ".SH NAME",
        r"clusterctl \- containers on plain Linux hosts, over SSH, without daemons",
        ".SH SYNOPSIS",
        ".B clusterctl",
        r"[\fIoptions\fR] \fIverb\fR [\fIarguments\fR]",
        ".SH DESCRIPTION",
        *_words(root.help),
        ".SH OPTIONS",
        *_options(root),
        ".SH VERBS",
    ]
    for heading, verbs in SECTIONS.items():
        lines.append(f'.SS "{heading}"')
        for name in verbs:
            lines += _verb(name, root.commands[name])
    lines += [".SH EXAMPLES", *_examples("")]
    lines += [".SH EXIT STATUS", *_list(ENDS), ".SH ENVIRONMENT", *_list(VARIABLES)]
    return "\n".join(lines) + "\n"


def _verb(name: str, command: Any) -> Iterator[str]:
    arguments = " ".join(name_of(argument) for argument in arguments_of(command))
    yield ".TP"
    yield rf"\fB{_safe(name)}\fR {_safe(arguments)}".rstrip()
    yield from _words(command.help)
    yield ".RS"
    yield from _options(command)
    if name in EXAMPLES:
        yield from (".PP", *_examples(name))
    yield ".RE"
    for below, inner in getattr(command, "commands", {}).items():
        yield from _verb(f"{name} {below}", inner)


def _examples(verb: str) -> Iterator[str]:
    yield ".nf"
    for said, words in EXAMPLES[verb]:
        yield from (_safe(f"# {said}"), _safe(f"clusterctl {words}"))
    yield ".fi"


def _options(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.hidden:
            names = ", ".join(
                rf"\fB{_safe(name)}\fR" for name in (*parameter.opts, *parameter.secondary_opts)
            )
            value = "" if parameter.is_flag else rf" \fI{_safe(parameter.metavar)}\fR"
            yield ".TP"
            yield names + value
            yield from _words(parameter.help or "")


def _list(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, said in rows:
        yield from (".TP", rf"\fB{_safe(name)}\fR", _safe(said))


def _words(text: str | None) -> Iterator[str]:
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ".sp"
        for line in textwrap.wrap(" ".join(paragraph.split()), 70, break_on_hyphens=False):
            yield _safe(line)


def _safe(text: str) -> str:
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti").replace("^", r"\(ha")
    return rf"\&{escaped}" if escaped[:1] in {".", "'"} else escaped


if __name__ == "__main__":
    PAGE.write_text(manual(), "utf-8")
