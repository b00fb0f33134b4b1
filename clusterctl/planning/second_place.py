"""A second place for what has failed for good on a host that is otherwise well: once, and never back. Pure.

Failed for good is what systemd has given up: the restarts that its service allows (`restart_policy`, max_attempts) are used
up. That the instance has had its second place stands in the header of its unit there, so that any observer knows; a new
version gets a new chance. Where all instances of a service have failed another place would not help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from clusterctl.planning.departure import Departure
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.leaving import depart
from clusterctl.planning.observed import Observed


@dataclass(slots=True)
class SecondPlaces:
    """The moves, one from each host at most, and in words what stays failed and why."""

    departure: Departure = field(default_factory=Departure)
    notes: list[str] = field(default_factory=list)


def find_second_places(forecast: Forecast, shunned: Sequence[str]) -> SecondPlaces:
    """Return what is started elsewhere because it has failed where it is; hosts that come and go have their say later."""
    found = SecondPlaces()
    served: set[str] = set()
    for _, unit in sorted(forecast.units.items()):
        if not _has_failed(unit) or unit.host in shunned:
            continue
        why = _why_not(forecast, unit) if unit.intact else "its unit was edited by hand"
        if why:
            found.notes.append(f"failed: {unit.instance} on {unit.host} ({unit.fact.result}): {why}")
        elif unit.host not in served:
            served.add(unit.host)
            _move(forecast, unit, found)
    return found


def _has_failed(unit: Observed) -> bool:
    return unit.fact.active == "failed" and unit.fact.enabled == "enabled" and unit.docker_answers


def _why_not(forecast: Forecast, unit: Observed) -> str:
    """Return why a failed instance gets no second place, or ""."""
    service = forecast.service_of(unit)
    if service is None:
        return "it is of a version that no manifest knows"
    if service.mode == "global" or service.drain != "move" or service.singleton or unit.header.volumes:
        return "it stays where it is"
    copies = [other for other in forecast.units.values() if other.instance == unit.instance]
    if any(copy.header.failed_on for copy in copies):
        places = sorted({host for copy in copies for host in (copy.header.failed_on, copy.host) if host})
        return f"it was given another place once, and failed there too ({', '.join(places)})"
    if len(copies) > 1:
        return "a copy is elsewhere"
    key = unit.header.project, unit.header.service
    others = [one for one in forecast.units.values() if (one.header.project, one.header.service) == key]
    if len(others) > 1 and not any(other.is_well for other in others):
        return "so have all of its service"
    return ""


def _move(forecast: Forecast, unit: Observed, found: SecondPlaces) -> None:
    before = forecast.snapshot
    forecast.cordon((unit.host,))
    asked = depart(forecast, (unit.host,), returns=False, lost=True)
    forecast.snapshot = before
    for move in asked.moves:
        if move.unit.instance == unit.instance and move.target:
            marked = replace(unit, header=replace(unit.header, failed_on=unit.host))
            why = f"failed there for good ({unit.fact.result})"
            found.departure.moves.append(replace(move, unit=marked, why=why))
            return
    found.notes.append(
        f"failed: {unit.instance} on {unit.host} ({unit.fact.result}): no other host can take it"
    )
