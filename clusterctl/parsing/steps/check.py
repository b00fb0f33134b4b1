"""Whether the steps of a playbook go together; each step by itself is read in `steps.read`."""

from __future__ import annotations

from collections.abc import Sequence

from clusterctl.model.intent import PlaybookStep
from clusterctl.parsing.cursor import Cursor

Read = tuple[Cursor, PlaybookStep]


def check_steps(steps: Sequence[Read]) -> None:
    """Note steps that contradict one another, or stand where they cannot be carried out."""
    for verb in ("update", "apply"):
        for place, _ in [read for read in steps if read[1].verb == verb][1:]:
            place.mistake(f"a second {verb}; a playbook has one at most")
    for place, step in steps[:-1]:
        if step.verb == "apply":
            place.mistake("apply must be the last step: it is about the whole cluster, not about a group")
    for index, (place, step) in enumerate(steps):
        if step.verb == "update":
            problem = _contradiction(
                step.arguments.get("reboot", ""), [later for _, later in steps[index + 1 :]]
            )
            if problem:
                place.mistake(problem)


def _contradiction(wanted: str, later: Sequence[PlaybookStep]) -> str:
    """Return what is wrong with an update's word on reboots: a step of its own does them."""
    reboot = next((step for step in later if step.verb == "reboot"), None)
    conditional = reboot is not None and reboot.arguments.get("if_needed") == "true"
    if wanted == "never" and reboot is not None:
        return "update: reboot: never, but a reboot step follows; keep one"
    if wanted == "if-needed" and not conditional:
        return "update: reboot: if-needed is a step of its own: add reboot: {if_needed: true} after it"
    if wanted == "always" and (reboot is None or conditional):
        return "update: reboot: always is a step of its own: add reboot: after it"
    return ""
