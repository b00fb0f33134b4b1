"""From an intent to its planner: the one place that knows all verbs that change something."""

from __future__ import annotations

from dataclasses import replace

from clusterctl.model.intent import (
    AbortIntent,
    ApplyIntent,
    CordonIntent,
    DeleteIntent,
    DrainIntent,
    FailoverIntent,
    Intent,
    MoveIntent,
    RebalanceIntent,
    RebootIntent,
    RestartIntent,
    RollbackIntent,
    ScaleIntent,
    StepsIntent,
    UpdateIntent,
)
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import LookRequest, Snapshot
from clusterctl.planning.abort import plan_abort
from clusterctl.planning.cordon import plan_cordon, plan_drain
from clusterctl.planning.deploy import Terms, plan_apply, plan_delete
from clusterctl.planning.failover import plan_failover
from clusterctl.planning.rebalance import plan_rebalance
from clusterctl.planning.reboot import plan_reboot
from clusterctl.planning.redeploy import plan_redeploy
from clusterctl.planning.rollback import settle_rollback
from clusterctl.planning.steps import plan_steps
from clusterctl.planning.update_hosts import plan_update


def request_of(intent: Intent) -> LookRequest:
    """Return what a look must bring so that the intent can be planned."""
    match intent:
        case ApplyIntent():
            return LookRequest(tuple(sorted({service.image for service in intent.project.services})))
        case DeleteIntent():
            return LookRequest()
        case AbortIntent():
            return LookRequest(packages=intent.updates)
        case UpdateIntent():
            return LookRequest(history=True, packages=True)
        case StepsIntent():
            projects = [step.project for step in intent.steps if step.project]
            images = sorted({service.image for project in projects for service in project.services})
            updates = any(step.verb == "update" for step in intent.steps)
            return LookRequest(tuple(images), history=True, packages=updates)
        case _:
            return LookRequest(history=True)


def freeze(intent: Intent, snapshot: Snapshot) -> Intent:
    """Return the intent with what the first look saw: the boot ids by which a resumed run knows what is done."""
    if isinstance(intent, (RebootIntent, UpdateIntent, StepsIntent)) and not intent.boot_ids:
        return replace(
            intent,
            boot_ids={facts.host: facts.boot_id for facts in snapshot.seen},
            failed_before={facts.host: facts.failed_units for facts in snapshot.seen},
        )
    if isinstance(intent, RestartIntent | RebalanceIntent) and not intent.begun_s:
        return replace(intent, begun_s={facts.host: facts.clock_s for facts in snapshot.seen})
    return settle_rollback(intent, snapshot) if isinstance(intent, RollbackIntent) else intent


def plan_intent(  # noqa: C901, PLR0911 - a table of verbs
    intent: Intent,
    inventory: Inventory,
    snapshot: Snapshot,
    *,
    ignored: frozenset[str],
    run: RunSummary,
    now_s: float,
) -> Plan:
    """Return the plan of an intent for what a look saw; pure: `now_s` (epoch seconds) is the only clock."""
    del now_s
    match intent:
        case ApplyIntent():
            terms = Terms(overwrite=intent.overwrite)
            return plan_apply(inventory, intent.project, snapshot, ignored=ignored, terms=terms)
        case DeleteIntent():
            return plan_delete(
                inventory, intent.project, snapshot, ignored=ignored, overwrite=intent.overwrite
            )
        case AbortIntent():
            return plan_abort(intent, inventory, snapshot, run=run, ignored=ignored)
        case CordonIntent():
            return plan_cordon(intent, inventory, snapshot, run, ignored)
        case DrainIntent():
            return plan_drain(intent, inventory, snapshot, run, ignored)
        case RebootIntent():
            return plan_reboot(intent, inventory, snapshot, run, ignored)
        case RollbackIntent() | ScaleIntent() | RestartIntent() | MoveIntent():
            return plan_redeploy(inventory, intent, snapshot, ignored=ignored)
        case UpdateIntent():
            return plan_update(intent, inventory, snapshot, run, ignored)
        case FailoverIntent():
            return plan_failover(intent, inventory, snapshot, run)
        case RebalanceIntent():
            return plan_rebalance(intent, inventory, snapshot, run, ignored)
        case StepsIntent():
            return plan_steps(intent, inventory, snapshot, run, ignored)


def undo_of(intent: Intent, plan: Plan) -> Intent | None:
    """Return what takes a failed intent back, where its plan says so."""
    if isinstance(intent, ApplyIntent) and plan.goes_back_to:
        return RollbackIntent(intent.project.name, plan.goes_back_to, overwrite=intent.overwrite)
    if isinstance(intent, ScaleIntent) and plan.goes_back_to:
        return RollbackIntent(intent.project, plan.goes_back_to)
    return None
