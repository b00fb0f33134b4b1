"""One host: an open connection, and commands over it. Who the host is was decided in `client`.

fabric's Connection carries the session; it reads no configuration file of its own, forwards no agent, and its
client is replaced by `StrictClient`, which also knows the way through jump hosts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import fabric
import paramiko

from clusterctl.model.report import CommandResult
from clusterctl.remote.channel import Bucket, End, converse, leave
from clusterctl.remote.client import OpenWire, StrictClient
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.keys import Credentials
from clusterctl.remote.sudo import become_root
from clusterctl.remote.target import Target
from clusterctl.remote.text import first_line
from clusterctl.remote.wire import open_socket

CAP_BYTES = 10 * 1024 * 1024
# The socket gives up this long after the reader should have: it stops what the reader cannot.
GRACE_S = 1.0
# What is sent where sudo has a password to answer with is in `sudo`.
SUDO = "sudo -n -- "

# paramiko tells failures to a log we do not show; without a handler Python would print them.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def root_shell(user: str) -> str:
    """Return the command that reads a script on stdin as root, whatever the login shell is."""
    return "/bin/sh -s" if user == "root" else f"{SUDO}/bin/sh -s"


class Connection:
    """A host we are logged in to. Not for several threads at once, except `abort`."""

    def __init__(self, target: Target, session: Any, client: StrictClient) -> None:
        self.target = target
        self._session = session
        self._client = client
        self._channel: paramiko.Channel | None = None

    @property
    def is_open(self) -> bool:
        """Whether the connection is up, as far as this side knows."""
        transport = self._client.get_transport()
        return transport is not None and bool(transport.is_active())

    def rouse(self, timeout_s: float) -> bool:
        """Return whether an idle connection still serves: the server opens the next command's channel.

        No command is asked for yet, so that a connection which fails here has run nothing.
        """
        self._client.set_deadline(time.monotonic() + timeout_s)
        try:
            self._channel = self._new_channel(timeout_s)
        except (EOFError, OSError, paramiko.SSHException):
            return False
        finally:
            self._client.set_deadline(None)
        return True

    def run(
        self, script: str | bytes, command: str, deadline_s: float, cap_bytes: int = CAP_BYTES
    ) -> CommandResult:
        """Run `command` with `script` on its stdin; exit code -1 where the host gave none.

        Raises HostFailure (with what had come, in `partial`) when the deadline passes or the
        connection breaks. A stream longer than `cap_bytes` is cut there, and the result says so.
        """
        out, err = Bucket(cap_bytes), Bucket(cap_bytes)
        end, code = self._converse(command, _encode(script), (out.take, err.take), deadline_s, None)
        result = CommandResult(self.target.host, code, out.pour(), err.pour(), truncated=out.full or err.full)
        if end == "late":
            reason = f"the command did not end within {deadline_s:g} s; it may still be running"
            raise HostFailure(self.target.host, "exec", reason, partial=result)
        if end == "lost":
            reason = f"the connection broke after {len(result.stdout)} bytes of answer"
            raise HostFailure(self.target.host, "exec", reason, partial=result)
        return result

    def stream(
        self,
        command: str,
        stdin: str | bytes,
        on_stdout: Callable[[bytes], object],
        on_stderr: Callable[[bytes], object],
        stop: threading.Event,
        deadline_s: float | None = None,
    ) -> int:
        """Run `command` and hand on what it prints as it comes; return its exit code, -1 if `stop` was set.

        Raises HostFailure when the deadline passes or the connection breaks.
        """

        def keep(sink: Callable[[bytes], object]) -> Callable[[bytes], bool]:
            return lambda data: (sink(data), True)[1]

        sinks = keep(on_stdout), keep(on_stderr)
        end, code = self._converse(command, _encode(stdin), sinks, deadline_s, stop)
        if end == "late":
            raise HostFailure(self.target.host, "exec", f"the command did not end within {deadline_s:g} s")
        if end == "lost":
            raise HostFailure(self.target.host, "exec", "the connection broke")
        return code

    def forward(self, address: str, port: int, timeout_s: float) -> paramiko.Channel:
        """Have the host connect to an address for us; raises paramiko's ChannelException, or SSHException when late."""
        transport = self._client.get_transport()
        if transport is None:
            raise EOFError("the connection is closed")
        return transport.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=timeout_s)

    def start(self, command: str, deadline_s: float) -> paramiko.Channel:
        """Start `command` and return its channel, for whoever talks with it over time; raises HostFailure."""
        self._client.set_deadline(time.monotonic() + deadline_s + GRACE_S)
        try:
            return self._open(command, deadline_s)
        finally:
            self._client.set_deadline(None)

    def abort(self) -> None:
        """Break the connection at once, from any thread; whoever waits on it fails."""
        self._client.abort()

    def close(self) -> None:
        """End the connection."""
        self._client.abort()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _converse(
        self,
        command: str,
        stdin: bytes,
        sinks: tuple[Callable[[bytes], bool], Callable[[bytes], bool]],
        deadline_s: float | None,
        stop: threading.Event | None,
    ) -> tuple[End, int]:
        deadline = None if deadline_s is None else time.monotonic() + deadline_s
        self._client.set_deadline(None if deadline is None else deadline + GRACE_S)
        channel = self._open(command, deadline_s)
        try:
            return converse(channel, stdin, sinks, deadline, stop)
        finally:
            leave(channel)
            self._client.set_deadline(None)

    def _open(self, command: str, timeout_s: float | None) -> paramiko.Channel:
        try:
            return self._exec(command, timeout_s)
        except (EOFError, OSError, paramiko.SSHException) as error:
            reason = f"the server let us in but runs nothing: {first_line(str(error)) or 'it hung up'}"
            raise HostFailure(self.target.host, "exec", reason) from None

    def _exec(self, command: str, timeout_s: float | None) -> paramiko.Channel:
        channel, self._channel = self._channel or self._new_channel(timeout_s), None
        password = self._client.credentials.sudo_password
        if command.startswith(SUDO) and password is not None:
            become_root(channel, command.removeprefix(SUDO), password, self.target, timeout_s)
        else:
            channel.exec_command(command)
        return channel

    def _new_channel(self, timeout_s: float | None) -> paramiko.Channel:
        transport = self._client.get_transport()
        if transport is None:
            raise EOFError("the connection is closed")
        return transport.open_session(timeout=timeout_s)


def connect(
    target: Target, credentials: Credentials, timeout_s: float = 10.0, open_wire: OpenWire = open_socket
) -> Connection:
    """Return an open connection; raises HostFailure that says on which rung it ended, and why.

    `timeout_s` bounds everything together: TCP, banner, key exchange and login. `open_wire`: how the host is
    reached, if not directly (`jump`).
    """
    session = new_session(target)
    client = StrictClient(target, credentials, timeout_s, open_wire)
    session.client = client
    session.open()
    return Connection(target, session, client)


def new_session(target: Target) -> Any:
    """Return fabric's Connection to a host, not opened; its configuration is fabric's defaults, no file.

    Each has a configuration of its own: fabric merges one when it is first read, and a thread that reads
    a shared one meanwhile finds half of it.
    """
    config = fabric.Config(lazy=True, ssh_config=paramiko.SSHConfig())
    return fabric.Connection(
        target.address, user=target.user, port=target.port, config=config, gateway=False, forward_agent=False
    )


def _encode(script: str | bytes) -> bytes:
    return script.encode() if isinstance(script, str) else script
