"""A playbook's `steps:` over groups of hosts, made of the same pieces as the verbs (`host_plan`).

A group (`playbook_groups`) goes through all steps before the next one begins. Hosts that a step takes out are
checked against all limits; steps that came before a crash run again when the run is resumed, so commands say
`creates` or `unless` where twice is once too often (ADR 0016).
"""

from __future__ import annotations

from dataclasses import replace

from clusterctl.model.intent import PlaybookStep, StepsIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Batch, Blocked, HostChange, Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import ApplyUnit
from clusterctl.planning.departure import Departure
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.host_checks import check_hosts, check_way
from clusterctl.planning.host_plan import SETTLE_S, HostPlan
from clusterctl.planning.host_updates import Updates
from clusterctl.planning.host_waves import Wave, below_floor, order_hosts
from clusterctl.planning.leaving import depart
from clusterctl.planning.playbook_commands import copy_steps, exec_steps, gate_step
from clusterctl.planning.playbook_groups import PlaybookGroups, lets_back, returns, takes_out

MANY = 1_000_000
GATE = "gate"


def plan_steps(
    intent: StepsIntent, inventory: Inventory, snapshot: Snapshot, run: RunSummary, ignored: frozenset[str]
) -> Plan:
    """Return the plan of a playbook's steps."""
    return _Steps(intent, inventory, snapshot, run, ignored).plan()


