"""What is news about a fleet, and in which words: a trouble is told once, once a day while it lasts, and when it is over.

Pure. What was last told is kept by `operations.notify`. A subject is a kind and a name: `host h3`, `held shop-web-1`, `run
failover`, or the fleet as a whole. Actions are news each time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from clusterctl.model.health import FleetHealth, HostHealth, Verdict

AGAIN_S = 24 * 3600
HOST, FLEET, HELD, RUN = "host ", "fleet", "held ", "run "
MOST_LINES = 50
_CLASSES: Mapping[Verdict, str] = {"healthy": "", "returning": "back", "lost": "lost"}
_HELD = re.compile(r"(?:held|no place|failed): (\S+)")


@dataclass(frozen=True, slots=True)
class Condition:
    """How something is: `state` is a class of troubles that are told as one, or "" where it is well."""

    subject: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of a subject, and when (epoch seconds)."""

    state: str
    at_s: int


@dataclass(frozen=True, slots=True)
class News:
    """The lines that are new, and what has been told once they are sent."""

    lines: tuple[str, ...]
    told: Mapping[str, Told]


def conditions_of(found: FleetHealth) -> list[Condition]:
    """Return how hosts and fleet are; without a majority nothing is said of hosts, as the fault is likely here."""
    if not found.has_majority:
        words = f"only {found.reached} of {len(found.hosts)} hosts answer: the network here is more likely at fault"
        return [Condition(FLEET, "no majority", words)]
    return [Condition(FLEET, "", "most hosts answer again"), *map(_condition, found.hosts)]


def scope_of(found: FleetHealth) -> set[str]:
    """Return the beginnings of the subjects that a look tells of."""
    return {FLEET, HOST} if found.has_majority else {FLEET}


def held_conditions(notes: Iterable[str]) -> list[Condition]:
    """Return what a failover holds back; the reason may change without being news."""
    found = []
    for note in notes:
        named = _HELD.match(note)
        found.append(Condition(f"{HELD}{named[1] if named else note}", "held", note))
    return found


def find_news(
    told: Mapping[str, Told],
    now: Iterable[Condition],
    scope: Collection[str],
    done: Iterable[str],
    now_s: int,
) -> News:
    """Return what is to be told now.

    `scope` are the beginnings of subjects that were looked at: what is told of others stays as it is. `done` are
    actions.
    """
    lines = list(done)
    kept = {subject: _sane(each, now_s) for subject, each in told.items()}
    seen = {each.subject: each for each in now}
    for subject, condition in seen.items():
        before = kept.get(subject)
        if condition.state and _is_new(before, condition.state, now_s):
            again = " (still so)" if before and before.state == condition.state else ""
            lines.append(condition.words + again)
            kept[subject] = Told(condition.state, now_s)
        elif not condition.state and before:
            lines.append(condition.words)
            del kept[subject]
    for subject in [each for each in kept if each not in seen and each.startswith(tuple(scope))]:
        lines += _end(subject)
        del kept[subject]
    return News(tuple(lines), kept)


def summary_of(cluster: str, lines: tuple[str, ...]) -> str:
    """Return news in one line."""
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return f"{cluster}: {lines[0]}{more}"


def text_of(lines: tuple[str, ...], foot: str) -> str:
    """Return news in lines, the first of many, with who says so below."""
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "".join(f"{line}\n" for line in [*lines[:MOST_LINES], *more, "", foot])


def _condition(host: HostHealth) -> Condition:
    state = _CLASSES.get(host.verdict, "not well")
    if not state:
        return Condition(f"{HOST}{host.host}", "", f"{host.host} is well again")
    reason = host.why or host.rung.reason
    return Condition(
        f"{HOST}{host.host}", state, f"{host.host} is {host.verdict}{': ' if reason else ''}{reason}"
    )


def _is_new(before: Told | None, state: str, now_s: int) -> bool:
    return before is None or before.state != state or now_s - before.at_s >= AGAIN_S


def _sane(told: Told, now_s: int) -> Told:
    """Return it as told now at the latest: a clock that was put back must not keep a reminder for ever."""
    return Told(told.state, min(told.at_s, now_s))


def _end(subject: str) -> list[str]:
    """Return the words for a trouble that is not there any more; a host that left the inventory needs none."""
    if subject.startswith(HELD):
        return [f"{subject.removeprefix(HELD)} is not held back any more"]
    return [f"{subject.removeprefix(RUN)} works again"] if subject.startswith(RUN) else []
