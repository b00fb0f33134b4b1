"""The two streams: results on stdout, talk on stderr.

Everything that is shown goes through here and is made safe for a terminal here (I10), whoever said it.
Nothing else in `cli` writes to a stream.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from clusterctl.cli.long_text import in_parts
from clusterctl.cli.table import GAP, lay_out
from clusterctl.errors import ClusterctlError, InputError
from clusterctl.remote.text import pieces, printable

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
NAMES: Mapping[str, str] = {
    "Hosts": "hosts.host",
    "Facts": "hosts.host",
    "Instances": "instances.name",
    "Status": "services.name",
    "Results": "results.host",
    "History": "runs.id",
    "Diffs": "diffs.instance",
    "Health": "hosts.host",
    "Audit": "losses.name",
    "Copied": "copied.host",
    "Explanation": "instances.instance",
    "Fence": "devices.host",
    "HostExplanation": "runs.instance",
    "HostKeys": "keys.host",
    "Inventory": "hosts.host",
    "Lock": "hosts.host",
    "Timers": "jobs.job",
    "Updates": "hosts.host",
}
"""Documents that `-o name` prints: the list, and the field that is one line for each of its items."""
FORMS = ("table", "wide", "json", "jsonl", "yaml", "name")
COLOURS = ("auto", "always", "never")
_SGR = {"bold": 1, "red": 31, "green": 32, "yellow": 33}
_form = {"form": "table", "colour": "auto"}


def choose_form(form: str, colour: str = "auto") -> None:
    """Choose how results are printed, one of FORMS and one of COLOURS; said once, when options are read."""
    _form.update(form=form, colour=colour)
    if colour == "never":
        os.environ["NO_COLOR"] = "1"  # for rich, which shows progress


def show_document(kind: str, body: Mapping[str, Any]) -> None:
    """Print one document on stdout as JSON or YAML, as a line for it or each of its items (`ITEMS`), or its names."""
    whole = {"apiVersion": API_VERSION, "kind": kind, **body}
    match _form["form"]:
        case "yaml":
            from clusterctl.cli.yaml_out import to_yaml

            _write(in_parts(whole, to_yaml, yaml=True))
        case "name":
            _show_names(kind, body)
        case "jsonl":
            for line in _lines(kind, body) if kind in ITEMS else [whole]:
                show_json_line(line)
        case _:
            _write(in_parts(whole, lambda body: json.dumps(body, indent=2) + "\n"))


def _write(parts: Iterable[str]) -> None:
    for part in parts:
        sys.stdout.write(part)


def _lines(kind: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, item_kind in ITEMS[kind].items():
        for item in body[name]:
            yield {"apiVersion": API_VERSION, "kind": item_kind, **item}


def _show_names(kind: str, body: Mapping[str, Any]) -> None:
    if kind not in NAMES:
        return  # an Error: its words are on stderr
    items, _, key = NAMES[kind].partition(".")
    names = [
        f"{item['project']}/{item['service']}" if kind == "Status" else str(item[key]) for item in body[items]
    ]
    for name in dict.fromkeys(names):
        print_line(name)


def show_json_line(body: Mapping[str, Any]) -> None:
    """Print one JSON value on one line of stdout."""
    _write(in_parts(body, lambda plain: json.dumps(plain) + "\n"))
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
    """Print one line on stderr; where nobody takes it any more, the work and its exit code go on all the same."""
    try:
        sys.stderr.write(f"{one_line(text)}\n")
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def say_dry_run(form: str, kind: str, text: str) -> None:
    """Say what would be done by a verb that has no plan; as a document of an `ITEMS` kind: nothing was."""
    if form == "json":
        show_document(kind, {name: [] for name in ITEMS[kind]})
    say(f"{text} (--dry-run)")


def one_line(text: str) -> str:
    """Return text as one line that a terminal only shows: control marks and line ends are escaped."""
    return printable(text).replace("\n", "\\n")


def print_stream(streams: Iterable[bytes], indent: str) -> None:
    """Print what a host sent, line by line, a piece at a time: however long a line is, it is never held as text."""
    begins = True
    for piece in (printable(piece) for stream in streams for piece in pieces(stream)):
        for part in piece.splitlines(keepends=True):
            sys.stdout.write(f"{indent if begins else ''}{part}")
            begins = part.endswith("\n")
    if not begins:
        sys.stdout.write("\n")


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, styles: Mapping[str, str] | None = None
) -> None:
    """Print a table on stdout: no frame, as wide as the terminal, or as needed where there is none.

    `styles` has the colour of a cell by its text.
    """
    safe = [[one_line(cell) for cell in row] for row in (columns, *rows)]
    for number, lines in enumerate(lay_out(safe, _width(), _ellipsis())):
        named = [(styles or {}).get(cell, "") if number else "bold" for cell in safe[number]]
        for line in lines:
            shown = [_styled(text, name) for text, name in zip(line, named, strict=True)]
            sys.stdout.write((" " * GAP).join(shown).rstrip() + "\n")


def _styled(text: str, name: str) -> str:
    bare = text.rstrip()
    if not name or not bare or not colour_wanted():
        return text
    return f"\033[{_SGR[name]}m{bare}\033[0m{text[len(bare) :]}"


def _width() -> int | None:
    """Return how many columns a table may take; None for as many as it needs: wide, or read by a program."""
    if _form["form"] == "wide":
        return None
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _ellipsis() -> str:
    try:
        "…".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "..."
    return "…"


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
    """Whether stdout may be coloured: --color, else NO_COLOR, FORCE_COLOR (no-color.org, force-color.org), TERM=dumb."""
    if _form["colour"] != "auto":
        return _form["colour"] == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
