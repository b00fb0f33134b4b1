"""Fence devices: what can make certain that a host runs nothing, and what such a device said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["off", "on", "status"]
Power = Literal["on", "off", "unknown"]
_STATUS = re.compile(r"\bSTATUS:\s*(ON|OFF)\b")


@dataclass(frozen=True, slots=True)
class FenceDevice:
    """A device that cuts the power of one host, by an agent of the fence-agents project.

    `parameters` are the agent's own (`ip`, `plug`, ...); `secrets` are those whose value stands in a file, by path.
    `run_on`: the host that runs the agent, where only that one reaches the device; "" is the operator's machine.
    """

    agent: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0
    run_on: str = ""


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """How an agent ended: its exit code, None where it was too late or could not be run, and its words."""

    agent: str
    action: Action
    code: int | None
    words: str

    @property
    def power(self) -> Power:
        """What a `status` says: off only where it is printed and the exit code is 2, which also means bad arguments."""
        said = set(_STATUS.findall(self.words.upper()))
        if self.code == 0 and said == {"ON"}:
            return "on"
        return "off" if self.code == 2 and said == {"OFF"} else "unknown"


@dataclass(frozen=True, slots=True)
class Fenced:
    """What came of fencing a host: `certain` is whether it is off, proven by a device."""

    host: str
    certain: bool
    words: str
