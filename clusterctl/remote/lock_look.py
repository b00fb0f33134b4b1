"""Looking at the lock of a host without taking it, and ending whoever holds it: one script each, `shell/lock.sh`.

Who may do so, and what the hosts together mean, is `operations.lock_admin`.
"""

from __future__ import annotations

from dataclasses import dataclass

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.answer import parse_answer
from clusterctl.remote.frame import Frame, new_nonce
from clusterctl.remote.lock import lock_script
from clusterctl.remote.lock_holder import Holder, number, parse_holder
from clusterctl.remote.ssh import Connection, root_shell
from clusterctl.remote.text import first_line

LOOK_S = 10.0
FREE_S = 30.0
CAP_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class HostLock:
    """What a host says of the lock: who holds it (None: nobody), and the highest epoch it has seen."""

    host: str
    holder: Holder | None
    epoch: int


def look_at_lock(connection: Connection) -> HostLock | Unreachable:
    """Return who holds the lock of a host; changes nothing. Raises HostFailure."""
    nonce = new_nonce()
    answer = _run(connection, lock_script("tell </dev/null", {}, nonce), LOOK_S)
    return parse_look_at_lock(connection.target.host, answer, nonce)


def free_lock(connection: Connection, epoch: int, words: str) -> HostLock | Unreachable:
    """End the holder's session on a host and raise the epoch there; return whom it ended. Raises HostFailure.

    `words` (who, why) go to the host's journal.
    """
    nonce = new_nonce()
    values = {"EPOCH": str(int(epoch)), "WORDS": first_line(words, 600)}
    answer = _run(connection, lock_script("free </dev/null", values, nonce), FREE_S)
    return parse_look_at_lock(connection.target.host, answer, nonce)


def parse_look_at_lock(host: str, answer: CommandResult, nonce: str) -> HostLock | Unreachable:
    """Return what `tell` or `free` of `shell/lock.sh` answered."""
    frame = parse_answer(host, answer, nonce)
    if isinstance(frame, Unreachable):
        return frame
    epoch = number(_text(frame, "epoch"))
    if "failed" in frame.sections or epoch is None:
        reason = first_line(_text(frame, "failed")) or "/etc/clusterctl/epoch there does not hold a number"
        return Unreachable(host, "answer", reason)
    signed = _text(frame, "holder") or _text(frame, "ended")
    return HostLock(host, parse_holder(signed, number(_text(frame, "clock")) or 0), epoch)


def _run(connection: Connection, script: str, deadline_s: float) -> CommandResult:
    return connection.run(script, root_shell(connection.target.user), deadline_s, CAP_BYTES)


def _text(frame: Frame, name: str) -> str:
    return frame.sections[name].text.strip() if name in frame.sections else ""
