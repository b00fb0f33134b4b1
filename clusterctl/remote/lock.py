"""The lock as one lock host keeps it: a session whose far end holds it, and who holds it if not we.

The far end is `hold` of `shell/lock.sh`. It ends, and the lock is free, when it is told so, when the
connection ends, or when nothing was heard for SILENCE_S. How many hosts must hold it, and what is done
when they do not, is `operations.lock`; looking at a lock and ending one by force is `lock_look`.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import threading
import time
from collections.abc import Mapping
from importlib import resources

import paramiko

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.answer import parse_answer
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.frame import FRAME_FUNCTION, new_nonce
from clusterctl.remote.lock_holder import Busy, number, parse_holder
from clusterctl.remote.ssh import Connection, root_shell
from clusterctl.remote.text import first_line

BEAT_S = 5.0
# PROMISES says 30 s; two of them are for noticing and for leaving.
SILENCE_S = 28
ANSWER_S = 10.0
RELEASE_S = 3.0
MAX_LINE_BYTES = 16 * 1024
_CLAIM_CHARACTERS = 300


def lock_script(call: str, values: Mapping[str, str], nonce: str) -> str:
    """Return `shell/lock.sh` that does `call`, with values it needs."""
    head = "\n".join(f"{name}={shlex.quote(value)}" for name, value in {"NONCE": nonce, **values}.items())
    functions = resources.files("clusterctl.remote").joinpath("shell/lock.sh").read_text()
    return f"{head}\n{FRAME_FUNCTION}{functions}{call}\n"


def take_lock(
    connection: Connection, claim: Mapping[str, str], silence_s: int = SILENCE_S
) -> LockSession | Busy:
    """Take the lock of a host over its connection, or say who holds it; raises HostFailure.

    `claim` holds run, by and command. The connection belongs to the session from here on.
    """
    nonce = new_nonce()
    words = {key: claim[key][:_CLAIM_CHARACTERS] for key in ("run", "by", "command")}
    values = {"CLAIM": json.dumps(words)[1:-1], "SILENCE_S": str(silence_s)}
    target = connection.target
    channel = connection.start(root_shell(target.user), ANSWER_S)
    session = LockSession(connection, channel, nonce)
    taken = False
    try:
        found = session.begin(lock_script("hold; exit", values, nonce))
        taken = found is session
    finally:
        if not taken:
            session.close()
    return found


class LockSession:
    """One host's lock, held by the far end of a channel. `beat` runs in a thread; the rest is for one caller at a time."""

    def __init__(self, connection: Connection, channel: paramiko.Channel, nonce: str) -> None:
        self.host = connection.target.host
        self.epoch = 0
        self._connection, self._channel, self._mark = connection, channel, f"{nonce} ".encode()
        self._nonce = nonce
        self._said = bytearray()
        self._noise = b""
        self._ended = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether the far end may still be there."""
        return not self._ended.is_set()

    def begin(self, script: str) -> LockSession | Busy:
        """Send the script and hear how it went; raises HostFailure."""
        deadline = time.monotonic() + ANSWER_S
        self._send(script)
        word, rest = "", ""
        while word in {"", "begin"}:
            line = self._line(deadline)
            if line is None:
                raise self._silent()
            word, _, rest = line.partition(" ")
        if word == "busy":
            now, _, holder = rest.partition(" ")
            return Busy(self.host, parse_holder(holder, number(now) or 0))
        seen = number(rest)
        if word != "held" or seen is None:
            raise HostFailure(self.host, "exec", first_line(f"the lock cannot be kept there: {rest}"))
        self.epoch = seen
        threading.Thread(target=self._beat, name=f"clusterctl-lock-{self.host}", daemon=True).start()
        return self

    def raise_epoch(self, epoch: int) -> str:
        """Let the host know the number of this run; return why it does not take it, or ""."""
        answer = self._ask(f"epoch {epoch}", ANSWER_S)
        if answer == f"raised {epoch}":
            self.epoch = epoch
            return ""
        return self._why(answer) or f"it does not take epoch {epoch}, and has seen {answer.partition(' ')[2]}"

    def prove(self, epoch: int) -> str:
        """Return why the host does not hold the lock for us any more, or ""."""
        answer = self._ask("prove", ANSWER_S)
        word, _, rest = answer.partition(" ")
        seen = number(rest)
        if word == "held" and seen is not None:
            return "" if seen <= epoch else f"a newer run has begun (epoch {seen}, ours is {epoch})"
        return self._why(answer) or "the lock there is not ours any more"

    def release(self) -> None:
        """Give the lock back, and end; never raises."""
        if self.alive:
            self._ask("release", RELEASE_S)
        self.close()

    def close(self) -> None:
        """End the connection, and with it the far end."""
        self._ended.set()
        with contextlib.suppress(Exception):
            self._channel.close()
        with contextlib.suppress(Exception):
            self._connection.close()

    def _why(self, answer: str) -> str:
        if answer:
            return ""
        return f"no answer within {ANSWER_S:g} s" if self.alive else "the session that held it has ended"

    def _beat(self) -> None:
        """Say every few seconds that we are there."""
        while not self._ended.wait(BEAT_S):
            with contextlib.suppress(OSError, EOFError):
                self._channel.sendall(b"0 beat\n")

    def _ask(self, order: str, within_s: float) -> str:
        """Return what the far end answers to an order; "" for nothing. Late answers to others are skipped."""
        deadline = time.monotonic() + within_s
        token = secrets.token_hex(8)
        try:
            self._send(f"{token} {order}\n")
            while (line := self._line(deadline)) is not None:
                if line.startswith(f"{token} "):
                    return line.partition(" ")[2]
        except HostFailure:
            self._ended.set()
        return ""

    def _send(self, text: str) -> None:
        self._channel.settimeout(ANSWER_S)
        try:
            self._channel.sendall(text.encode())
        except (OSError, EOFError):
            raise HostFailure(self.host, "exec", "the connection broke") from None

    def _line(self, deadline: float) -> str | None:
        """Return the next line that is ours, without its nonce; None at the deadline or the end."""
        while True:
            line, found, rest = bytes(self._said).partition(b"\n")
            if found:
                self._said = bytearray(rest)
                if line.startswith(self._mark):
                    return line[len(self._mark) :].decode("utf-8", "backslashreplace")
                self._noise = self._noise or line
            elif not self._more(deadline):
                return None

    def _more(self, deadline: float) -> bool:
        """Wait for more bytes; return whether some came."""
        left_s = deadline - time.monotonic()
        if left_s <= 0 or len(self._said) > MAX_LINE_BYTES:
            return False
        self._channel.settimeout(left_s)
        try:
            data = self._channel.recv(4096)
        except TimeoutError:
            return False
        except (OSError, EOFError):
            data = b""
        if not data:
            self._ended.set()
        self._said += data
        return bool(data)

    def _silent(self) -> HostFailure:
        """Return why nothing of the script was heard: sudo, the login shell, or no answer in time."""
        if self.alive:
            return HostFailure(self.host, "exec", f"the lock's session did not begin within {ANSWER_S:g} s")
        said = b""
        self._channel.settimeout(1.0)
        with contextlib.suppress(OSError, EOFError):
            said = self._channel.recv_stderr(4096)
        code = self._channel.exit_status
        answer = parse_answer(
            self.host, CommandResult(self.host, code, self._noise or bytes(self._said), said), self._nonce
        )
        if isinstance(answer, Unreachable):
            return HostFailure(
                self.host, answer.rung, answer.reason, next_step=answer.next_step, kind=answer.kind
            )
        return HostFailure(self.host, "exec", first_line(said) or "the lock's session ended at once")
