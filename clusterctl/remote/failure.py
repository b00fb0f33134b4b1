"""A host's failure on its way up through `remote`; it leaves the room as a value (`Unreachable`)."""

from __future__ import annotations

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Rung, Unreachable


class HostFailure(Exception):  # noqa: N818 - a word of ours: a failure is a value in waiting
    """One host failed. `transient`: turned away before a banner, so that trying again is polite.

    `partial` is what a command had answered when it was given up; `next_step` and `kind` as in `Unreachable`.
    """

    def __init__(
        self,
        host: str,
        rung: Rung,
        reason: str,
        *,
        transient: bool = False,
        partial: CommandResult | None = None,
        via: str = "",
        next_step: str = "",
        kind: str = "",
    ) -> None:
        super().__init__(f"{host}: {rung}: {reason}")
        self.unreachable = Unreachable(host, rung, reason, via, next_step, kind)
        self.transient = transient
        self.partial = partial
