"""Row 60: thousands of hosts, some faulty at random and each in its own way; simulated, over the real fan-out.

The clock is the test's own: it moves a little whenever a host ends, and more while none does. So the deadlines are the
real ones, and nobody waits for them.
"""

from __future__ import annotations

import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest

from clusterctl.model.snapshot import Rung, Unreachable
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.fanout import GIVE_UP_S, WORKERS, fan_out
from clusterctl.remote.ssh import Connection
from clusterctl.remote.target import Target

HOSTS = 3000
FAULTY = 0.05
FIRST = 1000
DEADLINE_S = 60.0
OVERDUE_S = DEADLINE_S + GIVE_UP_S
PACE_S = 0.05
STALLED_S = 900.0
BUFFER_BYTES = 64 * 1024

Way = Literal["well", "refuses", "breaks", "surprises", "hangs", "is deaf", "waits"]
"""One that hangs ends when its connection is broken, a deaf one not even then; one that waits is let in late."""

GIVEN_UP = f"did not end within {DEADLINE_S:g} s; given up, it may still be working"
FAULTS: Mapping[Way, tuple[Rung, str]] = {
    "refuses": ("connect", "connection refused"),
    "breaks": ("exec", "the connection broke"),
    "surprises": ("exec", "clusterctl failed: ZeroDivisionError: no such number"),
    "hangs": ("exec", GIVEN_UP),
    "is deaf": ("exec", GIVEN_UP),
    "waits": ("banner", "the server hung up before its SSH banner"),
}


class Clock:
    """What fan-out takes for the time."""

    def __init__(self) -> None:
        self.now_s = 0.1
        self.ended = self._ended_before = 0
        self.first_look = threading.Event()

    def monotonic(self) -> float:
        """Return the seconds until now."""
        return self.now_s

    def look(self) -> None:
        """Let time pass: a host ends every 0.05 s, and a look at which none has ended takes ten seconds."""
        self.now_s += PACE_S if self.ended > self._ended_before else 10.0
        self._ended_before = self.ended
        self.first_look.set()
        assert self.now_s < STALLED_S, "the run is stalled"


class FakeConnection(Connection):
    """A connection with a buffer, and nothing at its other end."""

    def __init__(self, target: Target, on_abort: Callable[[str], object]) -> None:
        self.target = target
        self.buffer = bytearray(BUFFER_BYTES)
        self.broken = threading.Event()
        self._on_abort = on_abort

    def abort(self) -> None:
        """Break it, as fan-out does just before it gives its host up."""
        self._on_abort(self.target.host)
        self.broken.set()


