"""Connections kept open between the looks and batches of one run, so that a host costs one login.

A connection that was idle proves itself before any command is asked of it, by opening a channel; if it does
not, the host is dialled once more. So no script is ever sent twice. Who decides what is done is the caller.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clusterctl.remote.dialer import Dialer
from clusterctl.remote.ssh import Connection
from clusterctl.remote.target import Target

# Each open connection is a thread and a file; hosts beyond these are dialled anew each time.
KEPT = 200
ROUSE_S = 5.0


class Pool:
    """At most one idle connection per host."""

    def __init__(self, dialer: Dialer) -> None:
        self.dialer = dialer
        self._idle: dict[Target, Connection] = {}
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def borrow(self, target: Target, on_start: Callable[[], object] = lambda: None) -> Iterator[Connection]:
        """Give a connection, and keep it afterwards if the work ended well and it is still open."""
        connection = self._roused(target, on_start) or self.dialer.dial(target, on_start)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self.keep(connection)

    def keep(self, connection: Connection) -> None:
        """Take an idle connection over; it is closed where there is one already, or no room."""
        with self._lock:
            kept = (
                connection.is_open
                and not self._closed
                and len(self._idle) < KEPT
                and self._idle.setdefault(connection.target, connection) is connection
            )
        if not kept:
            connection.close()

    def close(self) -> None:
        """Close all that is idle, and keep nothing from now on."""
        with self._lock:
            self._closed = True
            idle, self._idle = list(self._idle.values()), {}
        for connection in idle:
            connection.close()

    def _roused(self, target: Target, on_start: Callable[[], object]) -> Connection | None:
        with self._lock:
            connection = self._idle.pop(target, None)
        if connection is None:
            return None
        on_start()
        if connection.is_open and connection.rouse(ROUSE_S):
            return connection
        connection.close()
        return None
