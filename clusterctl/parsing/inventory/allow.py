"""`policy.allow:` of an inventory: what playbooks may take of hosts, and the older keys it replaces."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from clusterctl.model.privilege import EVERY_SERVICE, SERVICES, VALUES, Allow
from clusterctl.parsing.capabilities import parse_capability
from clusterctl.parsing.compose.runtime import parse_security_opt
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.paths import parse_absolute_path
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected

ALLOW_KEYS = (*SERVICES, *VALUES)
REPLACED = {"allow_host_paths": "host_paths", "allow_capabilities": "capabilities"}
"""Keys of an earlier release, and what they are called under `allow`."""

_SERVICE = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,40}/)?[a-z0-9][a-z0-9-]{0,40}")
_PARSERS: Mapping[str, Callable[[str], str]] = {
    "host_paths": parse_absolute_path,
    "devices": parse_absolute_path,
    "capabilities": parse_capability,
    "security_opt": parse_security_opt,
}


def read_allow(cursor: Cursor) -> Allow:
    """Read what is allowed: services by name (true is every one), or what any service may have."""
    fields: dict[str, Any] = {}
    for key, place in cursor.section(ALLOW_KEYS).items():
        fields[key] = _read_each(place, _PARSERS[key]) if key in VALUES else _read_services(place)
    return Allow(**fields)


def _read_services(cursor: Cursor) -> tuple[str, ...]:
    if cursor.value.kind == "list":
        return _read_each(cursor, _parse_service)
    if not isinstance(cursor.value.data, bool):
        cursor.mistake("expected true, false, or a list of services such as [web, shop/db]")
    return (EVERY_SERVICE,) if cursor.value.data is True else ()


def _parse_service(text: str) -> str:
    """Return `service` or `project/service`."""
    if not _SERVICE.fullmatch(text):
        raise Expected("the name of a service, or PROJECT/SERVICE")
    return text


def _read_each(cursor: Cursor, parser: Callable[[str], str]) -> tuple[str, ...]:
    found = (item.read(as_text(parser), None) for item in cursor.items())
    return tuple(one for one in found if one is not None)


def note_replaced(key: str, place: Cursor) -> None:
    """Note a key of an earlier release, with its name of today."""
    place.mistake(
        f"is now policy.allow.{REPLACED[key]}: write allow: {{{REPLACED[key]}: [...]}}", place.key_line
    )
