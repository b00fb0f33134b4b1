"""The rounds of this observer in its state folder: counters of silence, one file for each cluster.

Written anew as a whole, under a lock: two looks at once count as two rounds. A file that cannot be read is begun anew,
which makes failover slower and never faster.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from clusterctl.errors import JournalError
from clusterctl.model.health import Rounds, Track
from clusterctl.operations import state

FOLDER = "health"
_FORMAT = 1


class RoundsFile:
    """The rounds of one cluster; `root` is the state folder. Every method raises JournalError."""

    def __init__(self, root: Path, cluster: str) -> None:
        self._root, self._name = root, f"{cluster}.json"
        self._path = root / FOLDER / self._name

    def read(self) -> Rounds:
        """Return the rounds counted so far; none where the file is missing or damaged."""
        if not self._path.exists():
            return Rounds()
        folder = state.open_folder(self._root, FOLDER)
        try:
            return self._read(folder)
        finally:
            os.close(folder)

    @contextmanager
    def counting(self) -> Iterator[Counting]:
        """Hold the file while a round is counted; nothing is written unless it is told."""
        folder = state.open_folder(self._root, FOLDER)
        try:
            with state.told(self._path, "lock"):
                fcntl.flock(folder, fcntl.LOCK_EX)
            yield Counting(self._path, folder, self._read(folder))
        finally:
            os.close(folder)

    def _read(self, folder: int) -> Rounds:
        try:
            with state.told(self._path, "read"):
                return _parse(state.read(folder, self._name))
        except (JournalError, ValueError, TypeError, KeyError, RecursionError):
            return Rounds()


class Counting:
    """The rounds while they are ours to write."""

    def __init__(self, path: Path, folder: int, rounds: Rounds) -> None:
        self._path, self._folder = path, folder
        self.rounds = rounds

    def write(self, rounds: Rounds) -> None:
        """Replace the rounds, and have them on the disk."""
        with state.told(self._path, "write"):
            state.replace(self._folder, self._path.name, _render(rounds))
        self.rounds = rounds


def observer() -> tuple[str, str, float]:
    """Return who observes (machine-id), in which boot, and the seconds since that boot, sleep included.

    Where the machine has no boot id (no Linux), every process counts for itself.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        machine = (
            Path("/etc/machine-id").read_text("ascii").strip() if Path("/etc/machine-id").exists() else ""
        )
        return machine, boot, time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        return "", f"pid {os.getpid()}", time.monotonic()


def _render(rounds: Rounds) -> bytes:
    document = {"format": _FORMAT, **asdict(rounds)}
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _parse(data: bytes) -> Rounds:
    document = json.loads(data)
    if document["format"] != _FORMAT:
        return Rounds()
    tracks = {
        str(host): Track(
            is_down=bool(track["is_down"]),
            failed=int(track["failed"]),
            first_failed_s=float(track["first_failed_s"]),
            passed=int(track["passed"]),
            first_passed_s=float(track["first_passed_s"]),
            last_s=float(track["last_s"]),
            changes=tuple(map(float, track["changes"])),
            quarantined_until_s=float(track["quarantined_until_s"]),
        )
        for host, track in document["tracks"].items()
    }
    moved = {str(name): float(at_s) for name, at_s in document.get("moved", {}).items()}
    return Rounds(str(document["observer"]), str(document["boot_id"]), tracks, moved)
