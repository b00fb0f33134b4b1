from __future__ import annotations

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
