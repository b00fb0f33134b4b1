"""One lock host that lies (row 40): it keeps nobody out for ever, and the numbers of runs stay small."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.errors import LockedError, RemoteError
from clusterctl.model.host import Host
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Snapshot
from clusterctl.operations import lock
from clusterctl.operations.lock_admin import release_by_force
from clusterctl.operations.possible import demand_newest
from clusterctl.planning.epochs import MOST_AHEAD
from clusterctl.remote.lock_look import HostLock
from clusterctl.remote.target import Target
from tests.builders import an_inventory, facts_of
from tests.operations.lock_hosts import DEV, SRE, LockHosts


def test_a_lock_host_with_a_number_from_nowhere_is_passed_over() -> None:
    hosts = LockHosts("h1", "h2", "h3")
    hosts["h1"].epoch, hosts["h2"].epoch, hosts["h3"].epoch = 41, 999_999_999_999_998, 42

    right = hosts.lock().acquire(DEV)

    assert right.epoch == 43
    assert right.prove() == ""
    assert hosts.held_by == {"h1": "dev@laptop", "h3": "dev@laptop"}


def test_of_two_lock_hosts_one_that_lies_is_named() -> None:
    hosts = LockHosts("h1", "h2")
    hosts["h1"].epoch, hosts["h2"].epoch = 10**14, 42

    with pytest.raises(RemoteError) as caught:
        hosts.lock().acquire(DEV)

    assert caught.value.message == "cannot take the lock: 2 of 2 lock hosts must answer"
    assert caught.value.details == (
        "h1  answer: its epoch 100000000000000 cannot be true: h2 has seen 42",
        "h2  was free",
    )
    assert caught.value.next_step == (
        "bring them back, or name other hosts in policy.lock_hosts. Nothing was changed."
    )
    assert hosts.held_by == {}


@given(st.integers(0, 10**15 - 1))
def test_whatever_one_of_three_says_the_run_has_its_right_and_a_small_number(lie: int) -> None:
    hosts = LockHosts("h1", "h2", "h3")
    hosts["h1"].epoch, hosts["h2"].epoch, hosts["h3"].epoch = 41, lie, 42

    right = hosts.lock().acquire(DEV)

    assert right.prove() == ""
    assert 42 < right.epoch <= 43 + MOST_AHEAD
    right.release()


def test_a_lock_host_that_says_it_is_always_held_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 0.0)
    hosts = LockHosts("h1", "h2", "h3")
    hosts["h2"].take(SRE)

    for number in (1, 2, 3):
        right = hosts.lock().acquire(DEV)

        assert (right.epoch, right.prove()) == (number, "")
        right.release()


def test_a_host_that_has_always_seen_a_newer_run_is_named_with_what_leaves_it_out() -> None:
    seen = Snapshot({"h1": facts_of("h1", epoch=7), "h9": facts_of("h9", epoch=8)})

    with pytest.raises(LockedError) as caught:
        demand_newest(seen, 7)

    assert caught.value.message == "somebody else has taken over: epoch 8 was seen, and ours is 7"
    assert caught.value.details == ("h9  epoch 8",)
    assert caught.value.next_step == (
        "run the same command again; a host that says so each time, and alone, is left out by "
        "--ignore-host h9. Nothing was changed."
    )


class Answers:
    """A fleet whose hosts answer a look at the lock with an epoch each; a lock host takes what it is told."""

    workers = 4

    def __init__(self, **epochs: int) -> None:
        self.inventory = an_inventory(list(epochs))
        self.epochs = epochs

    def ask(
        self, hosts: Sequence[Host], work: Callable[[Answers._Login], HostLock], _deadline_s: float
    ) -> dict[str, HostLock]:
        return {
            host.name: work(Answers._Login(self, Target(host.name, host.address, 22, "root")))
            for host in hosts
        }

    class _Login:
        def __init__(self, fleet: Answers, target: Target) -> None:
            self.fleet, self.target = fleet, target

        def run(self, script: str, *_: object) -> CommandResult:
            words = dict(line.split("=", 1) for line in script.split("\n")[:4] if "=" in line)
            name, nonce = self.target.host, words["NONCE"]
            told = int(words.get("EPOCH", "0").strip("'"))
            self.fleet.epochs[name] = max(told, self.fleet.epochs[name])
            section = f"\n{nonce} section epoch\n{self.fleet.epochs[name]}\n{nonce} end-section 0\n"
            answer = f"\n{nonce} begin\n{section}\n{nonce} end 0\n"
            return CommandResult(name, 0, answer.encode(), b"")


def test_a_release_by_force_does_not_follow_a_lie() -> None:
    fleet = Answers(h1=41, h2=42, h3=42, h9=999_999_999_999_998)

    freed = release_by_force(fleet, "sre@desk", "laptop burnt")  # type: ignore[arg-type]  # as much of a fleet as it asks for

    assert freed.epoch == 43
    assert fleet.epochs == {"h1": 43, "h2": 43, "h3": 43, "h9": 999_999_999_999_998}


def test_a_release_by_force_follows_hosts_that_know_more_than_lock_hosts_made_anew() -> None:
    fleet = Answers(h1=0, h2=0, h3=0, h9=5_000)

    assert release_by_force(fleet, "sre@desk", "new disks").epoch == 5_001  # type: ignore[arg-type]  # as above
