"""The steps `exec`, `copy` and `gate` of a playbook: an operator's own command or file, as steps of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from clusterctl.model.intent import PlaybookStep
from clusterctl.model.step import OPERATOR, CopyFile, RunCommand


def exec_steps(group: Sequence[str], step: PlaybookStep) -> list[RunCommand]:
    """Return the steps that run a command on each host of a group, or with the operator for each."""
    arguments = step.arguments
    with_operator = arguments.get("on") == "operator"
    return [
        RunCommand(
            OPERATOR if with_operator else host,
            arguments["command"],
            step.timeout_s,
            "step exec",
            about=host,
            creates=arguments.get("creates", ""),
            unless=arguments.get("unless", ""),
        )
        for host in group
    ]


def copy_steps(group: Sequence[str], step: PlaybookStep) -> list[CopyFile]:
    """Return the steps that have a file on each host of a group."""
    dest, mode = step.arguments["dest"], int(step.arguments.get("mode", "0644"), 8)
    owner = step.arguments.get("owner", "root:root")
    return [CopyFile(host, dest, step.content, mode, owner, "step copy") for host in group]


def gate_step(group: Sequence[str], step: PlaybookStep) -> RunCommand:
    """Return the step that asks the operator's command, once, whether a group may go on."""
    return RunCommand(OPERATOR, step.arguments["command"], step.timeout_s, "gate", about=" ".join(group))
