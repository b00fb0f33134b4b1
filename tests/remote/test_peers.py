"""peers.sh itself, knocking at real sockets of this machine: a banner, a service, a closed port, and nothing."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from clusterctl.model.health import Opinion
from clusterctl.model.report import CommandResult
from clusterctl.remote.peers import MAX_PORTS, PeerTarget, build_peers, parse_opinions

NONCE = "d" * 32


def listener(stack: ExitStack, answer: Callable[[socket.socket], object] | None) -> int:
    """Listen on a port of this machine; `answer` is given each connection, None never even accepts."""
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def serve() -> None:
        while answer:
            try:
                client, _ = server.accept()
            except OSError:
                return
            with client:
                answer(client)

    threading.Thread(target=serve, daemon=True).start()
    return int(server.getsockname()[1])


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def ask(*targets: PeerTarget, script: str = "") -> tuple[Opinion, ...]:
    text = script or build_peers(targets, NONCE)
    done = subprocess.run(
        ["/bin/sh", "-s"], input=text.encode(), capture_output=True, check=False, timeout=60
    )
    return parse_opinions(
        "h1", targets, CommandResult("h1", done.returncode, done.stdout, done.stderr), NONCE
    )


def test_the_strongest_sign_of_each_host_is_told(stack: ExitStack) -> None:
    sshd = listener(stack, lambda client: client.sendall(b"SSH-2.0-x\r\n"))
    web = listener(stack, lambda client: client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n"))
    closes = listener(stack, lambda client: client.recv(1))
    frozen = listener(stack, None)
    here = "127.0.0.1"

    found = ask(
        PeerTarget("well", here, sshd, (closed_port(),)),
        PeerTarget("sshd-dead", here, closed_port()),
        PeerTarget("sshd-hangs", here, frozen, (web,)),
        PeerTarget("speaks-no-http", here, frozen, (closes,)),
        PeerTarget("frozen", here, frozen, (frozen,)),
    )

    assert {opinion.host: opinion.sign for opinion in found} == {
        "well": "banner",
        "sshd-dead": "refused",
        "sshd-hangs": "service",
        "speaks-no-http": "service",
        "frozen": "nothing",
    }
    assert {opinion.peer for opinion in found} == {"h1"}


def test_something_else_than_ssh_on_its_port_is_no_banner(stack: ExitStack) -> None:
    other = listener(stack, lambda client: client.sendall(b"220 mail\r\n"))

    assert ask(PeerTarget("h2", "127.0.0.1", other)) == (Opinion("h1", "h2", "nothing"),)


def test_without_bash_nothing_is_known(stack: ExitStack) -> None:
    sshd = listener(stack, lambda client: client.sendall(b"SSH-2.0-x\r\n"))
    target = PeerTarget("h2", "127.0.0.1", sshd)

    found = ask(
        target, script=build_peers([target], NONCE).replace("command -v bash", "command -v no-such-shell")
    )

    assert found == (Opinion("h1", "h2", "unknown"),)


@pytest.mark.parametrize("address", ["$(touch pwned)", "a b", "x\ny 1 2", ""])
def test_an_address_that_is_none_is_never_part_of_the_script(address: str) -> None:
    target = PeerTarget("h2", address, 22)

    assert ask(target) == (Opinion("h1", "h2", "unknown"),)
    assert "TARGETS=''\n" in build_peers([target], NONCE)


def test_an_answer_that_is_torn_or_lies_is_unknown() -> None:
    targets = [PeerTarget("h2", "10.0.0.2", 22), PeerTarget("h3", "10.0.0.3", 22)]

    def parsed(body: bytes, end: bytes = b"\nN end 0\n") -> list[str]:
        text = b"\nN begin\n\nN section signs\n" + body + b"\nN end-section 0\n" + end
        answer = CommandResult("h1", 0, text.replace(b"N ", NONCE.encode() + b" "), b"")
        return [opinion.sign for opinion in parse_opinions("h1", targets, answer, NONCE)]

    assert parsed(b"h2 banner\nh3 nothing\n") == ["banner", "nothing"]
    assert parsed(b"h2 dead\nh9 nothing\n") == ["unknown", "unknown"]
    assert parsed(b"h2 nothing\nh3 nothing\n", end=b"") == ["unknown", "unknown"]


def test_no_more_than_six_services_are_tried() -> None:
    target = PeerTarget("h2", "10.0.0.2", 22, tuple(range(9000, 9100)))

    line = f"h2 10.0.0.2 22 {' '.join(str(9000 + n) for n in range(MAX_PORTS))}'"

    assert line in build_peers([target], NONCE)
