"""Waiting for a host that was told to reboot: until it answers with another boot id, or its time is over.

Each try is a connection of its own. While a host goes down or comes up, logins fail in many ways (pam_nologin
refuses keys too), so only a changed host key ends the wait at once. The order to reboot is `shell/command.sh`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.frame import FRAME_FUNCTION, new_nonce, parse_frame
from clusterctl.remote.ssh import Connection, root_shell
from clusterctl.remote.target import Target
from clusterctl.remote.text import first_line

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 2.0
ASK_S = 10.0
_ASK = """main() {
  frame begin
  frame section boot_id; cat /proc/sys/kernel/random/boot_id; frame end-section "$?"
  frame section manager; timeout 5 systemctl is-system-running; frame end-section 0
  frame end 0
}
main </dev/null
"""
# systemd(1): what it says while it is up; also while units still start or some failed.
_UP = {"running", "degraded", "starting", "initializing", "maintenance"}


class NotBack(Exception):  # noqa: N818 - a word of ours: a failure is a value in waiting
    """The host did not come back as it must; `last` is the last failed try, if that was one."""

    def __init__(self, reason: str, last: Unreachable | None = None) -> None:
        super().__init__(reason)
        self.reason, self.last = reason, last


class _Wait:
    """What is known so far of one host on its way down and up."""

    def __init__(self, boot_id: str, tell: Callable[[str], None]) -> None:
        self._boot_id, self._tell = boot_id, tell
        self._began = time.monotonic()
        self._last: Unreachable | None = None
        self._seen = boot_id
        self._told = ""

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def failed(self, failure: Unreachable) -> None:
        if failure.rung == "host-key":
            raise NotBack(failure.reason, failure)
        self._last = failure
        self._say("down", f"down since {self.elapsed_s:.0f} s")

    def answered(self, boot_id: str, manager: str) -> bool:
        """Return whether the host is back."""
        self._last, self._seen = None, boot_id
        if boot_id != self._boot_id and manager in _UP:
            self._tell(f"back after {self.elapsed_s:.0f} s")
            return True
        return False

    def give_up(self) -> NotBack:
        within = f"within {self.elapsed_s:.0f} s"
        if self._last is not None:
            return NotBack(f"did not come back {within}: {self._last.rung}: {self._last.reason}", self._last)
        if self._seen == self._boot_id:
            return NotBack(f"never went down: still the same boot {within} of the order to reboot")
        return NotBack(f"came back with a new boot id, but systemd does not answer {within}")

    def _say(self, word: str, text: str) -> None:
        if self._told != word:
            self._told = word
            self._tell(text)


def await_boot(
    dialer: Dialer, target: Target, boot_id: str, deadline_s: float, tell: Callable[[str], None]
) -> Connection:
    """Return a connection to the host in another boot than `boot_id`; raises NotBack.

    `tell` hears how it goes. Ends within `deadline_s` and one try.
    """
    wait, pause_s = _Wait(boot_id, tell), FIRST_PAUSE_S
    while True:
        connection = _back(dialer, target, wait)
        if connection is not None:
            return connection
        if wait.elapsed_s + pause_s >= deadline_s:
            raise wait.give_up()
        time.sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)


def _back(dialer: Dialer, target: Target, wait: _Wait) -> Connection | None:
    """Try once; return the connection if the host is back."""
    try:
        connection = dialer.dial(target)
    except HostFailure as failure:
        wait.failed(failure.unreachable)
        return None
    back = False
    try:
        back = wait.answered(*_ask(connection))
    except HostFailure as failure:
        wait.failed(failure.unreachable)
    finally:
        if not back:
            connection.close()
    return connection if back else None


def _ask(connection: Connection) -> tuple[str, str]:
    """Return boot id and the manager's state."""
    nonce, target = new_nonce(), connection.target
    answer = connection.run(f"NONCE={nonce}\n{FRAME_FUNCTION}{_ASK}", root_shell(target.user), ASK_S)
    frame = parse_frame(answer.stdout, nonce)
    if not frame.complete or frame.sections["boot_id"].rc != 0:
        reason = first_line(answer.stderr) or f"no answer (exit code {answer.exit_code})"
        raise HostFailure(target.host, "exec", reason)
    return frame.sections["boot_id"].text.strip(), frame.sections["manager"].text.strip()
