"""Many hosts at once: one thread each, and every host's end a value; who opens connections is `dialer`.

What is done on a host is the caller's function. It gets an open connection, and has its own deadlines;
a host that overstays all of them is given up, and its thread (a daemon) left behind.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.ssh import Connection
from clusterctl.remote.target import Target

T = TypeVar("T")

WORKERS = 50
GIVE_UP_S = 5.0
LOOK_S = 0.25

_log = logging.getLogger(__name__)


class Lender(Protocol):
    """Who has connections: a Dialer, or a pool that keeps them open (`pool`)."""

    def borrow(self, target: Target, on_start: Callable[[], object]) -> AbstractContextManager[Connection]:
        """Give a connection for one piece of work; raises HostFailure. `on_start` as in `Dialer.dial`."""
        ...


def fan_out(
    targets: Sequence[Target],
    work: Callable[[Connection], T],
    dialer: Lender,
    *,
    workers: int = WORKERS,
    deadline_s: float = 60.0,
    on_done: Callable[[str, T | Unreachable], object] | None = None,
    on_look: Callable[[], object] = lambda: None,
) -> dict[str, T | Unreachable]:
    """Do `work` on every host and return host -> its result, in the order asked.

    A failure of any kind is that host's value. `deadline_s` is per host, from its start: what `work`
    promises to need, connecting included; after that and 5 s the host is given up. `on_done` is
    called in this thread, and so is `on_look`, a few times a second. KeyboardInterrupt breaks every connection and goes on up.
    """
    return _FanOut(targets, work, dialer, deadline_s, on_done, on_look).run(workers)


@dataclass(slots=True)
class _Job(Generic[T]):
    """One host under way. `started` is None while it waits for its turn."""

    target: Target
    started: float | None = None
    connection: Connection | None = None
    given_up: bool = False

    def begin(self) -> None:
        """Start the clock, unless nobody waits for this host any more."""
        if self.given_up:
            raise HostFailure(self.target.host, "connect", "given up")
        self.started = self.started or time.monotonic()

    def is_overdue(self, allowed_s: float) -> bool:
        """Whether it has taken longer than `allowed_s` since its start."""
        return self.started is not None and time.monotonic() - self.started > allowed_s


@dataclass
class _FanOut(Generic[T]):
    """The bookkeeping of one fan-out; all of it in the calling thread, except `_work_on`."""

    targets: Sequence[Target]
    work: Callable[[Connection], T]
    dialer: Lender
    deadline_s: float
    on_done: Callable[[str, T | Unreachable], object] | None
    on_look: Callable[[], object]
    results: dict[str, T | Unreachable] = field(default_factory=dict)
    running: dict[str, _Job[T]] = field(default_factory=dict)
    ended: queue.SimpleQueue[tuple[_Job[T], T | Unreachable]] = field(default_factory=queue.SimpleQueue)

    def run(self, workers: int) -> dict[str, T | Unreachable]:
        waiting = deque(self.targets)
        try:
            while waiting or self.running:
                while waiting and len(self.running) < workers:
                    self._start(waiting.popleft())
                self._collect()
        except BaseException:
            for job in self.running.values():
                _break(job)
            raise
        return {target.host: self.results[target.host] for target in self.targets}

    def _start(self, target: Target) -> None:
        job: _Job[T] = _Job(target)
        self.running[target.host] = job
        name = f"clusterctl-{target.host}"
        threading.Thread(target=self._work_on, args=(job,), name=name, daemon=True).start()

    def _work_on(self, job: _Job[T]) -> None:
        value: T | Unreachable
        try:
            with self.dialer.borrow(job.target, job.begin) as connection:
                job.connection = connection
                if job.given_up:
                    return
                value = self.work(connection)
        except HostFailure as failure:
            value = failure.unreachable
        except Exception as error:  # noqa: BLE001 - one host's failure must not stop the others
            _log.debug("%s: unexpected failure", job.target.host, exc_info=True)
            value = Unreachable(
                job.target.host, "exec", f"clusterctl failed: {type(error).__name__}: {error}"
            )
        self.ended.put((job, value))

    def _collect(self) -> None:
        """Wait for one host to end, and see who is overdue: also while others end one after the other."""
        try:
            job, value = self.ended.get(timeout=LOOK_S)
        except queue.Empty:
            self.on_look()
        else:
            self.on_look()
            self._finish(job, value)
        self._give_up_overdue()

    def _give_up_overdue(self) -> None:
        for job in list(self.running.values()):
            if not job.is_overdue(self.deadline_s + GIVE_UP_S):
                continue
            _break(job)
            reason = f"did not end within {self.deadline_s:g} s; given up, it may still be working"
            self._finish(job, Unreachable(job.target.host, "exec", reason))

    def _finish(self, job: _Job[T], value: T | Unreachable) -> None:
        if self.running.get(job.target.host) is not job:
            return  # came too late: it was given up, and the verdict stands
        del self.running[job.target.host]
        self.results[job.target.host] = value
        if self.on_done is not None:
            self.on_done(job.target.host, value)


def _break(job: _Job[T]) -> None:
    job.given_up = True
    if job.connection is not None:
        job.connection.abort()
