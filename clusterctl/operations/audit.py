"""The audit on the operator's disk: one line for each change, appended by every run of every cluster.

What a line says and how the chain is checked is decided in `planning.audit`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clusterctl.errors import JournalError
from clusterctl.operations import state
from clusterctl.planning.audit import chain, check_audit, line_digest

FILE = "audit.jsonl"
LOCK_S = 5.0
TAIL_BYTES = 64 * 1024


class Audit:
    """The book of all changes made from this machine by this person. `root` is the state folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def path(self) -> Path:
        """Where the book is."""
        return self._root / FILE

    def append(self, entries: Iterable[dict[str, Any]]) -> str:
        """Write entries, on disk when it returns; return the digest of the last line ("" for none at all)."""
        folder = state.open_folder(self._root)
        try:
            with state.told(self.path, "write"):
                file = state.open_shared(folder, FILE)
                try:
                    self._lock(file)
                    return _append(file, entries)
                finally:
                    os.close(file)
        finally:
            os.close(folder)

    def check(self, heads: Iterable[str] = ()) -> tuple[str, ...]:
        """Return what is wrong with the book; `heads` are digests that must be in it (a run's journal has them)."""
        return check_audit(self._text(), heads)

    def lines(self) -> list[str]:
        """Return all entries as they were written, oldest first; nothing where there is no book yet."""
        return self._text().splitlines() if self.path.exists() else []

    def _text(self) -> str:
        folder = state.open_folder(self._root)
        try:
            with state.told(self.path, "read"):
                data = state.read(folder, FILE)
        finally:
            os.close(folder)
        return data.decode("utf-8", "backslashreplace")

    def _lock(self, file: int) -> None:
        """Keep other runs out for the moment; closing the file lets them in again."""
        end = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise JournalError(
                        f"cannot write {self.path}: another process has held it for {LOCK_S:g} s",
                        next_step="see who that is (lsof), then run the same command again.",
                    ) from None
                time.sleep(0.02)
            else:
                return


def _append(file: int, entries: Iterable[dict[str, Any]]) -> str:
    last = _last_line(file)
    lines = chain(entries, last)
    if lines:
        state.append(file, "".join(f"{line}\n" for line in lines).encode())
    return line_digest(lines[-1]) if lines else line_digest(last) if last else ""


def _last_line(file: int) -> str:
    """Return the last whole line; what a crash left of a line behind it is cut off: nobody was told of it."""
    size = os.fstat(file).st_size
    start = max(0, size - TAIL_BYTES)
    tail = os.pread(file, size - start, start)
    whole, newline, torn = tail.rpartition(b"\n")
    if torn:
        os.ftruncate(file, size - len(torn))
    return whole.rpartition(b"\n")[2].decode("utf-8", "backslashreplace") if newline else ""
