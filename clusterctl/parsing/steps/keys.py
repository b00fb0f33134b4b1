"""The keys of a playbook's `steps:` part: those at the top, and each verb's arguments with how they are read.

Arguments end as text that means one thing: seconds as `30`, flags as `true` or `false`, modes as `0644`.
What is left out stays left out; its default is the planner's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from clusterctl.parsing.names import parse_container_user
from clusterctl.parsing.paths import parse_absolute_path, parse_path_beside
from clusterctl.parsing.scalars import (
    as_text,
    flag_of,
    one_of,
    parse_command,
    parse_duration,
    parse_some_duration,
    whole_number,
)
from clusterctl.parsing.words import Expected, Unfit, quoted
from clusterctl.parsing.yaml_core import Value

StepVerb = Literal[
    "cordon", "uncordon", "drain", "reboot", "update", "exec", "copy", "wait", "gate", "verify", "apply"
]

RUN_KEYS: dict[str, str] = {
    "steps": "run by `clusterctl run`, ignored by apply; see playbook-steps.md",
    "hosts": "of steps: a selector",
    "serial": "of steps: how many hosts at once",
    "max_fail": "of steps: how many hosts may fail",
    "on_failure": "of steps: stop or continue",
    "max_unavailable": "of steps: how many hosts may be out at once",
    "window": "of steps: when hosts may be taken out",
}
"""Keys at the top of a playbook that only steps use, and a word on each."""

STEP_KEYS = ("name", "timeout")
"""Keys that every step may have beside its verb."""

LONGEST_WAIT_S = 86_400

_MODE = re.compile(r"(?:0o?)?([0-7]{3,4})")
_OURS = ("/etc/clusterctl", "/var/lib/clusterctl", "/run/clusterctl", "/etc/systemd/system/clusterctl-")


def _seconds(parser: Callable[[str], float]) -> Callable[[Value], str]:
    """Return a parser that gives whole seconds as text."""

    def parse(value: Value) -> str:
        seconds = as_text(parser)(value)
        if seconds != int(seconds):
            raise Expected("a duration of whole seconds")
        return str(int(seconds))

    return parse


def _flag(value: Value) -> str:
    return "true" if flag_of(value) else "false"


def _parse_wait(text: str) -> float:
    seconds = parse_some_duration(text)
    if seconds > LONGEST_WAIT_S:
        raise Unfit(f"{text} is longer than a day")
    return seconds


def _wait_seconds(value: Value) -> str:
    return str(whole_number(1, LONGEST_WAIT_S)(value))


def _parse_dest(text: str) -> str:
    if text.endswith("/"):
        raise Expected("the absolute path of a file, with its name")
    path = parse_absolute_path(text)
    if path.startswith(_OURS):
        raise Unfit(f"{quoted(path)} belongs to clusterctl")
    return path


def _parse_mode(text: str) -> str:
    match = _MODE.fullmatch(text) if text.isascii() else None
    if not match:
        raise Expected("a file mode such as 0644")
    return match[1].rjust(4, "0")


@dataclass(frozen=True, slots=True)
class Verb:
    """What a verb takes: its arguments, the one that plain text stands for, and those it needs."""

    arguments: Mapping[str, Callable[[Value], str]] = field(default_factory=dict)
    short: str = ""
    needed: tuple[str, ...] = ()


_COMMAND = as_text(parse_command)

VERBS: dict[StepVerb, Verb] = {
    "cordon": Verb(),
    "uncordon": Verb(),
    "drain": Verb({"deadline": _seconds(parse_some_duration)}),
    "reboot": Verb({"if_needed": _flag, "soak": _seconds(parse_duration)}),
    "update": Verb({"security": _flag, "reboot": one_of("if-needed", "never", "always"), "retry_bad": _flag}),
    "exec": Verb(
        {
            "command": _COMMAND,
            "on": one_of("host", "operator"),
            "creates": as_text(parse_absolute_path),
            "unless": _COMMAND,
        },
        short="command",
        needed=("command",),
    ),
    "copy": Verb(
        {
            "src": as_text(parse_path_beside),
            "dest": as_text(_parse_dest),
            "mode": as_text(_parse_mode),
            "owner": as_text(parse_container_user),
        },
        needed=("src", "dest"),
    ),
    "wait": Verb({"for": _seconds(_parse_wait), "seconds": _wait_seconds}, short="for"),
    "gate": Verb({"command": _COMMAND}, short="command", needed=("command",)),
    "verify": Verb({"soak": _seconds(parse_duration)}),
    "apply": Verb({"playbook": as_text(parse_path_beside)}, short="playbook"),
}
"""Every verb that a step may be."""
