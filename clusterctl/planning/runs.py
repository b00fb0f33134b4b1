"""The record of a run as text, as it lies on the lock hosts: a summary line for people and tools, then the intent.

The first line is small and without secrets; the second holds the whole intent (an apply's environment values
too), compressed, and is only read when a run is resumed or aborted. Both end in a digest.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.plain import from_plain, to_line, to_plain
from clusterctl.planning.sealed import intent_of, pack, plain_intent, seal, unpack, unseal

API_VERSION = "clusterctl/v1"
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
"""What a run may be called: the id becomes a file name here and on hosts (I10)."""

ON_HOSTS = frozenset({"cordon", "uncordon", "drain", "reboot", "update", "run", "failover", "rebalance"})
"""Verbs whose subject is hosts; that of all others is a project, or something of it."""


def render_record(record: RunRecord) -> str:
    """Return the two lines of a record."""
    head = to_line({"apiVersion": API_VERSION, "run": to_plain(record.summary)})
    return f"{seal(head)}\n{seal(pack(plain_intent(record.intent)))}\n"


def parse_summary(text: str) -> RunSummary | None:
    """Return the summary of a record, or None if the line is torn, edited or of another version."""
    head = unseal(text.partition("\n")[0])
    try:
        outer = json.loads(head)
        summary = from_plain(RunSummary, outer["run"]) if outer["apiVersion"] == API_VERSION else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return summary if summary and RUN_ID.fullmatch(summary.id) else None


def parse_record(text: str) -> RunRecord | None:
    """Return a whole record, or None if any of it is torn, edited or of another version."""
    summary, packed = parse_summary(text), unseal(text.partition("\n")[2].rstrip("\n"))
    if summary is None or not packed:
        return None
    try:
        return RunRecord(summary, intent_of(unpack(packed)))
    except (ValueError, KeyError, TypeError):
        return None


def runs_of(snapshot: Snapshot) -> tuple[RunSummary, ...]:
    """Return the runs that the hosts remember, newest first; of copies that differ the furthest one.

    The lock's epoch is the order, since clocks of two operators may differ; a run that was resumed is as
    new as its resumption.
    """
    found: dict[str, RunSummary] = {}
    for summary in _summaries(snapshot):
        known = found.get(summary.id)
        if known is None or _progress(summary) > _progress(known):
            found[summary.id] = summary
    return tuple(sorted(found.values(), key=lambda summary: (summary.epoch, summary.id), reverse=True))


def left_unfinished(runs: Sequence[RunSummary]) -> tuple[RunSummary, ...]:
    """Return the runs that may have left something half done, newest first, as `runs` are.

    One that a later run on the same subject has finished over is left out: to go on with it would undo that. So is a
    failover: the next one looks anew, and does what is still to be done.
    """
    later: set[tuple[str, str]] = set()
    found = []
    for summary in runs:
        if summary.verb == "failover":
            continue
        if not summary.unfinished:
            later.add(_matter(summary))
        elif _matter(summary) not in later:
            found.append(summary)
    return tuple(found)


def recorded(snapshot: Snapshot, holders: int) -> tuple[RunSummary, ...]:
    """Return the runs that were recorded on most of `holders` lock hosts, or may have been: on no run does work begin before.

    Those that do not answer count for it; a record that one host alone tells of, against the others, does not (ADR 0032).
    """
    told = Counter(run for facts in snapshot.seen for run in facts.runs)
    silent = holders - len(snapshot.seen)
    return tuple(run for run in runs_of(snapshot) if 2 * (told[run.id] + silent) > holders)


def record_of(snapshot: Snapshot, run: str, holders: int = 0) -> RunRecord | None:
    """Return the whole record of a run, the furthest of its copies.

    With `holders` lock hosts, only one whose intent most of them tell, or may tell: those that do not answer, and damaged
    copies, do not speak against it.
    """
    texts = [facts.runs[run] for facts in snapshot.seen if run in facts.runs]
    found = [
        (text.partition("\n")[2], record)
        for text in texts
        if (record := parse_record(text)) and record.summary.id == run
    ]
    told = Counter(intent for intent, _ in found)
    mute = holders - len(snapshot.seen) + len(texts) - len(found)
    good = [record for intent, record in found if not holders or 2 * (told[intent] + mute) > holders]
    return max(good, key=lambda record: _progress(record.summary), default=None)


def _summaries(snapshot: Snapshot) -> Iterable[RunSummary]:
    for facts in snapshot.seen:
        for run, text in facts.runs.items():
            summary = parse_summary(text)
            if summary and summary.id == run:
                yield summary


def _matter(summary: RunSummary) -> tuple[str, str]:
    """Return what a run is about: a verb and its hosts, or whatever was done to one project."""
    if summary.verb in ON_HOSTS:
        return summary.verb, summary.subject
    return "", re.split("[/ ]", summary.subject, maxsplit=1)[0]


def _progress(summary: RunSummary) -> tuple[int, bool, int]:
    return summary.epoch, summary.state != "running", summary.batches_done
