"""What is said of a host behind a jump host that fails, whole; of one without it is in `test_messages`."""

from __future__ import annotations

import socket
from dataclasses import replace

import paramiko
import pytest
from paramiko.common import (
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
)

from clusterctl.remote.dialer import Dialer
from clusterctl.remote.jump import _lost
from clusterctl.remote.known_hosts import fingerprint
from clusterctl.remote.ssh import Connection
from clusterctl.remote.target import Target
from tests.remote.sshd import Sshd
from tests.remote.telling import at, told, words


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


def by_way_of(port: int, limit_s: float, sshd: Sshd) -> tuple[str, str, str]:
    """Dial a host whose jump host is at a port of this machine; return what is told."""
    target = replace(at("10.9.9.9"), via=replace(sshd.target("bastion"), port=port))
    return told(lambda: Dialer(sshd.credentials(), connect_timeout_s=limit_s).dial(target))


def test_a_jump_host_that_does_not_answer(sshd: Sshd, full: int) -> None:
    assert by_way_of(full, 0.5, sshd) == (
        "connect",
        f"jump host bastion: 127.0.0.1 port {full}: no answer within 0.5 s",
        f"is the host up, and does a firewall let port {full} through? a jump host may be needed",
    )


def test_a_jump_host_whose_port_refuses(sshd: Sshd) -> None:
    assert by_way_of(1, 10, sshd) == (
        "connect",
        "jump host bastion: 127.0.0.1 port 1: connection refused: is sshd running? services may be fine",
        "start sshd there by its console, or set the right port in the inventory",
    )


def test_a_jump_host_that_is_frozen(sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        found = by_way_of(frozen.getsockname()[1], 0.5, sshd)

    assert found == (
        "banner",
        "jump host bastion: no SSH banner within 0.5 s",
        "try again in a while; sshd there is overloaded (MaxStartups), or something else answers at that port",
    )


def test_a_host_that_does_not_answer_its_jump_host(
    sshd: Sshd, through: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(*_: object) -> None:
        raise paramiko.SSHException("Timeout opening channel.")

    monkeypatch.setattr(Connection, "forward", unanswered)

    assert told(lambda: Dialer(sshd.credentials()).dial(through)) == (
        "connect",
        "10.9.9.9 port 22: no answer within 10 s, seen from jump host bastion",
        "is it up? does bastion have a way to it, and does a firewall let port 22 through?",
    )
