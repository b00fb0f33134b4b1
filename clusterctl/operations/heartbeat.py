"""The sign that somebody watches: a file that is replaced at the end of a run. Who watches the watcher looks at its age."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from clusterctl.errors import JournalError


def beat(path: Path, verb: str, code: int, now_s: float) -> None:
    """Replace the file as a whole: time, verb and exit code in one line. Raises JournalError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    at = datetime.fromtimestamp(now_s, UTC)
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(f"{at:%Y-%m-%dT%H:%M:%SZ} {verb} {code}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise JournalError(
            f"cannot write the heartbeat to {path}: {error.strerror or error}",
            next_step="make room or mend the rights there, or give --heartbeat another file.",
        ) from None
