"""The seam between orders and hosts: what the pipeline needs of a fleet.

`ssh_fleet` is the fleet behind SSH; `tests/fake_cluster.py` the other implementation: the same logic without hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from clusterctl.model.host import Host
from clusterctl.model.plan import Batch
from clusterctl.model.report import Event, StepResult
from clusterctl.model.snapshot import LookRequest, Snapshot

Emit = Callable[[Event], None]


class Fleet(Protocol):
    """Many hosts that can be looked at and worked on; a host's failure is a value in both."""

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Return what each host answered, by one command on each."""
        ...

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        """Do a batch, hosts in parallel, and return a result for every step in the batch's order.

        Every script carries `epoch`: a host that has seen a higher one refuses (I7). 0 claims nothing.
        `emit` is called in the caller's thread.
        """
        ...
