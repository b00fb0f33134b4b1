"""What is said of a host that fails once we are logged in, whole; on the way there it is in `test_messages`, through a jump host in `test_messages_jump`."""

from __future__ import annotations

import threading

import paramiko
import pytest
from paramiko.common import OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

from clusterctl.remote import lock as lock_module
from clusterctl.remote.answer import parse_answer
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.fanout import fan_out
from clusterctl.remote.lock import take_lock
from clusterctl.remote.lock_look import look_at_lock
from clusterctl.remote.ssh import Connection, connect
from tests.remote.sshd import Sshd, read_all
from tests.remote.telling import BY_HAND, told, words

NONCE = "c" * 32
CLAIM = {"run": "r1", "by": "dev@laptop", "command": "clusterctl apply"}


# --- once we are in ------------------------------------------------------------------------------


def ran(sshd: Sshd, deadline_s: float = 5.0) -> tuple[str, str, str]:
    with connect(sshd.target(), sshd.credentials()) as connection:
        return told(lambda: connection.run("", "/bin/sh -s", deadline_s))


def streamed(sshd: Sshd, deadline_s: float = 5.0) -> tuple[str, str, str]:
    with connect(sshd.target(), sshd.credentials()) as connection:
        sink = bytearray().extend
        return told(lambda: connection.stream("x", "", sink, sink, threading.Event(), deadline_s))


def test_a_server_that_runs_nothing(sshd: Sshd) -> None:
    sshd.session_answer = OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    assert ran(sshd) == (
        "exec",
        "the server let us in but runs nothing: ChannelException(1, 'Administratively prohibited')",
        BY_HAND,
    )


def test_a_connection_that_is_closed_after_the_login(sshd: Sshd) -> None:
    with connect(sshd.target(), sshd.credentials()) as connection:
        sshd.hang_up()
        while connection.is_open:
            threading.Event().wait(0.01)

        found = told(lambda: connection.run("", "/bin/sh -s", 5))

    assert found == ("exec", "the server let us in but runs nothing: SSH session not active", BY_HAND)


def test_a_server_that_hangs_up_before_it_has_answered(sshd: Sshd) -> None:
    sshd.talk = lambda _channel, _command: sshd.hang_up()

    assert ran(sshd) == ("exec", "the connection broke after 0 bytes of answer", BY_HAND)


def test_a_command_that_does_not_end(sshd: Sshd) -> None:
    over = threading.Event()

    def stay(_channel: paramiko.Channel, _command: str) -> None:
        over.wait()

    sshd.talk = stay

    found = ran(sshd, 2), streamed(sshd, 2)

    over.set()
    assert found == (
        ("exec", "the command did not end within 2 s; it may still be running", BY_HAND),
        ("exec", "the command did not end within 2 s", BY_HAND),
    )


def test_a_stream_that_breaks(sshd: Sshd) -> None:
    sshd.talk = lambda _channel, _command: sshd.hang_up()

    assert streamed(sshd) == ("exec", "the connection broke", BY_HAND)


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "rung", "reason", "step"),
    [
        (
            1,
            b"This account is currently not available.\n",
            b"",
            "exec",
            "the script did not start (exit code 1): This account is currently not available.",
            "does the user have a shell there? clusterctl ssh web1",
        ),
        (
            127,
            b"",
            b"bash: /bin/sh: No such file or directory\n",
            "exec",
            "the script did not start (exit code 127): bash: /bin/sh: No such file or directory",
            "does the user have a shell there? clusterctl ssh web1",
        ),
        (
            255,
            b"",
            b"",
            "exec",
            "the script did not start (exit code 255): it said nothing",
            "does the user have a shell there? clusterctl ssh web1",
        ),
        (
            127,
            b"",
            b"sh: sudo: not found\n",
            "sudo",
            "sudo is not installed: sh: sudo: not found",
            "apt-get install sudo there, or log in as root",
        ),
        (
            1,
            b"",
            b"sudo: a password is required\n",
            "sudo",
            "sudo: a password is required",
            "let the user run sudo without a password, or give it: --ask-sudo-pass, or ssh.sudo_password_file",
        ),
        (
            0,
            f"{NONCE} begin\nhalf".encode(),
            b"",
            "answer",
            "the answer is torn (exit code 0)",
            BY_HAND,
        ),
    ],
)
def test_a_script_that_did_not_start(
    sshd: Sshd, code: int, stdout: bytes, stderr: bytes, rung: str, reason: str, step: str
) -> None:
    def talk(channel: paramiko.Channel, _command: str) -> None:
        read_all(channel)
        channel.sendall(stdout)
        channel.sendall_stderr(stderr)
        channel.send_exit_status(code)

    sshd.talk = talk
    with connect(sshd.target(), sshd.credentials()) as connection:
        answer = connection.run("", "/bin/sh -s", 5)

    assert words(parse_answer("web1", answer, NONCE)) == (rung, reason, step)


