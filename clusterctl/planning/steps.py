"""A playbook's `steps:` over groups of hosts, made of the same pieces as the verbs (`host_plan`).

A group goes through all steps before the next one begins. Hosts that a step takes out are checked against
all limits; steps that came before a crash run again when the run is resumed, so commands say `creates` or
`unless` where twice is once too often (ADR 0016).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from clusterctl.model.intent import PlaybookStep, StepsIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.limit import Limit
from clusterctl.model.plan import Batch, Blocked, HostChange, Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import OPERATOR, ApplyUnit, CopyFile, RunCommand
from clusterctl.planning.departure import Departure
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.host_checks import check_hosts, check_limit, check_way
from clusterctl.planning.host_plan import SETTLE_S, HostPlan
from clusterctl.planning.host_updates import Updates
from clusterctl.planning.host_waves import Wave, below_floor, order_hosts
from clusterctl.planning.leaving import depart
from clusterctl.planning.limits import why_too_many

TAKES_OUT = frozenset({"drain", "reboot", "update"})
MANY = 1_000_000
NOBODY = Snapshot({})
SMALLER = "serial lets more hosts go together than limits and services do: they go in smaller groups"
GATE = "gate"


def plan_steps(
    intent: StepsIntent, inventory: Inventory, snapshot: Snapshot, run: RunSummary, ignored: frozenset[str]
) -> Plan:
    """Return the plan of a playbook's steps."""
    return _Steps(intent, inventory, snapshot, run, ignored).plan()


def groups_of(hosts: Sequence[str], serial: Sequence[Limit]) -> Iterator[tuple[str, ...]]:
    """Yield the hosts in groups of the sizes of `serial`, its last one repeated."""
    left, number = list(hosts), 0
    while left:
        size = serial[min(number, len(serial) - 1)].of(len(hosts))
        yield tuple(left[:size])
        left, number = left[size:], number + 1


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

    def plan(self) -> Plan:
        made, intent = self._made, self._intent
        hosts = [name for name in intent.hosts if name not in self._ignored]
        blocked = check_hosts(made, hosts, self._ignored)
        if blocked:
            return made.finish(blocked=blocked)
        todo = [host for host in hosts if not self._is_done(host)]
        ordered = order_hosts(todo, made.inventory, made.snapshot, intent.rolling.canary)
        groups = list(self._groups(ordered))
        if any(step.verb == "reboot" for step in intent.steps):
            self._blocked += check_way(made, ordered)
        self._blocked += self._check_groups(groups)
        if not self._blocked and self._takes_out:
            made.cordon(ordered, f"run {intent.name}: nothing new is placed here meanwhile")
        if not self._blocked and any(step.verb == "update" for step in intent.steps):
            self._blocked += self._updates.prepare(ordered)
        left = list(groups)
        while left:
            group, rest = self._split(left.pop(0))
            left = [rest, *left] if rest else left
            self._group(group)
        if self._takes_out and (groups or made.is_resumed):
            made.settle()
        self._tolerate()
        for step in self._applies():
            self._apply(step)
        found = made.finish(blocked=self._blocked)
        return replace(found, drops_failed_hosts=True)

    def _groups(self, ordered: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield the groups; a canary, and hosts that the operator works through, go alone where hosts are taken out."""
        alone = {*self._made.inventory.path_hosts, self._intent.rolling.canary} if self._takes_out else set()
        for group in groups_of(ordered, self._intent.serial):
            together = tuple(host for host in group if host not in alone)
            single = [(host,) for host in group if host in alone]
            first = single if group[0] in alone else []
            yield from first
            yield from self._within_limits(together)
            yield from [] if first else single

    def _within_limits(self, group: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield a group in as many parts as the limits demand where hosts are taken out."""
        left = list(group)
        while left:
            part: list[str] = []
            for host in left:
                if (
                    not part
                    or not self._takes_out
                    or not why_too_many(self._made.limits, [*part, host], NOBODY)
                ):
                    part.append(host)
            left = [host for host in left if host not in part]
            self._note_smaller(left)
            yield tuple(part)

    def _split(self, group: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return as many of a group as may leave at once, and the rest: down to one, whose refusal is then the plan's."""
        many = len(group)
        while self._takes_out and not self._blocked and many > 1:
            part = group[:many]
            departure = depart(self._made.forecast, part, returns=self._returns)
            short = below_floor(self._made.forecast, self._made.limits, departure, part)
            if departure.possible and not short:
                break
            many -= 1
        self._note_smaller(group[many:])
        return group[:many], group[many:]

    def _note_smaller(self, left: Sequence[str]) -> None:
        if left and SMALLER not in self._made.notes:
            self._made.notes.append(SMALLER)

    def _is_done(self, host: str) -> bool:
        """Whether an earlier try of this run has brought the host back after its reboot."""
        reboots = any(step.verb == "reboot" for step in self._intent.steps)
        return reboots and self._made.was_rebooted(host) and not self._made.marks.is_ours(host)

    @property
    def _takes_out(self) -> bool:
        return any(step.verb in TAKES_OUT for step in self._intent.steps)

    @property
    def _returns(self) -> bool:
        return any(step.verb in {"reboot", "uncordon"} for step in self._intent.steps)

    @property
    def _lets_back(self) -> bool:
        return any(step.verb == "uncordon" for step in self._intent.steps)

    def _check_groups(self, groups: Sequence[Sequence[str]]) -> list[Blocked]:
        if not self._takes_out:
            return []
        if not self._lets_back:
            return check_limit(self._made, [host for group in groups for host in group], at_once=True)
        return check_limit(self._made, [host for group in groups for host in group])

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
        if self._out and not self._lets_back:
            self._made.notes.append(f"{', '.join(group)}: stay cordoned, since no step uncordons them")

    def _take_out(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        """Move everything off the group, once."""
        if set(group) <= self._out:
            return
        made = self._made
        departure = depart(made.forecast, group, returns=self._returns)
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
        arguments, operator = step.arguments, step.arguments.get("on") == "operator"
        steps = [
            RunCommand(
                OPERATOR if operator else host,
                arguments["command"],
                step.timeout_s,
                "step exec",
                about=host,
                creates=arguments.get("creates", ""),
                unless=arguments.get("unless", ""),
            )
            for host in group
        ]
        self._made.command("exec", steps)
        self._made.host_changes += [HostChange("command", host, arguments["command"]) for host in group]

    def _copy(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        dest, mode = step.arguments["dest"], int(step.arguments.get("mode", "0644"), 8)
        owner = step.arguments.get("owner", "root:root")
        steps = [CopyFile(host, dest, step.content, mode, owner, "step copy") for host in group]
        self._made.command("copy", steps)
        self._made.host_changes += [HostChange("command", host, f"copy to {dest}") for host in group]

    def _wait(self, _group: tuple[str, ...], step: PlaybookStep) -> None:
        seconds = float(step.arguments["seconds"])
        self._made.batches.append(Batch(f"wait {seconds:g} s", (), pause_s=seconds))

    def _gate(self, group: tuple[str, ...], step: PlaybookStep) -> None:
        command = step.arguments["command"]
        about = " ".join(group)
        self._made.command(GATE, [RunCommand(OPERATOR, command, step.timeout_s, "gate", about=about)])

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
