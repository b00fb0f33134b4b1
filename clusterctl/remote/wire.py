"""The TCP socket under an SSH connection: quick, and with an end.

paramiko waits for ever in several places (a server that sends its banner a byte at a time, a write to a
frozen host). All of them end up in this socket's `recv` and `send`, which refuse once the deadline has
passed or a server talks too much before it has been authenticated.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from typing import Any, Protocol

import paramiko

from clusterctl.remote.failure import HostFailure
from clusterctl.remote.target import Target

# A KEXINIT is about 2 KiB; a generous pre-login banner some more.
PREAUTH_LIMIT_BYTES = 256 * 1024
# A peer that acknowledges nothing for this long is gone (tcp(7), TCP_USER_TIMEOUT), keepalives included.
DEAD_PEER_MS = 45_000


class DeadlineError(OSError):
    """The time for this host is over; no TimeoutError, which paramiko takes for "try again".

    It has an errno, since paramiko prints that of whatever OSError ends its thread.
    """


class FloodError(OSError):
    """The server sent too much before authentication."""


class Watch:
    """What ends a wire: a deadline (monotonic seconds, None for none), and an allowance before the login."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self.allowance: int | None = PREAUTH_LIMIT_BYTES
        self.first_bytes = b""

    def check(self) -> None:
        """Refuse after the deadline."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineError(errno.ETIMEDOUT, "the time for this host is over")

    def count(self, data: bytes) -> bytes:
        """Return what came, unless it is more than the allowance."""
        if self.allowance is not None:
            self.first_bytes = (self.first_bytes + data)[:512]
            self.allowance -= len(data)
            if self.allowance < 0:
                raise FloodError(
                    errno.EMSGSIZE,
                    f"the server sent more than {PREAUTH_LIMIT_BYTES} bytes before logging us in",
                )
        return data


class Wire(Protocol):
    """What an SSH connection runs over: as much of a socket as paramiko asks for, an end, and a watch."""

    watch: Watch

    def recv(self, bufsize: int, /) -> bytes:
        """Receive as socket(2) does; refuse after the deadline or beyond the allowance."""
        ...

    def send(self, data: Any, /) -> int:
        """Send as socket(2) does; refuse after the deadline."""
        ...

    def settimeout(self, seconds: float | None, /) -> None:
        """Let `recv` and `send` end after so many seconds."""
        ...

    def abort(self) -> None:
        """End the connection at once, from any thread, without waiting for anyone."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class WireSocket(socket.socket):
    """A connected socket with a watch and quick acknowledgements."""

    def __init__(self, plain: socket.socket, deadline: float | None) -> None:
        super().__init__(plain.family, plain.type, plain.proto, fileno=plain.detach())
        self.watch = Watch(deadline)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive as socket(2) does; refuse after the deadline or beyond the allowance."""
        self.watch.check()
        data = super().recv(bufsize, flags)
        # The kernel forgets this after each read; without it sshd's Nagle costs 40 ms per answer.
        with contextlib.suppress(OSError):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return self.watch.count(data)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send as socket(2) does; refuse after the deadline."""
        self.watch.check()
        return super().send(data, flags)

    def abort(self) -> None:
        """End the connection at once, from any thread, without waiting for anyone."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)


class WireChannel:
    """A wire through a jump host: a forwarded connection (RFC 4254, 7.2), closed with what it came through."""

    def __init__(self, channel: paramiko.Channel, deadline: float | None) -> None:
        self._channel = channel
        self.watch = Watch(deadline)

    @property
    def _closed(self) -> bool:
        """Whether it is closed, by the name of sockets: paramiko asks when it ends a transport."""
        return bool(self._channel.closed)

    def recv(self, bufsize: int, /) -> bytes:
        """Receive as socket(2) does; refuse after the deadline or beyond the allowance."""
        self.watch.check()
        return self.watch.count(self._channel.recv(bufsize))

    def send(self, data: Any, /) -> int:
        """Send as socket(2) does; refuse after the deadline."""
        self.watch.check()
        return self._channel.send(bytes(data))

    def settimeout(self, seconds: float | None, /) -> None:
        """Let `recv` and `send` end after so many seconds."""
        self._channel.settimeout(seconds)

    def abort(self) -> None:
        """End the connection at once, from any thread."""
        self.close()

    def close(self) -> None:
        """End the forwarded connection."""
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            self._channel.close()


def open_socket(target: Target, timeout_s: float) -> WireSocket:
    """Return a socket connected to the host; all its addresses share the one timeout."""
    deadline = time.monotonic() + timeout_s
    try:
        found = socket.getaddrinfo(target.address, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not a valid host name"
        step = f"check the address of {target.host} in the inventory, or DNS: getent hosts {target.address}"
        raise HostFailure(
            target.host, "resolve", f"{target.address}: {reason}", next_step=step, kind="resolve"
        ) from None
    problem = f"{target.address}: looking up its address took all of the {in_seconds(timeout_s)}"
    step, sort = f"why is DNS slow here? getent hosts {target.address}", "slow lookup"
    for family, kind, protocol, _, address in found:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        plain = socket.socket(family, kind, protocol)
        plain.settimeout(left)
        try:
            plain.connect(address)
        except OSError as error:
            plain.close()
            problem, step, sort = _explain(target, error, timeout_s)
        else:
            return WireSocket(plain, deadline)
    raise HostFailure(target.host, "connect", problem, next_step=step, kind=sort)


def in_seconds(limit_s: float) -> str:
    """Return a time limit in words, to a tenth: what one try leaves of it to the next is no round number."""
    return f"{round(limit_s, 1):g} s"


def _explain(target: Target, error: OSError, timeout_s: float) -> tuple[str, str, str]:
    """Return what happened, what to do next, and the kind of failure."""
    where = f"{target.address} port {target.port}"
    if isinstance(error, ConnectionRefusedError):
        reason = f"{where}: connection refused: is sshd running? services may be fine"
        return reason, "start sshd there by its console, or set the right port in the inventory", "refused"
    if isinstance(error, TimeoutError):
        reason = f"{where}: no answer within {in_seconds(timeout_s)}"
        return (
            reason,
            f"is the host up, and does a firewall let port {target.port} through? a jump host may be needed",
            "timeout",
        )
    reason = f"{where}: {(error.strerror or str(error)).lower()}"
    step = f"check the route from here: ip route get {target.address}"
    if error.errno == errno.EHOSTUNREACH:  # what a neighbour that is off looks like, too
        step = f"is the host up? else {step}"
    return reason, step, "route"
