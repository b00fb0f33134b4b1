"""Servers that are no good, beside one that is: each is one failed host within its time, and the run goes on (row 44).

What is said of each alone is in `test_ssh`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.fanout import fan_out
from clusterctl.remote.keys import Credentials, load_credentials
from clusterctl.remote.ssh import Connection
from clusterctl.remote.target import Target
from tests.remote.sshd import Sshd

MIB = 1024**2
BANNER = b"SSH-2.0-evil\r\n"
OVER = threading.Event()
Evil = Callable[[Sshd], None]


def _raw(talk: Callable[[socket.socket], object]) -> Evil:
    def spoil(server: Sshd) -> None:
        def raw(sock: socket.socket, _number: int) -> bool:
            talk(sock)
            return True

        server.raw = raw

    return spoil


def _much(sock: socket.socket, part: bytes, times: int) -> None:
    """Send a part so many times: one text of a gigabyte would take this whole process seconds to make."""
    for _ in range(times):
        sock.sendall(part)


def _without_end(sock: socket.socket, part: bytes) -> None:
    while True:
        sock.sendall(part)


def _wait(_: object) -> None:
    OVER.wait(20)


def _says_then_waits(said: bytes) -> Evil:
    def talk(sock: socket.socket) -> None:
        sock.sendall(said)
        _wait(sock)

    return _raw(talk)


def _hangs_up_at(moment: str) -> Evil:
    """Break the connection while the login goes on (`auth`), or once a command has begun (`exec`)."""

    def spoil(server: Sshd) -> None:
        if moment == "auth":
            server.accepted = set()
            server.methods = "publickey"
            watch = threading.Thread(target=_hang_up_on_login, args=(server,), daemon=True)
            watch.start()
        else:
            server.talk = lambda _channel, _command: server.hang_up()

    return spoil


def _hang_up_on_login(server: Sshd) -> None:
    while not server.logins and not OVER.is_set():
        time.sleep(0.005)
    server.hang_up()


def _talks(talk: Callable[[paramiko.Channel], object]) -> Evil:
    def spoil(server: Sshd) -> None:
        server.talk = lambda channel, _command: (talk(channel), None)[1]

    return spoil


def _floods(channel: paramiko.Channel) -> None:
    with contextlib.suppress(OSError):
        while not OVER.is_set():
            channel.sendall(b"x" * MIB)


def _trickles(channel: paramiko.Channel) -> None:
    with contextlib.suppress(OSError):
        while not OVER.wait(0.1):
            channel.sendall(b"x")


EVILS = {
    "banner of a gigabyte": _raw(lambda sock: _much(sock, b"x" * MIB, 1024)),
    "lines before the banner without end": _raw(lambda sock: _without_end(sock, b"hello\r\n" * 1000)),
    "banner of control marks": _raw(lambda sock: sock.sendall(b"\x1b]0;t\x07\xff\x00\r\n")),
    "silence": _raw(_wait),
    "key exchange that stalls": _says_then_waits(BANNER),
    "bad packets": _raw(lambda sock: sock.sendall(BANNER + bytes(range(256)) * 8)),
    "a packet of four gigabytes": _says_then_waits(BANNER + struct.pack(">IB", 2**32 - 1, 4) + b"x" * 4096),
    "a packet of nothing": _says_then_waits(BANNER + struct.pack(">IB", 0, 0) * 4096),
    "hangs up after its banner": _raw(lambda sock: sock.sendall(BANNER)),
    "hangs up while we log in": _hangs_up_at("auth"),
    "hangs up after the login": _hangs_up_at("exec"),
    "a flood on stdout": _talks(_floods),
    "one byte now and then": _talks(_trickles),
    "no answer at all": _talks(_wait),
}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Sshd, Sshd, Credentials]:
    """Give a server to be spoilt and one that is good, with one user and one known_hosts."""
    servers = []
    for name in ("evil", "good"):
        (tmp_path / name).mkdir()
        servers.append(Sshd(tmp_path / name))
    evil, good = servers
    good.accepted.add(evil.user_key.asbytes())
    known = tmp_path / "known_hosts"
    known.write_text("".join(server.known_hosts.read_text() for server in servers))
    return evil, good, load_credentials([str(evil.folder / "id_ed25519")], [str(known)], allow_agent=False)


def _targets(evil: Sshd, good: Sshd) -> list[Target]:
    return [evil.target("evil"), good.target("good")]


@pytest.mark.parametrize("name", EVILS)
def test_a_server_that_is_no_good_is_one_failed_host(name: str, two: tuple[Sshd, Sshd, Credentials]) -> None:
    evil, good, credentials = two
    OVER.clear()
    EVILS[name](evil)
    dialer = Dialer(credentials, connect_timeout_s=4.0)
    began = time.monotonic()

    def work(connection: Connection) -> CommandResult:
        return connection.run("echo well\n", "/bin/sh -s", 4.0, cap_bytes=MIB)

    found = fan_out(_targets(evil, good), work, dialer, deadline_s=20.0)

    OVER.set()
    bad = found["evil"]
    assert isinstance(bad, Unreachable) or bad.truncated
    assert not isinstance(bad, Unreachable) or (
        bad.rung in {"banner", "auth", "exec"} and bad.reason.isprintable()
    )
    assert "clusterctl failed" not in str(bad)
    assert found["good"] == CommandResult("good", 0, b"well\n", b"")
    assert time.monotonic() - began < 20 + 10
