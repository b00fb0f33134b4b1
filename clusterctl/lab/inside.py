"""Commands in a lab's host, given by the engine: they need neither network nor sshd, and always end in time.

The SDK waits for the end of a command's output without any limit, and an engine whose host dies under a
command may never send it. An engine with much to do may lose output of a short command altogether, and tells
nobody: so the last line of each output is a mark of ours. The right to set the machine's clock is given up.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from clusterctl.errors import LabError

if TYPE_CHECKING:
    from docker.models.containers import Container

NO_CLOCK = ("setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time")
_WITHIN_S = 60.0
_MARK = "clusterctl-end"
# One stream: the engine keeps no order between two.
_MARKED = ("sh", "-c", f'exec 2>&1; "$@"; rc=$?; printf "\\n{_MARK} %s" "$rc"; exit "$rc"', "sh")


class LostOutputError(LabError):
    """The engine did not bring a command's output to its end; whether it did its work is unknown."""


def run_inside(
    container: Container, command: Sequence[str], within_s: float = _WITHIN_S, *, tries: int = 1
) -> tuple[int, str]:
    """Return exit code and output (stdout and stderr) of a command.

    Raises LabError when it has not ended after `within_s` seconds, and what the SDK raises when the engine refuses.
    Where its output is lost `tries` times, LostOutputError: a command that is given again must bear that. What runs
    on in the host is the host's: it ends with it.
    """
    for _ in range(tries - 1):
        with suppress(LostOutputError):
            return _run_once(container, command, within_s)
    return _run_once(container, command, within_s)


def _run_once(container: Container, command: Sequence[str], within_s: float) -> tuple[int, str]:
    ends: list[bytes | BaseException] = []

    def run() -> None:
        try:
            _, output = container.exec_run([*NO_CLOCK, *_MARKED, *command])
        except BaseException as error:  # noqa: BLE001 - raised again by the one who waits
            ends.append(error)
        else:
            ends.append(output if isinstance(output, bytes) else b"".join(output))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(within_s)
    if not ends:
        raise LabError(f"{' '.join(command)} in {container.name} has not ended after {within_s:.0f} s")
    end = ends[0]
    if isinstance(end, BaseException):
        raise end
    text, found, code = end.decode(errors="replace").rpartition(f"\n{_MARK} ")
    if not found or not code.isdecimal():
        raise LostOutputError(f"the engine lost the output of {' '.join(command)} in {container.name}")
    return int(code), text
