"""What is said of a host that fails on its way, whole: the rung, the reason, and what to do next.

Real sockets and a real SSH server in this process; one test a message, where `test_ssh` and its like have none.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import paramiko
import pytest
from paramiko.common import (
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
)

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote import lock as lock_module
from clusterctl.remote.answer import parse_answer
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.fanout import fan_out
from clusterctl.remote.jump import _lost
from clusterctl.remote.known_hosts import fingerprint
from clusterctl.remote.lock import take_lock
from clusterctl.remote.lock_look import look_at_lock
from clusterctl.remote.ssh import Connection, connect
from clusterctl.remote.target import Target
from clusterctl.remote.wire import open_socket
from tests.remote.sshd import Sshd, read_all, write_key

NONCE = "c" * 32
BY_HAND = "log in by hand and see why: clusterctl ssh web1"
BUSY = "try again in a while; sshd there is overloaded (MaxStartups), or something else answers at that port"
CLAIM = {"run": "r1", "by": "dev@laptop", "command": "clusterctl apply"}
ASK = "ask whoever runs the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"


class Accepted:
    """The keys a server takes, that does something else when it is asked for them."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __contains__(self, _key: bytes) -> bool:
        self.act()
        return False


def told(act: Callable[[], object]) -> tuple[str, str, str]:
    """Return rung, reason and next step of the failure that an act ends in."""
    with pytest.raises(HostFailure) as caught:
        act()
    return words(caught.value.unreachable)


def words(answer: Any) -> tuple[str, str, str]:
    assert isinstance(answer, Unreachable)
    return answer.rung, answer.reason, answer.advice


def login(sshd: Sshd, timeout_s: float = 5.0) -> tuple[str, str, str]:
    return told(lambda: connect(sshd.target(), sshd.credentials(), timeout_s))


def at(address: str, port: int = 22) -> Target:
    return Target("web1", address, port, "ops")


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


# --- on the way ----------------------------------------------------------------------------------


def test_a_name_that_is_none() -> None:
    assert told(lambda: open_socket(at("a..b"), 2)) == (
        "resolve",
        "a..b: not a valid host name",
        "check the address of web1 in the inventory, or DNS: getent hosts a..b",
    )


def test_a_lookup_that_takes_all_the_time() -> None:
    assert told(lambda: open_socket(at("127.0.0.1"), 0.0)) == (
        "connect",
        "127.0.0.1: looking up its address took all of the 0 s",
        "why is DNS slow here? getent hosts 127.0.0.1",
    )


def test_a_port_that_refuses() -> None:
    assert told(lambda: open_socket(at("127.0.0.1", 1), 2)) == (
        "connect",
        "127.0.0.1 port 1: connection refused: is sshd running? services may be fine",
        "start sshd there by its console, or set the right port in the inventory",
    )


def test_a_host_that_does_not_answer(full: int) -> None:
    assert told(lambda: open_socket(at("127.0.0.1", full), 0.3)) == (
        "connect",
        f"127.0.0.1 port {full}: no answer within 0.3 s",
        f"is the host up, and does a firewall let port {full} through? a jump host may be needed",
    )


def test_a_network_that_is_unreachable() -> None:
    assert told(lambda: open_socket(at("255.255.255.255"), 2)) == (
        "connect",
        "255.255.255.255 port 22: network is unreachable",
        "check the route from here: ip route get 255.255.255.255",
    )


# --- until we are in -----------------------------------------------------------------------------


def test_a_server_that_hangs_up_without_a_word(sshd: Sshd) -> None:
    def hang_up(sock: socket.socket, _number: int) -> bool:
        sock.shutdown(socket.SHUT_RDWR)
        return True

    sshd.raw = hang_up

    assert login(sshd) == ("banner", "the server hung up before its SSH banner", BUSY)


def test_packets_that_are_none(sshd: Sshd) -> None:
    sshd.raw = lambda sock, _number: bool(sock.send(b"SSH-2.0-bad\r\n" + bytes(range(256)) * 8))

    assert login(sshd) == ("banner", "SSH handshake failed: the server hung up", BUSY)


def test_a_server_with_weak_algorithms_only(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paramiko.Transport, "_preferred_kex", ("diffie-hellman-group14-sha256",))

    assert login(sshd) == (
        "banner",
        (
            "no key exchange in common: the server offers only diffie-hellman-group14-sha256, "
            "kex-strict-s-v00@openssh.com; it is too weak or too new. sshd_config there: KexAlgorithms"
        ),
        "let sshd there offer curve25519-sha256, ssh-ed25519, aes128-ctr or aes128-gcm, hmac-sha2-256; weak ones stay off",
    )


def test_an_unknown_host_key(sshd: Sshd) -> None:
    sshd.known_hosts.write_text("")

    assert login(sshd) == (
        "host-key",
        (
            f"unknown host key ssh-ed25519 {fingerprint(sshd.host_key.asbytes())}: "
            f"[127.0.0.1]:{sshd.port} is not in {sshd.known_hosts}"
        ),
        "clusterctl hosts trust",
    )


def test_a_changed_host_key(sshd: Sshd) -> None:
    other = write_key(sshd.folder / "other")
    sshd.know(other)

    assert login(sshd) == (
        "host-key",
        (
            f"host key changed: known ssh-ed25519 {fingerprint(other.asbytes())}, offered ssh-ed25519 "
            f"{fingerprint(sshd.host_key.asbytes())}; nothing was sent"
        ),
        f"{ASK}; if it was made anew: ssh-keygen -R '[127.0.0.1]:{sshd.port}', then clusterctl hosts trust web1",
    )


