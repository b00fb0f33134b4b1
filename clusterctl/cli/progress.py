"""How a run is shown on a terminal while it goes on: one line a host, an overall bar, what is waited for.

What is known is `board`; here it becomes lines as wide and as high as the terminal. rich is imported when
the first batch begins. Away from a terminal see `progress_lines`.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from clusterctl.cli.board import HERE, Board, HostLine, heard
from clusterctl.cli.console import one_line, say
from clusterctl.cli.globals import Settings
from clusterctl.cli.progress_lines import Display, JsonLines, PlainLines, Silence, batch_name
from clusterctl.model.report import Event

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.live import Live
    from rich.text import Text

REFRESH_HZ = 4
SPARE_LINES = 6
"""Lines of the terminal that are never used for hosts."""
_NAME_WIDTH, _PHASE_WIDTH, _BAR_WIDTH = 24, 20, 24
_STYLES = {"at work": "", "done": "green", "failed": "bold red"}


def display_for(
    settings: Settings, clock: Callable[[], float], stopping: Callable[[], str] = lambda: ""
) -> Display:
    """Return the display that fits the options and the terminal; `stopping` says why the run is about to stop."""
    if settings.lines:
        return JsonLines(clock)
    if settings.quiet:
        return Silence()
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return LiveProgress(clock, stopping=stopping)
    return PlainLines()


class LiveProgress:
    """A display that is redrawn in place on stderr, and leaves one line a batch behind."""

    def __init__(
        self,
        clock: Callable[[], float],
        console: Console | None = None,
        stopping: Callable[[], str] = lambda: "",
    ) -> None:
        self._clock, self._console, self._stopping = clock, console, stopping
        self._board = Board()
        self._live: Live | None = None
        self._heard = threading.Lock()

    def hear(self, event: Event) -> None:
        """Take an event; the display follows by itself."""
        with self._heard:
            before, self._board = self._board, heard(self._board, event, self._clock())
        if event.kind == "batch" and self._live is None:
            self._start()
        elif event.kind == "end":
            self.close()
        for line in self._kept(event, before):
            say(line)

    def close(self) -> None:
        """Give the terminal back as it was; may be called at any time, more than once."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _start(self) -> None:
        from rich.console import Console
        from rich.live import Live

        if self._console is None:
            self._console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
        self._live = Live(
            Screen(lambda: self._board, self._clock, self._stopping),
            console=self._console,
            refresh_per_second=REFRESH_HZ,
            transient=True,
            redirect_stdout=False,
            vertical_overflow="crop",
        )
        self._live.start()

    def _kept(self, event: Event, before: Board) -> Iterator[str]:
        """Yield the lines that stay on the terminal."""
        if event.kind == "host-end" and event.failed:
            yield f"    {event.host or HERE}: failed: {event.text}"
        elif event.kind == "batch-end" and event.batch:
            failed = any(result.status == "failed" for result in event.results)
            took = clock_text(self._clock() - before.batch_since_s)
            yield f"  {batch_name(event)}: {'failed after' if failed else 'done in'} {took}"
        elif event.kind == "note" or (event.kind == "look" and self._live is None):
            yield event.text


class Screen:
    """The board as rich renders it, cut to the terminal's width and height."""

    def __init__(
        self, board: Callable[[], Board], clock: Callable[[], float], stopping: Callable[[], str] = lambda: ""
    ) -> None:
        self._board, self._clock, self._stopping = board, clock, stopping

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines of the display."""
        board, now_s = self._board(), self._clock()
        plain = options.ascii_only
        for line in [
            *_host_lines(board, now_s, max(1, console.size.height - SPARE_LINES)),
            _bar_line(board, now_s, options.max_width, plain=plain),
            *_wait_line(board, now_s),
            *_stop_line(self._stopping()),
        ]:
            line.no_wrap = True
            line.truncate(options.max_width, overflow="crop" if plain else "ellipsis")
            yield line


def shown_hosts(board: Board, most: int) -> tuple[Sequence[HostLine], int]:
    """Return the hosts there is room for, those at work first, then those that failed; and how many are left out."""
    rank = {"at work": 0, "failed": 1, "done": 2}
    lines = sorted(board.hosts.values(), key=lambda line: rank[line.state])
    return lines[:most], max(0, len(lines) - most)


def clock_text(seconds: float) -> str:
    """Return seconds as m:ss, or h:mm:ss."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _host_lines(board: Board, now_s: float, most: int) -> Iterator[Text]:
    from rich.text import Text

    lines, left = shown_hosts(board, most)
    name_width = min(_NAME_WIDTH, max([len(_name(line)) for line in lines], default=0))
    phase_width = min(_PHASE_WIDTH, max([len(one_line(line.phase)) for line in lines], default=0))
    for line in lines:
        text = Text("  ")
        text.append(_cell(_name(line), name_width), style="bold" if line.state == "at work" else "")
        text.append("  " + _cell(one_line(line.phase), phase_width), style=_STYLES[line.state])
        text.append(f"  {clock_text(line.elapsed_s(now_s)):>5}  ", style="cyan")
        text.append(one_line(line.word), style="red" if line.state == "failed" else "dim")
        yield text
    if left:
        yield Text(f"  + {left} more", style="dim")


def _name(line: HostLine) -> str:
    return one_line(line.host) or HERE


def _cell(text: str, width: int) -> str:
    from rich.cells import set_cell_size

    return set_cell_size(text, width)


def _bar_line(board: Board, now_s: float, width: int, *, plain: bool) -> Text:
    from rich.text import Text

    counts = [f"batch {board.number}/{board.of}"]
    for noun, (done, of) in (("hosts", board.hosts_done), ("instances", board.instances_done)):
        if of:
            counts.append(f"{noun} {done}/{of}")
    words = "  ".join([*counts, clock_text(now_s - board.began_s)])
    room = max(0, min(_BAR_WIDTH, width - len(words) - 4))
    full = int(board.share * room)
    text = Text("  ")
    text.append(("#" if plain else "━") * full, style="green")
    text.append(("-" if plain else "─") * (room - full), style="dim")
    text.append(f"  {words}" if room else words)
    return text


def _wait_line(board: Board, now_s: float) -> Iterator[Text]:
    from rich.text import Text

    if board.waiting:
        left = f" ({clock_text(board.until_s - now_s)} left)" if board.until_s else ""
        reason = one_line(board.waiting).removeprefix("waiting ").removeprefix("for ")
        yield Text(f"  waiting: {reason}{left}", style="yellow")


def _stop_line(reason: str) -> Iterator[Text]:
    from rich.text import Text

    if reason:
        yield Text(f"  {reason}: stopping after this batch; Ctrl-C once more to stop at once", "yellow")
