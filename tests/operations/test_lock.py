"""The right to change: which majority gives it, what it is worth later, and what the one who comes second is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from clusterctl.errors import IdentityError, LockedError, RemoteError
from clusterctl.operations import lock
from clusterctl.operations.lock_words import ago
from clusterctl.operations.rights import Right
from tests.operations.lock_hosts import DEV, SRE, LockHosts


@pytest.fixture
def hosts() -> LockHosts:
    """Give three lock hosts that are up and free."""
    return LockHosts("h1", "h2", "h3")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an operator try once only."""
    monkeypatch.setattr(lock, "PATIENCE_S", 0.0)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; fail after twenty seconds."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


# --- taking it -----------------------------------------------------------------------------------


def test_a_free_lock_is_taken_on_all_hosts_with_a_number_above_all_seen(hosts: LockHosts) -> None:
    hosts["h1"].epoch, hosts["h2"].epoch, hosts["h3"].epoch = 4, 7, 5

    right = hosts.lock().acquire(DEV)

    assert right.epoch == 8
    assert [host.epoch for host in hosts.hosts.values()] == [8, 8, 8]
    assert hosts.held_by == {"h1": "dev@laptop", "h2": "dev@laptop", "h3": "dev@laptop"}


def test_each_right_has_a_higher_number_than_the_one_before(hosts: LockHosts) -> None:
    numbers = []
    for gone in ("h1", "h2", "h3"):
        hosts[gone].fail()
        right = hosts.lock().acquire(DEV)
        numbers.append(right.epoch)
        right.release()
        hosts[gone].problem = None

    assert numbers == [1, 2, 3]


def test_one_of_three_hosts_may_be_away(hosts: LockHosts) -> None:
    hosts["h2"].fail()

    right = hosts.lock().acquire(DEV)

    assert (right.epoch, right.prove()) == (1, "")


def test_the_majority_is_of_the_configured_hosts_not_of_those_that_answer(hosts: LockHosts) -> None:
    hosts["h2"].fail()
    hosts["h3"].fail("banner", "no SSH banner within 10 s")

    with pytest.raises(RemoteError) as caught:
        hosts.lock().acquire(DEV)

    error = caught.value
    assert error.message == "cannot take the lock: 2 of 3 lock hosts must answer"
    assert set(error.details) - {"h1  was free"} == {
        "h2  connect: no answer within 10 s",
        "h3  banner: no SSH banner within 10 s",
    }
    assert error.next_step == (
        "bring them back, or name other hosts in policy.lock_hosts. Nothing was changed."
    )
    until(lambda: not hosts.held_by)


@pytest.mark.parametrize(
    ("names", "away", "enough"),
    [
        (["h1"], 0, True),
        (["h1"], 1, False),
        (["h1", "h2"], 0, True),
        (["h1", "h2"], 1, False),
        (["h1", "h2", "h3", "h4"], 1, True),
        (["h1", "h2", "h3", "h4"], 2, False),
        (["h1", "h2", "h3", "h4", "h5"], 2, True),
        (["h1", "h2", "h3", "h4", "h5"], 3, False),
    ],
)
def test_how_many_may_be_away(names: list[str], away: int, *, enough: bool) -> None:
    hosts = LockHosts(*names)
    for name in names[:away]:
        hosts[name].fail()

    try:
        hosts.lock().acquire(DEV)
        taken = True
    except RemoteError:
        taken = False

    assert taken == enough


def test_a_refused_key_is_no_dead_host(hosts: LockHosts) -> None:
    hosts["h1"].fail("host-key", "host key changed")
    hosts["h2"].fail()

    with pytest.raises(IdentityError) as caught:
        hosts.lock().acquire(DEV)

    assert "h1  host-key: host key changed" in caught.value.details
    assert caught.value.next_step == "check the keys, known_hosts or sudo there. Nothing was changed."


def test_a_host_that_hangs_is_not_waited_for_and_its_late_lock_is_let_go(hosts: LockHosts) -> None:
    hosts["h3"].running.clear()
    began = time.monotonic()

    right = hosts.lock().acquire(DEV)

    assert time.monotonic() - began < 4  # of the 5 s that it may take
    hosts["h3"].running.set()
    until(lambda: "h3" not in hosts.held_by)
    assert hosts.held_by == {"h1": "dev@laptop", "h2": "dev@laptop"}
    assert right.prove() == ""


