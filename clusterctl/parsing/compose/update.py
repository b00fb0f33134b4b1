"""How instances are replaced: `update_config`, `rollback_config` and `x-canary`. What follows is `planning.rolling`."""

from __future__ import annotations

from typing import Any

from clusterctl.model.service import Canary, UpdateConfig
from clusterctl.parsing.compose.command import read_words
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import parse_percent, whole_number
from clusterctl.parsing.words import Expected
from clusterctl.parsing.yaml_core import Value

MOST_AT_ONCE = 10_000

_UPDATE = {
    "order": "order",
    "delay": "delay_s",
    "monitor": "monitor_s",
    "max_failure_ratio": "max_failure_ratio",
    "failure_action": "failure_action",
}


def read_update(cursor: Cursor, context: Context) -> UpdateConfig:
    """Read `update_config:`."""
    return _update(read_section(cursor, "services.*.deploy.update_config", context))


def read_rollback(cursor: Cursor, context: Context) -> UpdateConfig:
    """Read `rollback_config:`: how instances go back; there is nothing to roll back to from there."""
    return _update(read_section(cursor, "services.*.deploy.rollback_config", context))


def _update(keys: dict[str, Any]) -> UpdateConfig:
    fields = {field: keys[key] for key, field in _UPDATE.items() if keys.get(key) is not None}
    parallelism = keys.get("parallelism")
    if parallelism is not None:
        field = "parallelism_percent" if isinstance(parallelism, float) else "parallelism"
        fields[field] = parallelism
    return UpdateConfig(**fields)


def parse_parallelism(value: Value) -> int | float:
    """Return a whole number (0 is all), or the percentage of `25%` as a float."""
    wanted = f"a whole number from 0 to {MOST_AT_ONCE}, or a percentage such as 25%"
    try:
        if value.kind != "str":
            return whole_number(0, MOST_AT_ONCE)(value)
        percent = parse_percent(value.text)
    except Expected:
        raise Expected(wanted) from None
    if percent <= 0:
        raise Expected(wanted)
    return percent


def read_canary(cursor: Cursor, context: Context) -> Canary:
    """Read `x-canary:`; that fewer instances than all are meant is checked with the service."""
    keys = read_section(cursor, "services.*.x-canary", context)
    names = {"instances": "instances", "soak": "soak_s", "gate": "gate"}
    return Canary(**{field: keys[key] for key, field in names.items() if keys.get(key) is not None})


def read_gate(cursor: Cursor, context: Context) -> tuple[str, ...] | None:
    """Read the command of a gate; one without words would let everything through."""
    words = read_words(cursor, context)
    if words == () and not (cursor.value.kind == "list" and cursor.value.items):
        cursor.mistake("a gate needs a command")
    return words or None
