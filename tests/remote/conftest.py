from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.remote.sshd import Sshd, read_all


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """Give an SSH server that knows `ops`, and a known_hosts that knows the server."""
    server = Sshd(tmp_path)
    yield server
    server.close()


@pytest.fixture
def doer(sshd: Sshd) -> Sshd:
    """Give a server that runs commands as sshd does, with the whole stdin."""

    def talk(channel: paramiko.Channel, command: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", command], input=read_all(channel), capture_output=True, check=False
        )
        channel.sendall(done.stdout)
        channel.sendall_stderr(done.stderr)
        channel.send_exit_status(done.returncode)

    sshd.talk = talk
    return sshd


@pytest.fixture
def full() -> Iterator[int]:
    """Give a port whose queue is full: the kernel drops whoever comes next, as a firewall does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for each in waiting:
            each.close()
