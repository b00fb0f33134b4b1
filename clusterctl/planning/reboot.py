"""Reboot hosts one after the other, so that nobody notices: which hosts, and each one's course.

What a wave of hosts goes through is `host_plan`; who goes together is `host_waves`. A run that was resumed
knows by the boot ids of its first look which hosts have been rebooted; those it has marked are verified
and brought back, no more.
"""

from __future__ import annotations

from clusterctl.model.intent import RebootIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.host_checks import check_hosts, check_limit, check_way
from clusterctl.planning.host_plan import SETTLE_S, HostPlan
from clusterctl.planning.host_waves import Wave, order_hosts, plan_waves


def plan_reboot(
    intent: RebootIntent, inventory: Inventory, snapshot: Snapshot, run: RunSummary, ignored: frozenset[str]
) -> Plan:
    """Return the plan that reboots the hosts of the intent, within all limits."""
    plan = HostPlan("reboot", run.subject, inventory, snapshot, run, intent.rolling, intent.failed_before)
    plan.note_first_look(intent.boot_ids)
    hosts = [name for name in intent.hosts if name not in ignored]
    blocked = check_hosts(plan, hosts, ignored)
    if blocked:
        return plan.finish(blocked=blocked)
    reasons = {host: why for host in hosts if (why := reason_to_reboot(intent, plan.snapshot.facts(host)))}
    todo = [host for host in hosts if not plan.was_rebooted(host) and host in reasons]
    finishing = [host for host in hosts if host not in todo and plan.marks.is_ours(host)]
    skipped = [host for host in hosts if host not in {*todo, *finishing}]
    if intent.if_needed or intent.uptime_over_s:
        plan.notes += [f"{host}: no reboot is needed" for host in skipped]
    blocked = check_way(plan, todo) or check_limit(plan, [*todo, *finishing])
    if blocked:
        return plan.finish(blocked=blocked)
    if finishing:
        plan.forecast.cordon(finishing)
        plan.verify(finishing)
        plan.bring_back(finishing)
    boot_ids = {host: plan.snapshot.facts(host).boot_id for host in todo}
    worst_s = intent.rolling.deadline_s + SETTLE_S + intent.rolling.soak_s

    def accept(wave: Wave) -> None:
        plan.take_out(wave, "draining", worst_s)
        plan.reboot(wave.hosts, boot_ids, reasons)
        plan.verify(wave.hosts)
        plan.bring_back(wave.hosts)

    if todo:
        plan.cordon(todo)
    ordered = order_hosts(todo, inventory, snapshot, intent.rolling.canary)
    refused = plan_waves(ordered, plan.forecast, plan.limits, intent.rolling, accept, lambda _: True)
    if todo or plan.is_resumed:
        plan.settle()
    return plan.finish(refused)


def reason_to_reboot(intent: RebootIntent, facts: HostFacts) -> str:
    """Return why a host is to be rebooted, or "" where it need not be."""
    if not intent.if_needed and not intent.uptime_over_s:
        return "asked for"
    found = list(facts.reboot_reasons) if intent.if_needed else []
    if intent.if_needed and facts.packages:
        found += [reason for reason in facts.packages.reboot_reasons if reason not in found]
    if intent.uptime_over_s and facts.uptime_s > intent.uptime_over_s:
        found.append(f"up for more than {intent.uptime_over_s // 86_400} days")
    return ", ".join(found)
