"""Hosts behind a jump host: one connection to each jump host, shared by all that are reached through it.

A jump host that fails says nothing about the hosts behind it: their failure names it (`Unreachable.via`). One that
failed just now is not asked again for a few seconds, so that fifty hosts do not wait for it one after the other.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import paramiko

from clusterctl.remote.failure import HostFailure
from clusterctl.remote.ssh import Connection
from clusterctl.remote.target import Target
from clusterctl.remote.wire import WireChannel, in_seconds

# How long a failure stands before the jump host is tried again.
STANDS_S = 3.0
# What a jump host gets to show that it is alive, when a host behind it does not answer.
PROOF_S = 3.0
PROHIBITED = 1


@dataclass
class _Jump:
    """A jump host: its connection, or how it failed last and when (monotonic seconds)."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    connection: Connection | None = None
    failure: HostFailure | None = None
    failed_at: float = 0.0


class Jumps:
    """All jump hosts of a fleet. `connect` opens one within so many seconds; raises HostFailure."""

    def __init__(self, connect: Callable[[Target, float], Connection]) -> None:
        self._connect = connect
        self._known: dict[Target, _Jump] = defaultdict(_Jump)
        self._lock = threading.Lock()

    def open_wire(self, target: Target, timeout_s: float) -> WireChannel:
        """Return a wire to a host through its jump host; raises HostFailure."""
        deadline = time.monotonic() + timeout_s
        for last in (False, True):
            jump = self._reach(target, deadline)
            try:
                left_s = max(0.1, deadline - time.monotonic())
                channel = jump.forward(target.address, target.port, max(left_s - PROOF_S, left_s / 2))
            except paramiko.ChannelException as error:
                raise _not_forwarded(target, error) from None
            except (EOFError, OSError, paramiko.SSHException):
                if jump.is_open and jump.rouse(PROOF_S):
                    reason = f"{target.address} port {target.port}: no answer within {in_seconds(timeout_s)}, seen from {_name(target)}"
                    raise HostFailure(
                        target.host, "connect", reason, next_step=_from_there(target), kind="not from there"
                    ) from None
                self._forget(target, jump)
                if last or time.monotonic() >= deadline:
                    raise _lost(target) from None
            else:
                return WireChannel(channel, deadline)
        raise AssertionError("the loop returns or raises")

    def close(self) -> None:
        """Close all connections to jump hosts."""
        with self._lock:
            known, self._known = list(self._known.values()), defaultdict(_Jump)
        for jump in known:
            if jump.connection is not None:
                jump.connection.close()

    def _reach(self, target: Target, deadline: float) -> Connection:
        """Return the connection to a host's jump host, opened if need be."""
        via = _via(target)
        with self._lock:
            jump = self._known[via]
        with jump.lock:
            if jump.connection is not None and jump.connection.is_open:
                return jump.connection
            if jump.failure is None or time.monotonic() - jump.failed_at > STANDS_S:
                try:
                    jump.connection = self._connect(via, max(0.1, deadline - time.monotonic()))
                except HostFailure as failure:
                    jump.failure, jump.failed_at = failure, time.monotonic()
                else:
                    jump.failure = None
                    return jump.connection
            found = jump.failure.unreachable
            raise HostFailure(
                target.host,
                found.rung,
                f"{_name(target)}: {found.reason}",
                transient=jump.failure.transient,
                via=found.via or via.host,
                next_step=found.next_step,
                kind=found.kind,
            )

    def _forget(self, target: Target, dead: Connection) -> None:
        dead.close()
        with self._lock:
            jump = self._known[_via(target)]
        with jump.lock:
            if jump.connection is dead:
                jump.connection = None


def _via(target: Target) -> Target:
    if target.via is None:
        raise ValueError(f"{target.host} has no jump host")
    return target.via


def _name(target: Target) -> str:
    return f"jump host {_via(target).host}"


def _lost(target: Target) -> HostFailure:
    return HostFailure(
        target.host, "connect", f"{_name(target)}: its connection broke", via=_via(target).host
    )


def _not_forwarded(target: Target, error: paramiko.ChannelException) -> HostFailure:
    """Return what the jump host said of the connection that we asked it for (RFC 4254, 5.1)."""
    if error.code == PROHIBITED:
        reason = (
            f"{_name(target)} forwards no connections for us (sshd_config: AllowTcpForwarding, PermitOpen)"
        )
        step = "let sshd there forward connections: AllowTcpForwarding yes, and PermitOpen"
        return HostFailure(target.host, "connect", reason, via=_via(target).host, next_step=step)
    where = f"{target.address} port {target.port}"
    reason = f"{where}: not to be reached from {_name(target)}: {error.text}"
    return HostFailure(target.host, "connect", reason, next_step=_from_there(target), kind="not from there")


def _from_there(target: Target) -> str:
    return f"is it up? does {_via(target).host} have a way to it, and does a firewall let port {target.port} through?"
