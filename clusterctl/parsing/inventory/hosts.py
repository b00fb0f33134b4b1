"""The `hosts:` part of an inventory, and what sources say: ranges written out, addresses paired, all told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from clusterctl.model.host import Capacity, Hop, Host
from clusterctl.model.inventory import SshSettings
from clusterctl.model.names import natural
from clusterctl.parsing.cursor import Cursor, shown_key
from clusterctl.parsing.inventory.fence import check_fencers, for_host, read_fence
from clusterctl.parsing.inventory.host_names import parsed_names, quietly_expanded, read_addresses, read_names
from clusterctl.parsing.inventory.jumps import Jumps, parse_jumps
from clusterctl.parsing.inventory.sources import Sources
from clusterctl.parsing.inventory.ssh import read_host_ssh, ssh_places
from clusterctl.parsing.names import (
    parse_label_key,
    parse_label_value,
    parse_port,
    parse_user,
)
from clusterctl.parsing.outside import Described
from clusterctl.parsing.ranges import MOST_NAMES
from clusterctl.parsing.scalars import any_text_of, as_text, flag_of, parse_cpus, parse_some_size
from clusterctl.parsing.words import Expected, quoted
from clusterctl.parsing.yaml_core import Value

KEYS = ("address", "port", "user", "jump", "labels", "capacity", "fence", "witness", "ssh")


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where a host was described, and its name as written there."""

    name: str
    place: Cursor

    def where(self, other: Cursor) -> str:
        """Return the line, with its file where that is another one than `other`'s."""
        line, file = self.place.key_line or self.place.line, self.place.log.file
        return f"on line {line}" if file == other.log.file else f"in {file}:{line}"


