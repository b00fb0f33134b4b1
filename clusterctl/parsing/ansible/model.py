"""An Ansible inventory while it is read: hosts, groups, their variables, and which variable counts.

Of several values that of the host counts, then that of the deepest group, then of the one with the highest
`ansible_group_priority`, then of the last one by name (Ansible's "How variables are merged"). The formats are in `ansible.ini` and `ansible.tree`.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.outside import Note, scalar
from clusterctl.parsing.ranges import MOST_NAMES
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, Unfit, quoted

BUILT_IN = frozenset({"all", "ungrouped"})

_RANGE = re.compile(r"\[([0-9]{1,9}|[A-Za-z]):([0-9]{1,9}|[A-Za-z])(?::([1-9][0-9]{0,8}))?\]")
_PORT = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]+\]|[^:\s]*):(?P<port>[0-9]+)")

Variables = dict[str, Cursor]


@dataclass(slots=True)
class Group:
    """A group as it is written: its hosts, the groups below it, and its variables."""

    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, Cursor] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)


@dataclass(slots=True)
class AnsibleInventory:
    """Everything that was read; `layers` are the files of group_vars and host_vars."""

    hosts: dict[str, Cursor] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=lambda: {"all": Group()})
    host_variables: dict[str, Variables] = field(default_factory=dict)
    group_files: dict[str, Variables] = field(default_factory=dict)
    host_files: dict[str, Variables] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def add_host(self, written: str, place: Cursor, group: str) -> tuple[str, ...]:
        """Add the hosts that a name with ranges means, and return their names; raises Unfit."""
        port = _PORT.fullmatch(written) if written.count(":") == 1 or written.startswith("[") else None
        names = expand(
            port["name"].strip("[]")
            if port and port["name"].startswith("[")
            else port["name"]
            if port
            else written
        )
        if len(self.hosts) + len(names) > MOST_NAMES:
            raise Unfit(f"more than {MOST_NAMES} hosts")
        members = self.group(group).hosts
        for name in names:
            self.hosts.setdefault(name, place)
            members[name] = None
            if port:
                own = self.host_variables.setdefault(name, {})
                own["ansible_port"] = _with_text(place, port["port"])
        return names

    def group(self, name: str) -> Group:
        """Return a group, a new one if it is named for the first time."""
        return self.groups.setdefault(name, Group())

    def members(self) -> Mapping[str, frozenset[str]]:
        """Return the hosts of every group, those of the groups below it too."""
        found: dict[str, frozenset[str]] = {}
        for name in self.order():
            group = self.groups[name]
            below = (found.get(child, frozenset()) for child in group.children)
            found[name] = frozenset(group.hosts).union(*below)
        return found

    def order(self) -> tuple[str, ...]:
        """Return all groups, each after those below it; a circle is a mistake, and cut."""
        uses = {
            name: [child for child in group.children if child in self.groups]
            for name, group in self.groups.items()
        }
        try:
            return tuple(TopologicalSorter(uses).static_order())
        except CycleError as error:
            circle = [str(name) for name in error.args[1]]
            self.groups[circle[1]].children.pop(circle[0]).mistake(
                f"groups go in a circle: {' -> '.join(circle[::-1][:10])}"
            )
            return self.order()

    def variables(self) -> Iterator[tuple[str, Variables]]:
        """Yield the variables of each host, the ones that count."""
        rank = self._ranks()
        above: dict[str, list[str]] = {name: ["all"] for name in self.hosts}
        for name, members in self.members().items():
            for host in members if name != "all" else ():
                above[host].append(name)
        shared: dict[tuple[str, ...], Variables] = {}
        for host, groups in above.items():
            key = tuple(sorted(groups, key=rank.__getitem__))
            if key not in shared:
                shared[key] = self._of_groups(key)
            own, files = self.host_variables.get(host, {}), self.host_files.get(host, {})
            yield host, {**shared[key], **own, **files}

    def _of_groups(self, names: tuple[str, ...]) -> Variables:
        found: Variables = {}
        for name in names:
            found |= self.groups[name].variables
        for name in names:
            found |= self.group_files.get(name, {})
        return found

    def _ranks(self) -> Mapping[str, tuple[int, int, str]]:
        """Return where each group stands among those of a host: the last one counts."""
        depths = self._depths()
        return {name: (depths[name], _priority(group), name) for name, group in self.groups.items()}

    def _depths(self) -> Mapping[str, int]:
        """Return how far below `all` each group is, by its longest way."""
        depth = {name: int(name != "all") for name in self.groups}
        for name in reversed(self.order()):
            for child in self.groups[name].children:
                if child in depth:
                    depth[child] = max(depth[child], depth[name] + 1)
        return depth


def _priority(group: Group) -> int:
    """Return the priority that a group says itself; files of group_vars have no say in it, as in Ansible."""
    said = group.variables.get("ansible_group_priority")
    return 1 if said is None else said.read(as_text(_whole), 1)


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise Expected("a whole number")
    return int(text)


def expand(written: str) -> tuple[str, ...]:
    """Return the names of `web[01:20]`, `db-[a:f]` or `h[0:8:2]`; raises Unfit."""
    if "[" not in written:
        return (written,)
    parts = _RANGE.split(written)
    texts, ranges = parts[::4], [parts[index : index + 3] for index in range(1, len(parts), 4)]
    if not ranges or any("[" in text for text in texts):
        raise Unfit(f"{quoted(written)} holds no range such as web[01:20]")
    choices = [_choices(first, last, step, written) for first, last, step in ranges]
    if math.prod(map(len, choices)) > MOST_NAMES:
        raise Unfit(f"{quoted(written)} stands for more than {MOST_NAMES} names")
    return tuple(
        "".join(itertools.chain.from_iterable(zip(texts, (*chosen, ""), strict=True)))
        for chosen in itertools.product(*choices)
    )


def _choices(first: str, last: str, step: str | None, written: str) -> list[str]:
    stride = int(step or 1)
    if first.isdecimal() != last.isdecimal():
        raise Unfit(f"the range in {quoted(written)} mixes digits and letters")
    if first.isdecimal():
        begin, end = int(first), int(last)
        width = len(first) if first.startswith("0") else 0
        if (end - begin) // stride > MOST_NAMES:
            raise Unfit(f"{quoted(written)} stands for more than {MOST_NAMES} names")
        found = [str(number).zfill(width) for number in range(begin, end + 1, stride)]
    else:
        found = [chr(code) for code in range(ord(first), ord(last) + 1, stride)]
    if not found:
        raise Unfit(f"the range in {quoted(written)} runs backwards")
    return found


def _with_text(place: Cursor, text: str) -> Cursor:
    return scalar(text, place.line, place.log, place.path)
