"""The end of a run for people: a table of what was done, the slowest hosts, what failed, what to do next.

Times are measured by `stopwatch`, what became of each change is read by `fates`; what was planned is told by `plan_view`.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from clusterctl.cli.console import print_line, say, show_table
from clusterctl.cli.fates import AnyChange, Fate, fates_of
from clusterctl.cli.plan_view import print_plan
from clusterctl.cli.stopwatch import Stopwatch
from clusterctl.model.plan import Change, HostChange
from clusterctl.model.report import Report, StepResult

MOST_NAMES = 20
_PAST = {
    "create": "created",
    "replace": "replaced",
    "restart": "restarted",
    "start": "started",
    "move": "moved",
    "remove": "removed",
    "cordon": "cordoned",
    "uncordon": "uncordoned",
    "drain": "drained",
    "reboot": "rebooted",
    "update": "updated",
    "verify": "verified",
    "fence": "fenced",
    "command": "commands run",
}


def print_report(report: Report, times: Stopwatch) -> None:
    """Print how it ended: table and sum on stdout; what failed, with its log, on stderr."""
    if report.plan.is_empty:
        print_plan(report.plan)
        return
    _print_table(report, times)
    if report.ok:
        _print_done(report)
    say_failures(report)


def _print_table(report: Report, times: Stopwatch) -> None:
    columns, rows = _table(report)
    if rows:
        show_table(columns, rows)
    if times.hosts_s:
        words = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in times.slowest)
        failed = {result.step.host for result in report.failed if result.step.host}
        well = len(times.hosts_s) - len(failed)
        print_line(
            f"{well} of {len(times.hosts_s)} hosts without a failure, {times.total_s:.1f} s; slowest: {words}"
        )
    if report.run:
        print_line(f"run {report.run}")


def _print_done(report: Report) -> None:
    """Print what is left for a person, and the one line that says it is done."""
    plan = report.plan
    counts = Counter(change.kind for change, fate in fates_of(report) if fate == "done")
    told = sorted((past(kind, count), count) for kind, count in counts.items())
    words = ", ".join(f"{count} {words}" for words, count in told) or "records written"
    held = sorted(_kept_out(report))
    if held:
        names = _fold(held)
        print_line(f"next: nothing is placed on {names} until clusterctl uncordon {shlex.quote(names)}")
    unchanged = f", {plan.unchanged} unchanged" if plan.changes or plan.unchanged else ""
    print_line(f"{plan.verb} {plan.subject}: done: {words}{unchanged}")


def say_failures(report: Report) -> None:
    """Tell on stderr what failed and why, what was done, and what was not touched; nothing if all is well."""
    if report.ok:
        return
    plan = report.plan
    for result in report.failed:
        _say_failure(result)
    fates = fates_of(report)
    say(f"error: {plan.verb} {plan.subject}: stopped: {report.stopped}")
    for fate, words in _leavings(fates):
        say(f"  {fate}: {words}")
    if report.rolled_back:
        _say_rolled_back(report.rolled_back, plan.goes_back_to)
    for line in next_steps(report):
        say(line)


def next_steps(report: Report) -> list[str]:
    """Return what a person does next after a run that did not reach its end, in lines."""
    back, run = report.rolled_back, report.run
    on_purpose = report.stopped in {"interrupted", "terminated", "deadline"}
    if back and back.ok:
        return [f"next: mend the cause, then {report.plan.verb} again."]
    if not run:
        return ["next: mend the cause and run the same command again: it goes on from here."]
    of_playbook = report.plan.verb in {"apply", "run"} and report.failed and not on_purpose
    changed = ["  After a change of the playbook type the command again: resume goes on with what it was."]
    return [
        "next: when it may go on," if on_purpose or not report.failed else "next: mend the cause, then",
        f"  clusterctl resume {run}  goes on from here, or",
        f"  clusterctl abort {run}  takes back what it began.",
        *(changed if of_playbook else []),
    ]


def past(kind: str, count: int = 2) -> str:
    """Return a kind of change as what has been done, so many times."""
    return "command run" if kind == "command" and count == 1 else _PAST.get(kind, kind)


def _say_rolled_back(back: Report, generation: int) -> None:
    if back.ok:
        say(f"  went back: the whole fleet is on generation {generation} again")
        return
    for result in back.failed:
        _say_failure(result)
    say(f"  went back: only in part: {back.stopped}")


def _say_failure(result: StepResult) -> None:
    instance = getattr(result.step, "instance", "")
    where = result.step.host or "operator"
    say(f"error: {where}: {instance}{': ' if instance else ''}{result.detail}")
    for line in result.log:
        say(f"  {line}")
    if result.restored:
        say(f"  the previous version {f'of {instance} ' if instance else ''}runs again on {where}")


def _leavings(fates: Sequence[tuple[AnyChange, Fate]]) -> Iterator[tuple[str, str]]:
    """Yield what was done, what was only begun, and what was not, each in words."""
    yield "done", ", ".join([*_instances(fates, "done", told=True), *_hosts(fates, "done")]) or "nothing"
    begun = [*_instances(fates, "begun", told=True), *_hosts(fates, "begun")]
    if begun:
        yield "begun", ", ".join(begun)
    hosts = _hosts(fates, "not touched")
    untouched = _instances(fates, "not touched")
    if untouched or not hosts:
        yield "not touched", ", ".join(untouched) or "nothing"
    if hosts:
        yield "not yet", ", ".join(hosts)


def _instances(fates: Sequence[tuple[AnyChange, Fate]], wanted: Fate, *, told: bool = False) -> list[str]:
    """Return the instances of a fate by name, the first of many."""
    changes = [change for change, fate in fates if fate == wanted and isinstance(change, Change)]
    words = [f"{change.instance} {past(change.kind)}" if told else str(change.instance) for change in changes]
    more = [f"and {len(words) - MOST_NAMES} more"] if len(words) > MOST_NAMES else []
    return [*words[:MOST_NAMES], *more]


def _hosts(fates: Sequence[tuple[AnyChange, Fate]], wanted: Fate) -> list[str]:
    """Return the hosts of a fate, folded, with what was, or was to be, done to them."""
    by_kind: dict[str, list[str]] = {}
    for change, fate in fates:
        if fate == wanted and isinstance(change, HostChange):
            by_kind.setdefault(past(change.kind), []).append(change.host)
    return [f"{_fold(list(dict.fromkeys(hosts)))} {kind}" for kind, hosts in by_kind.items()]


def _table(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return what became of how many: columns, and a row for each kind of change."""
    counts: dict[str, Counter[Fate]] = {}
    for change, fate in fates_of(report):
        noun = "instances " if isinstance(change, Change) else "" if change.kind == "command" else "hosts "
        counts.setdefault(f"{noun}{past(change.kind)}", Counter())[fate] += 1
    any_begun = any(fates["begun"] for fates in counts.values())
    columns: list[Fate] = ["done", "failed", *(["begun"] if any_begun else []), "not touched"]  # type: ignore[list-item]
    rows = [[what, *(str(fates[column]) for column in columns)] for what, fates in counts.items()]
    return ["", *(column.upper() for column in columns)], rows


def _kept_out(report: Report) -> set[str]:
    """Return the hosts that stay cordoned when the run is over."""
    kinds = {(change.host, change.kind) for change in report.plan.host_changes}
    return {host for host, kind in kinds if kind == "cordon" and (host, "uncordon") not in kinds}


def _fold(hosts: Sequence[str]) -> str:
    from clusterctl.parsing.selector import fold

    return fold(hosts)
