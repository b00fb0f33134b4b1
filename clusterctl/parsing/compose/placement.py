"""`deploy.placement`: hard rules and preferences of where instances go, in Swarm's words."""

from __future__ import annotations

import re
from typing import Any, Literal

from clusterctl.model.service import Constraint
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_host_name, parse_label_key, parse_label_value
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, Unfit, quoted

_CONSTRAINT = re.compile(r"(?P<key>[^\s=!]+)\s*(?P<operator>==|!=)\s*(?P<value>\S+)")
_LABELS = "node.labels."
_ARCHITECTURES = {"amd64": "x86_64", "x86-64": "x86_64", "arm64": "aarch64", "armhf": "armv7l", "386": "i686"}
_INSTEAD = {
    "node.id": "hosts are known by name: use node.hostname",
    "node.ip": "hosts are known by name: use node.hostname",
    "node.role": "there are no managers here, every host is a worker: leave it out",
    "engine.labels": "labels of the engine are not read: use node.labels.NAME, from the inventory",
}


def read_placement(cursor: Cursor, context: Context) -> dict[str, Any]:
    """Read `placement:`."""
    keys = read_section(cursor, "services.*.deploy.placement", context)
    return {
        "constraints": keys.get("constraints") or (),
        "preferences": keys.get("preferences") or (),
        "max_per_host": keys.get("max_replicas_per_node") or 0,
    }


def read_constraints(cursor: Cursor, _context: Context) -> tuple[Constraint, ...]:
    """Read the list of constraints."""
    read = [item.read(as_text(parse_constraint), None) for item in cursor.items()]
    return tuple(constraint for constraint in read if constraint is not None)


def parse_constraint(text: str) -> Constraint:
    """Return a rule such as `node.labels.zone == a` or `node.hostname != web1`."""
    match = _CONSTRAINT.fullmatch(text.strip(" "))
    if not match:
        raise Expected("a constraint such as node.labels.zone == a")
    key, value = match["key"], match["value"]
    operator: Literal["==", "!="] = "==" if match["operator"] == "==" else "!="
    if key == "node.hostname":
        return Constraint(key, operator, parse_host_name(value))
    if key.startswith(_LABELS):
        parse_label_key(key.removeprefix(_LABELS))
        return Constraint(key, operator, parse_label_value(value))
    if key == "node.platform.os":
        return Constraint(key, operator, parse_label_value(value))
    if key == "node.platform.arch":
        return Constraint(key, operator, _ARCHITECTURES.get(value, parse_label_value(value)))
    raise _unsupported(key, "node.hostname, node.labels.NAME, node.platform.arch and node.platform.os are")


def read_preferences(cursor: Cursor, context: Context) -> tuple[str, ...]:
    """Read the list of preferences as the labels to spread over, the first one first."""
    found: list[str] = []
    for item in cursor.items():
        label = read_section(item, "services.*.deploy.placement.preferences[]", context).get("spread")
        if item.value.kind == "map" and item.value.get("spread") is None:
            item.mistake('"spread" is missing')
        if label in found:
            item.mistake(f"node.labels.{label} is there twice")
        found += [label] if label else []
    return tuple(found)


def parse_spread(text: str) -> str:
    """Return the label of `node.labels.NAME`."""
    if text == "node.hostname":
        raise Unfit("instances are spread over hosts anyhow, after what is preferred: leave it out")
    if not text.startswith(_LABELS):
        raise _unsupported(text, "node.labels.NAME is")
    return parse_label_key(text.removeprefix(_LABELS))


def _unsupported(key: str, supported: str) -> Unfit:
    head = ".".join(key.split(".")[:2])
    return Unfit(f"{quoted(key)} is not supported: {_INSTEAD.get(head, supported)}")
