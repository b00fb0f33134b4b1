"""Which hosts failed at their last contact in a verb: noted wherever hosts are contacted, told where the verb ends.

So no verb has to think of it (`cli.next_steps`).
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterctl.model.report import StepResult
from clusterctl.model.snapshot import Unreachable

Failures = dict[str, Unreachable]
"""Host -> its failure; not in it is who answered last, or was not contacted."""


def note(failures: Failures, answers: Mapping[str, object]) -> None:
    """Keep each failure until that host answers."""
    for host, answer in answers.items():
        failed = _failure_in(answer)
        failures.pop(host, None)
        if failed is not None:
            failures[host] = failed


def _failure_in(answer: object) -> Unreachable | None:
    """Return the failure that an answer is, or has in one of its results."""
    if isinstance(answer, Unreachable):
        return answer
    results = answer if isinstance(answer, tuple) else ()
    found = (result.unreachable for result in results if isinstance(result, StepResult))
    return next((failed for failed in found if failed is not None), None)
