"""The `sources:` of an inventory: hosts that are described elsewhere, merged in order of precedence.

What the inventory itself says about a host wins over sources, an earlier source over a later one, key by key and label
by label. How each kind is read is in `ssh.source` and `ansible.source`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from clusterctl.model.host import Hop, Host
from clusterctl.parsing.ansible.source import read_ansible
from clusterctl.parsing.cursor import Cursor, shown_key
from clusterctl.parsing.inventory.jumps import parse_jumps, renamed_hop
from clusterctl.parsing.names import parse_host_name, parse_label_key, parse_label_value
from clusterctl.parsing.outside import Described, Note, Outside, PartLog, decoded
from clusterctl.parsing.scalars import any_text_of, as_text, flag_of, parse_line
from clusterctl.parsing.selector import Hosts, evaluate, parse_terms
from clusterctl.parsing.ssh.config import read_ssh_config
from clusterctl.parsing.ssh.keywords import notes_of
from clusterctl.parsing.ssh.source import SshSource
from clusterctl.parsing.words import Expected, quoted

KINDS = ("ssh_config", "vagrant", "ansible")
_FOR_ALL = ("hosts", "labels", "group", "prefix")
KEYS: Mapping[str, tuple[str, ...]] = {
    "ssh_config": ("ssh_config", *_FOR_ALL, "options_only", "allow_match_exec"),
    "vagrant": ("vagrant", *_FOR_ALL),
    "ansible": ("ansible", *_FOR_ALL, "labels_from"),
}
ALL_KEYS = tuple(dict.fromkeys(key for keys in KEYS.values() for key in keys))
DEFAULT_SSH_CONFIG = "~/.ssh/config"
VAGRANT = ("vagrant", "ssh-config")


@dataclass(slots=True)
class Sources:
    """What all sources together say: hosts by name, groups, options for hosts of others, and notes."""

    hosts: dict[str, Described] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    hops: dict[str, Described] = field(default_factory=dict)
    options: list[SshSource] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _ways: dict[tuple[Hop, bool], tuple[Hop, ...] | None] = field(default_factory=dict)

    def add(self, hosts: Iterable[Described], groups: Mapping[str, frozenset[str]]) -> None:
        """Put a source beneath those before it."""
        for host in hosts:
            known = self.hosts.get(host.name)
            self.hosts[host.name] = host.beneath(known) if known else host
        for name, members in groups.items():
            self.groups[name] = self.groups.get(name, frozenset()) | members

    def lay_options(self, written: Mapping[str, tuple[Cursor, str]]) -> None:
        """Put the options of `options_only` sources beneath all hosts; `written`: those of the file, and addresses."""
        for source in self.options:
            places = dict(written)
            for name, host in self.hosts.items():
                address = host.keys["address"].value.text if "address" in host.keys else ""
                place, own = places.get(name, (host.place, ""))
                places[name] = (place, own or address)
            found = source.options_for([(name, address, place) for name, (place, address) in places.items()])
            self.add((one for one in found if one.keys or one.ssh or one.refused), {})
            self.hops = {**source.hops, **self.hops}

    def way_to(self, hop: Hop, hosts: set[str], *, first: bool) -> tuple[Hop, ...] | None:
        """Return the way to a jump host that is no host of ours, as `options_only` sources have it; raises Unfit."""
        if (hop, first) not in self._ways:
            self._ways[hop, first] = self._ask_way(hop, hosts, first=first)
        return self._ways[hop, first]

    def _ask_way(self, hop: Hop, hosts: set[str], *, first: bool) -> tuple[Hop, ...] | None:
        shown = f"[{hop.address}]" if ":" in hop.address else hop.address
        written = f"{hop.user}@{shown}" if hop.user else shown
        for source in self.options:
            way = source.way_to(f"{written}:{hop.port}" if hop.port else written, hosts, first=first)
            if way:
                self.hops = {**source.hops, **self.hops}
                return parse_jumps(way)
        return None


def read_sources(cursor: Cursor, outside: Outside) -> Sources:
    """Return what the sources say; what they cannot is noted where it is written."""
    sources = Sources()
    for place in cursor.items():
        kinds = [kind for kind in KINDS if place.value.get(kind) is not None]
        if len(kinds) != 1:
            place.section(ALL_KEYS)
            place.mistake(f"expected one of {', '.join(KINDS)} in each source")
            continue
        _Source(place, kinds[0], outside, sources).read()
    return sources


class _Source:
    """One source while it is read."""

    def __init__(self, place: Cursor, kind: str, outside: Outside, sources: Sources) -> None:
        self._kind = kind
        self._outside = outside
        self._sources = sources
        self._keys = place.section(KEYS[kind])
        self._labels = _read_labels(self._keys.get("labels"))
        self._prefix = self._text("prefix", parse_host_name)
        self._group = self._text("group", parse_host_name)

    def read(self) -> None:
        """Read it into the sources."""
        place = self._keys[self._kind]
        path = self._path(place)
        if path is None:
            return
        if self._kind == "ansible":
            hosts, groups, notes = read_ansible(place, path, self._outside, self._labels_from())
            wanted = self._wanted({host.name: host for host in hosts}, groups)
            self._add([host for host in hosts if host.name in wanted], groups)
            self._sources.notes += notes
        else:
            source = (
                self._read_vagrant(place, path) if self._kind == "vagrant" else self._read_ssh(place, path)
            )
            if source is not None:
                self._add_ssh(source)

    def _add_ssh(self, source: SshSource) -> None:
        self._sources.notes += notes_of(source.config)
        if self._flag("options_only"):
            for key in _FOR_ALL:
                if key in self._keys:
                    self._keys[key].mistake("goes with hosts of the source; options_only takes none from it")
            self._sources.options.append(source)
        else:
            self._add(source.hosts(lambda named: self._wanted(named, {})), {})
            self._sources.hops = {**source.hops, **self._sources.hops}

    def _path(self, place: Cursor) -> str | None:
        if self._kind == "ssh_config" and place.value.kind == "null":
            return DEFAULT_SSH_CONFIG
        return place.read(as_text(parse_line), None)

    def _text(self, key: str, parser: Callable[[str], str]) -> str:
        return self._keys[key].read(as_text(parser), "") if key in self._keys else ""

    def _flag(self, key: str) -> bool:
        return key in self._keys and self._keys[key].read(flag_of, False)

    def _labels_from(self) -> tuple[str, ...]:
        place = self._keys.get("labels_from")
        if place is None:
            return ()
        return tuple(
            filter(None, (item.read(as_text(parse_label_key), "") for item in place.items_or_self()))
        )

    def _read_ssh(self, place: Cursor, path: str) -> SshSource | None:
        try:
            data = self._outside.read(path)
        except OSError as error:
            place.mistake(f"{shown_key(path)} cannot be read: {error.strerror or error}")
            return None
        shown = next(iter(self._outside.glob(path)), path)
        log = PartLog(shown, place.log)
        allowed = self._flag("allow_match_exec")
        config = read_ssh_config(decoded(data, log), log, self._outside, exec_allowed=allowed)
        return SshSource(config, self._outside, self._run_match)

    def _run_match(self, command: str) -> bool:
        try:
            self._outside.run(("/bin/sh", "-c", command), ".")
        except OSError:
            return False
        return True

    def _read_vagrant(self, place: Cursor, path: str) -> SshSource | None:
        try:
            text = self._outside.run(VAGRANT, path)
        except OSError as error:
            place.mistake(f"vagrant ssh-config in {path}: {error}")
            return None
        log = PartLog(f"vagrant ssh-config in {path}", place.log)
        return SshSource(read_ssh_config(text, log, self._outside), self._outside)

    def _wanted(self, named: Mapping[str, Described], groups: Mapping[str, frozenset[str]]) -> set[str]:
        """Return the names that `hosts:` chooses; without it all of them."""
        place = self._keys.get("hosts")
        if place is None:
            return set(named)
        terms = place.read(as_text(parse_terms), None)
        if terms is None:
            return set()
        labels = {
            name: {key: one.value.text for key, one in host.labels.items()} for name, host in named.items()
        }
        hosts = Hosts((Host(name, name, labels=labels[name]) for name in named), groups)
        chosen, problems = evaluate(terms, hosts)
        for problem in problems:
            place.mistake(problem)
        if not chosen and not problems:
            place.mistake("no host is left")
        return set(chosen)

    def _add(self, hosts: Sequence[Described], groups: Mapping[str, frozenset[str]]) -> None:
        names = {host.name for host in hosts}
        shown = {name: f"{self._prefix}{name}" for name in names}
        renamed = [self._renamed(host, shown) for host in hosts]
        found = {
            f"{self._prefix}{name}": frozenset(shown[one] for one in members & names)
            for name, members in groups.items()
        }
        if self._group:
            found[self._group] = found.get(self._group, frozenset()) | frozenset(shown.values())
        self._sources.add(renamed, found)

    def _renamed(self, host: Described, shown: Mapping[str, str]) -> Described:
        """Return the host with the labels of the source, and the prefix before every name of it."""
        host.labels = {**self._labels, **host.labels}
        if not self._prefix:
            return host
        keys = dict(host.keys)
        if "address" not in keys:
            value = replace(
                host.place.value, kind="str", text=host.name, data=host.name, entries=(), items=()
            )
            keys["address"] = replace(host.place, value=value)
        if "jump" in keys:
            jump = keys["jump"]
            way = ",".join(renamed_hop(hop, shown) for hop in jump.value.text.split(","))
            keys["jump"] = replace(jump, value=replace(jump.value, text=way, data=way))
        return replace(host, name=shown[host.name], keys=keys)


def _read_labels(cursor: Cursor | None) -> dict[str, Cursor]:
    """Return the labels for all hosts of a source; wrong ones are noted once, here."""
    found: dict[str, Cursor] = {}
    for key, place in cursor.entries() if cursor else ():
        try:
            parse_label_key(key)
        except Expected as error:
            place.mistake(error.got(quoted(key)), place.key_line)
        if place.read(lambda value: parse_label_value(any_text_of(value)), None) is not None:
            found[key] = place
    return found
