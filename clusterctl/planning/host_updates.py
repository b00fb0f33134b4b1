"""Operating-system updates as part of a plan on hosts: what is staged, applied and committed when.

What a driver would change on one host, and what must not be changed, is `update`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clusterctl.model.intent import StepsIntent, UpdateIntent
from clusterctl.model.plan import Blocked, HostChange
from clusterctl.model.step import Step
from clusterctl.planning.host_plan import HostPlan
from clusterctl.planning.update import (
    PackagePlan,
    apply_steps,
    bad_versions,
    commit_steps,
    plan_changes,
    stage_steps,
)


@dataclass
class Updates:
    """The updates of a plan; `prepare` first, once, for all hosts."""

    plan: HostPlan
    intent: UpdateIntent | StepsIntent
    options: Mapping[str, str]
    packages: dict[str, PackagePlan] = field(default_factory=dict)

    def prepare(self, hosts: Sequence[str]) -> list[Blocked]:
        """Look what each host would get, and have everything downloaded before any host is touched."""
        intent = self._as_update()
        blocked: list[Blocked] = []
        for host in hosts:
            facts = self.plan.snapshot.facts(host)
            found = plan_changes(facts, intent, bad_versions(self.plan.snapshot, facts), self.plan.run)
            self.packages[host] = found
            blocked += found.blocked
            self.plan.notes += found.notes
        if blocked:
            return blocked
        steps: list[Step] = [
            step for host in hosts for step in stage_steps(host, self.packages[host], self.plan.run)
        ]
        self.plan.command("download updates", steps)
        return []

    def has_work(self, host: str) -> bool:
        """Whether a host has something to update, or an update of this run that waits to be committed."""
        found = self.packages.get(host)
        return found is not None and (bool(found.changes) or found.armed)

    def disturbs(self, host: str) -> bool:
        """Whether updating a host stops what runs there, so that it must be drained first."""
        found = self.packages.get(host)
        return found is not None and (found.touches_docker or self.reboots(host))

    def reboots(self, host: str) -> bool:
        """Whether a host is rebooted after its update."""
        found = self.packages.get(host)
        return found is not None and found.needs_reboot

    def apply(self, hosts: Sequence[str]) -> None:
        """Arm the hosts' own undo, and update them."""
        steps: list[Step] = []
        for host in hosts:
            found = self.packages[host]
            if found.changes:
                steps += apply_steps(host, found, self.plan.run, self.plan.snapshot.facts(host).failed_units)
                names = ", ".join(str(change) for change in found.changes)
                self.plan.host_changes.append(HostChange("update", host, names))
        self.plan.command("update", steps)

    def commit(self, hosts: Sequence[str]) -> None:
        """Keep the updates: the hosts need not undo them."""
        steps = [
            step
            for host in hosts
            if self.has_work(host)
            for step in commit_steps(host, self.packages[host], self.plan.run)
        ]
        self.plan.command("commit", steps)

    def _as_update(self) -> UpdateIntent:
        if isinstance(self.intent, UpdateIntent):
            return self.intent
        options = self.options
        return UpdateIntent(
            self.intent.hosts,
            self.intent.rolling,
            security=options.get("security") == "true",
            reboot="never" if not any(step.verb == "reboot" for step in self.intent.steps) else "if-needed",
            retry_bad=options.get("retry_bad") == "true",
        )
