from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.fanout import fan_out
from clusterctl.remote.pool import Pool
from clusterctl.remote.ssh import Connection
from tests.remote.sshd import Sshd
from tests.remote.test_fanout import say_name, targets


@pytest.fixture
def pool(sshd: Sshd) -> Iterator[Pool]:
    made = Pool(Dialer(sshd.credentials()))
    yield made
    made.close()


def test_one_login_serves_one_look_after_the_other(sshd: Sshd, pool: Pool) -> None:
    found = [fan_out(targets(sshd, 2), say_name, pool) for _ in range(3)]

    assert found == [{"web1": "web1", "web2": "web2"}] * 3
    assert len(sshd.logins) == 2
    assert len(sshd.commands) == 6


def test_a_connection_that_died_while_idle_is_dialled_once_more(sshd: Sshd, pool: Pool) -> None:
    fan_out(targets(sshd, 1), say_name, pool)
    sshd.hang_up()
    (kept,) = pool._idle.values()
    while kept.is_open:
        time.sleep(0.01)

    found = fan_out(targets(sshd, 1), say_name, pool)

    assert found == {"web1": "web1"}
    assert (len(sshd.logins), len(sshd.commands)) == (2, 2)


def test_an_idle_connection_of_which_nobody_knows_that_it_died_is_found_out_before_any_command(
    sshd: Sshd, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that lost power: this side still takes the connection for open."""
    monkeypatch.setattr("clusterctl.remote.pool.ROUSE_S", 0.5)
    fan_out(targets(sshd, 1), say_name, pool)
    kept = next(iter(pool._idle.values()))
    monkeypatch.setattr(kept, "_new_channel", _never_answered)

    assert kept.is_open
    assert fan_out(targets(sshd, 1), say_name, pool) == {"web1": "web1"}
    assert (len(sshd.logins), len(sshd.commands)) == (2, 2)


def test_a_script_that_was_sent_is_never_sent_again(sshd: Sshd, pool: Pool) -> None:
    """Caught: a connection that breaks under a command looked like one that was dead before."""
    fan_out(targets(sshd, 1), say_name, pool)

    def cut(connection: Connection) -> None:
        def hang_up(_channel: object, _command: str) -> None:
            sshd.hang_up()

        sshd.talk = hang_up
        connection.run("echo once\n", "/bin/sh -s", 5)

    found = fan_out(targets(sshd, 1), cut, pool)["web1"]

    assert isinstance(found, Unreachable)
    assert found.rung == "exec"
    assert (len(sshd.logins), len(sshd.commands)) == (1, 2)


def test_a_connection_on_which_the_work_failed_is_not_used_again(sshd: Sshd, pool: Pool) -> None:
    def late(connection: Connection) -> None:
        connection.run("sleep 3\n", "/bin/sh -s", 0.2)

    fan_out(targets(sshd, 1), late, pool)

    assert pool._idle == {}
    assert fan_out(targets(sshd, 1), say_name, pool) == {"web1": "web1"}


def test_a_closed_pool_keeps_nothing(sshd: Sshd, pool: Pool) -> None:
    fan_out(targets(sshd, 1), say_name, pool)
    pool.close()

    fan_out(targets(sshd, 1), say_name, pool)

    assert pool._idle == {}
    assert len(sshd.logins) == 2


def test_no_more_connections_are_kept_than_there_is_room_for(
    sshd: Sshd, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clusterctl.remote.pool.KEPT", 2)

    fan_out(targets(sshd, 4), say_name, pool)

    assert len(pool._idle) == 2


def test_a_host_that_is_gone_is_that_hosts_value(
    sshd: Sshd, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clusterctl.remote.dialer.BACK_OFF_S", 0.01)
    fan_out(targets(sshd, 1), say_name, pool)
    sshd.hang_up()
    sshd.raw = lambda _sock, _number: True

    found = fan_out(targets(sshd, 1), say_name, pool)["web1"]

    assert isinstance(found, Unreachable)
    assert found.rung == "banner"


def test_a_failure_of_the_work_is_not_taken_for_a_failure_of_the_connection(sshd: Sshd, pool: Pool) -> None:
    with pytest.raises(HostFailure), pool.borrow(sshd.target()):
        raise HostFailure("web1", "exec", "no")

    assert len(sshd.logins) == 1


def _never_answered(_timeout_s: float | None) -> object:
    raise TimeoutError("no answer")
