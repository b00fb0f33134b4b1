"""The audit as text: one JSON line a change, each with the sha256 of the line before it.

A line that was edited, put in or taken out breaks the chain; `check_audit` says where. That the last lines
were cut off shows in the runs' journals, which name the digest of the audit's end (`heads`). Who appends, and
how it gets on the disk, is in `operations.audit`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from clusterctl.model.report import StepResult
from clusterctl.model.run import RunSummary
from clusterctl.planning.journal_lines import step_words
from clusterctl.planning.plain import to_line

START = "0" * 64
"""What the first line names as the line before it."""


def audit_entries(
    cluster: str, summary: RunSummary, results: Sequence[StepResult], now_s: float
) -> list[dict[str, Any]]:
    """Return an entry for each step that changed something, or may have: one that failed is among them."""
    when = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    common = {
        "who": summary.by,
        "when": when,
        "cluster": cluster,
        "run": summary.id,
        "epoch": summary.epoch,
        "command": summary.command,
    }
    found = []
    for result in results:
        if result.status in {"changed", "failed"}:
            host, step, instance = step_words(result.step)
            found.append(
                {**common, "host": host, "step": step, "instance": instance, "result": result.status}
            )
    return found


def line_digest(line: str) -> str:
    """Return the sha256 of a line without its newline, in hex."""
    return hashlib.sha256(line.encode()).hexdigest()


def chain(entries: Iterable[dict[str, Any]], last_line: str) -> list[str]:
    """Return the entries as lines without newlines, chained to the last line there is ("" for none)."""
    before = line_digest(last_line) if last_line else START
    lines = []
    for entry in entries:
        lines.append(to_line({**entry, "before": before}))
        before = line_digest(lines[-1])
    return lines


def check_audit(text: str, heads: Iterable[str] = ()) -> tuple[str, ...]:
    """Return what is wrong with an audit, line by line; nothing when it is whole.

    `heads` are digests of lines that must be there.
    """
    *lines, torn = text.split("\n")
    found = [f"line {len(lines) + 1} is torn"] if torn else []
    before = START
    for number, line in enumerate(lines, start=1):
        if _before(line) != before:
            found.append(
                f"line {number} does not follow line {number - 1}: one of them was edited or removed"
            )
        before = line_digest(line)
    missing = set(heads) - {line_digest(line) for line in lines}
    return (*found, *(f"a line with digest {head[:12]} is missing at the end" for head in sorted(missing)))


def _before(line: str) -> str:
    try:
        return str(json.loads(line)["before"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