class _Steps:
    def __init__(
        self,
        intent: StepsIntent,
        inventory: Inventory,
        snapshot: Snapshot,
        run: RunSummary,
        ignored: frozenset[str],
    ) -> None:
        self._intent, self._ignored = intent, ignored
        self._made = HostPlan(
            "run", intent.name, inventory, snapshot, run, intent.rolling, intent.failed_before
        )
        self._made.note_first_look(intent.boot_ids)
        self._blocked: list[Blocked] = []
        self._out: set[str] = set()
        self._updates = Updates(self._made, intent, _update_options(intent))
        self._groups = PlaybookGroups(self._made, intent)

    def plan(self) -> Plan:
        made, intent = self._made, self._intent
        hosts = [name for name in intent.hosts if name not in self._ignored]
        blocked = check_hosts(made, hosts, self._ignored)
        if blocked:
            return made.finish(blocked=blocked)
        todo = [host for host in hosts if not self._is_done(host)]
        ordered = order_hosts(todo, made.inventory, made.snapshot, intent.rolling.canary)
        groups = list(self._groups.of(ordered))
        if any(step.verb == "reboot" for step in intent.steps):
            self._blocked += check_way(made, ordered)
        self._blocked += self._groups.check(groups)
        if not self._blocked and takes_out(intent):
            made.cordon(ordered, f"run {intent.name}: nothing new is placed here meanwhile")
        if not self._blocked and any(step.verb == "update" for step in intent.steps):
            self._blocked += self._updates.prepare(ordered)
        left = list(groups)
        while left:
            group = left.pop(0)
            if not self._blocked:
                group, rest = self._groups.split(group)
                left = [rest, *left] if rest else left
            self._group(group)
        if takes_out(intent) and (groups or made.is_resumed):
            made.settle()
        self._tolerate()
        for step in self._applies():
            self._apply(step)
        found = made.finish(blocked=self._blocked)
        return replace(found, drops_failed_hosts=True)

    def _is_done(self, host: str) -> bool:
        """Whether an earlier try of this run has brought the host back after its reboot."""
        reboots = any(step.verb == "reboot" for step in self._intent.steps)
        return reboots and self._made.was_rebooted(host) and not self._made.marks.is_ours(host)

    def _group(self, group: tuple[str, ...]) -> None:
        self._out.clear()
        verbs = {
            "cordon": self._cordon,
            "uncordon": self._uncordon,
            "drain": self._drain,
            "reboot": self._reboot,
            "update": self._update,
            "exec": self._exec,
            "copy": self._copy,
            "wait": self._wait,
            "gate": self._gate,
            "verify": self._verify,
        }
        for step in self._intent.steps:
            if not self._blocked and step.verb != "apply":
                verbs[step.verb](group, step)
        if self._out and not lets_back(self._intent):
            self._made.notes.append(f"{', '.join(group)}: stay cordoned, since no step uncordons them")

    def _take_out(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        """Move everything off the group, once."""
        if set(group) <= self._out:
            return
        made = self._made
        departure = depart(made.forecast, group, returns=returns(self._intent))
        short = below_floor(made.forecast, made.limits, departure, group)
        self._blocked += [*departure.blocked, *([short] if short else [])]
        for item in departure.unplaced:
            reason = f"no other host can take {item.instance} (needs {item.needs})"
            self._blocked.append(Blocked("guard", group[0], reason))
        if not self._blocked:
            made.take_out(Wave(group, departure), "draining", self._worst_s(step))
            self._out |= set(group)

    def _worst_s(self, first: PlaybookStep) -> int:
        """Return how long a group may be out at worst: from the step that takes it out to the one that lets it back."""
        steps = list(self._intent.steps)
        steps = [step for step in steps[steps.index(first) :] if step.verb != "apply"]
        verbs = [step.verb for step in steps]
        steps = steps[: verbs.index("uncordon")] if "uncordon" in verbs else steps
        return int(sum(float(s.arguments.get("seconds", s.timeout_s)) for s in steps)) + SETTLE_S

    # --- the verbs -------------------------------------------------------------------------------

    def _cordon(self, group: tuple[str, ...], _step: PlaybookStep) -> None:
        self._made.cordon(group, f"run {self._intent.name}")

    def _uncordon(self, group: tuple[str, ...], _step: PlaybookStep) -> None:
        self._made.bring_back(group)

    def _drain(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        self._take_out(group, step)
        self._made.host_changes += [HostChange("drain", host, "step drain") for host in group]

    def _reboot(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        made = self._made
        needed = step.arguments.get("if_needed") == "true"
        hosts = tuple(
            h
            for h in group
            if not needed or made.snapshot.facts(h).reboot_reasons or self._updates.reboots(h)
        )
        fresh = tuple(host for host in hosts if not made.was_rebooted(host))
        if not hosts:
            return
        self._take_out(group, step)
        boot_ids = {host: made.snapshot.facts(host).boot_id for host in fresh}
        made.reboot(fresh, boot_ids, dict.fromkeys(fresh, "step reboot"), int(step.timeout_s))
        soak = step.arguments.get("soak")
        made.verify(hosts, int(float(soak)) if soak else None)
        self._updates.commit(hosts)

    def _update(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        hosts = tuple(host for host in group if self._updates.has_work(host))
        if hosts and not set(hosts) <= self._out and any(self._updates.disturbs(host) for host in hosts):
            self._take_out(group, step)
        elif hosts and not set(hosts) <= self._out:
            self._made.take_out(Wave(hosts, Departure()), "updating", self._worst_s(step))
        self._updates.apply(hosts)
        reboots = any(item.verb == "reboot" for item in self._intent.steps)
        staying = [host for host in hosts if not (reboots and self._updates.reboots(host))]
        if staying:
            self._made.verify(staying)
            self._updates.commit(staying)

    def _exec(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        self._made.command("exec", exec_steps(group, step))
        self._made.host_changes += [HostChange("command", host, step.arguments["command"]) for host in group]

    def _copy(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        self._made.command("copy", copy_steps(group, step))
        dest = step.arguments["dest"]
        self._made.host_changes += [HostChange("command", host, f"copy to {dest}") for host in group]

    def _wait(self, _group: tuple[str, ...], step: PlaybookStep) -> None:
        seconds = float(step.arguments["seconds"])
        self._made.batches.append(Batch(f"wait {seconds:g} s", (), pause_s=seconds))

    def _gate(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        self._made.command(GATE, [gate_step(group, step)])

    def _verify(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        soak = step.arguments.get("soak")
        self._made.verify(group, int(float(soak)) if soak else None)

    def _applies(self) -> list[PlaybookStep]:
        """Return the apply steps: once, after the last group, since a project is placed on the whole cluster."""
        steps = self._intent.steps
        found = [step for step in steps if step.verb == "apply"]
        if found and any(step.verb != "apply" for step in steps[-len(found) :]):
            self._blocked.append(Blocked("guard", "", "apply must be the last step: it is about all hosts"))
        if len(found) > 1:
            self._blocked.append(Blocked("guard", "", "one apply is the most that steps may have"))
        return [] if self._blocked else found

    def _apply(self, step: PlaybookStep) -> None:
        if step.project is None:
            raise ValueError("a step apply without a project")
        made = self._made
        found = plan_apply(made.inventory, step.project, made.forecast.as_snapshot(), ignored=self._ignored)
        self._blocked += found.blocked
        for item in found.unplaced:
            self._blocked.append(Blocked("guard", "", f"no host can take {item.instance}"))
        made.batches += found.batches
        made.changes += found.changes

    def _tolerate(self) -> None:
        most = MANY if self._intent.on_failure == "continue" else self._intent.max_fail
        if most:
            self._made.batches[:] = [
                batch if _must_succeed(batch) else replace(batch, tolerated=most)
                for batch in self._made.batches
            ]


def _must_succeed(batch: Batch) -> bool:
    """Whether nothing may follow a failure: a gate is closed, and no old copy stops before its replacement runs."""
    return batch.title == GATE or any(isinstance(step, ApplyUnit) for step in batch.steps)


def _update_options(intent: StepsIntent) -> dict[str, str]:
    return next((dict(step.arguments) for step in intent.steps if step.verb == "update"), {})
