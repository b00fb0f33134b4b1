"""Waiting for hosts that an earlier try of this run may have left rebooting: a while, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from clusterctl.model.report import Event
from clusterctl.model.snapshot import Snapshot
from clusterctl.operations.fleet import Emit

COME_BACK_S = 180.0
RETRY_S = 2.0


@dataclass(frozen=True)
class ComeBack:
    """How to wait: `clock` is epoch seconds, `pause` ends early when the run is to stop, and `stopped` says why."""

    look: Callable[[], Snapshot]
    clock: Callable[[], float]
    pause: Callable[[float], None]
    stopped: Callable[[], str]
    emit: Emit

    def wait(self, hosts: Collection[str], first: Snapshot) -> Snapshot:
        """Return `first`, or a later look at which all of these hosts answer, or the last one."""
        found, end = first, self.clock() + COME_BACK_S
        while silent := [a.host for a in found.unreachable if a.host in hosts and not a.is_identity]:
            left_s = end - self.clock()
            if left_s <= 0 or self.stopped():
                break
            names = ", ".join(silent)
            self.emit(Event("wait", f"waiting for {names}: the run may have left it rebooting", until_s=end))
            self.pause(min(RETRY_S, left_s))
            found = self.look()
        return found