# --- many hosts ----------------------------------------------------------------------------------


def test_a_host_that_overstays_is_given_up(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterctl.remote.fanout.GIVE_UP_S", 0.1)
    over = threading.Event()
    dialer = Dialer(sshd.credentials())

    answers = fan_out([sshd.target()], lambda _: over.wait() and None, dialer, deadline_s=0.5)

    over.set()
    assert words(answers["web1"]) == (
        "exec",
        "did not end within 0.5 s; given up, it may still be working",
        BY_HAND,
    )


def test_a_defect_of_ours_is_one_hosts_failure(sshd: Sshd) -> None:
    def work(_connection: Connection) -> None:
        raise KeyError("x")

    answers = fan_out([sshd.target()], work, Dialer(sshd.credentials()))

    assert words(answers["web1"]) == ("exec", "clusterctl failed: KeyError: 'x'", BY_HAND)


# --- the lock ------------------------------------------------------------------------------------


def locking(sshd: Sshd, answer: str) -> tuple[str, str, str]:
    """Take the lock of a server that answers so after its mark; return what is told."""

    def talk(channel: paramiko.Channel, _command: str) -> None:
        script = channel.recv(65536).decode()
        nonce = script.partition("NONCE=")[2][:32]
        channel.sendall(answer.replace("MARK", nonce).encode())
        if not answer:
            channel.settimeout(5)
            read_all(channel)

    sshd.talk = talk
    return told(lambda: take_lock(connect(sshd.target(), sshd.credentials()), CLAIM))


def test_a_lock_that_cannot_be_kept(sshd: Sshd) -> None:
    assert locking(sshd, "MARK begin\nMARK failed no space on /run\n") == (
        "exec",
        "the lock cannot be kept there: no space on /run",
        BY_HAND,
    )


def test_a_lock_that_says_nothing(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "ANSWER_S", 2.0)

    assert locking(sshd, "") == ("exec", "the lock's session did not begin within 2 s", BY_HAND)


def test_a_lock_whose_shell_ends(sshd: Sshd) -> None:
    assert locking(sshd, "This account is currently not available.\n") == (
        "exec",
        "the script did not start (exit code -1): This account is currently not available.",
        "does the user have a shell there? clusterctl ssh web1",
    )


def test_a_number_that_is_none(sshd: Sshd) -> None:
    def talk(channel: paramiko.Channel, _command: str) -> None:
        nonce = read_all(channel).decode().partition("NONCE=")[2][:32]
        sections = f"\n{nonce} section epoch\nmany\n{nonce} end-section 0\n"
        channel.sendall(f"\n{nonce} begin\n{sections}\n{nonce} end 0\n".encode())
        channel.send_exit_status(0)

    sshd.talk = talk
    with connect(sshd.target(), sshd.credentials()) as connection:
        found = look_at_lock(connection)

    assert words(found) == ("answer", "/etc/clusterctl/epoch there does not hold a number", BY_HAND)
