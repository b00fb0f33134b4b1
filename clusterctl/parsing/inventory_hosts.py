"""The `hosts:` part of an inventory: ranges written out, addresses paired, everything told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterctl.model.host import Capacity, Hop, Host
from clusterctl.model.inventory import SshSettings
from clusterctl.model.names import natural
from clusterctl.parsing.cursor import Cursor, shown_key
from clusterctl.parsing.inventory_fence import check_fencers, for_host, read_fence
from clusterctl.parsing.inventory_jumps import Jumps, parse_jumps
from clusterctl.parsing.inventory_ssh import read_host_ssh
from clusterctl.parsing.names import (
    parse_address,
    parse_host_name,
    parse_label_key,
    parse_label_value,
    parse_port,
    parse_user,
)
from clusterctl.parsing.ranges import MOST_NAMES, expand
from clusterctl.parsing.scalars import any_text_of, as_text, flag_of, parse_cpus, parse_some_size
from clusterctl.parsing.words import Expected, Unfit, counted, quoted

KEYS = ("address", "port", "user", "jump", "labels", "capacity", "fence", "witness", "ssh")
RESERVED = "all"


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where a host was described, and its name as written there."""

    name: str
    line: int


def read_hosts(cursor: Cursor, ssh: SshSettings) -> tuple[Host, ...]:
    """Return all hosts in the order of their names."""
    hosts: list[Host] = []
    names: dict[str, _Seen] = {}
    addresses: dict[tuple[str, int], _Seen] = {}
    jumps: dict[str, tuple[tuple[Hop, ...], Cursor]] = {}
    total = 0
    for key, place in cursor.entries():
        described = _read_host(key, place, ssh, jumps)
        total += len(described)
        if total > MOST_NAMES:
            place.mistake(f"more than {MOST_NAMES} hosts")
            break
        _check_names(described, place, names)
        _check_addresses(described, place, addresses)
        hosts += described
    if not cursor.value.entries and cursor.value.kind in {"map", "null"}:
        cursor.mistake("no hosts: at least one is needed")
    check_fencers(hosts, cursor)
    ways = Jumps(ssh.jumps, jumps, ssh.port)
    return tuple(sorted(ways.resolve(hosts), key=lambda host: natural(host.name)))


def _read_host(
    key: str, place: Cursor, ssh: SshSettings, jumps: dict[str, tuple[tuple[Hop, ...], Cursor]]
) -> list[Host]:
    """Return the hosts of one entry, and put their jump hosts into `jumps`; with a mistake in the name, none."""
    names = _read_names(key, place)
    keys = place.section(KEYS)
    addresses = _read_addresses(keys.get("address"), names)
    port = keys["port"].read(as_text(parse_port), ssh.port) if "port" in keys else ssh.port
    user = keys["user"].read(as_text(parse_user), ssh.user) if "user" in keys else ssh.user
    labels = read_labels(keys["labels"]) if "labels" in keys else {}
    if "jump" in keys:
        hops = keys["jump"].read(as_text(parse_jumps), ())
        jumps |= dict.fromkeys(names, (hops, keys["jump"]))
    capacity = _read_capacity(keys["capacity"]) if "capacity" in keys else Capacity()
    fence = read_fence(keys["fence"]) if "fence" in keys else ()
    witness = "witness" in keys and keys["witness"].read(flag_of, False)
    own = read_host_ssh(keys["ssh"], ssh) if "ssh" in keys else ssh
    return [
        Host(name, address, port, user, labels, capacity, (), for_host(fence, name), witness, own)
        for name, address in zip(names, addresses, strict=False)
    ]


def _read_names(key: str, place: Cursor) -> tuple[str, ...]:
    try:
        names = tuple(parse_host_name(name) for name in expand(key))
    except Expected as error:
        place.mistake(error.got(quoted(key)), place.key_line)
        return ()
    except Unfit as error:
        place.mistake(str(error), place.key_line)
        return ()
    if RESERVED in {name.lower() for name in names}:
        place.mistake(f'"{RESERVED}" always means every host; choose another name', place.key_line)
    return names


def _read_addresses(cursor: Cursor | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return one address for each name; without `address:` the names themselves."""
    if cursor is None:
        return names
    addresses = cursor.read(as_text(_parse_addresses), ())
    if addresses and names and len(addresses) != len(names):
        cursor.mistake(f"{counted(len(names), 'host')} but {counted(len(addresses), 'address', 'addresses')}")
    return addresses or names


def _parse_addresses(text: str) -> tuple[str, ...]:
    if text.startswith("["):
        return (parse_address(text),)
    return tuple(parse_address(address) for address in expand(text))


def read_labels(cursor: Cursor) -> Mapping[str, str]:
    """Return a host's labels."""
    labels: dict[str, str] = {}
    for key, place in cursor.entries():
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


def _check_names(described: list[Host], place: Cursor, names: dict[str, _Seen]) -> None:
    """Note names that were there before; upper and lower case are the same to DNS and to us."""
    again = [host.name for host in described if host.name.lower() in names]
    if again:
        first = names[again[0].lower()]
        alias = "" if first.name == again[0] else f" as {shown_key(first.name)}"
        more = f" and {len(again) - 1} more" if len(again) > 1 else ""
        verb = "are" if more else "is"
        place.mistake(f"{again[0]}{more} {verb} already on line {first.line}{alias}", place.key_line)
    for host in described:
        names.setdefault(host.name.lower(), _Seen(host.name, place.key_line))


def _check_addresses(described: list[Host], place: Cursor, addresses: dict[tuple[str, int], _Seen]) -> None:
    """Note addresses that another host has, with the same port."""
    for host in described:
        key = (host.address.lower(), host.port)
        first = addresses.setdefault(key, _Seen(host.name, place.key_line))
        if first.name.lower() != host.name.lower():
            place.mistake(
                f"{host.name} has the address of {first.name} on line {first.line}: {host.address} port {host.port}",
                place.key_line,
            )
            return
