"""The batches by which a wave of hosts is taken out and brought back; every verb on hosts is made of these.

before hooks, drain (replacements elsewhere first, then the old copies go), the verb's own work, reboot, verify,
after hooks, back. Which hosts go together is `host_waves`; which verbs do what is `reboot`, `drain`,
`update` and `steps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from clusterctl.model.intent import Rolling
from clusterctl.model.inventory import Hook, Inventory
from clusterctl.model.plan import Batch, Blocked, Change, HostChange, Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.model.step import (
    OPERATOR,
    ApplyUnit,
    ClearMarker,
    Fence,
    MarkerName,
    PullImage,
    Reboot,
    RunCommand,
    SetMarker,
    Step,
    Verify,
    WriteManifest,
)
from clusterctl.planning.departure import Departure, Move
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.host_waves import Wave, limits_of
from clusterctl.planning.images import holds_image
from clusterctl.planning.manifest import Manifest, digest, is_same, render_manifest
from clusterctl.planning.markers import Marker, parse_marker
from clusterctl.planning.observed import Observed
from clusterctl.planning.rolling import Task, apply_step, remove_step
from clusterctl.planning.runs import runs_of
from clusterctl.planning.tasks import stop_step

SETTLE_S = 300
"""How long a host may take after a reboot until systemd, docker and its units are well (the deadline, if shorter)."""
_MARKERS: tuple[MarkerName, ...] = ("cordoned", "draining", "updating", "rebooting")


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
        self.limits = limits_of(self.inventory, self.rolling, self.forecast)

    def facts(self, host: str) -> HostFacts:
        """Return a host's facts; only for hosts that answered."""
        answer = self.snapshot.hosts[host]
        if not isinstance(answer, HostFacts):
            raise TypeError(host)
        return answer

    def marker(self, host: str, name: str) -> Marker | None:
        """Return a marker of a host, or None."""
        text = self.facts(host).markers.get(name)
        return None if text is None else parse_marker(text)

    def is_ours(self, host: str) -> bool:
        """Whether an earlier try of this very run has marked the host and not brought it back."""
        found = (self.marker(host, name) for name in _MARKERS)
        return any(marker and marker.run == self.run.id for marker in found)

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
        free = [host for host in hosts if self.marker(host, "cordoned") is None]
        why = reason or f"{self.verb}: nothing new is placed here meanwhile"
        self._add("cordon", [self._mark(host, "cordoned", why) for host in free])
        self.host_changes += [HostChange("cordon", host, why) for host in free]
        self.forecast.cordon(hosts)

    def take_out(self, wave: Wave, marker: MarkerName, worst_s: int) -> None:
        """Run the before hooks, mark the hosts as out, and move their instances away."""
        policy = self.inventory.policy
        hooks = self._hooks(policy.before, wave.hosts)
        marks = [self._mark(host, marker, self.run.command) for host in wave.hosts]
        hooks_s = sum(hook.timeout_s for hook in (*policy.before, *policy.after)) * len(wave.hosts)
        starts = self._starts(wave.departure)
        total = worst_s + int(hooks_s) + _departure_s(wave.departure, starts)
        if hooks:
            self._add("before", hooks, opens=wave, worst_s=total)
            self._add("take out", marks)
        else:
            self._add("take out", marks, opens=wave, worst_s=total)
        self._depart(wave.departure, starts)

    def _starts(self, departure: Departure) -> list[ApplyUnit]:
        """Return the steps that start the replacements."""
        tasks = [
            Task(
                Change("move", move.unit.instance, move.target, _why_moves(move)),
                service=move.service,
                header=move.unit.header,
                old=move.left,
            )
            for move in departure.moves
            if move.target
        ]
        hosts = [move.unit.host for move in departure.moves if move.target]
        return [replace(apply_step(task), leaves=host) for task, host in zip(tasks, hosts, strict=True)]

    def evacuate(self, departure: Departure, lost: Sequence[str]) -> None:
        """Start elsewhere what was on hosts that are lost; nothing is done on these."""
        self._depart(departure, self._starts(departure), lost)

    def fence(self, hosts: Sequence[str]) -> None:
        """Make certain that hosts are off, by their devices; nothing after this is done where that fails."""
        reason = "what runs there may run only once"
        devices = {host: self.inventory.host(host).fence for host in hosts}
        longest = {host: sum(6 * device.timeout_s for device in found) for host, found in devices.items()}
        self._add("fence", [Fence(OPERATOR, host, longest[host], reason) for host in hosts])
        self.host_changes += [HostChange("fence", host, reason) for host in hosts]

    def remove_surplus(self, units: Sequence[Observed]) -> None:
        """Remove copies of instances that run elsewhere."""
        tasks = [Task(Change("remove", unit.instance, unit.host, _why_gone("")), old=unit) for unit in units]
        self.changes += [task.change for task in tasks]
        self._add("remove surplus copies", [remove_step(task) for task in tasks])
        for unit in units:
            del self.forecast.units[unit.instance, unit.host]

    def _depart(self, departure: Departure, starts: Sequence[ApplyUnit], lost: Sequence[str] = ()) -> None:
        """Start the replacements elsewhere, and when they are healthy, stop the old copies."""
        gone = [
            Task(Change("remove", move.unit.instance, move.unit.host, _why_gone(move.target)), old=move.unit)
            for move in departure.moves
            if move.unit.host not in lost
        ]
        gone += [
            Task(Change("remove", unit.instance, unit.host, "an earlier try has left it"), old=unit)
            for unit in departure.litter
        ]
        for stay in departure.stays:
            self.changes.append(Change("interrupt", stay.instance, stay.host, stay.reason))
        self.changes += [Change("move", step.instance, step.host, step.reason) for step in starts]
        moved = {(move.unit.instance, move.unit.host) for move in departure.moves if move.target}
        self.changes += [t.change for t in gone if (t.change.instance, t.change.host) not in moved]
        pulls = {(move.target, move.unit.header.pinned) for move in departure.moves if move.target}
        missing = [pull for pull in sorted(pulls) if not holds_image(pull[1], self.snapshot, pull[0])]
        self._add("pull images", [PullImage(host, image, "not on the host yet") for host, image in missing])
        once = [
            move.unit
            for move in departure.moves
            if move.target and move.unit.header.singleton and move.unit.host not in lost
        ]
        self._add("stop what may run only once", [stop_step(unit, "it starts elsewhere") for unit in once])
        self._add("start elsewhere", starts)
        records = self._records(self.forecast.accept(departure))
        title = "record the new places" if lost and not gone else "stop the old copies"
        self._add(title, [*(remove_step(task) for task in gone), *records])

    def settle(self) -> None:
        """Have the manifests on all hosts say where the instances are, also what a killed run has not written."""
        self.forecast.settle(self.forecast.manifests)
        written = {
            (step.host, step.project): step.text
            for batch in self.batches
            for step in batch.steps
            if isinstance(step, WriteManifest)
        }
        held = {
            (f.host, name): text for f in self.snapshot.seen for name, text in f.manifests.items()
        } | written
        records = self._records(self.forecast.manifests)
        stale = [step for step in records if not is_same(held.get((step.host, step.project), ""), step.text)]
        self._add("record", stale)

    def _records(self, manifests: Mapping[str, Manifest]) -> list[WriteManifest]:
        texts = {project: render_manifest(manifest) for project, manifest in sorted(manifests.items())}
        return [
            WriteManifest(facts.host, project, manifests[project].generation, text, sha, "new placements")
            for project, text in texts.items()
            for sha in [digest(text)]
            for facts in self.snapshot.seen
        ]

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
            steps.append(self._mark(host, "rebooting", self.run.command))
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
        self._add("start what may run only once", self._start_again(once))
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
        self._add("start what may run only once", self._start_again(units, reason))

    def _start_again(self, units: Sequence[Observed], reason: str = "it waits for leave") -> list[ApplyUnit]:
        found = []
        for unit in units:
            service = self.forecast.service_of(unit)
            if service:
                change = Change("start", unit.instance, unit.host, reason)
                found.append(apply_step(Task(change, service, unit.header, unit, action="start")))
        return found

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
        self._add("after", self._hooks(self.inventory.policy.after, hosts))
        free = [host for host in hosts if self._cordoned_by_us(host)]
        self._add("back", [step for host in hosts for step in self._clear(host, uncordon=host in free)])
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
            rebooting=tuple(f.host for f in self.snapshot.seen if self._is_rebooting(f.host)),
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
        return self.failed_before.get(host, self.facts(host).failed_units)

    def _starts_at_boot(self, host: str, unit: Observed) -> bool:
        return unit.fact.enabled == "enabled" and unit.fact.name not in self._failed_before(host)

    def _mark(self, host: str, marker: MarkerName, reason: str) -> SetMarker:
        return SetMarker(host, marker, self.run.id, self.run.by, " ".join(reason.split()))

    def _clear(self, host: str, *, uncordon: bool) -> list[Step]:
        names = [name for name in _MARKERS if name != "cordoned" or uncordon]
        steps: list[Step] = [ClearMarker(host, name, self.run.id, "the host is back") for name in names]
        for name in names:
            marker = self.marker(host, name)
            if marker and marker.run in self._given_up(host):
                steps.append(ClearMarker(host, name, marker.run, f"what {marker.run} began is done"))
        return steps

    def _given_up(self, host: str) -> set[str]:
        """Return the runs of this very verb that have taken the host out and not brought it back: this one does.

        They are over, since this run has the lock. A host that was drained stays out.
        """
        found = (self.marker(host, name) for name in ("rebooting", "updating", "draining"))
        mine = f"-{self.verb}-"
        return {marker.run for marker in found if marker and self.verb != "drain" and mine in marker.run}

    def _is_rebooting(self, host: str) -> bool:
        marker = self.marker(host, "rebooting")
        return marker is not None and marker.run == self.run.id

    def _cordoned_by_us(self, host: str) -> bool:
        marker = self.marker(host, "cordoned")
        return marker is None or marker.run == self.run.id or marker.run in self._given_up(host)

    @staticmethod
    def _hooks(hooks: Sequence[Hook], hosts: Sequence[str]) -> list[Step]:
        return [
            RunCommand(
                host if hook.on == "host" else OPERATOR, hook.command, hook.timeout_s, "hook", about=host
            )
            for host in hosts
            for hook in hooks
        ]


def _departure_s(departure: Departure, starts: Sequence[ApplyUnit]) -> int:
    """Return how long moving everything away may take at worst, in seconds."""
    stops = max([move.unit.header.stop_s + 30 for move in departure.moves], default=0)
    return stops + max([step.gate_s for step in starts], default=0)


def _why_moves(move: Move) -> str:
    return f"from {move.unit.host}" + (f": {move.why}" if move.why else "")


def _why_gone(target: str) -> str:
    return f"runs on {target} now" if target else "runs elsewhere already"
