"""Runs and generations as text for people and as documents (docs/runs.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from clusterctl.cli.console import print_line, say, show_table
from clusterctl.cli.documents import timestamp
from clusterctl.cli.wide import WIDE_RUN, wide_run
from clusterctl.model.run import RunSummary

if TYPE_CHECKING:
    from clusterctl.planning.history import Kept
    from clusterctl.planning.journal_lines import Entry

STYLES = {"done": "green", "stopped": "red", "running": "yellow", "changed": "green", "failed": "red"}

OVERTAKEN = "a later run has finished over it"


def run_document(summary: RunSummary) -> dict[str, Any]:
    """Return one run as plain values."""
    return {
        "id": summary.id,
        "verb": summary.verb,
        "subject": summary.subject,
        "command": summary.command,
        "by": summary.by,
        "started": timestamp(summary.started_s),
        "epoch": summary.epoch,
        "state": summary.state,
        "detail": summary.detail,
        "batches": summary.batches,
        "batches_done": summary.batches_done,
    }


def print_generations(generations: tuple[Kept, ...]) -> None:
    """Print what hosts keep of projects."""
    from clusterctl.parsing.selector import fold

    if not generations:
        return
    rows = [
        (
            kept.project,
            str(kept.generation),
            "current" if kept.current else "",
            str(kept.instances),
            ", ".join(f"{service} {image}" for service, image in kept.images.items()),
            fold(kept.hosts),
        )
        for kept in generations
    ]
    show_table(("PROJECT", "GENERATION", "", "INSTANCES", "IMAGES", "KEPT ON"), rows)


def generation_document(kept: Kept) -> dict[str, Any]:
    """Return one generation as plain values."""
    return {
        "project": kept.project,
        "generation": kept.generation,
        "current": kept.current,
        "instances": kept.instances,
        "images": kept.images,
        "hosts": list(kept.hosts),
    }


def print_runs(runs: Sequence[RunSummary], left: Sequence[RunSummary], *, wide: bool) -> None:
    """Print runs, one a line; `wide` ones with more columns. `left`: those that may have left something half done."""
    if not runs:
        return
    rows = [
        (
            timestamp(summary.started_s) or "",
            summary.verb,
            summary.subject,
            summary.by,
            summary.state,
            summary.detail or ("" if _goes_on(summary, left) else OVERTAKEN),
            summary.id,
            *(wide_run(summary) if wide else ()),
        )
        for summary in runs
    ]
    show_table(
        ("STARTED", "VERB", "SUBJECT", "BY", "STATE", "DETAIL", "RUN", *(WIDE_RUN if wide else ())),
        rows,
        styles=STYLES,
    )


def _goes_on(summary: RunSummary, left: Sequence[RunSummary]) -> bool:
    return not summary.unfinished or summary.verb == "failover" or summary in left


def print_run(summary: RunSummary, entries: tuple[Entry, ...], left: Sequence[RunSummary]) -> None:
    """Print one run, and the results that this machine wrote down. `left`: as in `print_runs`."""
    words = {name: str(value) for name, value in run_document(summary).items() if value not in {"", None}}
    show_table((summary.id, ""), [(name, value) for name, value in words.items() if name != "id"])
    rows = [
        (
            str(entry["batch"]),
            str(result["host"]),
            str(result["step"]),
            str(result["instance"]),
            str(result["status"]),
            str(result["detail"]),
        )
        for entry in entries
        if entry["kind"] == "after"
        for result in entry["results"]
    ]
    if rows:
        print_line()
        show_table(("BATCH", "HOST", "STEP", "INSTANCE", "STATUS", "DETAIL"), rows, styles=STYLES)
    elif not entries:
        say("its results are in the journal of the machine it was done from; this one has none.")
    if not summary.unfinished:
        return
    if not _goes_on(summary, left):
        say(f"{OVERTAKEN}: to resume it would undo that")
    elif summary.verb == "failover":
        say("next: clusterctl failover looks anew, and does what is left")
    else:
        say(f"next: clusterctl resume {summary.id}, or clusterctl abort {summary.id}")
