"""A plan as text for people: what changes, why, within which limits, in which order.

How it went is told by `summary`; JSON is `documents`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from clusterctl.cli.console import print_line
from clusterctl.cli.progress_lines import hosts_text
from clusterctl.model.plan import Batch, Change, FieldChange, HostChange, Limits, Plan

MOST_BATCHES = 9
MOST_FLOORS = 8
_SIGNS = {
    "create": "+",
    "replace": "~",
    "restart": "~",
    "start": "!",
    "move": ">",
    "surge": "+",
    "remove": "-",
    "interrupt": "!",
}


def print_plan(plan: Plan) -> None:
    """Print the plan on stdout."""
    for note in plan.notes:
        print_line(f"note: {note}")
    if plan.blocked or plan.unplaced:
        return
    if plan.is_empty:
        print_line(
            f"{plan.subject}: nothing to change"
            + (f" ({plan.unchanged} instances)" if plan.unchanged else "")
        )
        return
    print_line(f"{plan.verb} {plan.subject}" + (f", generation {plan.generation}" if plan.generation else ""))
    for line in host_lines(plan.host_changes):
        print_line(line)
    for service, group in groupby(plan.changes, key=lambda change: (change.instance.service, change.fields)):
        _print_group(service[0], service[1], list(group))
    for line in [*(f"  ! {words}" for words in plan.privileges), f"plan: {_counts(plan)}"]:
        print_line(line)
    _print_limits(plan.limits)
    for line in order_lines(plan.batches):
        print_line(line)
    if plan.goes_back_to:
        print_line(f"on failure: the whole fleet goes back to generation {plan.goes_back_to}")


def _print_limits(limits: Limits | None) -> None:
    if limits:
        print_line("limits:")
        for words in limits_in_words(limits):
            print_line(f"  {words}")


def _counts(plan: Plan) -> str:
    hosts = Counter(change.kind for change in plan.host_changes)
    instances = Counter(change.kind for change in plan.changes)
    commands = hosts.pop("command", 0)
    words = [f"{_hosts(count)} to {kind}" for kind, count in sorted(hosts.items())]
    words += [f"{commands} {'command' if commands == 1 else 'commands'} to run"] if commands else []
    words += [f"{count} to {kind}" for kind, count in sorted(instances.items())]
    unchanged = [f"{plan.unchanged} unchanged"] if plan.changes or plan.unchanged or not words else []
    return ", ".join([*(words or ["only records to write"]), *unchanged])


def _print_group(service: str, fields: Sequence[FieldChange], changes: Sequence[Change]) -> None:
    if fields:
        print_line(f"  {service}:")
    for field in fields:
        print_line(f"      {field.field}: " + (f"{field.old} -> {field.new}" if field.old else field.new))
    for change in changes:
        print_line(
            f"  {_SIGNS[change.kind]} {change.kind:7} {change.instance}  on {change.host}  ({change.reason})"
        )


def host_lines(changes: Sequence[HostChange]) -> list[str]:
    """Return what happens to hosts, those with the same change and reason on one line."""
    groups: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        groups.setdefault((change.kind, change.reason), []).append(change.host)
    return [
        f"  * {kind:8} {_names(tuple(dict.fromkeys(hosts)))}" + (f"  ({reason})" if reason else "")
        for (kind, reason), hosts in groups.items()
    ]


def limits_in_words(limits: Limits) -> list[str]:
    """Return what must hold whenever hosts are taken out, one clause each."""
    words = [f"at most {_hosts(limits.fleet)} out at once"]
    if limits.per_domain is not None:
        words.append(f"at most {limits.per_domain} of a failure domain")
    floors = [f"{floor.name} {floor.least}" for floor in limits.floors]
    if floors:
        more = [f"and {len(floors) - MOST_FLOORS} more"] if len(floors) > MOST_FLOORS else []
        words.append(f"instances that stay up: {', '.join([*floors[:MOST_FLOORS], *more])}")
    if limits.windows:
        words.append(f"window {' or '.join(str(window) for window in limits.windows)}")
    return words


def order_lines(batches: Sequence[Batch]) -> list[str]:
    """Return the batches in words: waves of hosts that take the same course together, long orders folded."""
    if not any(batch.opens for batch in batches):
        return ["order: " + "; ".join(_fold_middle([_batch(batch) for batch in batches]))]
    lines = []
    for hosts, course in _courses(batches):
        where = ", ".join(_fold_middle(hosts)) + (", one after the other: " if len(hosts) > 1 else ": ")
        lines.append(f"{where}{course}" if hosts else course)
    return ["order:", *(f"  {line}" for line in _fold_middle(lines))]


def _courses(batches: Sequence[Batch]) -> list[tuple[list[str], str]]:
    """Return the courses in order, each with the hosts that take it one after the other; none for all of the run."""
    waves: list[tuple[tuple[str, ...], list[Batch]]] = []
    for batch in batches:
        if batch.opens or not waves:
            waves.append((batch.opens, []))
        waves[-1][1].append(batch)
    found: list[tuple[list[str], str]] = []
    for opens, mine in waves:
        course = ", ".join(_title(batch) if opens else _batch(batch) for batch in mine)
        if opens and found and found[-1][0] and found[-1][1] == course:
            found[-1][0].append(_names(opens))
        else:
            found.append(([_names(opens)] if opens else [], course))
    return found


def _batch(batch: Batch) -> str:
    return f"{batch.title} on {_names(batch.hosts)}{_pause(batch)}" if batch.hosts else batch.title


def _title(batch: Batch) -> str:
    return f"{batch.title}{_pause(batch)}"


def _pause(batch: Batch) -> str:
    return f", then wait {batch.pause_s:g} s" if batch.pause_s and batch.hosts else ""


def _fold_middle(words: Iterable[str]) -> list[str]:
    found = list(words)
    if len(found) <= MOST_BATCHES:
        return found
    return [*found[:3], f"and {len(found) - 6} more", *found[-3:]]


def _names(hosts: tuple[str, ...]) -> str:
    from clusterctl.parsing.selector import fold

    named = [host for host in hosts if host]
    return fold(named) if len(named) == len(hosts) else hosts_text(hosts)


def _hosts(count: int) -> str:
    return f"{count} host" if count == 1 else f"{count} hosts"
