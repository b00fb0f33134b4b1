"""The journal of a run in a file of the operator's: RUN.jsonl, and RUN.2.jsonl where the run is resumed here.

Each batch is on the disk before it begins and after it ended. What the lines say is decided in
`planning.journal_lines`. The journal is for people and for the audit: `resume` and `abort` never believe it,
they ask the hosts (ADR 0013).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from clusterctl.errors import JournalError
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import StepResult
from clusterctl.model.run import RunSummary
from clusterctl.operations import state
from clusterctl.operations.audit import Audit
from clusterctl.planning.audit import audit_entries
from clusterctl.planning.journal_lines import (
    BadJournalError,
    Entry,
    after_entry,
    before_entry,
    begin_entry,
    end_entry,
    parse_lines,
    render_line,
)
from clusterctl.planning.runs import RUN_ID

KEPT = 200
FOLDER = "runs"
MOST_PARTS = 1000
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FILE = re.compile(rf"(?P<run>{RUN_ID.pattern})(?:\.(?P<part>[0-9]{{1,4}}))?\.jsonl")


class FileJournal:
    """The book of the one run of this process; `root` is the state folder, `clock` is epoch seconds.

    Once a line could not be written nothing more is: a line behind a torn one would make it a damaged journal.
    """

    def __init__(self, root: Path, cluster: str, clock: Callable[[], float] = time.time) -> None:
        self._root, self._cluster, self._clock = root, cluster, clock
        self._audit = Audit(root)
        self._path = root
        self._file = -1
        self._broken: JournalError | None = None
        self._summary: RunSummary | None = None

    def begin(self, summary: RunSummary, plan: Plan) -> None:
        """Open the book; the oldest ones of the cluster go, beyond KEPT."""
        self._summary, self._broken = summary, None
        folder = state.open_folder(self._root, FOLDER, _checked(self._cluster, _CLUSTER))
        try:
            self._file = self._create(folder, _checked(summary.id, RUN_ID))
            _prune(folder)
        finally:
            os.close(folder)
        self._write(begin_entry(summary, plan))

    def before(self, number: int, batch: Batch) -> None:
        """Write that a batch begins."""
        self._write(before_entry(number, batch))

    def after(self, number: int, results: Sequence[StepResult]) -> None:
        """Write how its steps ended, the audit first."""
        summary = self._summary
        if summary is None:
            raise JournalError("the journal was not begun")
        head = self._audit.append(audit_entries(self._cluster, summary, results, self._clock()))
        self._write({**after_entry(number, results), "audit": head})

    def end(self, summary: RunSummary) -> None:
        """Write how the run ended, and close the book."""
        self._write(end_entry(summary))
        os.close(self._file)
        self._file = -1

    def _create(self, folder: int, run: str) -> int:
        for part in range(1, MOST_PARTS):
            name = f"{run}.jsonl" if part == 1 else f"{run}.{part}.jsonl"
            self._path = self._root / FOLDER / self._cluster / name
            with state.told(self._path, "make"):
                try:
                    return state.create(folder, name)
                except FileExistsError:
                    continue
        raise JournalError(f"cannot make {self._path}: run {run} was resumed {MOST_PARTS} times")

    def _write(self, entry: Entry) -> None:
        if self._broken:
            raise self._broken
        try:
            with state.told(self._path, "write"):
                state.append(self._file, render_line(entry, int(self._clock())).encode())
        except JournalError as error:
            self._broken = error
            raise


def read_journal(root: Path, cluster: str, run: str) -> tuple[Entry, ...]:
    """Return the entries of a run, all its parts; none where this machine has no journal of it.

    Raises JournalError where the journal cannot be read, is damaged, or is of another version.
    """
    if not (root / FOLDER / _checked(cluster, _CLUSTER)).is_dir():
        return ()
    folder = state.open_folder(root, FOLDER, cluster)
    try:
        parts = [name for name in _journals(folder) if _run_of(name) == _checked(run, RUN_ID)]
        entries: list[Entry] = []
        for name in sorted(parts, key=_part_of):
            path = root / FOLDER / cluster / name
            with state.told(path, "read"):
                data = state.read(folder, name)
            entries += _parse(path, data)
        return tuple(entries)
    finally:
        os.close(folder)


def _parse(path: Path, data: bytes) -> tuple[Entry, ...]:
    try:
        return parse_lines(data)
    except BadJournalError as error:
        raise JournalError(
            f"{path}: {error}; the journal is refused",
            next_step="nothing depends on it: the hosts are asked what is so. Move it away to be rid of this message.",
        ) from None


def _prune(folder: int) -> None:
    """Remove the oldest journals; one that cannot be removed hinders nobody."""
    with suppress(OSError):
        names = _journals(folder)
        for name in names[: max(0, len(names) - KEPT)]:
            os.unlink(name, dir_fd=folder)


def _journals(folder: int) -> list[str]:
    """Return the journals in a folder, oldest first: ids sort by time."""
    names = [name for name in os.listdir(folder) if _FILE.fullmatch(name)]
    return sorted(names, key=lambda name: (_run_of(name), _part_of(name)))


def _run_of(name: str) -> str:
    match = _FILE.fullmatch(name)
    return match["run"] if match else ""


def _part_of(name: str) -> int:
    match = _FILE.fullmatch(name)
    return int(match["part"] or 1) if match else 0


def _checked(name: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(name):
        raise JournalError(f"{name!r} cannot be the name of a journal", next_step="clusterctl history")
    return name
