"""Which instances may be on another host than they are, or are about to be, so that one more has room."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from clusterctl.model.placement import Instance
from clusterctl.model.service import Service
from clusterctl.model.snapshot import HostFacts
from clusterctl.planning.departure import Move
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.observed import Observed
from clusterctl.planning.room import port_keys, writable_volumes

MIN_AGE_S = 1800
"""What was started less long ago does not move: an instance moves at most once in that time."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An instance on a host; `stands` is whether it runs there, so that to have it elsewhere is an extra move."""

    unit: Observed
    service: Service
    host: str
    priority: int
    stands: bool

    @property
    def instance(self) -> Instance:
        """The instance."""
        return self.unit.instance

    @property
    def memory_bytes(self) -> int:
        """What it reserves."""
        return self.service.reservations.memory_bytes or 0

    @property
    def cpus(self) -> float:
        """What it reserves."""
        return self.service.reservations.cpus or 0.0

    @property
    def shape(self) -> Hashable:
        """What decides which hosts have room for it: the same of all that are alike in that."""
        service = self.service
        return self.stands, service.reservations, port_keys(service), service.constraints


def standing_tenant(forecast: Forecast, unit: Observed) -> Tenant | None:
    """Return an instance that runs as one that may move away, or None: what has data, is edited, young or not well stays.

    That no second copy of it runs is the caller's to know.
    """
    service, facts = forecast.service_of(unit), forecast.snapshot.hosts.get(unit.host)
    if service is None or not isinstance(facts, HostFacts) or not unit.is_well:
        return None
    if service.mode == "global" or service.singleton or not unit.intact:
        return None
    if service.drain != "move" or writable_volumes(service):
        return None
    since_s = unit.fact.since_s
    if since_s is None or facts.clock_s - since_s < MIN_AGE_S:
        return None
    return Tenant(unit, service, unit.host, forecast.priority_of(unit), stands=True)


def starting_tenant(forecast: Forecast, move: Move) -> Tenant | None:
    """Return an instance that is about to be started, or None: where data begins anew is not decided twice."""
    if writable_volumes(move.service):
        return None
    return Tenant(move.unit, move.service, move.target, forecast.priority_of(move.unit), stands=False)
