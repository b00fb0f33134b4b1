"""Cordon, uncordon and drain: hosts taken out of placement by a person, until a person lets them back."""

from __future__ import annotations

from clusterctl.model.intent import CordonIntent, DrainIntent, Rolling
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import HostChange, Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import ClearMarker, MarkerName, SetMarker
from clusterctl.planning.host_checks import check_hosts, check_limit
from clusterctl.planning.host_plan import HostPlan
from clusterctl.planning.host_waves import Wave, order_hosts, plan_waves
from clusterctl.planning.leaving import depart

_BACK: tuple[MarkerName, ...] = ("cordoned", "draining", "updating", "rebooting")


def plan_cordon(
    intent: CordonIntent, inventory: Inventory, snapshot: Snapshot, run: RunSummary, ignored: frozenset[str]
) -> Plan:
    """Return the plan that sets or clears the cordon of hosts; nothing that runs is touched."""
    verb = "cordon" if intent.on else "uncordon"
    plan = HostPlan(verb, run.subject, inventory, snapshot, run, Rolling())
    hosts = [name for name in intent.hosts if name not in ignored]
    blocked = check_hosts(plan, hosts, ignored)
    if blocked:
        return plan.finish(blocked=blocked)
    if intent.on:
        reason = intent.reason or "by hand"
        steps = [SetMarker(h, "cordoned", run.id, run.by, reason) for h in hosts if not _is(plan, h)]
        changed = [step.host for step in steps]
        plan.host_changes += [HostChange("cordon", host, reason) for host in changed]
        plan.command("cordon", steps)
    else:
        clear = [
            ClearMarker(host, name, "", "uncordoned by hand")
            for host in hosts
            for name in _BACK
            if plan.marks.of(host, name) is not None
        ]
        changed = list(dict.fromkeys(step.host for step in clear))
        plan.host_changes += [HostChange("uncordon", host, "by hand") for host in changed]
        plan.command("uncordon", clear)
    made = plan.finish()
    return Plan(verb, run.subject, made.batches, notes=made.notes, host_changes=made.host_changes)


def plan_drain(
    intent: DrainIntent, inventory: Inventory, snapshot: Snapshot, run: RunSummary, ignored: frozenset[str]
) -> Plan:
    """Return the plan that cordons hosts and moves what runs there away; they stay cordoned.

    Instances of global services, and of services with `x-drain: interrupt`, stay until the host is
    rebooted or switched off. A host that is drained counts as out until it is uncordoned (I8).
    """
    rolling = Rolling(max_unavailable=intent.max_unavailable, deadline_s=intent.deadline_s)
    plan = HostPlan("drain", run.subject, inventory, snapshot, run, rolling)
    hosts = [name for name in intent.hosts if name not in ignored]
    drained = {h for h in hosts if _answers(plan, h) and _is(plan, h, "draining") and not _leaves(plan, h)}
    todo = order_hosts([name for name in hosts if name not in drained], inventory, snapshot, "")
    blocked = check_hosts(plan, todo, ignored) or check_limit(plan, todo, at_once=True)
    if blocked:
        return plan.finish(blocked=blocked)
    plan.cordon(todo, "drain: nothing new is placed here")

    def accept(wave: Wave) -> None:
        plan.take_out(wave, "draining", intent.deadline_s)
        plan.host_changes += [HostChange("drain", host, "asked for") for host in wave.hosts]

    refused = plan_waves(todo, plan.forecast, plan.limits, rolling, accept, lambda _: False)
    plan.settle()
    return plan.finish(refused)


def _answers(plan: HostPlan, host: str) -> bool:
    return any(facts.host == host for facts in plan.snapshot.seen)


def _is(plan: HostPlan, host: str, name: str = "cordoned") -> bool:
    return plan.marks.of(host, name) is not None


def _leaves(plan: HostPlan, host: str) -> bool:
    """Whether anything on a host would still move away."""
    departure = depart(plan.forecast, (host,), returns=False)
    return bool(departure.moves or departure.unplaced or departure.blocked)
