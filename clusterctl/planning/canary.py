"""`x-canary`: the first instances alone, watched for longer, then a command that must exit 0.

How many are the canary is `crews`, when it comes is `waves`. A gate is closed by anything but success: a
canary and its gate tolerate no failure, whatever `update_config` says. A run that is taken up again after its
canary runs the gate again before anything else of the service is replaced.
"""

from __future__ import annotations

import shlex

from clusterctl.model.step import OPERATOR, RunCommand
from clusterctl.planning.crews import Crew

GATE_TIMEOUT_S = 300.0


def gate_step(crew: Crew) -> RunCommand:
    """Return the step that runs a service's gate with the operator."""
    name = crew.service.name
    return RunCommand(OPERATOR, shlex.join(crew.gate), GATE_TIMEOUT_S, f"the gate of {name} must open")


def soak_seconds(crew: Crew) -> float:
    """Return how long a canary must stay healthy: its soak, or as long as any instance if that is longer."""
    soak_s = crew.service.canary.soak_s if crew.service.canary else 0.0
    return max(soak_s, crew.service.update.monitor_s)