@dataclass
class Fleet:
    """Hosts that fail each in its way, and the lender for them; it counts who is at work at once."""

    ways: Mapping[str, Way]
    clock: Clock = field(default_factory=Clock)
    told: list[str] = field(default_factory=list)
    begun: int = 0
    most_at_work: int = 0
    most_threads: int = 0
    longest_wait_s: float = 0.0
    _at_work: set[str] = field(default_factory=set)
    _change: threading.Condition = field(default_factory=threading.Condition)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> dict[str, str | Unreachable]:
        """Ask every host; afterwards no thread is left."""
        asked = [Target(host, f"{host}.test", 22, "ops") for host in self.ways]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("clusterctl.remote.fanout.time", self.clock)
            try:
                return fan_out(
                    asked,
                    self._work,
                    self,
                    deadline_s=DEADLINE_S,
                    on_done=self._tell,
                    on_look=self.clock.look,
                )
            finally:
                self._end()

    @contextmanager
    def borrow(self, target: Target, on_start: Callable[[], object]) -> Iterator[Connection]:
        """Give a connection, or not, as the host's way is."""
        way = self.ways[target.host]
        self._enter(target.host)
        self.clock.first_look.wait()  # by then all are here that may be at work at once
        try:
            if way == "waits":
                self._await_turn()
            on_start()
            if way in {"refuses", "waits"}:
                raise HostFailure(target.host, *FAULTS[way])
            yield FakeConnection(target, self._leave)
        finally:
            self._leave(target.host)

    def _end(self) -> None:
        """Let go whoever is still held."""
        self._over.set()
        with self._change:
            self._change.notify_all()
        for thread in threads():
            thread.join(timeout=5)

    def _work(self, connection: Connection) -> str:
        assert isinstance(connection, FakeConnection)
        host = connection.target.host
        match self.ways[host]:
            case "well":
                return f"{host} is well"
            case "surprises":
                raise ZeroDivisionError("no such number")
            case "hangs":
                connection.broken.wait()
            case "is deaf":
                self._over.wait()
        raise HostFailure(host, "exec", "the connection broke")

    def _tell(self, host: str, _value: object) -> None:
        self.told.append(host)
        self.clock.ended += 1

    def _await_turn(self) -> None:
        """Wait until half of all hosts have begun since, or all that there are."""
        since_s = self.clock.now_s
        with self._change:
            enough = min(self.begun + len(self.ways) // 2, len(self.ways))
            self._change.wait_for(lambda: self.begun >= enough or self._over.is_set())
            self.longest_wait_s = max(self.longest_wait_s, self.clock.now_s - since_s)

    def _enter(self, host: str) -> None:
        with self._change:
            self.begun += 1
            self._at_work.add(host)
            self.most_at_work = max(self.most_at_work, len(self._at_work))
            self.most_threads = max(self.most_threads, len(threads()))
            self._change.notify_all()

    def _leave(self, host: str) -> None:
        with self._change:
            self._at_work.discard(host)


def threads() -> list[threading.Thread]:
    """Return the threads that work on hosts of this file."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("clusterctl-node")]


def names(count: int) -> list[str]:
    return [f"node{number:04}" for number in range(1, count + 1)]


@dataclass(frozen=True)
class Ran:
    """A run over thousands of hosts: the fleet, what was found, and how much memory it took at its most."""

    fleet: Fleet
    found: Mapping[str, str | Unreachable]
    peak_bytes: int

    def hosts(self, *ways: Way) -> list[str]:
        """Return the hosts of these ways."""
        return [host for host, way in self.fleet.ways.items() if way in ways]


@pytest.fixture(scope="module")
def ran() -> Ran:
    """Return a run in which one host in twenty is faulty, the same ones every time."""
    chance, kinds = random.Random(60), tuple(FAULTS)  # noqa: S311 - the same hosts for the same seed
    ways: dict[str, Way] = {
        host: chance.choice(kinds) if chance.random() < FAULTY else "well" for host in names(HOSTS)
    }
    fleet = Fleet(ways)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        found = fleet.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return Ran(fleet, found, peak - before)


def test_every_host_has_its_own_end_in_the_order_asked(ran: Ran) -> None:
    assert list(ran.found) == names(HOSTS)
    assert ran.found == {
        host: f"{host} is well" if way == "well" else Unreachable(host, *FAULTS[way])
        for host, way in ran.fleet.ways.items()
    }
    assert sorted(ran.fleet.told) == names(HOSTS)
    assert all(len(ran.hosts(way)) >= 10 for way in FAULTS)
    assert ran.fleet.longest_wait_s > OVERDUE_S, "the time before a host's turn must not count"


def test_no_more_hosts_are_at_work_than_workers_and_no_thread_stays(ran: Ran) -> None:
    assert ran.fleet.most_at_work == WORKERS
    # Beside the workers: threads that have told their end and are about to go, and those of hosts given up.
    assert ran.fleet.most_threads <= 2 * WORKERS + len(ran.hosts("hangs", "is deaf"))
    assert threads() == []


def test_hosts_that_hang_keep_no_others_waiting(ran: Ran) -> None:
    at = {host: number for number, host in enumerate(ran.fleet.told)}
    first = set(names(FIRST))
    hung = ran.hosts("hangs", "is deaf")
    quick = first & set(ran.hosts("well", "refuses", "breaks", "surprises"))

    assert len(first & set(hung)) >= 10
    assert max(at[host] for host in quick) < min(at[host] for host in hung)


def test_memory_is_that_of_the_hosts_at_work_and_of_the_results(ran: Ran) -> None:
    """A connection has 64 KiB of buffers here, 3,000 of them 190 MiB.

    Who is at work, is about to go or was given up may have one. For every host there are its target, its result and an
    entry in a few tables: below 1 KiB as measured, 4 KiB as allowed, for other versions of Python.
    """
    connections = 2 * WORKERS + len(ran.hosts("hangs", "is deaf"))

    assert ran.peak_bytes < connections * BUFFER_BYTES + HOSTS * 4096


def test_a_host_that_hangs_is_given_up_on_time_while_others_end() -> None:
    """A deadline holds also while there is always somebody else to hear from, and the worker serves others again."""
    fleet = Fleet({host: "hangs" if host == "node0001" else "well" for host in names(2000)})

    fleet.run()

    assert fleet.told.index("node0001") <= OVERDUE_S / PACE_S + WORKERS
