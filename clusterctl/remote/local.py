"""A step that runs with the operator: a command in a process group of its own, with an end in time and size.

What is run was written by whoever owns inventory and playbook; what it prints is shown escaped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from clusterctl.model.report import StepResult
from clusterctl.model.step import RunCommand
from clusterctl.remote.text import printable

KEPT_BYTES = 16 * 1024
KEPT_LINES = 20
CHUNK_BYTES = 64 * 1024
# After TERM, before KILL.
GRACE_S = 2.0
LOOK_S = 0.1


def run_local(step: RunCommand) -> StepResult:
    """Run the command here; it must exit 0 within `timeout_s`, else its whole process group is ended."""
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", step.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "CLUSTERCTL_HOST": step.about},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return StepResult(step, "failed", f"the command cannot be run here: {error}")
    with process:
        try:
            late, said = _follow(process, time.monotonic() + step.timeout_s)
        finally:
            _end(process)
    lines = said.decode("utf-8", "backslashreplace").splitlines()
    log = tuple(printable(line) for line in lines if line.strip())[-KEPT_LINES:]
    if late:
        return StepResult(step, "failed", f"the command did not end within {step.timeout_s:g} s", log)
    if process.returncode:
        return StepResult(step, "failed", f"the command ended with exit code {process.returncode}", log)
    return StepResult(step, "changed", "", log)


def _follow(process: subprocess.Popen[bytes], deadline: float) -> tuple[bool, bytes]:
    """Read until the command has ended or its time is over; a daemon that it left does not keep us."""
    if process.stdout is None:
        raise AssertionError("stdout is a pipe")
    pipe, said = process.stdout.fileno(), b""
    os.set_blocking(pipe, False)
    while True:
        over = process.poll() is not None
        late = not over and time.monotonic() >= deadline
        part = _read(pipe)
        said = (said + part)[-KEPT_BYTES:]
        if late or (over and not part):
            return late, said
        if not part:
            time.sleep(LOOK_S)


def _read(pipe: int) -> bytes:
    """Return what waits in the pipe, or nothing."""
    try:
        return os.read(pipe, CHUNK_BYTES)
    except BlockingIOError:
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process group of a command that has not ended by itself; an interrupt meanwhile only hurries it."""
    if process.poll() is not None:
        return
    try:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    finally:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
