"""Who leaves hosts that go out, where to, and who stays there and why: the placement of a drain.

Changes nothing in the forecast it is asked of: `Forecast.accept` counts the answer as done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Blocked
from clusterctl.model.service import Service
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.departure import Departure, Move, Stay
from clusterctl.planning.edited import refuse_edited
from clusterctl.planning.forecast import Forecast, is_of
from clusterctl.planning.limits import OUT
from clusterctl.planning.manifest import Manifest
from clusterctl.planning.observed import Observed
from clusterctl.planning.rehearsal import Rehearsal, copies_in
from clusterctl.planning.room import writable_volumes
from clusterctl.planning.scheduler import Scheduler
from clusterctl.planning.staying import rank_of

RESTING = "moved less than 30 minutes ago, and does not again so soon"
EDITED = "its unit was edited by hand"
ONLY_ONCE = "it may run only once (x-singleton)"


def depart(
    forecast: Forecast,
    hosts: Sequence[str],
    *,
    returns: bool,
    lost: bool = False,
    off: Sequence[str] = (),
    rehearsal: Rehearsal | None = None,
    resting: Collection[str] = (),
) -> Departure:
    """Return what becomes of the instances on hosts that go out; `returns`: they come back soon.

    The services with the highest priority choose first. Where hosts return, what no other host can take may go to one whose turn comes later, and what none at all
    can take may stay, as far as its service keeps enough others (checked by the caller against the floors).
    Of `lost` hosts also what a drain would only interrupt is moved; data there is left behind only where the
    host is certain to be `off`, and `resting` instances (by name) are not moved. Who asks again and again brings a `rehearsal`.
    """
    leaving = _Leaving(forecast, hosts, returns=returns, lost=lost, off=off, rehearsal=rehearsal)
    leaving.resting = resting
    units = [unit for host in hosts for unit in forecast.on(host)]
    groups: dict[tuple[int, str], list[Observed]] = {}
    for unit in units:
        groups.setdefault((-forecast.priority_of(unit), unit.header.project), []).append(unit)
    for order in sorted(groups):
        leaving.take_out(order[1], groups[order])
    return leaving.departure


class _Leaving:
    """One departure as it grows, project by project: later ones know what earlier ones moved."""

    def __init__(
        self,
        forecast: Forecast,
        hosts: Sequence[str],
        *,
        returns: bool,
        lost: bool,
        off: Sequence[str],
        rehearsal: Rehearsal | None,
    ) -> None:
        self._forecast, self._hosts, self._returns = forecast, hosts, returns
        self._lost, self._off = lost, off
        self.resting: Collection[str] = ()
        self.departure = Departure()
        self._rehearsal = rehearsal
        self._by_instance = rehearsal.copies if rehearsal else copies_in(forecast.units.values())

    def take_out(self, name: str, units: Sequence[Observed]) -> None:
        """Say what becomes of a project's units on the hosts."""
        manifest = self._forecast.manifests.get(name)
        if manifest is None:
            reason = (
                f"project {name} has no manifest that counts: apply it once more (clusterctl status says why)"
            )
            self.departure.blocked.append(Blocked("guard", units[0].host, reason))
            return
        scheduler = self._standing(manifest) or self._scheduler(manifest, self._forecast.snapshot)
        best = _best_copies(units)
        for unit in [unit for unit in best if not self._goes_on(unit, scheduler)]:
            self._take_out_unit(unit, scheduler)
        for unit in units:
            if not any(unit is one for one in best):
                self._drop(unit)

    def _drop(self, unit: Observed) -> None:
        """Let a copy go without a replacement."""
        service = self._forecast.service_of(unit)
        if service is None:
            self.departure.blocked.append(_of_no_manifest(unit))
        else:
            self.departure.moves.append(Move(unit, service, ""))

    def _goes_on(self, unit: Observed, scheduler: Scheduler) -> bool:
        """Whether a copy elsewhere takes over: one that is well, or one that an earlier try left and that may run.

        These are counted first, so that nothing else is placed where they need the room.
        """
        copies, service = self._copies(unit.instance), self._forecast.service_of(unit)
        if service is None or not copies or self._is_held(unit, service):
            return False
        if any(copy.is_well for copy in copies):
            self.departure.moves.append(Move(unit, service, ""))
            return True
        for copy in sorted(copies, key=lambda copy: natural(copy.host)):
            if scheduler.occupy(unit.instance, service, copy.host):
                self.departure.moves.append(Move(unit, service, copy.host, copy))
                self.departure.litter += [other for other in copies if other is not copy]
                return True
        self.departure.litter += copies
        return False

    def _is_held(self, unit: Observed, service: Service) -> bool:
        """Whether data, or a singleton, may still run on a lost host: a copy elsewhere, which may be an older one, waits."""
        bound = bool(writable_volumes(service)) or service.singleton
        return self._lost and unit.host not in self._off and bound

    def _take_out_unit(self, unit: Observed, scheduler: Scheduler) -> None:
        """Say what becomes of a unit that has no copy elsewhere."""
        service = self._forecast.service_of(unit)
        if service is None:
            self.departure.blocked.append(_of_no_manifest(unit))
            return
        if unit.instance.name in self.resting:
            self.departure.blocked.append(Blocked("guard", unit.host, f"{unit.instance} {RESTING}"))
            return
        if self._holds_edited(unit):
            return
        why = why_stay(service, lost=self._lost, off=unit.host in self._off)
        if why:
            self._stay_or_block(unit, service, why)
            return
        target = scheduler.place_elsewhere(unit.instance, service)
        if self._returns and not isinstance(target, str):
            target = self._place_later(unit, service) or target
        if isinstance(target, str):
            self.departure.moves.append(Move(unit, service, target))
        elif self._returns and service.replicas > 1:
            self.departure.stays.append(Stay(unit.instance, unit.host, "no other host can take it"))
        else:
            self.departure.unplaced.append(target)

    def _holds_edited(self, unit: Observed) -> bool:
        """Leave a unit that somebody has edited where it is (I3): it may be interrupted, but not removed.

        Of a lost host only what is known of it moves; what was edited there is still there when it is back.
        """
        if unit.intact or self._lost:
            return False
        if self._returns:
            self.departure.stays.append(Stay(unit.instance, unit.host, EDITED))
        else:
            self.departure.blocked.extend(refuse_edited([unit]))
        return True

    def _stay_or_block(self, unit: Observed, service: Service, why: str) -> None:
        refused = service.drain == "refuse"
        alone = service.mode == "replicated" and service.replicas == 1 and service.drain == "move"
        held = why == ONLY_ONCE or (why.startswith("volume") and (alone or not self._returns))
        if refused or held:
            reason = f"{unit.instance} cannot leave: {why}"
            self.departure.blocked.append(Blocked("guard", unit.host, reason))
        else:
            self.departure.stays.append(Stay(unit.instance, unit.host, why))

    def _standing(self, manifest: Manifest) -> Scheduler | None:
        return self._rehearsal.scheduler(manifest.project, self.departure) if self._rehearsal else None

    def _scheduler(self, manifest: Manifest, snapshot: Snapshot) -> Scheduler:
        """Return a scheduler that knows what the departure has moved so far."""
        units = dict(self._forecast.units)
        for move in self.departure.moves:
            del units[move.unit.instance, move.unit.host]
            if move.target:
                units[move.unit.instance, move.target] = replace(move.unit, host=move.target)
        project = self._forecast.project_at(manifest)
        scheduler = Scheduler(self._forecast.inventory, project, snapshot, tuple(units.values()))
        scheduler.run(self._recorded(manifest))
        return scheduler

    def _place_later(self, unit: Observed, service: Service) -> str:
        """Return a host whose own turn comes later, or "": better to move twice than not to run."""
        run = self._forecast.run
        answers = {
            name: replace(answer, markers={k: v for k, v in answer.markers.items() if not is_of(v, run)})
            if isinstance(answer, HostFacts) and name not in self._hosts and not OUT & set(answer.markers)
            else answer
            for name, answer in self._forecast.snapshot.hosts.items()
        }
        manifest = self._forecast.manifests[unit.header.project]
        found = self._scheduler(manifest, Snapshot(answers)).place_elsewhere(unit.instance, service)
        return found if isinstance(found, str) else ""

    def _recorded(self, manifest: Manifest) -> Mapping[str, str]:
        """Return where the manifest has instances on hosts that were not looked at."""
        seen = {facts.host for facts in self._forecast.snapshot.seen}
        return {name: host for name, host in manifest.placements.items() if host not in seen}

    def _copies(self, instance: Instance) -> list[Observed]:
        """Return the copies of an instance on hosts that stay."""
        return [unit for unit in self._by_instance[instance] if unit.host not in self._hosts]


def _best_copies(units: Sequence[Observed]) -> list[Observed]:
    """Return one unit of each instance, in their order: where several leave at once, one of them is moved."""
    best: dict[Instance, Observed] = {}
    for unit in units:
        other = best.get(unit.instance)
        if other is None or rank_of(unit) < rank_of(other):
            best[unit.instance] = unit
    return list(best.values())


def _of_no_manifest(unit: Observed) -> Blocked:
    reason = f"{unit.instance} is of a version that no manifest knows: finish or abort its apply first"
    return Blocked("guard", unit.host, reason)


def why_stay(service: Service, *, lost: bool, off: bool) -> str:
    """Return why an instance is not moved at all, or ""."""
    if service.drain == "refuse":
        return "x-drain: refuse"
    if service.mode == "global":
        return "a global service has one instance on each host"
    if service.drain == "interrupt" and not lost:
        return "x-drain: interrupt"
    if service.singleton and lost and not off:
        return ONLY_ONCE
    volumes = () if off else writable_volumes(service)
    return f"volume {volumes[0]} holds its data here" if volumes else ""
