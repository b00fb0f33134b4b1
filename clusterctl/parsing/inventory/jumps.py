"""The `jump:` of hosts: the SSH servers on the way, as ProxyJump has them (ssh_config(5)), resolved and without loops.

A hop that is a host of the inventory is reached as that host is: by its address, port and user, and through its own
jump hosts if it is the first of the chain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from clusterctl.model.host import Hop, Host
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_address, parse_port, parse_user
from clusterctl.parsing.words import Expected, Unfit

NONE = "none"
Outside = Callable[[Hop, bool], tuple[Hop, ...] | None]
"""Gives the way to a hop that is no host here, where somebody knows it; whether it is the first one of a chain."""
MOST_HOPS = 8
_HOP = re.compile(r"(?:(?P<user>[^@]*)@)?(?P<address>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?")


def parse_jumps(text: str) -> tuple[Hop, ...]:
    """Return the hops of `[user@]host[:port],...`, or none; port 0 and no user mean that nothing was said."""
    if text == NONE:
        return ()
    hops = tuple(_parse_hop(part.strip()) for part in text.split(","))
    if len(hops) > MOST_HOPS:
        raise Expected(f"at most {MOST_HOPS} jump hosts")
    return hops


def _parse_hop(text: str) -> Hop:
    found = _HOP.fullmatch(text)
    if not found or not found["address"]:
        raise Expected('a host, or "user@host:port", or several with commas, or "none"')
    written = found["address"]
    address = parse_address(written[1:-1] if written.startswith("[") else written)
    port = parse_port(found["port"]) if found["port"] is not None else 0
    user = parse_user(found["user"]) if found["user"] is not None else ""
    return Hop(address, address, port, user)


@dataclass(frozen=True)
class Jumps:
    """What was written about the way to each host, and where; `default` is that of `ssh.jump`, whose mistakes are named at `place`."""

    default: tuple[Hop, ...]
    written: Mapping[str, tuple[tuple[Hop, ...], Cursor]]
    port: int
    outside: Outside = lambda _hop, _first: None
    place: Cursor | None = None

    def resolve(self, hosts: Sequence[Host]) -> tuple[Host, ...]:
        """Return the hosts with their whole way; a loop is a mistake where it was written."""
        known = {host.name: host for host in hosts}
        return tuple(replace(host, jumps=self._way(host.name, known, ())) for host in hosts)

    def _way(self, name: str, known: Mapping[str, Host], trail: tuple[str, ...]) -> tuple[Hop, ...]:
        written, place = self._hops(name)
        hops = self._expanded(written, known, place)
        if not hops:
            return ()
        if name in trail or name in {hop.name for hop in hops if hop.name in known}:
            if place is not None:
                place.mistake(f"{name} is on the way to itself")
            return ()
        first = hops[0].name
        before = self._way(first, known, (*trail, name)) if first in known else ()
        return (*before, *(self._complete(hop, known) for hop in hops))

    def _expanded(
        self, hops: tuple[Hop, ...], known: Mapping[str, Host], place: Cursor | None
    ) -> tuple[Hop, ...]:
        """Return the hops, those that are no hosts with the way to them where somebody knows it."""
        found: list[Hop] = []
        for number, hop in enumerate(hops):
            way = None
            try:
                way = None if hop.name in known else self.outside(hop, not number)
            except (Expected, Unfit) as error:
                if (where := place or self.place) is not None:
                    where.mistake(str(error))
            found += (hop,) if way is None else way
        return tuple(found)

    def _hops(self, name: str) -> tuple[tuple[Hop, ...], Cursor | None]:
        """Return what was written for a host, else the default, which is not for those that are part of it."""
        if name in self.written:
            return self.written[name]
        return (() if name in {hop.name for hop in self.default} else self.default), None

    def _complete(self, hop: Hop, known: Mapping[str, Host]) -> Hop:
        host = known.get(hop.name)
        if host is None:
            return replace(hop, port=hop.port or self.port)
        return Hop(host.name, host.address, hop.port or host.port, hop.user or host.user)


def renamed_hop(hop: str, shown: Mapping[str, str]) -> str:
    """Return a hop as it is written, under the name that a host has in the inventory."""
    before, mark, rest = hop.rpartition("@")
    name, colon, port = rest.partition(":")
    return f"{before}{mark}{shown.get(name, name)}{colon}{port}"
