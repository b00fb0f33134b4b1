"""How much memory a host can make us use, whatever it sends: 64 MiB (bad-input row 36).

The command line runs in a process of its own; its peak, as the kernel tells it, is held against that of a short answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import paramiko
import pytest

from tests.remote.sshd import Sshd

MIB = 1024 * 1024
BOUND_MIB = 64
SENT_MIB = 1024
PEAK = """\
import os, sys
from clusterctl.cli import app
os._exit = lambda code: None
app.main()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["VmHWM"].split()[0], file=sys.stderr)
"""
ENTRY = b'{"__REALTIME_TIMESTAMP":"1800000000000000","CONTAINER_NAME":"shop-web-1","MESSAGE":"x"}\n'
HOSTILE = {
    "one line": b"x" * MIB,
    "no UTF-8": b"\xff\xfe\x80\n" * (MIB // 4),
    "NUL": b"\0" * MIB,
    "wide characters": "\U0001f600".encode() * (MIB // 4),
    "journal": ENTRY * (MIB // len(ENTRY)),
    "small entries": b'{"__REALTIME_TIMESTAMP":"1"}\n' * (MIB // 29),
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[Path, Sshd]]:
    """Give an inventory of one host, and the server that is that host."""
    sshd = Sshd(tmp_path)
    (tmp_path / "inventory.yaml").write_text(
        f"cluster: test\nssh: {{user: ops, identity_file: id_ed25519, known_hosts: {sshd.known_hosts}}}\n"
        f"hosts:\n  web1: {{address: 127.0.0.1, port: {sshd.port}}}\n"
    )
    yield tmp_path, sshd
    sshd.close()


def floods(block: bytes, sent: list[int]) -> Callable[[paramiko.Channel, str], None]:
    """Return a host that sends a gibibyte of blocks on each of its streams, as long as somebody takes them."""

    def pour(send: Callable[[bytes], object]) -> None:
        with suppress(OSError, EOFError):
            for _ in range(SENT_MIB):
                send(block)
                sent.append(len(block))

    def talk(channel: paramiko.Channel, _command: str) -> None:
        other = threading.Thread(target=pour, args=(channel.sendall_stderr,), daemon=True)
        other.start()
        pour(channel.sendall)
        other.join()

    return talk


def answers(channel: paramiko.Channel, _command: str) -> None:
    channel.sendall(b"fine\n")
    channel.send_exit_status(0)


def peak_mib(folder: Path, *words: str) -> float:
    """Return the largest resident size of the command line in a process of its own."""
    with (folder / "out").open("wb") as out:
        ran = subprocess.run(
            [sys.executable, "-c", PEAK, *words],
            cwd=folder,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            timeout=600,
            check=True,
            env={**os.environ, "HOME": str(folder), "CLUSTERCTL_STATE": str(folder / "state")},
        )
    return int(ran.stderr.splitlines()[-1]) / 1024


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("exec web1 -- cat", "one line"),
        ("exec web1 -- cat", "no UTF-8"),
        ("exec web1 -- cat", "NUL"),
        ("exec web1 -- cat", "wide characters"),
        ("exec web1 -o json -- cat", "no UTF-8"),
        ("exec web1 -o jsonl -- cat", "wide characters"),
        ("exec web1 -o yaml -- cat", "NUL"),
        ("hosts", "one line"),
        ("events", "journal"),
        ("events", "small entries"),
    ],
)
def test_a_host_that_sends_two_gibibytes_costs_no_more_than_64_mib(
    here: tuple[Path, Sshd], line: str, kind: str
) -> None:
    folder, sshd = here
    sshd.talk = answers
    idle_mib = peak_mib(folder, *line.split())
    sent: list[int] = []
    sshd.talk = floods(HOSTILE[kind], sent)

    flooded_mib = peak_mib(folder, *line.split())

    assert sum(sent) >= 8 * MIB, "the host was not heard out to the cap"
    assert sum(sent) < 64 * MIB, "much was read that is thrown away"
    assert flooded_mib - idle_mib < BOUND_MIB