def test_a_revoked_host_key(sshd: Sshd) -> None:
    line = sshd.known_hosts.read_text()
    sshd.known_hosts.write_text(f"{line}@revoked * {line.split(' ', 1)[1]}")

    shown = fingerprint(sshd.host_key.asbytes())
    assert login(sshd) == ("host-key", f"host key {shown} is revoked in known_hosts; nothing was sent", ASK)


def test_a_refused_user_key(sshd: Sshd) -> None:
    sshd.accepted.clear()

    assert login(sshd) == (
        "auth",
        f"user key refused for ops (tried {fingerprint(sshd.user_key.asbytes())})",
        f"ssh-copy-id -p {sshd.port} ops@127.0.0.1, or name another user or key",
    )


def test_a_server_that_takes_no_keys(sshd: Sshd) -> None:
    sshd.accepted.clear()
    sshd.methods = "hostbased"

    assert login(sshd) == (
        "auth",
        f"user key refused for ops (tried {fingerprint(sshd.user_key.asbytes())}); the server takes hostbased",
        f"ssh-copy-id -p {sshd.port} ops@127.0.0.1, or name another user or key",
    )


def test_no_key_to_show(sshd: Sshd) -> None:
    nothing = replace(sshd.credentials(), keys=())

    assert told(lambda: connect(sshd.target(), nothing, 5)) == (
        "auth",
        "no key to show for ops",
        f"ssh-copy-id -p {sshd.port} ops@127.0.0.1, or name another user or key",
    )


def test_a_login_that_does_not_end(sshd: Sshd) -> None:
    over = threading.Event()
    sshd.accepted = Accepted(over.wait)  # type: ignore[assignment]

    found = login(sshd, 0.7)

    over.set()
    assert found == ("auth", "login did not end within 0.7 s", BY_HAND)


def test_a_server_that_hangs_up_while_we_log_in(sshd: Sshd) -> None:
    sshd.accepted = Accepted(sshd.hang_up)  # type: ignore[assignment]

    assert login(sshd) == ("auth", "the server hung up while we logged in", BY_HAND)


def test_a_server_that_hangs_up_at_the_second_key(sshd: Sshd) -> None:
    second = write_key(sshd.folder / "second")
    both = replace(sshd.credentials(), keys=(sshd.user_key, second))
    asked: list[int] = []

    def act() -> None:
        asked.append(1)
        if len(asked) == 2:
            sshd.hang_up()

    sshd.accepted = Accepted(act)  # type: ignore[assignment]

    assert told(lambda: connect(sshd.target(), both, 5)) == (
        "auth",
        f"user key refused for ops (tried {fingerprint(sshd.user_key.asbytes())}); then the server hung up",
        f"ssh-copy-id -p {sshd.port} ops@127.0.0.1, or name another user or key",
    )


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

    found = ran(sshd, 0.3), streamed(sshd, 0.3)

    over.set()
    assert found == (
        ("exec", "the command did not end within 0.3 s; it may still be running", BY_HAND),
        ("exec", "the command did not end within 0.3 s", BY_HAND),
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


# --- through a jump host -------------------------------------------------------------------------


@pytest.fixture
def through(sshd: Sshd) -> Target:
    """Give a host behind the server."""
    return replace(at("10.9.9.9"), via=replace(sshd.target("bastion"), user="ops"))


def test_a_jump_host_that_refuses_us(sshd: Sshd, through: Target) -> None:
    sshd.accepted.clear()

    assert told(lambda: Dialer(sshd.credentials()).dial(through)) == (
        "auth",
        f"jump host bastion: user key refused for ops (tried {fingerprint(sshd.user_key.asbytes())})",
        f"ssh-copy-id -p {sshd.port} ops@127.0.0.1, or name another user or key",
    )


def test_a_jump_host_that_forwards_nothing(sshd: Sshd, through: Target) -> None:
    sshd.forward_answer = OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    assert told(lambda: Dialer(sshd.credentials()).dial(through)) == (
        "connect",
        "jump host bastion forwards no connections for us (sshd_config: AllowTcpForwarding, PermitOpen)",
        "let sshd there forward connections: AllowTcpForwarding yes, and PermitOpen",
    )


def test_a_jump_host_that_does_not_reach_the_host(sshd: Sshd, through: Target) -> None:
    sshd.forward_answer = OPEN_FAILED_CONNECT_FAILED

    assert told(lambda: Dialer(sshd.credentials()).dial(through)) == (
        "connect",
        "10.9.9.9 port 22: not to be reached from jump host bastion: Connect failed",
        "is it up? does bastion have a way to it, and does a firewall let port 22 through?",
    )


def test_a_jump_host_whose_connection_breaks(through: Target) -> None:
    assert words(_lost(through).unreachable) == (
        "connect",
        "jump host bastion: its connection broke",
        "is it up? look at its console, and at the way to it from here",
    )


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
    monkeypatch.setattr(lock_module, "ANSWER_S", 0.5)

    assert locking(sshd, "") == ("exec", "the lock's session did not begin within 0.5 s", BY_HAND)


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
