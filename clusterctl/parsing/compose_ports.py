"""`ports`: the short and the long form of Compose; one port each, no ranges."""

from __future__ import annotations

import re
from typing import Literal

from clusterctl.model.service import Port
from clusterctl.parsing.compose_walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_ip, parse_port
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, Unfit

_SHORT = re.compile(
    r"(?:(?P<ip>\[[^\]]*\]|[0-9]+(?:\.[0-9]+)+):)?(?:(?P<host>[0-9-]*):)?(?P<target>[0-9-]+)(?:/(?P<protocol>[a-z]+))?",
)


def read_ports(cursor: Cursor, context: Context) -> tuple[Port, ...]:
    """Read the list of ports; one that is there twice is a mistake."""
    ports: dict[Port, Cursor] = {}
    for item in cursor.items():
        port = (
            _read_long(item, context)
            if item.value.kind == "map"
            else item.read(as_text(parse_short_port), None)
        )
        if port in ports:
            item.mistake(f"the same port as on line {ports[port].line}")
        elif port:
            ports[port] = item
    return tuple(ports)


def parse_short_port(text: str) -> Port:
    """Return a port from `[IP:][HOST:]CONTAINER[/PROTOCOL]`."""
    match = _SHORT.fullmatch(text) if text.isascii() else None
    if not match:
        raise Expected("a port such as 8080:80 or 127.0.0.1:53:53/udp")
    if "-" in f"{match['host']}{match['target']}":
        raise Unfit("port ranges are not supported yet; write one line per port")
    if match["ip"] and not match["host"]:
        raise Unfit("the host's port is missing: write IP:HOST:CONTAINER")
    return Port(
        target=parse_port(match["target"]),
        published=parse_port(match["host"]) if match["host"] is not None else None,
        protocol=_protocol(match["protocol"] or "tcp"),
        host_ip=parse_ip(match["ip"].strip("[]")) if match["ip"] else "",
    )


def _protocol(text: str) -> Literal["tcp", "udp"]:
    if text == "tcp":
        return "tcp"
    if text == "udp":
        return "udp"
    raise Expected("tcp or udp after the /")


def _read_long(cursor: Cursor, context: Context) -> Port | None:
    keys = read_section(cursor, "services.*.ports[]", context)
    if cursor.value.get("target") is None:
        cursor.mistake('"target" is missing: the port in the container')
    if not keys.get("target"):
        return None
    return Port(
        keys["target"], keys.get("published"), keys.get("protocol") or "tcp", keys.get("host_ip") or ""
    )
