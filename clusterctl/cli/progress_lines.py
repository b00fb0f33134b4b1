"""How a run is told while it goes on away from a terminal: plain lines on stderr, or JSON lines on stdout.

The display for terminals is `progress`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

from clusterctl.cli.board import HERE
from clusterctl.cli.console import say, show_document
from clusterctl.cli.documents import event_document
from clusterctl.cli.stopwatch import Stopwatch
from clusterctl.model.report import Event

MOST_NAMES = 8
"""More hosts than that are folded into ranges."""


class Display(Protocol):
    """Where events are shown."""

    def hear(self, event: Event) -> None:
        """Take an event."""
        ...

    def close(self) -> None:
        """Give the terminal back as it was; may be called more than once."""
        ...


class Listener:
    """Who hears of a run's events: a display, and a stopwatch for the summary.

    A terminal or a reader that went away does not stop the work: nothing more is shown then.
    With `failpoint` the process is killed (SIGKILL) just before the batch of that number, counted from 1.
    """

    def __init__(self, display: Display, clock: Callable[[], float], failpoint: int = 0) -> None:
        self._display, self._clock, self._failpoint = display, clock, failpoint
        self._batches = 0
        self.times = Stopwatch()

    def __call__(self, event: Event) -> None:
        """Hear an event."""
        self._batches += event.kind == "batch"
        if self._failpoint and event.kind == "batch" and self._batches == self._failpoint:
            os.kill(os.getpid(), signal.SIGKILL)
        self.times.hear(event, self._clock())
        try:
            self._display.hear(event)
        except OSError:
            self._display = Silence()

    def close(self) -> None:
        """Give the terminal back as it was."""
        with suppress(OSError):
            self._display.close()


class PlainLines:
    """A line on stderr for what is worth one."""

    def hear(self, event: Event) -> None:
        """Tell an event."""
        for line in plain_lines(event):
            say(line)

    def close(self) -> None:
        """Do nothing: every line is whole."""


class JsonLines:
    """Every event as one JSON line on stdout (`-o jsonl`)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def hear(self, event: Event) -> None:
        """Print an event."""
        show_document("Event", event_document(event, self._clock()))

    def close(self) -> None:
        """Do nothing: every line is whole."""


class Silence:
    """Nothing (`--quiet`): results and errors are told by others."""

    def hear(self, event: Event) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def plain_lines(event: Event) -> Iterator[str]:
    """Yield an event in lines for people: what begins, what a host says, what is waited for."""
    match event.kind:
        case "batch":
            yield f"  {batch_name(event)}"
        case "host-phase":
            yield f"    {event.host or HERE}: {event.text}"
        case "host-end":
            yield f"    {event.host or HERE}: {'failed: ' if event.failed else ''}{event.text}"
        case "wait":
            yield f"  {event.text}"
        case "look" | "note":
            yield event.text
        case _:
            return


def batch_name(event: Event) -> str:
    """Return a batch as `[3/12] replace 2 of 3: h1, h2`."""
    title = event.batch.title if event.batch else event.text
    hosts = event.hosts or (event.batch.hosts if event.batch else ())
    return f"[{event.number}/{event.of}] {title}" + (f": {hosts_text(hosts)}" if hosts else "")


def hosts_text(hosts: tuple[str, ...]) -> str:
    """Return names of hosts in words; many of them as ranges."""
    from clusterctl.parsing.selector import fold

    if len(hosts) <= MOST_NAMES:
        return ", ".join(host or HERE for host in hosts)
    return ", ".join([fold([host for host in hosts if host]), *([HERE] if "" in hosts else [])])
