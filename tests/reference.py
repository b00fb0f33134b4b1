"""The tables of docs/cli.md, made from the commands themselves: `python -m tests.reference` writes them anew.

What a command does not know of itself stands here: what it changes, the page that says more, and notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import typer

from clusterctl.cli.app import app
from clusterctl.cli.page import arguments_of, name_of
from clusterctl.cli.verbs import SECTIONS

PAGE = Path(__file__).parent.parent / "docs/cli.md"
NO, YES = "no", "yes"


class Row(NamedTuple):
    """What is said of a verb beside its own help."""

    changes: str
    more: str = ""
    note: str = ""


ROWS: Mapping[str, Row] = {
    "plan": Row(NO, "plans.md"),
    "diff": Row(NO, "plans.md"),
    "apply": Row(YES, "plans.md"),
    "delete": Row(YES),
    "rollback": Row(YES),
    "scale": Row(YES, note="The rest of the project stays as it was last applied."),
    "restart": Row(YES),
    "move": Row(YES),
    "cordon": Row(YES, "maintenance.md"),
    "uncordon": Row(YES, "maintenance.md"),
    "drain": Row(YES, "maintenance.md"),
    "reboot": Row(YES, "maintenance.md", "Each is drained, verified and brought back."),
    "update": Row(YES, "updates.md"),
    "fence status": Row(NO, "fencing.md"),
    "fence off": Row("their power", "fencing.md"),
    "fence on": Row("their power", "fencing.md"),
    "ssh": Row("what you do", "connections.md"),
    "cp": Row("files"),
    "exec": Row("what you run"),
    "run": Row(YES, "playbook-steps.md"),
    "init": Row(NO),
    "inventory show": Row(NO, "inventory.md#sources"),
    "inventory schema": Row(NO, "inventory.md#in-an-editor"),
    "playbook schema": Row(NO, "playbooks.md#in-an-editor"),
    "validate": Row(NO),
    "status": Row(NO, "plans.md"),
    "hosts": Row("no; with `trust` known_hosts here", "connections.md"),
    "facts": Row(NO),
    "ps": Row(NO),
    "logs": Row(NO, "networks-and-secrets.md#lines-of-a-container", "Whose lines are not there is noted."),
    "events": Row(NO, "runs.md"),
    "explain": Row(NO, "plans.md"),
    "doctor": Row(NO),
    "audit": Row(NO, "failover.md"),
    "health": Row(NO, "health.md"),
    "failover": Row(YES, "failover.md", "Made for cron."),
    "rebalance": Row(YES, "rebalance.md"),
    "timer install": Row("this machine", "cron.md"),
    "timer status": Row(NO, "cron.md"),
    "timer remove": Row("this machine", "cron.md"),
    "history": Row(NO, "runs.md"),
    "show": Row(NO, "runs.md"),
    "resume": Row(YES, "runs.md"),
    "abort": Row(YES, "runs.md"),
    "lock status": Row(NO, "lock.md"),
    "lock release": Row("the lock", "lock.md"),
    "completion": Row(NO, note="See below."),
    "lab up": Row("this machine", "lab.md"),
    "lab status": Row(NO, "lab.md"),
    "lab down": Row("this machine", "lab.md"),
    "lab fault": Row("this machine", "lab.md"),
    "lab image": Row("this machine", "lab.md"),
    "lab host-image": Row("this machine", "lab.md"),
    "lab engine": Row("this machine", "lab.md"),
}
"""Every verb -> what it changes, the page that says more, and what its help does not say."""
OPTION_NOTES: Mapping[str, str] = {
    "--output": "See [json.md](json.md).",
    "--hosts SELECTOR": "Refused by verbs that go by project or name their hosts.",
    "--quiet": "Of `health` only what is not well.",
    "--deadline TIME Stop": "Exit 1 then. `drain`, `reboot` and `update` have one of their own.",
    "--deadline TIME How long one host": "Another one than the global option.",
    "--ssh-option": "See [connections.md](connections.md).",
    "--file": "See [playbooks.md](playbooks.md).",
    "--overwrite": "See [plans.md](plans.md).",
    "--notify URL": "Needs `pip install 'clusterctl[notify]'`.",
    "--notify-command": "See [cron.md](cron.md).",
}
"""How an option begins, as `--name VALUE Help` -> what its help does not say."""


def reference(page: str) -> str:
    """Return a page with the text between the marks of each part made anew."""
    root: Any = typer.main.get_command(app)
    parts = {"verbs": verbs(root), "global options": global_options(root), "options": options(root)}
    for name, made in parts.items():
        pattern = re.compile(rf"(<!-- made by make docs: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page = pattern.sub(lambda found, made=made: f"{found[1]}\n{made}\n{found[2]}", page)  # type: ignore[misc]
    return page


def all_verbs(root: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield heading, verb and command, in the order of the help."""
    for heading, names in SECTIONS.items():
        for name in names:
            command = root.commands[name]
            for below, inner in getattr(command, "commands", {"": command}).items():
                yield heading, f"{name} {below}".strip(), inner


def verbs(root: Any) -> str:
    """Return a table of verbs for each heading of the help."""
    lines: list[str] = []
    for heading, verb, command in all_verbs(root):
        if f"### {heading}" not in lines:
            lines += ["", f"### {heading}", "", *_head("verb", "what it does", "changes hosts")]
        row = ROWS[verb]
        typed = " ".join([verb, *(name_of(one) for one in arguments_of(command))])
        said = " ".join([*(command.help or "").split(), *row.note.split()])
        more = f" ([{row.more.partition('#')[0]}]({row.more}))" if row.more else ""
        lines.append(_row(f"`{typed}`", said + more, row.changes))
    return "\n".join(lines[1:])


def global_options(root: Any) -> str:
    """Return the table of the options that every verb knows."""
    lines = _head("option", "default", "means")
    for one in root.params:
        default = _default(one)
        also = f" Also `{one.envvar}`." if one.envvar else ""
        lines.append(_row(_names(one), default, _means(one) + also))
    return "\n".join([*lines, _row("`-h`, `--help`", "", "Show the help, of the line or of a verb.")])


def options(root: Any) -> str:
    """Return the table of the other options: one row for all verbs that have the same one."""
    rows: dict[tuple[str, str], list[str]] = {}
    for _, verb, command in all_verbs(root):
        for one in command.params:
            if one.param_type_name == "option":
                default = f" Default: {_default(one)}." if _default(one) else ""
                rows.setdefault((_names(one), _means(one) + default), []).append(f"`{verb}`")
    lines = [_row(names, ", ".join(of), means) for (names, means), of in sorted(rows.items(), key=_by_name)]
    return "\n".join([*_head("option", "of", "means"), *lines])


def _by_name(row: tuple[tuple[str, str], list[str]]) -> str:
    return row[0][0].partition("`--")[2]


def _names(one: Any) -> str:
    value = "" if one.is_flag else f" {one.metavar}"
    names = [*one.opts, *one.secondary_opts]
    return ", ".join([*(f"`{name}`" for name in names[:-1]), f"`{names[-1]}{value}`"])


def _default(one: Any) -> str:
    return "" if one.is_flag or one.default in (None, "", []) else f"`{one.default}`"


def _means(one: Any) -> str:
    told = f"{one.opts[-1]} {one.metavar or ''} {one.help}"
    notes = [note for start, note in OPTION_NOTES.items() if told.startswith(f"{start} ")]
    return " ".join([one.help, *notes])


def _head(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", f"| {' | '.join('---' for _ in names)} |"]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(reference(PAGE.read_text("utf-8")), "utf-8")
