"""The steps of the inventory's own commands before a host goes out and after it is back (`policy.before`, `after`)."""

from __future__ import annotations

from collections.abc import Sequence

from clusterctl.model.inventory import Hook
from clusterctl.model.step import OPERATOR, RunCommand


def hook_steps(hooks: Sequence[Hook], hosts: Sequence[str]) -> list[RunCommand]:
    """Return the steps of all hooks, host by host."""
    return [
        RunCommand(host if hook.on == "host" else OPERATOR, hook.command, hook.timeout_s, "hook", about=host)
        for host in hosts
        for hook in hooks
    ]