@dataclass(slots=True)
class HostReader:
    """All hosts while they are read; `origins` gets what was said about which hosts, and where."""

    ssh: SshSettings
    sources: Sources
    origins: list[tuple[tuple[str, ...], Described]] = field(default_factory=list)
    _hosts: list[Host] = field(default_factory=list)
    _names: dict[str, _Seen] = field(default_factory=dict)
    _addresses: dict[tuple[str, int], _Seen] = field(default_factory=dict)
    _jumps: dict[str, tuple[tuple[Hop, ...], Cursor]] = field(default_factory=dict)
    _shared: dict[tuple[tuple[str, Value], ...], SshSettings] = field(default_factory=dict)

    def read(self, cursor: Cursor | None, root: Cursor) -> tuple[Host, ...]:
        """Return all hosts in the order of their names."""
        entries = [(place, read_names(key, place)) for key, place in cursor.entries()] if cursor else []
        if self.sources.options:
            self._lay_options(entries)
        if (
            cursor
            and not cursor.value.entries
            and not self.sources.hosts
            and cursor.value.kind in {"map", "null"}
        ):
            cursor.mistake("no hosts: at least one is needed")
        for place, names in entries:
            if not self._add(self._read_entry(place, names), place):
                break
        else:
            self._read_rest({name for _, names in entries for name in names})
        check_fencers(self._hosts, self._places("fence"))
        known = {host.name for host in self._hosts}
        ways = Jumps(
            self.ssh.jumps,
            self._jumps,
            self.ssh.port,
            lambda hop, first: self.sources.way_to(hop, known, first=first),
            cursor or root,
        )
        return tuple(sorted(ways.resolve(self._hosts), key=lambda host: natural(host.name)))

    def _places(self, key: str) -> dict[str, Cursor]:
        """Return by host where it has this key."""
        return {name: found.keys[key] for names, found in self.origins if key in found.keys for name in names}

    def outside(self) -> dict[str, SshSettings]:
        """Return the options for jump hosts that are no hosts, by their addresses."""
        return {address: self._ssh_of(found) for address, found in self.sources.hops.items()}

    def _lay_options(self, entries: Sequence[tuple[Cursor, tuple[str, ...]]]) -> None:
        written: dict[str, tuple[Cursor, str]] = {}
        for place, names in entries:
            value = place.value.get("address")
            addresses = quietly_expanded(value.text) if value else ()
            for number, name in enumerate(names):
                written[name] = (place, addresses[number] if number < len(addresses) else "")
        self.sources.lay_options(written)

    def _read_rest(self, written: set[str]) -> None:
        """Read the hosts that only sources describe."""
        for name, found in self.sources.hosts.items():
            if name not in written:
                names = parsed_names((name,), found.place, found.place.line)
                if not self._add(self._read_described(names, found), found.place):
                    return

    def _add(self, described: list[Host], place: Cursor) -> bool:
        """Add hosts, and return whether there may be more."""
        if len(self._hosts) + len(described) > MOST_NAMES:
            place.mistake(f"more than {MOST_NAMES} hosts")
            return False
        self._check_names(described, place)
        self._check_addresses(described, place)
        self._hosts += described
        return True

    def _read_entry(self, place: Cursor, names: tuple[str, ...]) -> list[Host]:
        """Return the hosts of one entry of the file; those that sources know too have what these say beneath."""
        own = Described("", place, place.section(KEYS))
        labels = own.keys.pop("labels", None)
        own.labels = _read_entries(labels)
        if "ssh" in own.keys:
            own.ssh = ssh_places(own.keys.pop("ssh"))
        addresses = read_addresses(own.keys.get("address"), names)
        plain = tuple(name for name in names if name not in self.sources.hosts)
        if len(plain) == len(names):
            return self._read_described(names, own, addresses)
        hosts: list[Host] = []
        by_name = dict(zip(names, addresses, strict=False))
        if plain:
            hosts += self._read_described(plain, own, tuple(by_name[name] for name in plain))
        for name in names:
            if name in self.sources.hosts:
                both = self.sources.hosts[name].beneath(own)
                given = (by_name[name],) if "address" in own.keys and name in by_name else None
                hosts += self._read_described((name,), both, given)
        return hosts

    def _read_described(
        self, names: tuple[str, ...], found: Described, addresses: tuple[str, ...] | None = None
    ) -> list[Host]:
        """Return hosts that all have the same keys but for their addresses."""
        keys = found.keys
        for place, message in found.refused.values():
            place.mistake(message)
        if addresses is None:
            addresses = read_addresses(keys.get("address"), names)
        self.origins.append((names, found))
        port = keys["port"].read(as_text(parse_port), self.ssh.port) if "port" in keys else self.ssh.port
        user = keys["user"].read(as_text(parse_user), self.ssh.user) if "user" in keys else self.ssh.user
        labels = read_labels(found.labels)
        if "jump" in keys:
            hops = keys["jump"].read(as_text(parse_jumps), ())
            self._jumps |= dict.fromkeys(names, (hops, keys["jump"]))
        capacity = _read_capacity(keys["capacity"]) if "capacity" in keys else Capacity()
        fence = read_fence(keys["fence"]) if "fence" in keys else ()
        witness = "witness" in keys and keys["witness"].read(flag_of, False)
        ssh = self._ssh_of(found)
        return [
            Host(name, address, port, user, labels, capacity, (), for_host(fence, name), witness, ssh)
            for name, address in zip(names, addresses, strict=False)
        ]

    def _ssh_of(self, found: Described) -> SshSettings:
        """Return the options of hosts; those with the same ones share one object."""
        key = tuple((name, _unplaced(place.value)) for name, place in sorted(found.ssh.items()))
        if key not in self._shared:
            self._shared[key] = read_host_ssh(found.ssh, self.ssh)
        return self._shared[key]

    def _check_names(self, described: list[Host], place: Cursor) -> None:
        """Note names that were there before; upper and lower case are the same to DNS and to us."""
        again = [host.name for host in described if host.name.lower() in self._names]
        if again:
            first = self._names[again[0].lower()]
            alias = "" if first.name == again[0] else f" as {shown_key(first.name)}"
            more = f" and {len(again) - 1} more" if len(again) > 1 else ""
            verb = "are" if more else "is"
            place.mistake(f"{again[0]}{more} {verb} already {first.where(place)}{alias}", place.key_line)
        for host in described:
            self._names.setdefault(host.name.lower(), _Seen(host.name, place))

    def _check_addresses(self, described: list[Host], place: Cursor) -> None:
        """Note addresses that another host has, with the same port."""
        for host in described:
            key = (host.address.lower(), host.port)
            first = self._addresses.setdefault(key, _Seen(host.name, place))
            if first.name.lower() != host.name.lower():
                place.mistake(
                    f"{host.name} has the address of {first.name} {first.where(place)}: {host.address} port {host.port}",
                    place.key_line,
                )
                return


def _unplaced(value: Value) -> Value:
    """Return a value without its line, to compare it."""
    return replace(value, line=0, items=tuple(replace(item, line=0) for item in value.items))


def _read_entries(cursor: Cursor | None) -> dict[str, Cursor]:
    return dict(cursor.entries()) if cursor else {}


def read_labels(places: Mapping[str, Cursor]) -> Mapping[str, str]:
    """Return a host's labels."""
    labels: dict[str, str] = {}
    for key, place in places.items():
        try:
            parse_label_key(key)
        except Expected as error:
            place.mistake(error.got(quoted(key)), place.key_line)
        labels[key] = place.read(lambda value: parse_label_value(any_text_of(value)), "")
    return labels


def _read_capacity(cursor: Cursor) -> Capacity:
    keys = cursor.section(("cpus", "memory"))
    return Capacity(
        cpus=keys["cpus"].read(as_text(parse_cpus), None) if "cpus" in keys else None,
        memory_bytes=keys["memory"].read(as_text(parse_some_size), None) if "memory" in keys else None,
    )
