"""Opens connections to hosts, politely: few logins at once for one address, and again if turned away."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from clusterctl.remote.client import OpenWire, StrictClient
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.jump import Jumps
from clusterctl.remote.keys import Keys
from clusterctl.remote.ssh import Connection, connect
from clusterctl.remote.target import Target
from clusterctl.remote.trust import Offered, judge
from clusterctl.remote.wire import open_socket

T = TypeVar("T")

# sshd's MaxStartups is 10:30:100: from the tenth connection on that has not logged in yet, some are dropped.
START_LIMIT = 8
ALL_STARTS = 32
RETRIES = 6
BACK_OFF_S = 0.3


class _Gate:
    """Lets so many through at once; a server that turned somebody away gets fewer from then on."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._change = threading.Condition()

    def narrow(self) -> None:
        with self._change:
            self._limit = max(1, self._limit // 2)

    def __enter__(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._inside < self._limit)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._inside -= 1
            self._change.notify_all()


class Dialer:
    """Opens connections, politely: few logins at once for one address, and again if turned away."""

    def __init__(
        self,
        credentials: Keys,
        *,
        connect_timeout_s: float = 10.0,
        start_limit: int = START_LIMIT,
    ) -> None:
        self.credentials = credentials
        self.connect_timeout_s = connect_timeout_s
        self._all = threading.Semaphore(ALL_STARTS)
        self._gates: dict[str, _Gate] = defaultdict(lambda: _Gate(start_limit))
        self._lock = threading.Lock()
        self._jumps = Jumps(self._open)

    def close(self) -> None:
        """Close the connections to jump hosts."""
        self._jumps.close()

    def dial(self, target: Target, on_start: Callable[[], object] = lambda: None) -> Connection:
        """Return an open connection; raises HostFailure. Only a server that hangs up first is asked again.

        `on_start` is called before each attempt, once it is this host's turn.
        """
        return self._politely(target, on_start, lambda left_s: self._open(target, left_s))

    def peek(self, target: Target) -> Offered:
        """Return what a server offers as its key, without logging in to it; raises HostFailure."""
        credentials, way = self.credentials.of(target), self._way(target)
        found = self._politely(
            target, lambda: None, lambda left_s: StrictClient(target, credentials, left_s, way).peek()
        )
        return judge(found, credentials.known_hosts, target)

    @contextmanager
    def borrow(self, target: Target, on_start: Callable[[], object]) -> Iterator[Connection]:
        """Give a connection of one's own, closed afterwards."""
        with self.dial(target, on_start) as connection:
            yield connection

    def _politely(self, target: Target, on_start: Callable[[], object], attempt: Callable[[float], T]) -> T:
        """Return what an attempt gives (it is told how many seconds are left), made again where we were turned away."""
        spent_s, limit_s = 0.0, self._limit_s(target)
        for number in range(RETRIES + 1):
            with self._turn(target) as gate:
                on_start()
                began = time.monotonic()
                try:
                    return attempt(limit_s - spent_s)
                except HostFailure as failure:
                    pause_s = BACK_OFF_S * 2**number * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
                    spent_s += time.monotonic() - began + pause_s
                    if not failure.transient or number == RETRIES or spent_s >= limit_s:
                        raise
                    gate.narrow()
            time.sleep(pause_s)
        raise AssertionError("the loop returns or raises")

    def _limit_s(self, target: Target) -> float:
        return self.connect_timeout_s if target.ssh is None else target.ssh.connect_timeout_s

    def _open(self, target: Target, timeout_s: float) -> Connection:
        """Connect once, directly or through the jump host."""
        return connect(target, self.credentials.of(target), timeout_s, self._way(target))

    def _way(self, target: Target) -> OpenWire:
        return open_socket if target.via is None else self._jumps.open_wire

    @contextmanager
    def _turn(self, target: Target) -> Iterator[_Gate]:
        with self._lock:
            gate = self._gates[target.address]
        with gate, self._all:
            yield gate
