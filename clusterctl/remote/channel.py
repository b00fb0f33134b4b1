"""One command over an open channel: script in, both streams out, with an end in time and in size."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Literal

import paramiko

CHUNK_BYTES = 64 * 1024
# How long to wait for an exit status once both streams have ended.
STATUS_WAIT_S = 5.0
# How often to look for a stop, and for room in the window while stdin is not all sent.
LOOK_S = 0.1

# done: the command ended; stopped: we wanted no more; late: the deadline passed; lost: no connection.
End = Literal["done", "stopped", "late", "lost"]
Sinks = tuple[Callable[[bytes], bool], Callable[[bytes], bool]]


class Bucket:
    """Bytes up to a cap; `full` once more came than fits."""

    def __init__(self, cap_bytes: int) -> None:
        self.data = bytearray()
        self.full = False
        self._cap_bytes = cap_bytes

    def take(self, data: bytes) -> bool:
        """Keep what fits; return whether more is wanted."""
        room = self._cap_bytes - len(self.data)
        self.data += data[:room]
        self.full = len(data) > room
        return not self.full

    def pour(self) -> bytes:
        """Return what was kept, and keep it no longer: a host's answer is held once."""
        found = bytes(self.data)
        self.data = bytearray()
        return found


class _Wake(threading.Event):
    """Set by either stream of a channel; only the reader clears it (paramiko would do so too early)."""

    def clear(self) -> None:
        """Do nothing: the other stream may still have something."""

    def rearm(self) -> None:
        """Clear, before looking at both streams."""
        super().clear()


def end_input(channel: paramiko.Channel) -> None:
    """Say that no more comes; where the connection has ended there is nobody to tell."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        channel.shutdown_write()


def leave(channel: paramiko.Channel) -> None:
    """Close a channel; where the connection has ended there is nobody to tell."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        channel.close()


def converse(
    channel: paramiko.Channel,
    stdin: bytes,
    sinks: Sinks,
    deadline: float | None,
    stop: threading.Event | None,
) -> tuple[End, int]:
    """Send stdin, hand both streams to `sinks` until one wants no more; return how it ended, and the exit code.

    `deadline` is in monotonic seconds, for the whole conversation.
    """
    wake = _Wake()
    channel.in_buffer.set_event(wake)
    channel.in_stderr_buffer.set_event(wake)
    sender = _Sender(channel, stdin)
    while True:
        wake.rearm()
        sender.send()
        ended = channel.eof_received or channel.closed
        if not _drain(channel, sinks):
            return "stopped", -1
        if ended:
            break
        if stop is not None and stop.is_set():
            return "stopped", -1
        if deadline is not None and time.monotonic() >= deadline:
            return "late", -1
        wake.wait(_patience(deadline, short=stop is not None or not sender.done))
    return _ending(channel, deadline)


class _Sender:
    """Sends stdin as the window allows, without ever waiting for it; then says that was all."""

    def __init__(self, channel: paramiko.Channel, stdin: bytes) -> None:
        self._channel = channel
        self._left = memoryview(stdin)
        self.done = False

    def send(self) -> None:
        if self.done:
            return
        try:
            while self._left and self._channel.send_ready():
                self._left = self._left[self._channel.send(bytes(self._left[:CHUNK_BYTES])) :]
            if not self._left:
                self._channel.shutdown_write()
                self.done = True
        except (OSError, EOFError):
            self.done = True  # nobody reads any more; what the command said is still to be read


def _drain(channel: paramiko.Channel, sinks: Sinks) -> bool:
    """Hand on all that has come; return whether more is wanted."""
    more = True
    while more and channel.recv_ready():
        more = sinks[0](channel.recv(CHUNK_BYTES))
    while more and channel.recv_stderr_ready():
        more = sinks[1](channel.recv_stderr(CHUNK_BYTES))
    return more


def _patience(deadline: float | None, *, short: bool) -> float:
    left = 60.0 if deadline is None else max(0.0, deadline - time.monotonic())
    return min(left, LOOK_S) if short else left


def _ending(channel: paramiko.Channel, deadline: float | None) -> tuple[End, int]:
    left = STATUS_WAIT_S if deadline is None else min(STATUS_WAIT_S, max(0.0, deadline - time.monotonic()))
    channel.status_event.wait(left)
    if channel.exit_status == -1 and _is_over(channel.get_transport()):
        return "lost", -1
    return "done", channel.exit_status


def _is_over(transport: paramiko.Transport) -> bool:
    """Whether the connection has ended: paramiko notes why, then closes the channels, and only then says that it has."""
    return transport.saved_exception is not None or not transport.is_active()
