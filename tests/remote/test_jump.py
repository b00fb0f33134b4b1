"""Hosts behind a jump host, over real SSH through a real server of this process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from paramiko.common import OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_FAILED_CONNECT_FAILED

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.fanout import fan_out
from clusterctl.remote.keys import Credentials, load_credentials
from clusterctl.remote.ssh import Connection
from clusterctl.remote.target import Target
from tests.remote.sshd import Sshd


@pytest.fixture
def jump(tmp_path: Path) -> Iterator[Sshd]:
    folder = tmp_path / "jump"
    folder.mkdir()
    server = Sshd(folder)
    yield server
    server.close()


@pytest.fixture
def dialer(sshd: Sshd, jump: Sshd) -> Iterator[Dialer]:
    found = Dialer(credentials(sshd, jump), connect_timeout_s=5)
    yield found
    found.close()


def credentials(*servers: Sshd) -> Credentials:
    """Return a key that all servers take, and the keys of all of them."""
    first = servers[0]
    for server in servers:
        server.accepted.add(first.user_key.asbytes())
    known = [str(server.known_hosts) for server in servers]
    return load_credentials([str(first.folder / "id_ed25519")], known, allow_agent=False)


def behind(sshd: Sshd, jump: Sshd, host: str = "web1") -> Target:
    return replace(sshd.target(host), via=replace(jump.target("bastion"), user="hop"))


def hello(connection: Connection) -> bytes:
    return connection.run("echo hello", "/bin/sh -s", 5).stdout


def refusal(dialer: Dialer, target: Target) -> Unreachable:
    with pytest.raises(HostFailure) as caught:
        dialer.dial(target)
    return caught.value.unreachable


def test_a_command_runs_on_the_host_and_not_on_the_jump_host(sshd: Sshd, jump: Sshd, dialer: Dialer) -> None:
    with dialer.dial(behind(sshd, jump)) as connection:
        assert hello(connection) == b"hello\n"

    assert (sshd.logins, jump.logins) == (["ops"], ["hop"])
    assert (len(sshd.commands), jump.commands) == (1, [])
    assert jump.forwards == [("127.0.0.1", sshd.port)]


def test_much_goes_through(sshd: Sshd, jump: Sshd, dialer: Dialer) -> None:
    script = f"cat <<'END' | wc -c; head -c 3000000 /dev/zero\n{'x' * 2_000_000}\nEND\n"

    with dialer.dial(behind(sshd, jump)) as connection:
        answer = connection.run(script, "/bin/sh -s", 30)

    assert answer.stdout[:8] == b"2000001\n"
    assert len(answer.stdout) == 3_000_008


def test_many_hosts_share_one_login_to_the_jump_host(sshd: Sshd, jump: Sshd, dialer: Dialer) -> None:
    hosts = [behind(sshd, jump, f"web{number}") for number in range(12)]

    answers = fan_out(hosts, hello, dialer)

    assert set(answers.values()) == {b"hello\n"}
    assert (len(sshd.logins), len(jump.logins)) == (12, 1)


def test_two_jump_hosts_after_each_other(sshd: Sshd, jump: Sshd, dialer: Dialer) -> None:
    inner = replace(jump.target("inner"), user="in", via=replace(jump.target("outer"), user="out"))

    with dialer.dial(replace(sshd.target(), via=inner)) as connection:
        assert hello(connection) == b"hello\n"

    assert jump.logins == ["out", "in"]


def test_a_dead_jump_host_says_nothing_about_the_hosts_behind_it(
    sshd: Sshd, jump: Sshd, dialer: Dialer
) -> None:
    """Faults row 57: every host behind it is unknown, with the jump host's name; it is tried once, not for each."""
    tries: list[int] = []

    def hang_up(sock: socket.socket, number: int) -> bool:
        tries.append(number)
        sock.shutdown(socket.SHUT_RDWR)
        return True

    jump.raw = hang_up
    hosts = [behind(sshd, jump, f"web{number}") for number in range(6)]

    answers = fan_out([*hosts, sshd.target("direct")], hello, dialer)

    assert answers.pop("direct") == b"hello\n"
    assert {answer.via for answer in answers.values() if isinstance(answer, Unreachable)} == {"bastion"}
    assert all("jump host bastion: " in answer.reason for answer in answers.values())  # type: ignore[union-attr]
    assert len(tries) <= 4 * 6
    assert sshd.logins == ["ops"]


def test_a_jump_host_that_died_is_dialled_again(sshd: Sshd, jump: Sshd, dialer: Dialer) -> None:
    with dialer.dial(behind(sshd, jump)) as connection:
        hello(connection)
    jump.hang_up()

    with dialer.dial(behind(sshd, jump)) as connection:
        assert hello(connection) == b"hello\n"

    assert jump.logins == ["hop", "hop"]


def test_an_unknown_key_of_the_jump_host_is_a_matter_of_identity(sshd: Sshd, jump: Sshd) -> None:
    jump.known_hosts.write_text("")
    dialer = Dialer(credentials(sshd, jump), connect_timeout_s=5)

    found = refusal(dialer, behind(sshd, jump))

    assert (found.rung, found.via, found.is_identity) == ("host-key", "bastion", True)
    assert found.reason.startswith("jump host bastion: unknown host key")
    assert sshd.connections == 0


def test_a_host_that_the_jump_host_does_not_reach_is_a_failure_of_the_host(
    sshd: Sshd, jump: Sshd, dialer: Dialer
) -> None:
    jump.forward_answer = OPEN_FAILED_CONNECT_FAILED

    found = refusal(dialer, behind(sshd, jump))

    assert (found.rung, found.via) == ("connect", "")
    assert found.reason.startswith(f"127.0.0.1 port {sshd.port}: not to be reached from jump host bastion")


def test_a_jump_host_that_forwards_nothing_is_named_with_what_to_look_at(
    sshd: Sshd, jump: Sshd, dialer: Dialer
) -> None:
    jump.forward_answer = OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    found = refusal(dialer, behind(sshd, jump))

    assert (found.rung, found.via) == ("connect", "bastion")
    assert "AllowTcpForwarding" in found.reason


def test_a_server_that_says_nothing_ends_in_time(sshd: Sshd, jump: Sshd) -> None:
    dialer = Dialer(credentials(sshd, jump), connect_timeout_s=4)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        target = replace(behind(sshd, jump), port=mute.getsockname()[1])

        found = refusal(dialer, target)

    assert (found.rung, found.via) == ("banner", "")
    dialer.close()
