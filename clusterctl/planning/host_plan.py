"""The batches by which a wave of hosts is taken out and brought back; every verb on hosts is made of these.

before hooks, drain (replacements elsewhere first, then the old copies go), the verb's own work, reboot, verify,
after hooks, back. Which hosts go together is `host_waves`; which verbs do what is `reboot`, `cordon`,
`update` and `steps`; how an instance moves is `instance_steps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from clusterctl.model.intent import Rolling
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Batch, Blocked, Change, HostChange, Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import OPERATOR, ApplyUnit, Fence, MarkerName, Reboot, Step, Verify
from clusterctl.planning.departure import Departure
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.host_hooks import hook_steps
from clusterctl.planning.host_waves import Wave, limits_of
from clusterctl.planning.instance_steps import (
    again_steps,
    changes_of,
    longest_s,
    pull_steps,
    removal,
    removals,
    start_steps,
    stop_steps,
)
from clusterctl.planning.observed import Observed
from clusterctl.planning.place_records import missing_records, record_steps
from clusterctl.planning.run_marks import RunMarks
from clusterctl.planning.runs import runs_of
from clusterctl.planning.tasks import remove_step

SETTLE_S = 300
"""How long a host may take after a reboot until systemd, docker and its units are well (the deadline, if shorter)."""


@dataclass
class HostPlan:
    """A plan on hosts while it is being made; `finish` returns it."""

    verb: str
    subject: str
    inventory: Inventory
    snapshot: Snapshot
    run: RunSummary
    rolling: Rolling
    failed_before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    host_changes: list[HostChange] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _rebooted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Start the forecast from the look."""
        self.forecast = Forecast(self.inventory, self.snapshot, self.run.id)
        self.marks = RunMarks(self.snapshot, self.run, self.verb)
        self.limits = limits_of(self.inventory, self.rolling, self.forecast)

    def note_first_look(self, boot_ids: Mapping[str, str]) -> None:
        """Learn the boot ids that the run's first look saw."""
        for facts in self.snapshot.seen:
            if boot_ids.get(facts.host, facts.boot_id) != facts.boot_id:
                self._rebooted.add(facts.host)

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier try of this very run has written its record."""
        return any(run.id == self.run.id for run in runs_of(self.snapshot))

    def was_rebooted(self, host: str) -> bool:
        """Whether a host was rebooted since the run's first look."""
        return host in self._rebooted

    # --- the pieces ------------------------------------------------------------------------------

    def cordon(self, hosts: Sequence[str], reason: str = "") -> None:
        """Cordon all hosts of the run at once, so that nothing moves onto the next one to go."""
        free = [host for host in hosts if self.marks.of(host, "cordoned") is None]
        why = reason or f"{self.verb}: nothing new is placed here meanwhile"
        self._add("cordon", [self.marks.mark(host, "cordoned", why) for host in free])
        self.host_changes += [HostChange("cordon", host, why) for host in free]
        self.forecast.cordon(hosts)

    def take_out(self, wave: Wave, marker: MarkerName, worst_s: int) -> None:
        """Run the before hooks, mark the hosts as out, and move their instances away."""
        policy = self.inventory.policy
        hooks = hook_steps(policy.before, wave.hosts)
        marks = [self.marks.mark(host, marker, self.run.command) for host in wave.hosts]
        hooks_s = sum(hook.timeout_s for hook in (*policy.before, *policy.after)) * len(wave.hosts)
        starts = start_steps(wave.departure)
        total = worst_s + int(hooks_s) + longest_s(wave.departure, starts)
        if hooks:
            self._add("before", hooks, opens=wave, worst_s=total)
            self._add("take out", marks)
        else:
            self._add("take out", marks, opens=wave, worst_s=total)
        self._depart(wave.departure, starts)

    def evacuate(self, departure: Departure, lost: Sequence[str]) -> None:
        """Start elsewhere what was on hosts that are lost; nothing is done on these."""
        self._depart(departure, start_steps(departure), lost)

    def fence(self, hosts: Sequence[str]) -> None:
        """Make certain that hosts are off, by their devices; nothing after this is done where that fails."""
        reason = "what runs there may run only once"
        devices = {host: self.inventory.host(host).fence for host in hosts}
        longest = {host: sum(6 * device.timeout_s for device in found) for host, found in devices.items()}
        self._add("fence", [Fence(OPERATOR, host, longest[host], reason) for host in hosts])
        self.host_changes += [HostChange("fence", host, reason) for host in hosts]

    def remove_surplus(self, units: Sequence[Observed]) -> None:
        """Remove copies of instances that run elsewhere."""
        tasks = [removal(unit) for unit in units]
        self.changes += [task.change for task in tasks]
        self._add("remove surplus copies", [remove_step(task) for task in tasks])
        for unit in units:
            del self.forecast.units[unit.instance, unit.host]

    def _depart(self, departure: Departure, starts: Sequence[ApplyUnit], lost: Sequence[str] = ()) -> None:
        """Start the replacements elsewhere, and when they are healthy, stop the old copies."""
        gone = removals(departure, lost)
        self.changes += changes_of(departure, starts, gone)
        self._add("pull images", pull_steps(departure, self.snapshot))
        self._add("stop what may run only once", stop_steps(departure, lost))
        self._add("start elsewhere", starts)
        records = record_steps(self.forecast.accept(departure), self.snapshot)
        title = "record the new places" if lost and not gone else "stop the old copies"
        self._add(title, [*(remove_step(task) for task in gone), *records])

    def settle(self) -> None:
        """Have the manifests on all hosts say where the instances are, also what a killed run has not written."""
        self.forecast.settle(self.forecast.manifests)
        stale = missing_records(self.batches, self.forecast.manifests, self.snapshot)
        self._add("record", stale)

    def reboot(
        self,
        hosts: Sequence[str],
        boot_ids: Mapping[str, str],
        reasons: Mapping[str, str],
        deadline_s: int | None = None,
    ) -> None:
        """Reboot hosts and wait for their new boot ids."""
        steps: list[Step] = []
        wait_s = self.rolling.deadline_s if deadline_s is None else deadline_s
        for host in hosts:
            steps.append(self.marks.mark(host, "rebooting", self.run.command))
            reason = reasons.get(host, "asked for")
            steps.append(Reboot(host, boot_ids[host], wait_s, reason))
            self.host_changes.append(HostChange("reboot", host, reason))
        self._add("reboot", steps)

    def verify(self, hosts: Sequence[str], soak_s: int | None = None) -> None:
        """See that the hosts are no worse than before, and stay so.

        For hosts that an earlier try has rebooted the look came too late to know how they were before: each unit
        that starts at boot must be well there.
        """
        soak = self.rolling.soak_s if soak_s is None else soak_s
        expected = {host: self._expected(host) for host in hosts}
        once = [unit for units in expected.values() for unit in units if unit.header.singleton]
        self._add("start what may run only once", again_steps(once, self.forecast, "it waits for leave"))
        steps = [
            Verify(
                host,
                tuple(unit.fact.name for unit in units),
                self._failed_before(host),
                min(SETTLE_S, self.rolling.deadline_s),
                soak,
                "nothing may be worse than before",
            )
            for host, units in expected.items()
        ]
        self._add("verify", steps)

    def start_again(self, units: Sequence[Observed], reason: str) -> None:
        """Start units that are stopped where they are."""
        self.changes += [Change("start", unit.instance, unit.host, reason) for unit in units]
        self._add("start what may run only once", again_steps(units, self.forecast, reason))

    def _expected(self, host: str) -> list[Observed]:
        """Return the units that must be well on a host when it is back."""
        rebooted = self.was_rebooted(host)
        return [
            unit
            for unit in self.forecast.on(host)
            if unit.is_well or (rebooted and self._starts_at_boot(host, unit))
        ]

    def bring_back(self, hosts: Sequence[str]) -> None:
        """Run the after hooks, and let the hosts take instances again, except those cordoned before the run."""
        self._add("after", hook_steps(self.inventory.policy.after, hosts))
        free = [host for host in hosts if self.marks.lets_uncordon(host)]
        self._add("back", [step for host in hosts for step in self.marks.clear(host, uncordon=host in free)])
        self.host_changes += [HostChange("uncordon", host, "done") for host in free]
        self.forecast.let_back(hosts, self.run.id)

    def command(self, title: str, steps: Sequence[Step], *, opens: Wave | None = None) -> None:
        """Add a batch of a verb's own."""
        self._add(title, steps, opens=opens)

    def finish(self, refused: Departure | None = None, blocked: Sequence[Blocked] = ()) -> Plan:
        """Return the plan, or why there is none."""
        stops = [*blocked, *(refused.blocked if refused else ())]
        unplaced = tuple(refused.unplaced) if refused else ()
        if stops or unplaced:
            return Plan(
                self.verb, self.subject, unplaced=unplaced, blocked=tuple(stops), notes=tuple(self.notes)
            )
        return Plan(
            self.verb,
            self.subject,
            tuple(self.batches),
            tuple(self.changes),
            notes=tuple(self.notes),
            host_changes=tuple(self.host_changes),
            limits=self.limits,
            rebooting=tuple(f.host for f in self.snapshot.seen if self.marks.is_rebooting(f.host)),
        )

    # --- small parts -----------------------------------------------------------------------------

    def _add(self, title: str, steps: Iterable[Step], *, opens: Wave | None = None, worst_s: int = 0) -> None:
        made = tuple(steps)
        if not made:
            return
        if opens is None:
            self.batches.append(Batch(title, made))
        else:
            interrupts = opens.departure.interrupts
            self.batches.append(Batch(title, made, opens=opens.hosts, interrupts=interrupts, worst_s=worst_s))

    def _failed_before(self, host: str) -> tuple[str, ...]:
        return self.failed_before.get(host, self.snapshot.facts(host).failed_units)

    def _starts_at_boot(self, host: str, unit: Observed) -> bool:
        return unit.fact.enabled == "enabled" and unit.fact.name not in self._failed_before(host)
