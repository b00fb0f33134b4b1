"""The `groups:` part of an inventory: selectors by name, which may use one another but not in a circle."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from clusterctl.model.host import Host
from clusterctl.model.names import natural
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.inventory.host_names import RESERVED
from clusterctl.parsing.names import parse_host_name
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.selector import Hosts, Term, evaluate, parse_terms
from clusterctl.parsing.words import Expected, quoted

Parts = list[tuple[Cursor, tuple[Term, ...]]]


def read_groups(
    cursor: Cursor | None, hosts: tuple[Host, ...], sourced: Mapping[str, frozenset[str]]
) -> Mapping[str, tuple[str, ...]]:
    """Return the members of every group, in the order of their names; `sourced` are those of sources."""
    names = frozenset(host.name for host in hosts)
    resolved = {name: members & names for name, members in sourced.items()}
    groups = {key: _read_group(key, place) for key, place in cursor.entries()} if cursor else {}
    if cursor:
        lines = {key: place.key_line for key, place in cursor.entries()}
        resolved |= dict.fromkeys(groups, frozenset())
        known = Hosts(hosts, resolved)
        for name in _order(groups, cursor, lines, names):
            resolved[name] = frozenset().union(
                *(_members(place, terms, known) for place, terms in groups[name])
            )
    return {name: tuple(sorted(members, key=natural)) for name, members in resolved.items()}


def _read_group(name: str, cursor: Cursor) -> Parts:
    try:
        parse_host_name(name)
    except Expected as error:
        cursor.mistake(error.got(quoted(name)), cursor.key_line)
    if name.lower() == RESERVED:
        cursor.mistake(f'"{RESERVED}" always means every host; choose another name', cursor.key_line)
    return [(place, place.read(as_text(_parse_members), ())) for place in cursor.items_or_self()]


def _parse_members(text: str) -> tuple[Term, ...]:
    if not text:
        raise Expected("hosts such as web[01-20]")
    return parse_terms(text)


def _members(place: Cursor, terms: tuple[Term, ...], hosts: Hosts) -> frozenset[str]:
    """Return what terms mean; once the log is full nobody reads why one means nothing."""
    if place.log.is_full:
        return frozenset()
    names, problems = evaluate(terms, hosts)
    for problem in problems:
        place.mistake(problem)
    return names


def _order(
    groups: Mapping[str, Parts], cursor: Cursor, lines: Mapping[str, int], hosts: frozenset[str]
) -> tuple[str, ...]:
    """Return the groups such that each comes after those it uses; a circle is a mistake."""
    uses = {
        name: sorted(
            {
                term.group or term.text
                for _, terms in parts
                for term in terms
                if term.group in groups or (term.text in groups and term.text not in hosts)
            }
        )
        for name, parts in groups.items()
    }
    try:
        return tuple(TopologicalSorter(uses).static_order())
    except CycleError as error:
        circle = [str(name) for name in error.args[1]]
        shown = " -> ".join(circle[::-1][:10])
        cursor.mistake(f"groups go in a circle: {shown}", lines[circle[0]])
        return tuple(groups)
