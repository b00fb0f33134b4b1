"""`networks`, of the file and of a service: bridges on each host. There is no network across hosts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from clusterctl.model.network import DEFAULT, Network, NetworkUse
from clusterctl.model.service import Service
from clusterctl.parsing.compose.names import matching, read_each
from clusterctl.parsing.compose.pairs import read_labels
from clusterctl.parsing.compose.top import demand_declared, external_keys, external_of, read_declared
from clusterctl.parsing.compose.volumes import read_options
from clusterctl.parsing.compose.walk import Context, Key, read_section, text_by, value_of
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_ip
from clusterctl.parsing.scalars import flag_of, whole_number
from clusterctl.parsing.words import Expected, Unfit
from clusterctl.parsing.yaml_core import Value

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_ALIAS = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?")
_SECTION = "services.*.networks"


def parse_network_name(text: str) -> str:
    """Return a network's name as docker takes it."""
    if not _NAME.fullmatch(text):
        raise Expected("a network name of letters, digits, '.', '_' or '-', at most 63 long")
    return text


def parse_driver(text: str) -> str:
    """Return `bridge`, the one driver there is."""
    if text in {"overlay", "macvlan", "ipvlan", "host", "none"}:
        raise Unfit(
            f"{text} is not supported: networks are bridges of one host; across hosts publish ports, "
            "or name a network that every host has with external: true"
        )
    if text not in {"bridge", "default"}:
        raise Expected("bridge")
    return "bridge"


def parse_ipv4_on(value: Value) -> bool:
    """Return true: docker gives every bridge IPv4, and only its newest releases can leave it out."""
    if not flag_of(value):
        raise Unfit("false is not supported: every network has IPv4")
    return True


def parse_subnet(text: str) -> str:
    """Return a network in CIDR form."""
    try:
        return str(ipaddress.ip_network(text if "/" in text else ""))
    except ValueError:
        raise Expected("a subnet such as 172.28.0.0/16") from None


def _read_network(key: str, cursor: Cursor, context: Context) -> Network:
    keys = read_section(cursor, "networks.*", context)
    name, external = external_of(cursor, keys)
    return Network(
        key,
        name,
        external,
        bool(keys.get("internal")),
        bool(keys.get("enable_ipv6")),
        tuple(sorted((keys.get("driver_opts") or {}).items())),
        keys.get("ipam") or (),
        tuple(sorted((keys.get("labels") or {}).items())),
    )


def read_ipam(cursor: Cursor, context: Context) -> tuple[tuple[str, str, str], ...]:
    """Read `ipam:` as subnet, gateway and range of each pool."""
    return read_section(cursor, "networks.*.ipam", context).get("config") or ()


def read_pools(cursor: Cursor, context: Context) -> tuple[tuple[str, str, str], ...]:
    """Read the pools of addresses; each needs its subnet."""
    pools = []
    for item in cursor.items():
        keys = read_section(item, "networks.*.ipam.config[]", context)
        if keys.get("subnet"):
            pools.append((keys["subnet"], keys.get("gateway") or "", keys.get("ip_range") or ""))
        elif item.value.get("subnet") is None:
            item.mistake('"subnet" is missing')
    return tuple(pools)


def read_uses(cursor: Cursor, context: Context) -> tuple[NetworkUse, ...]:
    """Read the networks of a service, a list of keys or a mapping; what they are is added by `with_networks`.

    They are in the order of their priority (the highest first: docker's default route goes there), then by key.
    """
    uses: list[tuple[int, NetworkUse]] = []
    if cursor.value.kind == "list":
        uses = [(0, NetworkUse(Network(key))) for key in read_each(parse_network_name)(cursor, context)]
    else:
        for key, place in cursor.entries():
            keys = read_section(place, f"{_SECTION}.*", context)
            use = NetworkUse(
                Network(key),
                keys.get("aliases") or (),
                keys.get("ipv4_address") or "",
                keys.get("ipv6_address") or "",
            )
            uses.append((-int(keys.get("priority") or 0), use))
    for _, use in uses:
        demand_declared(cursor, "network", use.network.key, {"default", *context.networks})
    return tuple(use for _, use in sorted(uses))


