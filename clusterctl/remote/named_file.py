"""A file of this machine that a person or a file names: read whole, within a size and a time, whatever it is."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from pathlib import Path

MOST_BYTES = 10 * 1024**2
MOST_SECONDS = 60.0


def read_named(path: str | Path, *, most_bytes: int = MOST_BYTES, most_s: float | None = None) -> bytes:
    """Return the bytes of a file; raises OSError, whose `strerror` says why in words.

    A pipe that nobody writes to is given up after `most_s` seconds (MOST_SECONDS). A terminal is waited for: a person types there.
    """
    seconds = MOST_SECONDS if most_s is None else most_s
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError:  # NUL, or what this locale has no bytes for
        raise OSError(errno.EINVAL, "not a path") from None
    try:
        return _read_whole(opened, most_bytes, None if os.isatty(opened) else time.monotonic() + seconds)
    finally:
        os.close(opened)


def _read_whole(opened: int, most_bytes: int, until: float | None) -> bytes:
    found = bytearray()
    waits = not stat.S_ISREG(os.fstat(opened).st_mode)
    while len(found) <= most_bytes:
        if waits:
            _wait(opened, until)
        block = os.read(opened, min(1 << 20, most_bytes + 1 - len(found)))
        if not block:
            return bytes(found)
        found += block
    raise OSError(errno.EFBIG, f"larger than {most_bytes // 1024**2} MiB")


def _wait(opened: int, until: float | None) -> None:
    """Wait until there is something to read, or the end."""
    waiting = select.poll()
    waiting.register(opened, select.POLLIN)
    left_ms = None if until is None else max(0.0, until - time.monotonic()) * 1000
    if not waiting.poll(left_ms):
        raise OSError(errno.ETIMEDOUT, "it is a pipe, and what writes to it does not end")
