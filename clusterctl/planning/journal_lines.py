"""The journal of a run as text: JSON lines, each with a checksum and the version of the format.

What a line says is decided here; files, fsync and folders are in `operations.journal`. No environment value,
unit text or command is in a line: only hosts, classes of steps, instances, reasons and results (I9). A last
line that is torn is left out; damage anywhere else, or another version, refuses the whole journal, since
what happened is then asked of the hosts (PROMISES, "Journal").
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import StepResult
from clusterctl.model.run import RunSummary
from clusterctl.model.step import Fence, Step
from clusterctl.planning.plain import to_line, to_plain

VERSION = 1
LONGEST_TEXT = 500

Entry = Mapping[str, Any]


class BadJournalError(ValueError):
    """A journal that must not be believed; says which line, and why."""


def begin_entry(summary: RunSummary, plan: Plan) -> dict[str, Any]:
    """Return what is about to be done."""
    titles = [batch.title for batch in plan.batches]
    return {"kind": "begin", "run": to_plain(summary), "titles": titles, "generation": plan.generation}


def before_entry(number: int, batch: Batch) -> dict[str, Any]:
    """Return that a batch begins."""
    steps = [{**_step(step), "reason": _short(step.reason)} for step in batch.steps]
    return {"kind": "before", "batch": number, "title": batch.title, "steps": steps}


def after_entry(number: int, results: Sequence[StepResult]) -> dict[str, Any]:
    """Return how the steps of a batch ended."""
    ended = [
        {**_step(found.step), "status": found.status, "detail": _short(found.detail)} for found in results
    ]
    return {"kind": "after", "batch": number, "results": ended}


def end_entry(summary: RunSummary) -> dict[str, Any]:
    """Return how the run ended."""
    return {
        "kind": "end",
        "state": summary.state,
        "detail": _short(summary.detail),
        "batches_done": summary.batches_done,
    }


def render_line(entry: Entry, at_s: int) -> str:
    """Return an entry as a line that ends in a newline; `at_s` is epoch seconds on the operator's clock."""
    body = {**entry, "v": VERSION, "at_s": at_s}
    return to_line({**body, "crc": _crc(body)}) + "\n"


def parse_lines(data: bytes) -> tuple[Entry, ...]:
    """Return the entries of a journal; raises BadJournalError where the text must not be believed."""
    *lines, _torn = data.split(b"\n")
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        entry = _parse_line(line)
        if entry is None:
            if number == len(lines):
                break  # the last one: torn by a crash, nothing after it relied on it
            raise BadJournalError(f"line {number} is damaged")
        if entry.get("v") != VERSION:
            raise BadJournalError(f"line {number} is of version {entry.get('v')}, not {VERSION}")
        entries.append(entry)
    return tuple(entries)


def step_words(step: Step) -> tuple[str, str, str]:
    """Return host, class and instance of a step: all that is ever written down of it beside its reason."""
    host = step.about if isinstance(step, Fence) else step.host
    return host, type(step).__name__, str(getattr(step, "instance", ""))


def _step(step: Step) -> dict[str, str]:
    host, kind, instance = step_words(step)
    return {"host": host, "step": kind, "instance": instance}


def _parse_line(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
        crc = entry.pop("crc")
        return entry if crc == _crc(entry) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _crc(body: Entry) -> str:
    return f"{binascii.crc32(to_line(body).encode()):08x}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
