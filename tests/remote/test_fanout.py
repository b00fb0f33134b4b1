from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.fanout import fan_out
from clusterctl.remote.ssh import Connection
from clusterctl.remote.target import Target
from tests.remote.sshd import Sshd


def targets(sshd: Sshd, count: int) -> list[Target]:
    return [sshd.target(f"web{number}") for number in range(1, count + 1)]


def say_name(connection: Connection) -> str:
    return connection.run(f"echo {connection.target.host}\n", "/bin/sh -s", 5).stdout.decode().strip()


def test_results_come_in_the_order_asked(sshd: Sshd) -> None:
    def later_first(connection: Connection) -> str:
        time.sleep(0.3 if connection.target.host == "web1" else 0)
        return say_name(connection)

    found = fan_out(targets(sshd, 4), later_first, Dialer(sshd.credentials()))

    assert list(found.items()) == [("web1", "web1"), ("web2", "web2"), ("web3", "web3"), ("web4", "web4")]


def test_one_connection_per_host_and_no_more_workers_than_allowed(sshd: Sshd) -> None:
    at_once: list[int] = []
    busy, two = threading.Semaphore(100), threading.Barrier(2, timeout=30)

    def count(_connection: Connection) -> None:
        with busy:
            at_once.append(100 - busy._value)
            two.wait()
            time.sleep(0.05)

    fan_out(targets(sshd, 6), count, Dialer(sshd.credentials()), workers=2)

    assert max(at_once) == 2
    assert sshd.connections == 6


def test_a_failing_host_does_not_stop_the_others(sshd: Sshd) -> None:
    asked = targets(sshd, 2)
    asked.insert(1, replace(asked[0], host="gone", address="no-such-host.invalid"))

    found = fan_out(asked, say_name, Dialer(sshd.credentials()))

    assert (found["web1"], found["web2"]) == ("web1", "web2")
    gone = found["gone"]
    assert isinstance(gone, Unreachable)
    assert gone.rung == "resolve"


def test_a_fault_of_ours_is_a_value_too(sshd: Sshd) -> None:
    def broken(connection: Connection) -> str:
        if connection.target.host == "web2":
            raise ZeroDivisionError("no such number")
        return "fine"

    found = fan_out(targets(sshd, 2), broken, Dialer(sshd.credentials()))

    assert found == {
        "web1": "fine",
        "web2": Unreachable("web2", "exec", "clusterctl failed: ZeroDivisionError: no such number"),
    }


def test_whoever_finishes_is_told_at_once(sshd: Sshd) -> None:
    told: list[tuple[str, object]] = []

    fan_out(
        targets(sshd, 2),
        say_name,
        Dialer(sshd.credentials()),
        on_done=lambda host, value: told.append((host, value)),
    )

    assert sorted(told) == [("web1", "web1"), ("web2", "web2")]


def test_a_host_that_overstays_is_given_up(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterctl.remote.fanout.GIVE_UP_S", 2.0)
    over = threading.Event()

    def stuck(connection: Connection) -> str:
        if connection.target.host == "web1":
            over.wait(60)
        return "fine"

    found = fan_out(targets(sshd, 2), stuck, Dialer(sshd.credentials()), deadline_s=1.0)

    assert not over.is_set()
    over.set()
    assert found == {
        "web1": Unreachable("web1", "exec", "did not end within 1 s; given up, it may still be working"),
        "web2": "fine",
    }


def test_few_logins_at_once_for_one_address(sshd: Sshd) -> None:
    found = fan_out(targets(sshd, 24), say_name, Dialer(sshd.credentials(), start_limit=3))

    assert list(found.values()) == list(found)
    # Of 24; the server counts a login longer than we do, on a busy machine much longer.
    assert sshd.most_logging_in <= 12


def test_a_server_that_turns_us_away_is_asked_again(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusterctl.remote.dialer.BACK_OFF_S", 0.01)
    sshd.raw = lambda _sock, number: number <= 2

    found = fan_out(targets(sshd, 1), say_name, Dialer(sshd.credentials()))

    assert found == {"web1": "web1"}
    assert sshd.connections == 3


def test_a_server_that_always_turns_us_away_is_asked_seven_times(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clusterctl.remote.dialer.BACK_OFF_S", 0.01)
    sshd.raw = lambda _sock, _number: True

    found = fan_out(targets(sshd, 1), say_name, Dialer(sshd.credentials()))

    assert found == {"web1": Unreachable("web1", "banner", "the server hung up before its SSH banner")}
    assert sshd.connections == 7


def test_a_refused_key_is_not_tried_again(sshd: Sshd) -> None:
    sshd.accepted.clear()

    found = fan_out(targets(sshd, 1), say_name, Dialer(sshd.credentials()))

    assert isinstance(found["web1"], Unreachable)
    assert (found["web1"].rung, len(sshd.logins), sshd.connections) == ("auth", 1, 1)


def test_an_interrupt_breaks_every_connection_and_starts_no_more(sshd: Sshd) -> None:
    started: list[str] = []
    broken = threading.Semaphore(0)

    def endless(connection: Connection) -> None:
        started.append(connection.target.host)
        try:
            connection.run("sleep 30\n", "/bin/sh -s", 30)
        finally:
            broken.release()

    def interrupt(_host: str, _value: object) -> None:
        while len(sshd.commands) < 3:
            time.sleep(0.01)
        raise KeyboardInterrupt

    asked = [*targets(sshd, 3), Target("gone", "no-such-host.invalid", 22, "ops"), sshd.target("web9")]
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fan_out(asked, endless, Dialer(sshd.credentials()), workers=4, on_done=interrupt)

    assert time.monotonic() - began < 20
    assert sorted(started) == ["web1", "web2", "web3"]
    for _ in started:
        assert broken.acquire(timeout=20)


def test_a_frozen_host_costs_its_own_time_only(sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        asked = [Target("frozen", "127.0.0.1", frozen.getsockname()[1], "ops"), *targets(sshd, 2)]
        found = fan_out(asked, say_name, Dialer(sshd.credentials(), connect_timeout_s=4.0))

    assert found["frozen"] == Unreachable("frozen", "banner", "no SSH banner within 4 s")
    assert (found["web1"], found["web2"]) == ("web1", "web2")
