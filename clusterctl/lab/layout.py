"""What a lab looks like: names, addresses, zones, subnet. Pure.

Texts made from it (inventory, known_hosts) are in `texts`; making it real is in `cluster`.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clusterctl.errors import InputError, LabError

LABEL = "clusterctl.lab"
REGISTRY_NAME = "registry.lab"
REGISTRY_PULL = f"{REGISTRY_NAME}:5000"
USER = "ops"
MAX_HOSTS = 200
ZONES = "abc"
_FIRST_ADDRESS = 10
_REGISTRY_ADDRESS = 2
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class HostInfo:
    """One lab host as it is now: where SSH reaches it, and its state seen from outside.

    `state` is the engine's word (running, paused, exited, created) or `cut`: running without network.
    `host_key` is the public half, known from the container's label.
    """

    host: str
    address: str
    port: int
    state: str
    zone: str
    host_key: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The labels that the inventory gives this host."""
        return {"zone": self.zone}


@dataclass(frozen=True, slots=True)
class LabInfo:
    """A lab as it is now; `registry_push` is where this machine pushes, "" while there is no registry."""

    name: str
    inventory: Path
    hosts: tuple[HostInfo, ...]
    registry_push: str


def check_name(name: str) -> str:
    """Return `name`; refuse one that cannot be part of a container's name."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of a lab",
            details=["1 to 20 of a-z, 0-9 and -, not beginning or ending in -"],
        )
    return name


def check_count(count: int) -> int:
    """Return `count`; refuse one that does not fit the lab's subnet."""
    if not 1 <= count <= MAX_HOSTS:
        raise InputError(f"a lab has 1 to {MAX_HOSTS} hosts, not {count}")
    return count


def object_name(lab: str, part: str = "") -> str:
    """Return the name of a container, network or volume of `lab`."""
    return f"clusterctl-{lab}-{part}" if part else f"clusterctl-{lab}"


def host_name(number: int) -> str:
    """Return the name of host `number`, counted from 1."""
    return f"h{number}"


def host_number(host: str) -> int:
    """Return the number in a host's name: the order in which people expect hosts (h2 before h10)."""
    return int(host[1:])


def zone_of(number: int) -> str:
    """Return the zone of host `number`: a, b, c, a, ..."""
    return ZONES[(number - 1) % len(ZONES)]


def host_address(subnet: str, number: int) -> str:
    """Return the address of host `number` in `subnet` (h1 is .11)."""
    return str(ipaddress.IPv4Network(subnet)[_FIRST_ADDRESS + number])


def gateway_address(subnet: str) -> str:
    """Return the address of this machine in `subnet`."""
    return str(ipaddress.IPv4Network(subnet)[1])


def registry_address(subnet: str) -> str:
    """Return the address of the registry in `subnet`."""
    return str(ipaddress.IPv4Network(subnet)[_REGISTRY_ADDRESS])


def choose_subnet(taken: Iterable[str]) -> str:
    """Return the first 10.77.N.0/24 that overlaps none of the `taken` subnets; IPv6 ones do not matter."""
    networks = [ipaddress.ip_network(each, strict=False) for each in taken]
    used = [each for each in networks if isinstance(each, ipaddress.IPv4Network)]
    for candidate in ipaddress.IPv4Network("10.77.0.0/16").subnets(new_prefix=24):
        if not any(candidate.overlaps(each) for each in used):
            return str(candidate)
    raise LabError(
        "no subnet of 10.77.0.0/16 is free for a lab",
        details=sorted(str(each) for each in used),
        next_step="remove docker networks that are not needed: docker network prune",
    )


def find_host(info: LabInfo, host: str) -> HostInfo:
    """Return the host of that name; otherwise an error that lists those there are."""
    names = [each.host for each in info.hosts]
    if host in names:
        return info.hosts[names.index(host)]
    close = difflib.get_close_matches(host, names, n=1)
    raise LabError(
        f"lab {info.name} has no host {host}",
        details=[f"its hosts: {', '.join(names)}"],
        next_step=f"did you mean {close[0]}?" if close else "name one of them. Nothing was changed.",
    )


def describe(info: LabInfo) -> dict[str, object]:
    """Return the JSON form of a lab (`lab up`, `lab status`)."""
    return {
        "apiVersion": "clusterctl/v1",
        "kind": "Lab",
        "name": info.name,
        "inventory": str(info.inventory),
        "registry": {"push": info.registry_push, "pull": REGISTRY_PULL},
        "hosts": [
            {
                "host": each.host,
                "address": each.address,
                "port": each.port,
                "state": each.state,
                "labels": each.labels,
            }
            for each in info.hosts
        ],
    }


def in_order(hosts: Iterable[HostInfo]) -> Sequence[HostInfo]:
    """Return the hosts by number."""
    return sorted(hosts, key=lambda each: host_number(each.host))
