"""One call of a program on this machine: given words on its stdin, with an end in time, in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clusterctl.remote.fence import PATH
from clusterctl.remote.text import first_line, printable

_MOST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended. `code` is None where it could not be run, or had to be ended; `words` say why."""

    code: int | None
    stdout: str
    words: str


def call(
    argv: Sequence[str], stdin: str = "", *, timeout_s: float, env: Mapping[str, str] | None = None
) -> Ended:
    """Run a program, found by a PATH that is never empty; `env` is added to ours."""
    path = os.pathsep.join(filter(None, (os.environ.get("PATH"), PATH)))
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PATH": path, **(env or {})},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Ended(None, "", f"cannot be run here: {getattr(error, 'strerror', None) or error}")
    try:
        out, err = process.communicate(stdin.encode("utf-8", "backslashreplace"), timeout=timeout_s)
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


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that goes on, and whatever it started; a child that holds its pipe does not keep us."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=1)
