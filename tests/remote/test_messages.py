"""What is said of a host that fails on its way, whole: the rung, the reason, and what to do next.

Real sockets and a real SSH server in this process; one test a message, where `test_ssh` and its like have none.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import replace

import paramiko
import pytest

from clusterctl.remote.known_hosts import fingerprint
from clusterctl.remote.ssh import connect
from clusterctl.remote.wire import open_socket
from tests.remote.sshd import Sshd, write_key
from tests.remote.telling import BY_HAND, at, told

BUSY = "try again in a while; sshd there is overloaded (MaxStartups), or something else answers at that port"
ASK = "ask whoever runs the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"


class Accepted:
    """The keys a server takes, that does something else when it is asked for them."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __contains__(self, _key: bytes) -> bool:
        self.act()
        return False


def login(sshd: Sshd, timeout_s: float = 10.0) -> tuple[str, str, str]:
    return told(lambda: connect(sshd.target(), sshd.credentials(), timeout_s))


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

    assert login(sshd) == ("banner", "SSH handshake failed: Invalid packet blocking", BUSY)


def test_a_server_that_hangs_up_after_its_banner(sshd: Sshd) -> None:
    sshd.raw = lambda sock, _number: bool(sock.send(b"SSH-2.0-busy\r\n"))

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

    found = login(sshd, 4)

    over.set()
    assert found == ("auth", "login did not end within 4 s", BY_HAND)


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

    assert told(lambda: connect(sshd.target(), both, 10)) == (
        "auth",
        f"user key refused for ops (tried {fingerprint(sshd.user_key.asbytes())}); then the server hung up",
        f"ssh-copy-id -p {sshd.port} ops@127.0.0.1, or name another user or key",
    )
