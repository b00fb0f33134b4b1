"""The two streams: results on stdout, talk on stderr.

Everything that is shown goes through here and is made safe for a terminal here (I10), whoever said it.
Nothing else in `cli` writes to a stream.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clusterctl.errors import ClusterctlError, InputError
from clusterctl.remote.text import printable

API_VERSION = "clusterctl/v1"
ITEMS: Mapping[str, Mapping[str, str]] = {
    "Hosts": {"hosts": "Host"},
    "Facts": {"hosts": "Host"},
    "Instances": {"instances": "Instance", "unreachable": "Unreachable"},
    "Status": {"hosts": "Host", "services": "Service", "drift": "Drift"},
    "Copied": {"copied": "HostCopied", "unreachable": "Unreachable"},
    "HostKeys": {"keys": "HostKey", "unreachable": "Unreachable"},
    "Results": {"results": "Result", "unreachable": "Unreachable"},
    "History": {"generations": "Generation", "runs": "Run"},
    "Updates": {"hosts": "HostUpdates"},
    "Diffs": {"diffs": "Diff"},
}
"""Documents that `-o jsonl` prints item by item: their lists, and the kind of an item. All others are one line."""
_WIDE = 10_000
_form = {"lines": False}


def print_documents_as_lines(*, wanted: bool) -> None:
    """Choose whether documents are printed as JSON lines (`-o jsonl`); said once, when options are read."""
    _form["lines"] = wanted


def show_document(kind: str, body: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout; with `-o jsonl` a line for it, or for each of its items (`ITEMS`)."""
    if not _form["lines"]:
        sys.stdout.write(json.dumps({"apiVersion": API_VERSION, "kind": kind, **body}, indent=2) + "\n")
        return
    if kind not in ITEMS:
        show_json_line({"apiVersion": API_VERSION, "kind": kind, **body})
        return
    for name, item_kind in ITEMS[kind].items():
        for item in body[name]:
            show_json_line({"apiVersion": API_VERSION, "kind": item_kind, **item})


def show_json_line(body: Mapping[str, Any]) -> None:
    """Print one JSON value on one line of stdout."""
    sys.stdout.write(json.dumps(body) + "\n")
    sys.stdout.flush()


def print_line(text: str = "", *, label: str = "", colour: int = 0) -> None:
    """Print one line on stdout, after a label that may have an ANSI colour (SGR number)."""
    shown = one_line(label)
    if colour and shown and colour_wanted():
        shown = f"\033[{colour}m{shown}\033[0m"
    sys.stdout.write(f"{shown} {one_line(text)}\n" if shown else f"{one_line(text)}\n")


def print_coloured(text: str, colour: int) -> None:
    """Print one line on stdout in an ANSI colour (SGR number, 0 for none), where colour is wanted."""
    shown = one_line(text)
    sys.stdout.write(f"\033[{colour}m{shown}\033[0m\n" if colour and colour_wanted() else f"{shown}\n")


def say(text: str) -> None:
    """Print one line on stderr."""
    sys.stderr.write(f"{one_line(text)}\n")
    sys.stderr.flush()


def one_line(text: str) -> str:
    """Return text as one line that a terminal only shows: control marks and line ends are escaped."""
    return printable(text).replace("\n", "\\n")


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, styles: Mapping[str, str] | None = None
) -> None:
    """Print a table on stdout: no frame, as wide as the terminal, or as needed where there is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell), style=(styles or {}).get(cell, "")) for cell in row))
    tty = sys.stdout.isatty()
    console = Console(
        file=sys.stdout,
        width=None if tty else _width_without_terminal(),
        highlight=False,
        markup=False,
        emoji=False,
    )
    if tty:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        print_line(line.rstrip())


def _width_without_terminal() -> int:
    wanted = os.environ.get("COLUMNS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else _WIDE


def show_error(error: ClusterctlError) -> None:
    """Print an error: what happened, the details, what to do next."""
    mistakes = error.mistakes if isinstance(error, InputError) else ()
    for mistake in mistakes:
        say(f"error: {mistake}")
    if not mistakes:
        say(f"error: {error.message}")
    for detail in error.details:
        say(f"  {detail}")
    if error.next_step:
        say(f"next: {error.next_step}")


def error_document(error: ClusterctlError) -> dict[str, Any]:
    """Return an error as plain values."""
    mistakes = error.mistakes if isinstance(error, InputError) else ()
    return {
        "message": error.message,
        "mistakes": [{"file": m.file, "line": m.line, "message": m.message} for m in mistakes],
        "details": list(error.details),
        "next": error.next_step,
        "exit_code": error.exit_code,
    }


def confirm(question: str) -> bool:
    """Ask on the terminal; anything but y or yes is no."""
    sys.stderr.write(f"{one_line(question)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def ask(question: str, default: str) -> str:
    """Ask on the terminal for a line; nothing but Enter means the default."""
    sys.stderr.write(f"{one_line(question)} [{one_line(default)}] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() or default


def colour_wanted() -> bool:
    """Whether stdout may be coloured (no-color.org, TERM=dumb)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
