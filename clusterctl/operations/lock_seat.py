"""One lock host of a right: its session, and another one when the host comes back.

Whether enough hosts hold the lock is `operations.lock`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.lock_holder import Busy


class Session(Protocol):
    """A lock held on one host; `remote.lock.LockSession` is the real one."""

    epoch: int

    @property
    def alive(self) -> bool:
        """Whether the far end may still be there."""
        ...

    def raise_epoch(self, epoch: int) -> str:
        """Return why the host does not take the number, or ""."""
        ...

    def prove(self, epoch: int) -> str:
        """Return why the host does not hold the lock for us, or ""."""
        ...

    def release(self) -> None:
        """Give it back and end."""
        ...

    def close(self) -> None:
        """End."""
        ...


Opened = Session | Busy | Unreachable


class Seat:
    """One lock host. One question at a time: whoever comes while one is open is told so."""

    def __init__(self, host: str, open_: Callable[[str], Opened], session: Session | None) -> None:
        self.host, self.session = host, session
        self._open = open_
        self._asking = threading.Lock()
        self._install = threading.Lock()
        self._left = False

    def number(self, epoch: int) -> str:
        """Let the host know the number of the run; return why it does not take it, or ""."""
        return self.session.raise_epoch(epoch) if self.session else "it does not hold the lock"

    def prove(self, epoch: int) -> str:
        """Return why the host does not hold the lock for the run of that number, or ""."""
        if not self._asking.acquire(blocking=False):
            return "it has not answered the last question yet"
        try:
            return self._prove(epoch)
        finally:
            self._asking.release()

    def leave(self) -> None:
        """Give the lock back, for good."""
        with self._install:
            self._left = True
            session, self.session = self.session, None
        if session is not None:
            session.release()

    def _prove(self, epoch: int) -> str:
        session = self.session
        if session is not None:
            why = session.prove(epoch)
            if not why or session.alive:
                return why
            session.close()
        return self._return(epoch)

    def _return(self, epoch: int) -> str:
        """Take the lock of a host that was lost or never ours, unless a newer run was there."""
        opened = self._open(self.host)
        if isinstance(opened, Unreachable):
            return f"{opened.rung}: {opened.reason}"
        if isinstance(opened, Busy):
            return f"held by {opened.holder.by}" if opened.holder else "held by somebody else"
        why = ""
        if opened.epoch > epoch:
            why = f"a newer run has begun (epoch {opened.epoch}, ours is {epoch})"
        elif opened.epoch < epoch:
            why = opened.raise_epoch(epoch)
        with self._install:
            why = why or ("the run is over" if self._left else "")
            self.session = self.session if why else opened
        if why:
            opened.close()
        return why
