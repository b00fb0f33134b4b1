"""`extends`: a service that begins as another one, of the same file or of one beside it (Compose Specification, "extends")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from clusterctl.parsing.compose.environment import parse_env_path
from clusterctl.parsing.compose.merge import merge
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_service_name
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import did_you_mean, quoted
from clusterctl.parsing.yaml import Log
from clusterctl.parsing.yaml_core import Entry, Value

Step = tuple[str, str]
"""File and service."""


@dataclass
class Extender:
    """Extends the services of files; `other` returns the mapping of a file that is named at a place, or None."""

    log: Log
    other: Callable[[Cursor, str], Value | None]
    files: dict[str, Value | None] = field(default_factory=dict)

    def extend(self, root: Value, file: str) -> Value:
        """Return a file's mapping in which every service is whole."""
        services = root.get("services")
        if services is None or services.kind != "map":
            return root
        entries = tuple(
            replace(entry, value=self._whole(entry, services, ((file, entry.key),)))
            for entry in services.entries
        )
        whole = replace(services, entries=entries)
        return replace(
            root,
            entries=tuple(replace(e, value=whole) if e.key == "services" else e for e in root.entries),
        )

    def _whole(self, entry: Entry, services: Value, way: tuple[Step, ...]) -> Value:
        """Return a service with what it extends below it; `way` leads from the first service to this one."""
        wanted = entry.value.get("extends")
        if wanted is None:
            return entry.value
        place = Cursor(entry.value, f"services.{entry.key}", self.log, entry.line)
        cursor = next(place.at(below) for below in entry.value.entries if below.key == "extends")
        own = replace(entry.value, entries=tuple(e for e in entry.value.entries if e.key != "extends"))
        base = self._base(cursor, services, way)
        return replace(own, mark="lost") if base is None else merge(base, own, "services.*")

    def _base(self, cursor: Cursor, services: Value, way: tuple[Step, ...]) -> Value | None:
        name, path = _wanted(cursor)
        if not name:
            return None
        file = path or way[-1][0]
        there = self._services(cursor, path) if path else services
        if there is None:
            return None
        if (file, name) in way:
            steps = [*way[way.index((file, name)) :], (file, name)]
            shown = " -> ".join(service for _, service in steps)
            cursor.mistake(f"services extend one another in a circle: {shown}")
            return None
        entry = next((entry for entry in there.entries if entry.key == name), None)
        if entry is None:
            where = quoted(path) if path else "this file"
            near = did_you_mean(name, [known.key for known in there.entries])
            cursor.mistake(f"no service {quoted(name)} in {where}{near}")
            return None
        whole = self._whole(entry, there, (*way, (file, name)))
        return _from_folder(whole, path.rpartition("/")[0]) if path else whole

    def _services(self, cursor: Cursor, path: str) -> Value | None:
        if path not in self.files:
            self.files[path] = self.other(cursor, path)
        root = self.files[path]
        services = root.get("services") if root else None
        if root is not None and (services is None or services.kind != "map"):
            cursor.mistake(f"{quoted(path)} has no services")
            return None
        return services


def _wanted(cursor: Cursor) -> tuple[str, str]:
    """Return the name of the service that is extended ("" with a mistake) and its file ("" for the same one)."""
    if cursor.value.kind != "map":
        return cursor.read(as_text(parse_service_name), ""), ""
    keys = cursor.section(("service", "file"))
    if "service" not in keys:
        cursor.mistake('"service" is missing: the one that is extended')
        return "", ""
    path = keys["file"].read(as_text(parse_env_path), "") if "file" in keys else ""
    wrong = "file" in keys and not path
    return "" if wrong else keys["service"].read(as_text(parse_service_name), ""), path


def _from_folder(service: Value, folder: str) -> Value:
    """Return a service whose env files are named from the playbook's folder, and no more from its own file's."""
    if not folder:
        return service

    def moved(value: Value) -> Value:
        if value.kind == "list":
            return replace(value, items=tuple(moved(item) for item in value.items))
        if value.kind == "map":
            return replace(
                value,
                entries=tuple(
                    replace(e, value=moved(e.value)) if e.key == "path" else e for e in value.entries
                ),
            )
        return replace(value, text=f"{folder}/{value.text}", data=f"{folder}/{value.text}")

    entries = (
        replace(e, value=moved(e.value)) if e.key in {"env_file", "label_file"} else e
        for e in service.entries
    )
    return replace(service, entries=tuple(entries))
