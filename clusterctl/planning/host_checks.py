"""What forbids a verb on hosts before anything starts: silent hosts, other clusters, another run's half-done work.

Hosts that are not part of the verb may be silent: they count as out (`limits.hosts_out`).
"""

from __future__ import annotations

from collections.abc import Sequence

from clusterctl.model.plan import Blocked
from clusterctl.model.snapshot import HostFacts, Unreachable
from clusterctl.planning.guards import find_blocks
from clusterctl.planning.host_plan import HostPlan
from clusterctl.planning.limits import OUT, hosts_out, why_too_many
from clusterctl.planning.markers import parse_marker
from clusterctl.planning.runs import runs_of


def check_hosts(plan: HostPlan, hosts: Sequence[str], ignored: frozenset[str]) -> list[Blocked]:
    """Return why these hosts must not be worked on now."""
    strangers = [host for host in hosts if host not in plan.inventory.names]
    if strangers:
        return [Blocked("guard", host, "is not in the inventory (any more)") for host in strangers]
    silent = {answer.host for answer in plan.snapshot.unreachable if answer.host not in hosts}
    blocked = [
        block
        for block in find_blocks(plan.inventory, plan.snapshot, ignored | silent)
        if block.host in hosts or block.kind in {"guard", "newer"}
    ]
    blocked += [block for host in hosts if host not in ignored for block in _other_run(plan, host)]
    return blocked


def check_way(plan: HostPlan, hosts: Sequence[str]) -> list[Blocked]:
    """Return which of these hosts must not be rebooted, since the lock is held through them."""
    holders = plan.inventory.lock_hosts
    blocked = []
    for host in sorted(plan.inventory.jump_hosts & set(hosts)):
        behind = [name for name in holders if host in {hop.name for hop in plan.inventory.host(name).jumps}]
        left = len(holders) - len({*behind, host} & set(holders))
        if 2 * left <= len(holders):
            reason = (
                f"is the way to {', '.join(behind)}: most lock hosts would be lost while it reboots; "
                "name others in policy.lock_hosts"
            )
            blocked.append(Blocked("guard", host, reason))
    return blocked


def check_limit(plan: HostPlan, hosts: Sequence[str], *, at_once: bool = False) -> list[Blocked]:
    """Return the block that says that others are out already, as many as may be.

    Others are also hosts of this plan that somebody else has drained: they stay out when the plan is through with
    them. `at_once`: all hosts of the plan stay out together.
    """
    if at_once:
        refusal = why_too_many(plan.limits, hosts, plan.snapshot) if hosts else ""
        return [Blocked("guard", "", refusal)] if refusal else []
    stay = {name: why for name, why in hosts_out(plan.snapshot).items() if not _comes_back(plan, name, hosts)}
    if not set(hosts) - set(stay) or len(stay) < plan.limits.fleet:
        return []
    words = "; ".join(f"{name} {why}" for name, why in stay.items())
    reason = f"limit: at most {plan.limits.fleet} hosts out at once, and {words}"
    return [Blocked("guard", "", reason)]


def _comes_back(plan: HostPlan, name: str, hosts: Sequence[str]) -> bool:
    """Whether a host that is out is one of the plan's, and was marked by its own run only."""
    answer = plan.snapshot.hosts.get(name)
    if name not in hosts or not isinstance(answer, HostFacts):
        return False
    return all(parse_marker(answer.markers[mark]).run == plan.run.id for mark in OUT & set(answer.markers))


def _other_run(plan: HostPlan, host: str) -> list[Blocked]:
    """Refuse a host that another, unfinished run has taken out."""
    answer = plan.snapshot.hosts.get(host)
    if answer is None or isinstance(answer, Unreachable):
        return []
    unfinished = {run.id: run for run in runs_of(plan.snapshot) if run.unfinished}
    for name in sorted(OUT & set(answer.markers)):
        run = unfinished.get(parse_marker(answer.markers[name]).run)
        if run and run.id != plan.run.id:
            reason = (
                f"{name} by run {run.id} ({run.verb} {run.subject}, {run.state}): "
                f"clusterctl resume {run.id}, or abort it"
            )
            return [Blocked("guard", host, reason)]
    return []
