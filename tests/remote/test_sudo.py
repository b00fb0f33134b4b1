"""sudo with a password: a fake sudo that behaves as the real one does on its three streams."""

from __future__ import annotations

import dataclasses
import threading

import paramiko
import pytest

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.secret import Secret
from clusterctl.remote.ssh import Connection, connect, root_shell
from tests.remote.sshd import Sshd, run_shell

WORD = "tops3cret"


class Sudo:
    """What sudo does on a channel: asks as it was told to, takes a line, starts the shell."""

    def __init__(self, password: str = WORD, lecture: bytes = b"", tries: int = 3) -> None:
        self.password, self.lecture, self.tries = password, lecture, tries
        self.lines: list[str] = []

    def __call__(self, channel: paramiko.Channel, command: str) -> None:
        prompt = command.split()[3].encode()
        channel.sendall_stderr(self.lecture)
        for _ in range(self.tries):
            channel.sendall_stderr(prompt)
            line = read_line(channel)
            self.lines.append(line)
            if line == self.password:
                nonce = command.split("echo ")[1].split(" ", maxsplit=1)[0]
                channel.sendall_stderr(f"{nonce}\n".encode())
                run_shell(channel, command)
                return
            channel.sendall_stderr(b"Sorry, try again.\n")
        channel.send_exit_status(1)


def read_line(channel: paramiko.Channel) -> str:
    data = b""
    while not data.endswith(b"\n"):
        part = channel.recv(1)
        if not part:
            break
        data += part
    return data.decode().rstrip("\n")


def logged_in(sshd: Sshd, word: str = WORD) -> Connection:
    credentials = dataclasses.replace(sshd.credentials(), sudo_password=Secret(word))
    return connect(sshd.target(), credentials)


def test_the_password_is_the_answer_to_our_own_prompt_and_never_reaches_the_script(sshd: Sshd) -> None:
    sudo = Sudo(lecture=b"We trust you have received the usual lecture.\n")
    sshd.first_word = False
    sshd.talk = sudo

    with logged_in(sshd) as connection:
        result = connection.run("cat <<'E'\nall of it\nE\nread -r x || echo end\n", root_shell("ops"), 5)

    assert (result.stdout, result.stderr, result.exit_code) == (b"all of it\nend\n", b"", 0)
    assert sudo.lines == [WORD]
    assert all(WORD not in command for command in sshd.commands)


def test_sudo_that_asks_nothing_is_sent_no_password(sshd: Sshd) -> None:
    def talk(channel: paramiko.Channel, command: str) -> None:
        channel.sendall_stderr((command.split("echo ")[1].split(" ", maxsplit=1)[0] + "\n").encode())
        run_shell(channel, command)

    sshd.first_word = False
    sshd.talk = talk

    with logged_in(sshd) as connection:
        result = connection.run("cat\n", root_shell("ops"), 5)

    assert (result.stdout, result.exit_code) == (b"", 0)


def test_a_wrong_password_is_sent_once_and_never_again_in_a_run(sshd: Sshd) -> None:
    sudo = Sudo(password="another")
    sshd.first_word = False
    sshd.talk = sudo

    with logged_in(sshd) as connection:
        reasons = []
        for _ in range(2):
            with pytest.raises(HostFailure) as caught:
                connection.run("echo no\n", root_shell("ops"), 5)
            reasons.append(caught.value.unreachable)

    assert reasons == [
        Unreachable("web1", "sudo", "sudo refused the password of ops"),
        Unreachable("web1", "sudo", "sudo refused the password before; it is not tried again"),
    ]
    assert reasons[0].next_step == "check the password of ops, and its rights there: sudo -l -U ops"
    assert [line for line in sudo.lines if line] == [WORD]


@pytest.mark.parametrize(
    "said",
    [
        "sudo: sorry, you must have a tty to run sudo",
        "ops is not in the sudoers file.",
        "Sorry, user ops is not allowed to execute '/bin/sh' as root on web1.",
    ],
)
def test_sudo_that_refuses_without_asking_gets_no_password(sshd: Sshd, said: str) -> None:
    got: list[bytes] = []
    done = threading.Event()

    def talk(channel: paramiko.Channel, _command: str) -> None:
        channel.sendall_stderr(f"{said}\n".encode())
        channel.send_exit_status(1)
        channel.shutdown_write()
        channel.settimeout(20)
        got.append(channel.recv(100))
        done.set()

    sshd.first_word = False
    sshd.talk = talk

    with logged_in(sshd) as connection, pytest.raises(HostFailure) as caught:
        connection.run("echo no\n", root_shell("ops"), 5)

    assert caught.value.unreachable == Unreachable("web1", "sudo", said)
    assert done.wait(20)
    assert got == [b""]


def test_a_sudo_that_says_nothing_ends_at_the_deadline(sshd: Sshd) -> None:
    def talk(channel: paramiko.Channel, _command: str) -> None:
        channel.recv(1)

    sshd.first_word = False
    sshd.talk = talk

    with logged_in(sshd) as connection, pytest.raises(HostFailure) as caught:
        connection.run("echo no\n", root_shell("ops"), 2)

    assert caught.value.unreachable.reason == "sudo said nothing, and no shell came"
