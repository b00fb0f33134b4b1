"""`deploy`: how many, where, how much, and how they restart, as Swarm users know it.

How they are replaced is read in `compose.update`, where they may be in `compose.placement`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clusterctl.model.service import Resources, RestartPolicy
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.words import Expected

SMALLEST_MEMORY_BYTES = 6 * 1024**2
"""Docker takes no smaller limit (docker run --memory)."""

_RESTART = re.compile(r"no|always|unless-stopped|on-failure(?::(?P<most>[0-9]{1,4}))?")
_FIELDS = {
    "mode": "mode",
    "replicas": "replicas",
    "restart_policy": "restart",
    "update_config": "update",
    "rollback_config": "rollback",
    "labels": "deploy_labels",
}


def read_deploy(cursor: Cursor, context: Context) -> dict[str, Any]:
    """Read `deploy:` as fields of a service."""
    keys = read_section(cursor, "services.*.deploy", context)
    fields = {**(keys.get("placement") or {}), **(keys.get("resources") or {})}
    fields |= {field: keys[key] for key, field in _FIELDS.items() if keys.get(key) is not None}
    if fields.get("mode") == "global" and "replicas" in fields:
        cursor.mistake("mode: global runs one instance on every host; leave replicas out")
    if fields.get("mode") == "global" and fields.get("max_per_host"):
        cursor.mistake("mode: global runs one instance on every host; leave max_replicas_per_node out")
    return fields


def read_resources(cursor: Cursor, context: Context) -> dict[str, Any]:
    """Read `resources:`; what is reserved may not be more than the limit."""
    keys = read_section(cursor, "services.*.deploy.resources", context)
    limits = keys.get("limits") or Resources()
    reservations, gpus = keys.get("reservations") or (Resources(), None)
    check_resources(cursor, limits, reservations)
    return {"limits": limits, "reservations": reservations, "gpus": gpus}


def check_resources(cursor: Cursor, limits: Resources, reservations: Resources) -> None:
    """Note a reservation above its limit, and a limit that docker would not take."""
    pairs = (
        ("cpus", reservations.cpus, limits.cpus),
        ("memory", reservations.memory_bytes, limits.memory_bytes),
    )
    for name, reserved, limit in pairs:
        if reserved is not None and limit is not None and reserved > limit:
            cursor.mistake(f"more {name} reserved than the limit allows")
    if limits.memory_bytes is not None and limits.memory_bytes < SMALLEST_MEMORY_BYTES:
        cursor.mistake("docker takes no memory limit below 6m")


def read_limits(cursor: Cursor, context: Context) -> Resources:
    """Read `limits:`."""
    return _resources(read_section(cursor, "services.*.deploy.resources.limits", context))


def read_reservations(cursor: Cursor, context: Context) -> tuple[Resources, str | None]:
    """Read `reservations:`, and the gpus that are asked for as docker's `--gpus` takes them."""
    keys = read_section(cursor, "services.*.deploy.resources.reservations", context)
    return _resources(keys), keys.get("devices")


def _resources(keys: Mapping[str, Any]) -> Resources:
    return Resources(cpus=keys.get("cpus"), memory_bytes=keys.get("memory"), pids=keys.get("pids"))


def parse_restart(text: str) -> RestartPolicy:
    """Return what `restart:` of a service means: no, always, unless-stopped, on-failure or on-failure:3.

    `unless-stopped` is `always`: a unit that was stopped by hand stays stopped until it is started, or the host boots.
    """
    match = _RESTART.fullmatch(text)
    if not match:
        raise Expected("no, always, unless-stopped, on-failure or on-failure:3")
    if text == "no":
        return RestartPolicy("none")
    if text in {"always", "unless-stopped"}:
        return RestartPolicy("any")
    return RestartPolicy("on-failure", max_attempts=int(match["most"] or 0) or None)


def read_restart(cursor: Cursor, context: Context) -> RestartPolicy:
    """Read `restart_policy:`; 0 attempts is what Swarm takes for no bound."""
    keys = read_section(cursor, "services.*.deploy.restart_policy", context)
    names = {
        "condition": "condition",
        "delay": "delay_s",
        "max_attempts": "max_attempts",
        "window": "window_s",
    }
    given = {field: keys[key] for key, field in names.items() if keys.get(key) is not None}
    return RestartPolicy(
        **{field: value for field, value in given.items() if (field, value) != ("max_attempts", 0)}
    )
