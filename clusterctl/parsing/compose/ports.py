"""`ports` and `expose`: the short and the long form of Compose; a range is its ports, one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from clusterctl.model.service import Port
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_ip, parse_port
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, Unfit

MOST_PORTS = 1000

_SHORT = re.compile(
    r"(?:(?P<ip>\[[^\]]*\]|[0-9]+(?:\.[0-9]+)+):)?(?:(?P<host>[0-9-]*):)?(?P<target>[0-9-]+)(?:/(?P<protocol>[a-z]+))?",
)


def read_ports(cursor: Cursor, context: Context) -> tuple[Port, ...]:
    """Read the list of ports; one that is there twice, or would share a port of the host, is a mistake."""
    ports: dict[Port, Cursor] = {}
    taken: dict[tuple[int | None, str], list[Port]] = {}
    for item in cursor.items():
        found = (
            _read_long(item, context)
            if item.value.kind == "map"
            else item.read(as_text(parse_short_ports), None)
        )
        for port in found or ():
            beside = taken.setdefault((port.published, port.protocol), [])
            if port in ports:
                item.mistake(f"the same port as on line {ports[port].line}")
            elif other := next((one for one in beside if _clash(one, port)), None):
                place = ports[other].path.rpartition(".")[2]
                words = f"the host's port {port.published}/{port.protocol} is taken by {place} already"
                item.mistake(f"{words}; publish another one")
            ports[port] = item
            beside.append(port)
    return tuple(ports)


def _clash(one: Port, other: Port) -> bool:
    """Whether two ports with the same number on the host cannot both be published: an address that is left out is all."""
    if one.published is None:
        return False
    addresses = {one.host_ip, other.host_ip}
    same_family = len({":" in address for address in addresses}) == 1
    return len(addresses) == 1 or "" in addresses or (same_family and bool(addresses & {"0.0.0.0", "::"}))  # noqa: S104 - compared


def parse_short_ports(text: str) -> tuple[Port, ...]:
    """Return the ports of `[IP:][HOST:]CONTAINER[/PROTOCOL]`, where HOST and CONTAINER may be ranges."""
    match = _SHORT.fullmatch(text) if text.isascii() else None
    if not match:
        raise Expected("a port such as 8080:80 or 127.0.0.1:53:53/udp")
    if match["ip"] and not match["host"]:
        raise Unfit("the host's port is missing: write IP:HOST:CONTAINER")
    targets = _range(match["target"])
    published = _range(match["host"]) if match["host"] is not None else [None] * len(targets)
    return _pairs(
        targets,
        published,
        _protocol(match["protocol"] or "tcp"),
        parse_ip(match["ip"].strip("[]")) if match["ip"] else "",
    )


def _range(text: str) -> list[int]:
    first, mark, last = text.partition("-")
    ports = range(parse_port(first), parse_port(last if mark else first) + 1)
    if not ports:
        raise Unfit(f"the range {text} ends before it begins")
    if len(ports) > MOST_PORTS:
        raise Unfit(f"the range {text} has more than {MOST_PORTS} ports")
    return list(ports)


def _pairs(
    targets: Sequence[int], published: Sequence[int | None], protocol: Literal["tcp", "udp"], host_ip: str
) -> tuple[Port, ...]:
    if len(targets) != len(published):
        raise Unfit(
            f"{len(published)} ports of the host for {len(targets)} of the container: the ranges must be equally "
            "long, since nobody could tell which of them is taken"
        )
    return tuple(Port(*pair, protocol, host_ip) for pair in zip(targets, published, strict=True))


def read_expose(cursor: Cursor, _context: Context) -> tuple[str, ...]:
    """Read `expose:`, ports or ranges with or without a protocol."""
    found = [item.read(as_text(_parse_exposed), None) for item in cursor.items()]
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _parse_exposed(text: str) -> str:
    ports, mark, protocol = text.partition("/")
    if not re.fullmatch(r"[0-9]+(-[0-9]+)?", ports) or not text.isascii():
        raise Expected("a port such as 8080 or 53/udp")
    _range(ports)
    return f"{ports}/{_protocol(protocol if mark else 'tcp')}"


def _protocol(text: str) -> Literal["tcp", "udp"]:
    if text == "tcp":
        return "tcp"
    if text == "udp":
        return "udp"
    raise Expected("tcp or udp after the /")


def _read_long(cursor: Cursor, context: Context) -> tuple[Port, ...]:
    keys = read_section(cursor, "services.*.ports[]", context)
    if cursor.value.get("target") is None:
        cursor.mistake('"target" is missing: the port in the container')
    published = keys.get("published")
    if not keys.get("target"):
        return ()
    if published and len(published) > 1:
        cursor.mistake("a range of the host's ports for one of the container: write one of them")
    host = published[0] if published else None
    return (Port(keys["target"], host, keys.get("protocol") or "tcp", keys.get("host_ip") or ""),)


def parse_published(text: str) -> list[int]:
    """Return the port of the host, or the ports of a range."""
    return _range(text)


def parse_mode(text: str) -> str:
    """Return `host`, the one way ports are published here."""
    if text == "ingress":
        raise Unfit("ingress needs Swarm's network: write host, and put a load balancer before the hosts")
    if text != "host":
        raise Expected("host")
    return text
