"""The lock of one host over a real SSH connection, its far end a real shell in a folder."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote import lock
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.lock import LockSession, take_lock
from clusterctl.remote.lock_holder import Busy, Holder, parse_holder
from clusterctl.remote.lock_look import HostLock, free_lock, look_at_lock
from clusterctl.remote.ssh import connect
from tests.remote.lock_host import moved
from tests.remote.sshd import Sshd

CLAIM = {"run": "r1", "by": "dev@laptop", "command": "clusterctl apply shop.yaml"}
Take = Callable[..., LockSession | Busy]


def run_with_pipes(root: Path) -> Callable[[paramiko.Channel, str], None]:
    """Do what sshd does for `sh -s`: the shell's ends are the channel's, for as long as both live."""

    def talk(channel: paramiko.Channel, _command: str) -> None:
        shell = subprocess.Popen(
            ["/bin/sh", "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert shell.stdin
        assert shell.stdout
        assert shell.stderr
        feeding = threading.Thread(target=feed, args=(channel, shell, root), daemon=True)
        feeding.start()
        while data := shell.stdout.read1(4096):  # type: ignore[attr-defined]
            channel.sendall(data)
        channel.sendall_stderr(shell.stderr.read())
        channel.send_exit_status(shell.wait() % 256)

    return talk


def feed(channel: paramiko.Channel, shell: subprocess.Popen[bytes], root: Path) -> None:
    assert shell.stdin
    text = data = b""
    while not text.endswith((b"\nhold; exit\n", b"</dev/null\n")) and (data := channel.recv(65536)):
        text += data
    with contextlib.suppress(BrokenPipeError):
        if data:
            shell.stdin.write(moved(text.decode(), root).encode())
            shell.stdin.flush()
        while data := channel.recv(4096):
            shell.stdin.write(data)
            shell.stdin.flush()
        shell.stdin.close()


@pytest.fixture
def host(sshd: Sshd, tmp_path: Path) -> Path:
    """Give the folder of the host behind the SSH server."""
    sshd.talk = run_with_pipes(tmp_path)
    return tmp_path


@pytest.fixture
def take(sshd: Sshd, host: Path) -> Iterator[Take]:
    """Give a way to take the lock; what was taken ends with the test."""
    del host
    taken: list[LockSession] = []

    def begin(silence_s: int = 28, **claim: str) -> LockSession | Busy:
        found = take_lock(connect(sshd.target(), sshd.credentials()), {**CLAIM, **claim}, silence_s)
        taken.extend([found] if isinstance(found, LockSession) else [])
        return found

    yield begin
    for session in taken:
        session.close()


def held(found: LockSession | Busy) -> LockSession:
    assert isinstance(found, LockSession)
    return found


def test_a_free_lock_is_taken_as_root(take: Take, sshd: Sshd) -> None:
    session = held(take())

    assert (session.host, session.epoch, session.alive) == ("web1", 0, True)
    assert sshd.commands == ["sudo -n -- /bin/sh -s"]


def test_who_has_it_is_told_with_command_and_age(take: Take) -> None:
    held(take()).raise_epoch(5)
    time.sleep(1.1)

    found = take(by="sre@desk")

    assert isinstance(found, Busy)
    assert found.holder
    assert (found.holder.by, found.holder.command, found.holder.epoch) == (
        "dev@laptop",
        "clusterctl apply shop.yaml",
        5,
    )
    assert 1 <= found.holder.age_s <= 60


def test_words_of_a_person_pass_as_they_are(take: Take) -> None:
    odd = "clusterctl exec 'a\"b\\' $(touch pwned) é\n\x1b[31m"
    held(take(command=odd))

    found = take()

    assert isinstance(found, Busy)
    assert found.holder
    assert found.holder.command == odd
    assert not Path("pwned").exists()


def test_a_held_lock_is_proven_and_knows_of_newer_runs(take: Take, host: Path) -> None:
    session = held(take())
    assert session.raise_epoch(7) == ""

    assert session.prove(7) == ""
    (host / "etc/clusterctl/epoch").write_text("8\n")
    assert session.prove(7) == "a newer run has begun (epoch 8, ours is 7)"


def test_a_number_that_the_host_has_seen_is_refused(take: Take, host: Path) -> None:
    session = held(take())
    (host / "etc/clusterctl/epoch").write_text("9\n")

    assert session.raise_epoch(9) == "it does not take epoch 9, and has seen 9"


def test_released_it_is_free_at_once(take: Take) -> None:
    session = held(take())

    session.release()

    assert not session.alive
    assert held(take()).prove(1) == ""


def test_a_connection_that_ends_frees_it(take: Take, sshd: Sshd) -> None:
    session = held(take())

    sshd.hang_up()

    assert session.prove(1) == "the session that held it has ended"
    assert not session.alive
    deadline = time.monotonic() + 20
    while isinstance(take(), Busy):
        assert time.monotonic() < deadline


def test_heartbeats_come_by_themselves(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT_S", 0.3)
    session = held(take(silence_s=3))

    time.sleep(4)

    assert session.prove(1) == ""


def test_an_operator_without_heartbeats_loses_it(
    take: Take, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT_S", 60.0)
    session = held(take(silence_s=1))

    deadline = time.monotonic() + 20
    while (host / "run/clusterctl/fleet.holder").exists():
        assert time.monotonic() < deadline

    assert session.prove(1) == "the session that held it has ended"


def test_a_host_that_does_not_answer_is_waited_for_no_longer_than_said(
    take: Take, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = held(take())
    monkeypatch.setattr(lock, "ANSWER_S", 0.3)
    monkeypatch.setattr(session, "_send", lambda _text: None)  # what is said gets lost
    began = time.monotonic()

    why = session.prove(1)

    assert why == "no answer within 0.3 s"
    assert session.alive
    assert time.monotonic() - began < 8
    assert sshd.connections == 1


def test_a_late_answer_is_not_taken_for_the_next_one(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    session = held(take())
    monkeypatch.setattr(lock, "ANSWER_S", 0.0)
    assert session.raise_epoch(3) == "no answer within 0 s"
    monkeypatch.undo()

    assert session.prove(3) == ""


def test_a_refused_sudo_says_so(sshd: Sshd) -> None:
    def refuse(channel: paramiko.Channel, _command: str) -> None:
        channel.recv(65536)
        channel.sendall_stderr(b"sudo: a password is required\n")
        channel.send_exit_status(1)

    sshd.talk = refuse

    with pytest.raises(HostFailure) as caught:
        take_lock(connect(sshd.target(), sshd.credentials()), CLAIM)

    assert caught.value.unreachable == Unreachable("web1", "sudo", "sudo: a password is required")


def test_a_host_that_floods_us_is_not_listened_to(sshd: Sshd) -> None:
    def flood(channel: paramiko.Channel, _command: str) -> None:
        channel.recv(65536)
        while True:
            channel.sendall(b"x" * 65536)

    sshd.talk = flood

    with pytest.raises(HostFailure):
        take_lock(connect(sshd.target(), sshd.credentials()), CLAIM)


def test_a_look_and_a_release_by_force(take: Take, sshd: Sshd) -> None:
    session = held(take())
    session.raise_epoch(3)

    with connect(sshd.target(), sshd.credentials()) as connection:
        before = look_at_lock(connection)
        ended = free_lock(connection, 4, "by sre: it hangs")
        after = look_at_lock(connection)

    assert isinstance(before, HostLock)
    assert isinstance(ended, HostLock)
    assert before.holder
    assert ended.holder
    assert before.holder.by == ended.holder.by == "dev@laptop"
    assert after == HostLock("web1", None, 4)
    assert session.prove(3) == "the session that held it has ended"


def test_a_signature_is_read_by_the_hosts_own_clock() -> None:
    text = '{"run":"r1","by":"dev","command":"x","since":1000,"epoch":3,"pid":7}'

    assert parse_holder(text, 1120) == Holder("r1", "dev", "x", 1000, 3, 120)
    assert parse_holder(text, 900) == Holder("r1", "dev", "x", 1000, 3, 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"run":"r1"}', '{"run":"r","by":"a","command":"x","since":"x","epoch":1}'),
        '{"run":"r","by":"a","command":"x","since":1e999,"epoch":1}',
        '{"run":"r","by":"a","command":"x","since":1,"epoch":' + "9" * 5000 + "}",
        '{"run":"r","by":"a","command":"x","since":-1,"epoch":1}',
    ],
    ids=range(9),
)
def test_what_is_no_signature_is_none(text: str) -> None:
    assert parse_holder(text, 0) is None