def with_networks(service: Service, networks: Mapping[str, Network]) -> Service:
    """Return the service with what is declared of its networks; none at all is docker's plain default one."""
    if service.network_mode:
        return service
    uses = service.networks or (DEFAULT,)
    known = tuple(replace(use, network=networks.get(use.network.key, use.network)) for use in uses)
    return replace(service, networks=() if known == (DEFAULT,) else known)


def check_addresses(services: Cursor, found: Iterable[Service]) -> None:
    """Note addresses of services that no subnet of their network holds, or that two instances would have."""
    places = dict(services.entries()) if services.value.kind == "map" else {}
    for service in found:
        for use in service.networks:
            for address in filter(None, (use.ipv4, use.ipv6)):
                words = _why_not_there(use.network, address)
                if service.mode == "replicated" and service.replicas > 1 and service.max_per_host != 1:
                    words = f"{service.replicas} replicas on one host cannot all have it; write max_replicas_per_node: 1"
                if words:
                    places[service.name].mistake(f"networks.{use.network.key}: {address}: {words}")


def _why_not_there(network: Network, address: str) -> str:
    """Return why docker cannot give an address in a network of this file; what an external one has is not known."""
    if network.external:
        return ""
    subnets = [subnet for subnet, _, _ in network.pools]
    if any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in subnets):
        return ""
    return (
        f"it is not in {' or '.join(subnets)}"
        if subnets
        else "the network needs ipam with a subnet that holds it"
    )


def check_networks(cursor: Cursor, keys: Mapping[str, Any]) -> None:
    """Note what cannot be together."""
    if keys.get("networks") and keys.get("network_mode"):
        cursor.mistake("networks and network_mode cannot be together; keep one")


_ADDRESS = Key(text_by(parse_ip), "needs ipam with a subnet, and one instance on a host at most")
NETWORK_KEYS: Mapping[str, Key] = {
    "networks": Key(
        read_declared(parse_network_name, _read_network),
        "bridges, made on each host that needs them and removed with their last user",
    ),
    "networks.*.attachable": Key(value_of(flag_of), "means nothing: every bridge is"),
    "networks.*.driver": Key(text_by(parse_driver), "bridge only"),
    "networks.*.driver_opts": Key(read_options),
    "networks.*.enable_ipv4": Key(value_of(parse_ipv4_on), "true only"),
    "networks.*.enable_ipv6": Key(value_of(flag_of)),
    **external_keys("networks", parse_network_name, "only hosts that have it are asked"),
    "networks.*.internal": Key(value_of(flag_of)),
    "networks.*.ipam": Key(read_ipam),
    "networks.*.ipam.config": Key(read_pools),
    "networks.*.ipam.config[].gateway": Key(text_by(parse_ip)),
    "networks.*.ipam.config[].ip_range": Key(text_by(parse_subnet)),
    "networks.*.ipam.config[].subnet": Key(text_by(parse_subnet)),
    "networks.*.ipam.driver": Key(text_by(matching(re.compile("default"), "default"))),
    "networks.*.labels": Key(read_labels),
    "networks.*.name": Key(text_by(parse_network_name), "PROJECT_NAME if left out"),
    _SECTION: Key(read_uses, "the services of a project find one another by name on the same host only"),
    f"{_SECTION}.*.aliases": Key(read_each(matching(_ALIAS, "a name of letters, digits, '.', '_' or '-'"))),
    f"{_SECTION}.*.ipv4_address": _ADDRESS,
    f"{_SECTION}.*.ipv6_address": _ADDRESS,
    f"{_SECTION}.*.priority": Key(value_of(whole_number(0, 1000)), "the highest has the default route"),
}
"""The rows of these keys for the table in `compose.keys`."""
