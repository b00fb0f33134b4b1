"""Manners of the verbs that cron runs: they wait a little, tell what is new, and say that somebody watches.

What is news is decided in `planning.notices`; how it is sent in `operations.notify`.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterctl.cli.console import say
from clusterctl.cli.fates import fates_of
from clusterctl.cli.input_files import read_file
from clusterctl.cli.summary import past
from clusterctl.cli.wiring import Workspace, state_root
from clusterctl.errors import EXIT_DONE, EXIT_FAILED, ClusterctlError, InputError, LockedError
from clusterctl.model.plan import Change
from clusterctl.model.report import Report

if TYPE_CHECKING:
    from clusterctl.model.health import FleetHealth
    from clusterctl.operations.notify import Channels
    from clusterctl.planning.notices import Condition

LONGEST_JITTER_S = 3600
Jitter = Annotated[
    str,
    typer.Option(
        "--jitter",
        metavar="TIME",
        help="First wait for a random time of up to so long; an hour at most.",
    ),
]
Heartbeat = Annotated[
    str,
    typer.Option(
        "--heartbeat", metavar="FILE", help="Write this file at the end: somebody watches, whatever was seen."
    ),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify",
        metavar="URL",
        envvar="CLUSTERCTL_NOTIFY",
        help="Tell news there, by apprise; @FILE has one URL a line; may be given again.",
    ),
]
NotifyCommand = Annotated[
    list[str] | None,
    typer.Option(
        "--notify-command", metavar="CMD", help="Tell news to this command, on its stdin; may be given again."
    ),
]


def rest(jitter: str) -> None:
    """Wait for a random time of up to `jitter`; raises InputError. Signals end it, and so does --deadline."""
    from clusterctl.cli.maintenance import seconds

    most_s = seconds("--jitter", jitter) if jitter else 0
    if most_s > LONGEST_JITTER_S:
        raise InputError(f"--jitter: {jitter} is longer than an hour")
    if most_s:
        time.sleep(random.uniform(0, most_s))  # noqa: S311 - no secret hangs on it


@dataclass
class Watch:
    """One run of a verb that cron runs: what it saw and did, to be told where that is news.

    `scope` is what it has looked at (`planning.notices`): only that can have come to its end.
    """

    workspace: Workspace
    verb: str
    channels: Channels
    heartbeat: str = ""
    looked: bool = False
    conditions: list[Condition] = field(default_factory=list)
    scope: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    def saw(self, found: FleetHealth) -> None:
        """Take the verdicts on all hosts."""
        from clusterctl.planning.notices import conditions_of, scope_of

        self.looked = found.reached > 0
        self.conditions += conditions_of(found)
        self.scope |= scope_of(found)

    def held(self, notes: tuple[str, ...]) -> None:
        """Take what could not be started elsewhere."""
        from clusterctl.planning.notices import HELD, held_conditions

        self.conditions += held_conditions(notes)
        self.scope.add(HELD)

    def did(self, report: Report) -> None:
        """Take how a run ended."""
        done = [change for change, fate in fates_of(report) if fate == "done"]
        self.done += [
            f"{change.instance} {past(change.kind)}, {change.host}: {change.reason}"
            if isinstance(change, Change)
            else f"{change.host} {past(change.kind)}: {change.reason}"
            for change in done
        ]
        if not report.ok:
            self._trouble("stopped", f"{report.plan.verb} {report.plan.subject} stopped: {report.stopped}")

    def around(self, work: Callable[[], int]) -> int:
        """Do the work, tell what is new, and leave the sign that somebody watches; return the exit code."""
        if self.workspace.settings.dry_run:
            return work()
        try:
            code = work()
        except InputError:
            raise
        except ClusterctlError as error:
            locked = isinstance(error, LockedError)
            if not locked:
                self._trouble(f"exit {error.exit_code}", f"{self.verb}: {error.message}")
            # First of all: a notification may take its time.
            self._beat(EXIT_DONE if locked and self.workspace.settings.busy_ok else error.exit_code)
            self._tell(ended=not locked)
            raise
        code = self._beat(code)
        self._tell(ended=True)
        return code

    def _trouble(self, state: str, words: str) -> None:
        from clusterctl.planning.notices import FLEET, RUN, Condition

        if not any(each.subject == FLEET and each.state for each in self.conditions):
            self.conditions.append(Condition(f"{RUN}{self.verb}", state, words))

    def _tell(self, *, ended: bool) -> None:
        """Tell what is new; what cannot be told is said here, and stops nothing."""
        from clusterctl.operations.notify import Notices
        from clusterctl.planning.notices import RUN

        if not self.channels:
            return
        scope = {*self.scope, *([f"{RUN}{self.verb}"] if ended else [])}
        now = datetime.fromtimestamp(time.time(), UTC)
        notices = Notices(state_root(), self.workspace.inventory.cluster)
        foot = f"clusterctl {self.verb} on {socket.gethostname()}, {now:%Y-%m-%dT%H:%M:%SZ}"
        try:
            said = notices.tell(
                (self.conditions, scope, self.done), foot, int(now.timestamp()), self.channels
            )
        except ClusterctlError as error:
            said = (error.message,)
        for words in said:
            say(f"not told: {words}")

    def _beat(self, code: int) -> int:
        """Write the heartbeat, if anything could be looked at; return the exit code, 1 where that failed."""
        from clusterctl.operations.heartbeat import beat

        if not self.heartbeat or not self.looked:
            return code
        try:
            beat(Path(self.heartbeat), self.verb, code, time.time())
        except ClusterctlError as error:
            say(f"error: {error.message}")
            return code or EXIT_FAILED
        return code


def watch(
    workspace: Workspace, verb: str, notify: list[str] | None, command: list[str] | None, heartbeat: str = ""
) -> Watch:
    """Return the watch of a verb; raises InputError for what could never be told."""
    from clusterctl.operations.notify import channels

    return Watch(workspace, verb, channels(read_urls(notify), command or ()), heartbeat)


def read_urls(notify: list[str] | None) -> list[str]:
    """Return URLs as they are given, and those in files (@FILE); raises InputError."""
    urls: list[str] = []
    for word in filter(None, notify or ()):
        lines = read_file(word[1:], "file of --notify").decode("utf-8", "replace") if word[0] == "@" else word
        urls += [line.strip() for line in lines.splitlines() if line.strip() and not line.startswith("#")]
    return urls
