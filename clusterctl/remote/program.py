"""One call of a program on this machine: given words on its stdin, with an end in time, in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from clusterctl.remote.fence import PATH
from clusterctl.remote.text import first_line, printable

MOST_BYTES = 10 * 1024**2
_MOST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended. `code` is None where it could not be run, or had to be ended; `words` say why."""

    code: int | None
    stdout: str
    words: str


def call(
    argv: Sequence[str],
    stdin: str = "",
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> Ended:
    """Run a program, found by a PATH that is never empty; `env` is added to ours, `folder` is where it runs.

    One that prints more than 10 MiB is ended.
    """
    path = os.pathsep.join(filter(None, (os.environ.get("PATH"), PATH)))
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PATH": path, **(env or {})},
            start_new_session=True,
            cwd=folder,
        )
    except (OSError, ValueError) as error:
        return Ended(None, "", f"cannot be run here: {getattr(error, 'strerror', None) or error}")
    try:
        out, err = _talk(process, stdin.encode("utf-8", "backslashreplace"), timeout_s)
    except OverflowError:
        return Ended(None, "", f"printed more than {MOST_BYTES // 1024**2} MiB")
    except subprocess.TimeoutExpired:
        return Ended(None, "", f"no end within {timeout_s:g} s")
    finally:
        _end(process)
    lines = [
        printable(line.strip())
        for line in err.decode("utf-8", "backslashreplace").splitlines()
        if line.strip()
    ]
    words = first_line("; ".join(lines[-3:]), _MOST_WORDS)
    return Ended(process.returncode, out.decode("utf-8", "backslashreplace"), words)


def _talk(process: subprocess.Popen[bytes], stdin: bytes, timeout_s: float) -> tuple[bytes, bytes]:
    """Return both streams; raises TimeoutExpired, and OverflowError where one is longer than MOST_BYTES."""
    end_s = time.monotonic() + timeout_s
    found: dict[str, bytes] = {}

    def read(name: str, stream: IO[bytes] | None) -> None:
        found[name] = stream.read(MOST_BYTES + 1) if stream else b""
        if len(found[name]) > MOST_BYTES:
            _end(process)

    def write() -> None:
        with contextlib.suppress(OSError, ValueError):
            if process.stdin:
                process.stdin.write(stdin)
                process.stdin.close()

    workers = [
        threading.Thread(target=write, daemon=True),
        threading.Thread(target=read, args=("out", process.stdout), daemon=True),
        threading.Thread(target=read, args=("err", process.stderr), daemon=True),
    ]
    for worker in workers:
        worker.start()
    for worker in workers[1:]:
        worker.join(max(0.0, end_s - time.monotonic()))
    if any(len(data) > MOST_BYTES for data in found.values()):
        raise OverflowError
    if len(found) < 2:
        raise subprocess.TimeoutExpired(process.args, timeout_s)
    process.wait(max(0.0, end_s - time.monotonic()))
    return found["out"], found["err"]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that goes on, and whatever it started; a child that holds its pipe does not keep us."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)
