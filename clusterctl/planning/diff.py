"""What changed in a service, field by field, in words for the person who approves.

Values of the environment and contents of files are never shown, only the names that changed (I9).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from clusterctl.model.plan import FieldChange
from clusterctl.model.service import Service
from clusterctl.planning.plain import NotPlainError, from_plain
from clusterctl.planning.spec import NOT_OF_A_CONTAINER, canonical

_LONGEST = 60


def diff_service(
    old: Mapping[str, Any] | None, new: Service, old_pin: str, new_pin: str
) -> tuple[FieldChange, ...]:
    """Return the fields of a container that differ between the manifest's service and the playbook's."""
    if old is None:
        return ()
    old, wanted = _whole(old), json.loads(canonical(dataclasses.asdict(new)))
    names = [
        name for name in sorted(wanted) if old.get(name) != wanted[name] and name not in NOT_OF_A_CONTAINER
    ]
    changes = [change for name in names for change in _changes(name, old.get(name), wanted[name])]
    if old_pin != new_pin and old.get("image") == new.image:
        changes.append(FieldChange("image digest", _short(old_pin), _short(new_pin)))
    return tuple(changes)


def _whole(old: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an older release wrote, with the defaults of what it did not know."""
    try:
        known: Mapping[str, Any] = json.loads(canonical(dataclasses.asdict(from_plain(Service, old))))
    except NotPlainError:
        return old
    return known


def _changes(name: str, old: Any, new: Any) -> list[FieldChange]:
    if name == "environment":
        return [FieldChange(name, "", _names_changed(old or {}, new or {}))]
    if name == "files":
        contents = ({f"{file['kind']} {file['name']}": file for file in files or ()} for files in (old, new))
        return [FieldChange("configs and secrets", "", _names_changed(*contents))]
    if name == "networks":
        return [FieldChange(name, _networks(old), _networks(new))]
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
        return [change for key in keys for change in _changes(f"{name}.{key}", old.get(key), new.get(key))]
    return [FieldChange(name, _show(old), _show(new))]


def _names_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    added = [f"+{key}" for key in new if key not in old]
    removed = [f"-{key}" for key in old if key not in new]
    changed = [f"~{key}" for key in new if key in old and old[key] != new[key]]
    return " ".join(sorted(added) + sorted(removed) + sorted(changed))


def _networks(uses: Any) -> str:
    """Return networks by their keys, each with what is said of it and of the service in it."""
    words = []
    for use in uses or ():
        said = {**use, **use["network"]}
        more = [
            f"{key} {_show(value)}" for key, value in said.items() if value and key not in {"network", "key"}
        ]
        words.append(said["key"] + (f" ({', '.join(more)})" if more else ""))
    return ", ".join(words) or "default"


def _show(value: Any) -> str:
    if value in (None, "", [], {}):
        return "none"
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _short(pin: str) -> str:
    return pin.partition("@")[2][:19]