def test_hosts_that_do_not_take_the_number_give_no_right(
    hosts: LockHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.operations.lock_hosts.FakeSession.raise_epoch", lambda *_: "disk full")

    with pytest.raises(RemoteError) as caught:
        hosts.lock().acquire(DEV)

    assert caught.value.details == ("h1  answer: disk full", "h2  answer: disk full", "h3  answer: disk full")
    assert hosts.held_by == {}


def test_an_interrupt_while_taking_it_leaves_nothing_held(
    hosts: LockHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lock.HeldRight, "number", interrupted)

    with pytest.raises(KeyboardInterrupt):
        hosts.lock().acquire(DEV)

    assert hosts.held_by == {}


# --- coming second -------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
def test_who_comes_second_is_told_who_what_since_when_and_what_to_do(hosts: LockHosts) -> None:
    hosts.lock().acquire(DEV)

    with pytest.raises(LockedError) as caught:
        hosts.lock().acquire(SRE)

    error = caught.value
    assert error.exit_code == 5
    assert error.message == "locked: dev@laptop is at work (clusterctl apply shop.yaml), since 2 min"
    line = "held by dev@laptop: clusterctl apply shop.yaml, run r1, since 2 min"
    assert set(error.details) <= {f"h1  {line}", f"h2  {line}", f"h3  {line}"}
    assert len(error.details) >= 2
    assert error.next_step == (
        "wait, and see who it is: clusterctl lock status. If you are sure that it is gone: "
        "clusterctl lock release --force --reason TEXT. Nothing was changed."
    )
    assert set(hosts.held_by.values()) == {"dev@laptop"}


@pytest.mark.usefixtures("impatient")
def test_a_holder_that_has_not_signed_yet_is_somebody(
    hosts: LockHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts.lock().acquire(DEV)
    monkeypatch.setattr("tests.operations.lock_hosts.FakeHost.holder", None)

    with pytest.raises(LockedError, match=r"^locked: somebody is just taking the lock$"):
        hosts.lock().acquire(SRE)


def test_a_lock_that_is_given_back_meanwhile_is_taken(hosts: LockHosts) -> None:
    first = hosts.lock().acquire(DEV)
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        first.release()

    second = hosts.lock(pause).acquire(SRE)

    assert second.epoch == 2
    assert len(waits) == 1
    assert 1.0 <= waits[0] <= 2.5


def test_who_comes_second_gives_up_in_time(hosts: LockHosts) -> None:
    hosts.lock().acquire(DEV)
    began = time.monotonic()

    with pytest.raises(LockedError):
        hosts.lock(time.sleep).acquire(SRE)

    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("impatient")
def test_a_minority_held_by_another_does_not_hinder(hosts: LockHosts) -> None:
    hosts["h1"].take(DEV)

    right = hosts.lock().acquire(SRE)

    assert right.prove() == ""
    assert hosts.held_by == {"h1": "dev@laptop", "h2": "sre@desk", "h3": "sre@desk"}


@pytest.mark.usefixtures("impatient")
def test_a_held_and_a_dead_host_mean_locked(hosts: LockHosts) -> None:
    hosts["h1"].take(DEV)
    hosts["h2"].fail()

    with pytest.raises(LockedError) as caught:
        hosts.lock().acquire(SRE)

    assert "h2  connect: no answer within 10 s" in caught.value.details
    until(lambda: hosts.held_by == {"h1": "dev@laptop"})


def test_of_several_that_start_at_once_never_two_have_it(
    hosts: LockHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 20.0)
    at_work: list[int] = []
    most: list[int] = []
    numbers: list[int] = []

    def work() -> None:
        try:
            right = hosts.lock(lambda _: time.sleep(0.01)).acquire(DEV)
        except LockedError:
            return
        at_work.append(1)
        most.append(len(at_work))
        numbers.append(right.epoch)
        time.sleep(0.02)
        at_work.pop()
        right.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert set(most) == {1}
    assert len(set(numbers)) == len(numbers) > 1


# --- holding it ----------------------------------------------------------------------------------


def held(hosts: LockHosts) -> Right:
    return hosts.lock().acquire(DEV)


def test_a_host_that_dies_costs_nothing_while_a_majority_lives(hosts: LockHosts) -> None:
    right = held(hosts)
    hosts["h1"].fail()

    assert right.prove() == ""


def test_without_a_majority_the_lock_is_lost(hosts: LockHosts) -> None:
    right = held(hosts)
    hosts["h1"].fail()
    hosts["h3"].fail("connect", "connection refused")

    assert right.prove() == (
        "the lock is lost: 2 of 3 lock hosts must hold it "
        "(h1: connect: no answer within 10 s; h3: connect: connection refused)"
    )


def test_hosts_may_be_rebooted_one_after_the_other(hosts: LockHosts) -> None:
    right = held(hosts)

    for name in ("h1", "h2", "h3"):
        hosts[name].session = None  # a reboot: the session is gone, the epoch stays
        assert right.prove() == ""

    until(lambda: len(hosts.held_by) == 3)


def test_a_lock_host_that_was_away_at_first_joins_later(hosts: LockHosts) -> None:
    hosts["h1"].fail()
    right = held(hosts)
    hosts["h1"].problem = None

    right.prove()

    until(lambda: len(hosts.held_by) == 3)
    assert hosts["h1"].epoch == right.epoch


def test_where_a_newer_run_was_the_lock_does_not_come_back(hosts: LockHosts) -> None:
    right = held(hosts)
    for host in hosts.hosts.values():
        host.session = None
    hosts.lock().acquire(SRE).release()

    assert right.prove() == (
        "the lock is lost: 2 of 3 lock hosts must hold it (h1: a newer run has begun (epoch 2, ours is 1); "
        "h2: a newer run has begun (epoch 2, ours is 1); h3: a newer run has begun (epoch 2, ours is 1))"
    )
    until(lambda: not hosts.held_by)


def test_where_another_is_at_work_the_lock_does_not_come_back(hosts: LockHosts) -> None:
    right = held(hosts)
    for host in hosts.hosts.values():
        host.session = None
    hosts.lock().acquire(SRE)

    assert "h1: held by sre@desk" in right.prove()
    assert set(hosts.held_by.values()) == {"sre@desk"}


def test_a_proof_ends_though_hosts_hang(hosts: LockHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    right = held(hosts)
    hosts["h1"].running.clear()
    hosts["h2"].running.clear()
    monkeypatch.setattr(lock, "ANSWER_S", 1.0)
    began = time.monotonic()

    whys = [right.prove(), right.prove()]

    assert time.monotonic() - began < 20
    assert whys[0] == (
        "the lock is lost: 2 of 3 lock hosts must hold it (h1: no answer in time; h2: no answer in time)"
    )
    assert "h1: it has not answered the last question yet" in whys[1]


def test_a_machine_that_stood_still_has_lost_it_for_good(
    hosts: LockHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(lock, "_clock", lambda: now_s)
    right = held(hosts)
    now_s += 20
    before = right.prove()
    now_s += 3600

    whys = [right.prove(), right.prove()]

    assert before == ""
    assert whys == ["the lock is lost: this machine stood still for 60 min, and was given up"] * 2


# --- giving it back ------------------------------------------------------------------------------


def test_a_released_lock_is_free(hosts: LockHosts) -> None:
    held(hosts).release()

    assert hosts.held_by == {}


def test_a_release_waits_for_no_host_that_hangs_and_never_raises(
    hosts: LockHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise OSError("broken")

    monkeypatch.setattr(lock, "RELEASE_S", 0.2)
    right = held(hosts)
    hosts["h1"].running.clear()
    monkeypatch.setattr(hosts["h2"].session, "release", broken, raising=False)
    began = time.monotonic()

    right.release()

    assert time.monotonic() - began < 20
    until(lambda: "h3" not in hosts.held_by)


def test_a_host_that_comes_back_after_the_release_is_let_go(
    hosts: LockHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "RELEASE_S", 0.2)
    right = held(hosts)
    hosts["h1"].session = None
    hosts["h1"].running.clear()
    right.prove()
    right.release()

    hosts["h1"].running.set()

    until(lambda: hosts["h1"].session is None)
    time.sleep(0.05)
    assert hosts.held_by == {}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_an_age_in_words(seconds: int, shown: str) -> None:
    assert ago(seconds) == shown
