"""The end of the whole verb, given by --deadline (I11): then it stops as by SIGTERM, and later at once.

A thread sends this process a signal of its own when the time is over, and once more GRACE_S later. What is under way
ends as after Ctrl-C (`interrupt`); before a plan is approved the verb ends at once: nothing was changed. A process that
takes no signals any more is ended LAST_S after that, with the same guarantees as `kill -9`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress

from clusterctl.errors import EXIT_FAILED, ClusterctlError

SIGNAL = signal.SIGUSR1
GRACE_S = 15.0
LAST_S = 10.0
_STUCK = b"error: the deadline has passed and nothing ended; hosts finish what they began\n"


class DeadlineOver(KeyboardInterrupt):
    """The time of the verb is over; what is under way ends now."""


class Deadline:
    """Watches over the time from `start` to `stop`, in seconds; only the main thread may have one."""

    def __init__(self, seconds: float, grace_s: float = GRACE_S, last_s: float = LAST_S) -> None:
        self._waits_s, self._last_s = (seconds, grace_s), last_s
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin: from now on DeadlineOver may be raised in the main thread."""
        signal.signal(SIGNAL, _end)
        threading.Thread(target=self._watch, daemon=True).start()

    def stop(self) -> None:
        """Forget it: what comes now is in time."""
        self._ended.set()
        signal.signal(SIGNAL, signal.SIG_IGN)

    def _watch(self) -> None:
        for seconds in self._waits_s:
            if self._ended.wait(seconds):
                return
            os.kill(os.getpid(), SIGNAL)
        if not self._ended.wait(self._last_s):
            with suppress(OSError, ValueError, AttributeError):
                os.write(sys.stderr.fileno(), _STUCK)
            os._exit(EXIT_FAILED)


def _end(_number: int, _frame: object) -> None:
    raise DeadlineOver


def over() -> ClusterctlError:
    """Return what a person is told of a verb that its deadline has ended."""
    return ClusterctlError(
        "the deadline has passed",
        next_step="run the same command again, or clusterctl resume where a run was begun: they go on from there. "
        "Hosts finish what they began.",
    )
