"""What if: each host, and each failure domain, is lost for good. Would everything have a place? Pure.

Nothing here asks whether a failover would be allowed (quorum, caps): a person may confirm anything. It asks whether
the rest of the fleet has room, by the placement that a failover itself would use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clusterctl.model.inventory import Inventory
from clusterctl.model.placement import Unplaced
from clusterctl.model.plan import Blocked
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.leaving import depart
from clusterctl.planning.making_room import make_room
from clusterctl.planning.rehearsal import Rehearsal
from clusterctl.planning.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Loss:
    """What became of the instances on `hosts`, lost together; `name` is that of the host or domain."""

    kind: str
    name: str
    hosts: tuple[str, ...]
    moves: int
    held: tuple[Blocked, ...]
    unplaced: tuple[Unplaced, ...]

    @property
    def is_survived(self) -> bool:
        """Whether everything is placed elsewhere."""
        return not self.held and not self.unplaced


def find_losses(inventory: Inventory, snapshot: Snapshot) -> tuple[Loss, ...]:
    """Return the loss of each host that answered, then of each failure domain with more than one host."""
    seen = [host.name for host in inventory.hosts if isinstance(snapshot.hosts.get(host.name), HostFacts)]
    forecast = Forecast(inventory, snapshot)
    rehearsal = _rehearse(forecast)
    found = [_lose(forecast, rehearsal, "host", name, [name]) for name in seen]
    label = inventory.policy.domain
    domains: dict[str, list[str]] = {}
    for name in seen:
        domains.setdefault(inventory.host(name).labels.get(label, ""), []).append(name)
    several = len([value for value in domains if value]) > 1
    found += [
        _lose(forecast, rehearsal, label, value, hosts)
        for value, hosts in sorted(domains.items())
        if value and several and len(hosts) > 1
    ]
    return tuple(found)


def _rehearse(forecast: Forecast) -> Rehearsal:
    """Return schedulers with everything counted in, of projects that want nothing more than there is."""
    units = tuple(forecast.units.values())
    rehearsal = Rehearsal(units)
    seen = {facts.host for facts in forecast.snapshot.seen}
    for name, manifest in forecast.manifests.items():
        project = forecast.project_at(manifest)
        scheduler = Scheduler(forecast.inventory, project, forecast.snapshot, units)
        away = {one: host for one, host in manifest.placements.items() if host not in seen}
        if not scheduler.run(away).placed:
            rehearsal.keep(name, scheduler)
    return rehearsal


def _lose(forecast: Forecast, rehearsal: Rehearsal, kind: str, name: str, hosts: Sequence[str]) -> Loss:
    """Ask a forecast in which the hosts take nothing, and leave it as it was."""
    before = forecast.snapshot
    forecast.cordon(hosts)
    rehearsal.begin([facts for facts in forecast.snapshot.seen if facts.host in hosts])
    fenced = [host for host in hosts if forecast.inventory.host(host).fence]
    departure = depart(forecast, hosts, returns=False, lost=True, off=fenced, rehearsal=rehearsal)
    rehearsal.end(departure)
    if departure.unplaced:
        departure = make_room(forecast, hosts, departure, 0).direct
    forecast.snapshot = before
    moves = len(departure.moves)
    return Loss(kind, name, tuple(hosts), moves, tuple(departure.blocked), tuple(departure.unplaced))
