"""What must never be in a night, checked from the truth: it shares no code with the planners.

Each check is counted; one that was never made is taken for broken by whoever reads the tally.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clusterctl.model.health import Opinion
from clusterctl.model.plan import Batch
from clusterctl.model.report import StepResult
from clusterctl.model.service import Project, Service
from clusterctl.model.step import ApplyUnit, Fence, Reboot, RemoveUnit
from tests.nights.accidents import LIE
from tests.nights.data import DataWatch
from tests.nights.world import NightCluster
from tests.soak.watch import OUT, Tally

LIFE = frozenset({"banner", "service", "refused"})
PERIOD_S = 60.0


@dataclass
class Run:
    """A run under way: what it takes for lost, and what was so in truth when it decided that."""

    operator: str
    verb: str
    lost: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    burdened: int = 0
    left: set[str] = field(default_factory=set)


@dataclass
class Silence:
    """The rounds in which one observer and the peers it asked saw no life of a host, since the last sign of it."""

    boot: str = ""
    last_s: float = 0.0
    after_gap: bool = False
    rounds: dict[str, list[float]] = field(default_factory=dict)


class Checker:
    """Looks on."""

    def __init__(self, cluster: NightCluster, projects: Sequence[Project], tally: Tally) -> None:
        self.cluster, self.tally = cluster, tally
        self.services: Mapping[str, Service] = {
            f"{project.name}-{service.name}": service for project in projects for service in project.services
        }
        self.reach: dict[str, frozenset[str]] = {}
        self.opinions: dict[str, tuple[Opinion, ...]] = {}
        self.silence: dict[str, Silence] = {}
        self.runs: dict[str, Run] = {}
        running = {name for fake in cluster.hosts.values() for name in fake.containers}
        once = frozenset(name for name in running if self.services[name.rpartition("-")[0]].singleton)
        self.data = DataWatch(cluster, frozenset(filter(self._is_data, running)), tally, once)

    # --- what operators see ----------------------------------------------------------------------

    def looked(self, operator: str) -> None:
        """Remember whom an operator reaches now."""
        machines = self.cluster.machines.items()
        self.reach[operator] = frozenset(name for name, machine in machines if machine.answers(operator))
        self.opinions[operator] = ()

    def heard(self, operator: str, opinions: tuple[Opinion, ...]) -> None:
        """Remember what peers said."""
        self.opinions[operator] = opinions

    def round_counted(self, operator: str, boot: str, now_s: float) -> None:
        """Count a round of an observer's, with nothing but what it was told."""
        mine = self.silence.setdefault(operator, Silence())
        mine.after_gap = mine.boot == boot and now_s - mine.last_s > 3 * PERIOD_S
        if mine.boot != boot or mine.after_gap:
            mine.rounds = {}
        mine.boot, mine.last_s = boot, now_s
        told: dict[str, set[str]] = {}
        for opinion in self.opinions[operator]:
            told.setdefault(opinion.host, set()).add(opinion.sign)
        for host in self.cluster.machines:
            if host in self.reach[operator] or LIFE & told.get(host, set()):
                mine.rounds.pop(host, None)
            elif "nothing" in told.get(host, ()):
                mine.rounds.setdefault(host, []).append(now_s)

    def begin(
        self,
        operator: str,
        verb: str,
        chosen: Sequence[str] = (),
        lost: Sequence[str] = (),
        resting: Sequence[str] = (),
    ) -> None:
        """Begin a run, right after the look that led to it; `resting` instances were moved a short while ago."""
        reach = self.reach.get(operator, frozenset())
        seen = frozenset(h for h in chosen if h in reach or self._heard_by_most(operator, h))
        copies = Counter(name for fake in self.cluster.hosts.values() for name in fake.containers)
        copies.subtract({name: copies[name] for name in resting})
        burdened = sum(self._is_burdened(host, copies) for host in lost)
        self.runs[operator] = Run(operator, verb, frozenset(chosen), seen, burdened)

    def _heard_by_most(self, operator: str, host: str) -> bool:
        if not self.cluster.machines[host].lives:
            return False
        peers = self.reach[operator] - {host}
        heard = sum(self.cluster.sign_of(peer, host) in LIFE for peer in peers)
        return 2 * heard > len(peers)

    def _is_burdened(self, host: str, copies: Counter[str]) -> bool:
        """Whether anything that may move was on a lost host, and on no other."""
        there = self.cluster.hosts[host].containers
        return any(copies[name] == 1 and self._may_move(name, host) for name in there)

    def _may_move(self, name: str, host: str) -> bool:
        service = self.services[name.rpartition("-")[0]]
        if service.mode == "global" or service.drain == "refuse":
            return False
        stays = service.mounts or service.singleton
        return not stays or bool(self.cluster.inventory.host(host).fence)

    # --- around each batch -----------------------------------------------------------------------

    def before(self, operator: str, batch: Batch, epoch: int) -> frozenset[str]:
        """Check what a batch is about to do; return the hosts that must refuse it."""
        run = self.runs[operator]
        refusing = frozenset(host for host in batch.hosts if host and self.cluster.hosts[host].epoch > epoch)
        if run.verb == "failover":
            self._before_failover(run, batch)
        else:
            self._before_voluntary(run, batch, refusing)
        self.data.before(batch)
        self._before_any(batch)
        return refusing

    def _before_any(self, batch: Batch) -> None:
        """Check that nothing is started or written down that one host alone has made up."""
        lies = [name for name, fake in self.cluster.hosts.items() if f"{LIE}s" in fake.manifests]
        if not lies:
            return
        self.tally.guards["a host lies"] += 1
        for step in batch.steps:
            told = getattr(step, "environment", "") or getattr(step, "text", "")
            self._demand("I10", f'{LIE}"' not in told and f"{LIE}=" not in told, f"{step} follows {lies}")

    def _before_failover(self, run: Run, batch: Batch) -> None:
        changes = [s for s in batch.steps if isinstance(s, ApplyUnit | RemoveUnit | Fence)]
        if changes:
            reached, all_ = len(self.reach[run.operator]), len(self.cluster.machines)
            self._demand("I6", 2 * reached > all_, f"{reached} of {all_} reached, and {batch.title}")
        for step in changes:
            if isinstance(step, ApplyUnit) and step.leaves:
                if self._has_failed(step.instance.unit, step.leaves):
                    self.tally.guards["failed for good"] += 1
                    continue
                self._leaves(run, step.leaves)
                self._goes(step)
            elif isinstance(step, Fence):
                self._leaves(run, step.about)

    def _leaves(self, run: Run, host: str) -> None:
        """Check that a host may be evacuated now."""
        operator = run.operator
        self._demand("lost is lost", host not in run.seen, f"{host} is evacuated, and was seen")
        self.tally.runs["came back between look and move"] += host in self.reach[operator]
        rounds = self.silence[operator].rounds.get(host, [])
        enough = len(rounds) >= 3 and rounds[-1] - rounds[0] >= 90
        self._demand("hysteresis", enough, f"{host} was silent in {len(rounds)} rounds")
        run.left.add(host)
        hosts = len(self.cluster.machines)
        most = 1 if hosts <= 10 else hosts // 10
        self._demand("cap of a run", len(run.left) <= most, f"{sorted(run.left)} in one run")
        most = max(1, hosts // 5)
        self._demand("cap at once", run.burdened <= most, f"{run.burdened} hosts were lost at once")

    def _has_failed(self, unit: str, host: str) -> bool:
        fake = self.cluster.hosts[host]
        return self.cluster.machines[host].lives and fake.active.get(unit) == "failed"

    def _goes(self, step: ApplyUnit) -> None:
        service = self.services[step.instance.name.rpartition("-")[0]]
        self._demand("x-drain: refuse", service.drain != "refuse", f"{step.instance} leaves {step.leaves}")
        if self._is_data(step.instance.name):
            fenced = self.cluster.machines[step.leaves].fenced
            self._demand("I2 fence first", fenced, f"{step.instance} leaves {step.leaves}, which is not off")

    def _before_voluntary(self, run: Run, batch: Batch, refusing: frozenset[str]) -> None:
        if batch.opens:
            hosts = self.cluster.hosts
            out = {name for name in self.reach[run.operator] if OUT & set(hosts[name].markers)}
            self._demand("I8", len(out | set(batch.opens)) <= 2, f"{sorted(out)} are out, and {batch.opens}")
        gone = {(s.instance.name, s.host) for s in batch.steps if isinstance(s, RemoveUnit)}
        for step in batch.steps:
            if isinstance(step, Reboot):
                gone |= {(name, step.host) for name in self.cluster.hosts[step.host].containers}
        gone = {(name, host) for name, host in gone if host not in refusing}
        if gone:
            self._floors(run, batch, gone)

    def _floors(self, run: Run, batch: Batch, gone: set[tuple[str, str]]) -> None:
        kinds = {name.rpartition("-")[0] for name, _ in gone}
        before: dict[str, set[str]] = {kind: set() for kind in kinds}
        after: dict[str, set[str]] = {kind: set() for kind in kinds}
        for name, host in self._well():
            kind = name.rpartition("-")[0]
            if kind in kinds:
                before[kind].add(name)
                after[kind] |= {name} - ({name} if (name, host) in gone else set())
        for kind in sorted(kinds):
            service = self.services[kind]
            floor = min(service.replicas - service.max_unavailable, len(before[kind]))
            if service.mode != "global":
                words = f"{run.verb}, {batch.title}: {len(after[kind])} of {floor} {kind} would be left"
                self._demand("I1", len(after[kind]) >= floor, words)

    def _well(self) -> list[tuple[str, str]]:
        return [
            (name, host)
            for host, machine in self.cluster.machines.items()
            if machine.lives and machine.docker != "stopped" and not machine.isolated
            for name in self.cluster.hosts[host].containers
            if self.cluster.hosts[host].active.get(f"clusterctl-{name}.service") == "active"
        ]

    def after(self, batch: Batch) -> None:
        """Check what stands after a batch, also after one in which the operator died."""
        self.data.after(batch)

    def ended(self, results: Sequence[StepResult], stale: frozenset[str]) -> None:
        """Check that hosts which have seen a newer operator did nothing, and count what devices proved."""
        for result in results:
            if result.step.host in stale:
                self.tally.guards["stale operator refused"] += 1
                self._demand("I7", result.status in {"failed", "skipped"}, f"{result.step} was done")
            if isinstance(result.step, Fence):
                self.tally.guards["fence proven" if result.status == "changed" else "fence failed"] += 1
                if result.status == "changed":
                    self.data.proven_off(result.step.about)

    def _is_data(self, name: str) -> bool:
        service = self.services[name.rpartition("-")[0]]
        return bool(service.mounts) or service.singleton

    def _demand(self, promise: str, holds: bool, words: str) -> None:  # noqa: FBT001 - what an assertion takes
        self.tally.demand(promise, holds, f"{words} ({self.cluster.now_s / 60:.1f} min)")
