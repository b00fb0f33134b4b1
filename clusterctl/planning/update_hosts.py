"""Update the operating system of hosts one after the other, so that nobody notices.

The course of each wave: take out (drained where docker or the host itself restarts), arm the host's own undo, update,
reboot where needed, verify, commit, bring back.
"""

from __future__ import annotations

from clusterctl.model.intent import UpdateIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.host_checks import check_hosts, check_limit, check_way
from clusterctl.planning.host_plan import SETTLE_S, HostPlan
from clusterctl.planning.host_updates import Updates
from clusterctl.planning.host_waves import Wave, order_hosts, plan_waves

APPLY_S = 1800
"""How long a host's package manager may take, in seconds."""


def plan_update(
    intent: UpdateIntent, inventory: Inventory, snapshot: Snapshot, run: RunSummary, ignored: frozenset[str]
) -> Plan:
    """Return the plan that updates the hosts of the intent, within all limits."""
    plan = HostPlan("update", run.subject, inventory, snapshot, run, intent.rolling, intent.failed_before)
    plan.note_first_look(intent.boot_ids)
    hosts = [name for name in intent.hosts if name not in ignored]
    blocked = check_hosts(plan, hosts, ignored)
    if blocked:
        return plan.finish(blocked=blocked)
    updates = Updates(plan, intent, {})
    blocked = updates.prepare(hosts)
    todo = [host for host in hosts if updates.has_work(host) or _reboots(intent, updates, host)]
    marked = [host for host in hosts if host not in todo and plan.marks.is_ours(host)]
    blocked = blocked or check_way(plan, [host for host in todo if _reboots(intent, updates, host)])
    blocked = blocked or check_limit(plan, [*todo, *marked])
    if blocked:
        return plan.finish(blocked=blocked)
    if marked:
        plan.verify(marked)
        plan.bring_back(marked)
    ordered = order_hosts(todo, inventory, snapshot, intent.rolling.canary)
    if ordered:
        plan.cordon(ordered)
    calm = [host for host in ordered if not _disturbed(intent, updates, host)]

    def accept(wave: Wave) -> None:
        reboots = [
            host for host in wave.hosts if _reboots(intent, updates, host) and not plan.was_rebooted(host)
        ]
        worst_s = APPLY_S + (intent.rolling.deadline_s if reboots else 0) + SETTLE_S + intent.rolling.soak_s
        plan.take_out(wave, "updating", worst_s)
        updates.apply(wave.hosts)
        boot_ids = {host: plan.snapshot.facts(host).boot_id for host in reboots}
        plan.reboot(reboots, boot_ids, dict.fromkeys(reboots, "the update needs it"))
        plan.verify(wave.hosts)
        updates.commit(wave.hosts)
        plan.bring_back(wave.hosts)

    refused = plan_waves(
        ordered, plan.forecast, plan.limits, intent.rolling, accept, lambda _: True, frozenset(calm)
    )
    if ordered or plan.is_resumed:
        plan.settle()
    return plan.finish(refused)


def _reboots(intent: UpdateIntent, updates: Updates, host: str) -> bool:
    if intent.reboot == "always":
        return not updates.plan.was_rebooted(host) or updates.plan.marks.is_ours(host)
    return intent.reboot == "if-needed" and updates.reboots(host)


def _disturbed(intent: UpdateIntent, updates: Updates, host: str) -> bool:
    return updates.disturbs(host) or _reboots(intent, updates, host)
