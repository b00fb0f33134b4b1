"""`depends_on`: which services another one waits for, across hosts. Who waits how long is decided by the planner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from clusterctl.model.service import Dependency, Service
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_service_name
from clusterctl.parsing.scalars import as_text, flag_of, one_of
from clusterctl.parsing.words import Unfit, did_you_mean, quoted
from clusterctl.parsing.yaml_core import Value

_CONDITION = one_of("service_started", "service_healthy")


def read_depends_on(cursor: Cursor, context: Context) -> tuple[Dependency, ...]:
    """Read a list of names, or a mapping of names to conditions; in the order of the names."""
    if cursor.value.kind != "list":
        return tuple(sorted(_read_entry(name, place, context) for name, place in cursor.entries()))
    found: dict[str, Dependency] = {}
    for item in cursor.items():
        name = item.read(as_text(parse_service_name), None)
        if name in found:
            item.mistake(f"{quoted(name)} is there twice")
        elif name is not None:
            found[name] = Dependency(name)
    return tuple(sorted(found.values()))


def _read_entry(name: str, cursor: Cursor, context: Context) -> Dependency:
    keys = read_section(cursor, "services.*.depends_on.*", context)
    if cursor.value.kind in {"map", "null"} and cursor.value.get("condition") is None:
        cursor.mistake('"condition" is missing: service_started or service_healthy')
    return Dependency(name, keys.get("condition") or "service_started")


def parse_condition(value: Value) -> str:
    """Return what the other service must be."""
    if value.text == "service_completed_successfully":
        raise Unfit(
            "service_completed_successfully is not supported: services run until they are stopped; "
            "use service_started or service_healthy"
        )
    return _CONDITION(value)


def parse_dependency_restart(value: Value) -> bool:
    """Return false; a restart that spreads to other services is not supported."""
    if flag_of(value):
        raise Unfit("restart: true is not supported: nothing is restarted because another service was")
    return False


def check_dependencies(cursor: Cursor, services: Iterable[Service]) -> None:
    """Note dependencies on services that are not there or can never be healthy, and circles."""
    known = {service.name: service for service in services}
    places = {
        name: place.at(entry)
        for name, place in cursor.entries()
        for entry in place.value.entries
        if entry.key == "depends_on"
    }
    for name, place in places.items():
        lines = _lines(place)
        for dependency in known[name].depends_on:
            problem = _problem(dependency, known)
            if problem:
                place.mistake(problem, lines.get(dependency.service, 0))
    _check_circles(places, known)


def _lines(place: Cursor) -> dict[str, int]:
    """Return the line each name stands on."""
    listed = {item.text: item.line for item in place.value.items}
    return listed | {entry.key: entry.line for entry in place.value.entries}


def _problem(dependency: Dependency, known: Mapping[str, Service]) -> str:
    name = quoted(dependency.service)
    other = known.get(dependency.service)
    if other is None:
        return f"no service {name} in this file{did_you_mean(dependency.service, known)}"
    if dependency.condition == "service_healthy" and (
        other.healthcheck is None or other.healthcheck.test == ("NONE",)
    ):
        return f"{name} has no healthcheck, so it cannot be waited for as service_healthy; give it one"
    return ""


def _check_circles(places: Mapping[str, Cursor], known: Mapping[str, Service]) -> None:
    """Note the first circle; it is named from the service that comes first in the alphabet."""
    uses = {
        name: sorted({dependency.service for dependency in known[name].depends_on} & set(known))
        for name in sorted(places)
    }
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        circle = [str(name) for name in error.args[1]][::-1][:-1]
        start = circle.index(min(circle))
        shown = [*circle[start:], *circle[:start], circle[start]]
        places[shown[0]].mistake(f"services wait for one another in a circle: {' -> '.join(shown)}")
