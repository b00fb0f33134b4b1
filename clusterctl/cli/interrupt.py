"""Ctrl-C and SIGTERM: the first one stops in order, within 15 s; the second at once (PROMISES, "Journal").

The end of --deadline does the same by a signal of its own (`deadline`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from clusterctl.cli.deadline import SIGNAL, DeadlineOver
from clusterctl.operations.patience import GivenUp

PATIENCE_S = 8.0
LAST_S = 2.0
"""After the first signal hosts are waited for this long, and a wait that begins later for LAST_S.

Together with the giving back of the lock (at most 5 s) that is less than the promised 15 s.
"""
REASONS: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", SIGNAL: "deadline"}
"""Why a run stops, by the first signal that came."""


class Interrupt:
    """What signals mean once a plan is approved. Before, Ctrl-C ends the verb at once: nothing was changed.

    The timer strikes only inside `waiting`, where nothing but an answer of hosts is lost by it.
    """

    def __init__(self, patience_s: float = PATIENCE_S, last_s: float = LAST_S) -> None:
        self._patience_s, self._last_s = patience_s, last_s
        self._reason = ""
        self._end_s = 0.0
        self._waiting = False
        self._woken = threading.Event()

    def arm(self) -> None:
        """From here on a signal waits for the batch under way; before, it ends the verb at once."""
        signal.signal(signal.SIGALRM, self._on_alarm)
        for number in REASONS:
            signal.signal(number, self._on_signal)

    def stopped(self) -> str:
        """Return why to stop before the next batch, or ""."""
        return self._reason

    def pause(self, seconds: float) -> None:
        """Wait so long, or until a signal came."""
        self._woken.wait(seconds)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a wait for hosts: it ends in GivenUp when the patience after a signal is over."""
        self._waiting = True
        try:
            if self._reason:
                self._set_timer()
            yield
        finally:
            self._waiting = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _set_timer(self) -> None:
        left_s = self._end_s - time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, max(left_s, self._last_s))

    def _on_alarm(self, _number: int, _frame: object) -> None:
        if self._waiting:
            raise GivenUp

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._reason:
            raise DeadlineOver if number == SIGNAL else KeyboardInterrupt
        self._reason = REASONS[number]
        self._end_s = time.monotonic() + self._patience_s
        self._woken.set()
        if self._waiting:
            self._set_timer()
        over = "the deadline has passed: " if number == SIGNAL else ""
        text = (
            f"{over}stopping after the batch under way, which is waited for "
            f"{self._patience_s:g} s at most; once more to stop at once (hosts finish what they began)\n"
        )
        with suppress(OSError, ValueError, AttributeError):
            # Not through the stream: this may come amid a write to it, which must not be entered twice.
            os.write(sys.stderr.fileno(), text.encode())
