"""Batch after batch, with the gate between them; what was done when it stopped.

Which batches there are and whether the next may start is decided in `planning.rolling`.
"""

from __future__ import annotations

from collections.abc import Callable

from clusterctl.model.plan import Plan
from clusterctl.model.report import Event, Report, StepResult
from clusterctl.operations.fleet import Emit, Fleet
from clusterctl.planning.rolling import may_continue

Stopped = Callable[[], str]


def execute(fleet: Fleet, plan: Plan, emit: Emit, stopped: Stopped) -> Report:
    """Carry out a plan until it is done, a batch fails, or `stopped` gives a reason between two batches."""
    results: list[StepResult] = []
    for number, batch in enumerate(plan.batches):
        reason = stopped()
        if reason:
            return Report(plan, tuple(results), reason, number)
        emit(Event("batch", f"{number + 1}/{len(plan.batches)} {batch.title}: {', '.join(batch.hosts)}"))
        outcome = fleet.perform(batch, emit)
        results += outcome
        refusal = may_continue(batch, outcome)
        if refusal:
            return Report(plan, tuple(results), refusal, number)
    return Report(plan, tuple(results), "", len(plan.batches))
