"""Whose lines are not in the journal, and where they are: what `logs` says beside what it shows.

A unit throws the container's stdout away and attaches no stderr (`container.docker_run`): docker's driver is the only
one who gets them. With another driver than journald the journal has only what systemd and docker say of the unit.
"""

from __future__ import annotations

from collections.abc import Iterable

from clusterctl.model.names import natural
from clusterctl.planning.docker_options import log_driver_of
from clusterctl.planning.observed import Observed


def log_notes(units: Iterable[Observed]) -> list[str]:
    """Return a note for each service and driver whose lines the journal does not have."""
    elsewhere: dict[tuple[str, str], list[Observed]] = {}
    for unit in units:
        driver = log_driver_of(unit.fact.text)
        if driver != "journald":
            service = f"{unit.header.project}/{unit.header.service}"
            elsewhere.setdefault((service, driver), []).append(unit)
    return [_note(service, driver, found) for (service, driver), found in elsewhere.items()]


def _note(service: str, driver: str, units: list[Observed]) -> str:
    lacks = "here is only what systemd and docker say of its units"
    if driver == "none":
        return f"{service}: its lines are kept nowhere (logging driver none); {lacks}"
    first = min(units, key=lambda unit: natural(unit.instance.name))
    where = f"clusterctl exec {first.host} --sudo -- docker logs {first.instance}"
    return f"{service}: its lines go to the logging driver {driver}, not to the journal; {lacks}: {where}"
