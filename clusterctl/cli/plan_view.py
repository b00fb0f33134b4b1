"""A plan and a report as text for people: what changes, why, and what to do when it stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from clusterctl.cli.console import print_line, say
from clusterctl.model.plan import Batch, Change, FieldChange, Plan
from clusterctl.model.report import Report, StepResult

MOST_BATCHES = 9
_SIGNS = {"create": "+", "replace": "~", "start": "!", "move": ">", "surge": "+", "remove": "-"}
_PAST = {
    "create": "created",
    "replace": "replaced",
    "start": "started",
    "move": "moved",
    "surge": "surge",
    "remove": "removed",
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
    for service, group in groupby(plan.changes, key=lambda change: (change.instance.service, change.fields)):
        _print_group(service[0], service[1], list(group))
    counts = Counter(change.kind for change in plan.changes)
    words = [f"{count} to {kind}" for kind, count in sorted(counts.items())]
    print_line(f"plan: {', '.join(words) or 'only records to write'}, {plan.unchanged} unchanged")
    print_line("order: " + "; ".join(_order(plan.batches)))


def _print_group(service: str, fields: Sequence[FieldChange], changes: Sequence[Change]) -> None:
    if fields:
        print_line(f"  {service}:")
    for field in fields:
        print_line(f"      {field.field}: " + (f"{field.old} -> {field.new}" if field.old else field.new))
    for change in changes:
        print_line(
            f"  {_SIGNS[change.kind]} {change.kind:7} {change.instance}  on {change.host}  ({change.reason})"
        )


def _order(batches: Sequence[Batch]) -> list[str]:
    """Return the batches in words, the middle of many left out."""
    from clusterctl.parsing.selector import fold

    words = [f"{batch.title} on {fold(batch.hosts)}" for batch in batches]
    if len(words) <= MOST_BATCHES:
        return words
    return [*words[:3], f"and {len(words) - 6} more", *words[-3:]]


def print_report(report: Report) -> None:
    """Print how it ended: the sum on stdout; what failed, with its log, on stderr."""
    plan = report.plan
    if plan.is_empty:
        print_plan(plan)
    elif report.ok:
        counts = Counter(_PAST[change.kind] for change in _done(report))
        words = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "records written"
        print_line(f"{plan.verb} {plan.subject}: done: {words}, {plan.unchanged} unchanged")
    else:
        say_failures(report)


def say_failures(report: Report) -> None:
    """Tell on stderr what failed and why, what was done, and what was not touched; nothing if all is well."""
    if report.ok:
        return
    plan, done = report.plan, _done(report)
    for result in report.failed:
        _say_failure(result)
    failed = {_place(result) for result in report.failed}
    left = [c for c in plan.changes if c not in done and (c.instance, c.host) not in failed]
    say(f"error: {plan.verb} {plan.subject}: stopped: {report.stopped}")
    say(f"  done: {', '.join(f'{change.instance} {_PAST[change.kind]}' for change in done) or 'nothing'}")
    say(f"  not touched: {', '.join(str(change.instance) for change in left) or 'nothing'}")
    say("next: mend the cause and run the same command again: it goes on from here.")


def _done(report: Report) -> list[Change]:
    places = {_place(result) for result in report.results if result.status in {"changed", "unchanged"}}
    return [change for change in report.plan.changes if (change.instance, change.host) in places]


def _place(result: StepResult) -> tuple[object, str]:
    return getattr(result.step, "instance", None), result.step.host


def _say_failure(result: StepResult) -> None:
    instance = getattr(result.step, "instance", "")
    say(f"error: {result.step.host}: {instance}{': ' if instance else ''}{result.detail}")
    for line in result.log:
        say(f"  {line}")
    if result.restored:
        say(f"  the previous version of {instance} runs again on {result.step.host}")
