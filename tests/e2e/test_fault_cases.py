"""The fault cases of docs/fault-cases.md on real hosts: what moves, how soon, and what never happens.

Cron is played: a run of failover each ten seconds, with nothing but the inventory, a key and its own state. Three
services: one of six, one that may run only once on hosts with a fence device, one with a volume on hosts without. An
observer that shares no code with the tool counts moments with two copies, and moves of what should have stayed.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.fencing import inventory_with
from tests.e2e.fleet import Answer, LabFleet, wait_until
from tests.e2e.observer import Observer
from tests.e2e.scene import FENCED, INSTANCES, fenced_inventory, write_scene

TICK_S = 10.0
PERIOD = "30s"
LOST_WITHIN_S = 240.0
CALM_S = 120.0
"""So long nothing may move where nothing is lost: more than the three rounds over 90 s."""
TIMES = os.environ.get("CLUSTERCTL_TIMES", "")


@dataclass
class Scene:
    """A lab with three services on it, somebody who looks on, and cron."""

    fleet: LabFleet
    project: str
    folder: Path
    inventory: str
    observer: Observer = field(init=False)
    before: dict[str, tuple[str, ...]] = field(init=False)
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.job, self.db = f"{self.project}-job-1", f"{self.project}-db-1"
        self.observer = Observer(self.fleet, f"{self.project}-", once=(self.job, self.db))

    def home(self, name: str) -> str:
        return self.before[name][0]

    def on(self, host: str, kind: str = "") -> set[str]:
        """Return the instances that were on a host."""
        return {name for name, hosts in self.before.items() if host in hosts and f"-{kind}" in name}

    def failover(self, *options: str, inventory: str = "") -> Answer:
        words = ("failover", "--yes", "--busy-ok", "--period", PERIOD, *options)
        state = str(self.folder / "observer")
        answer = self.fleet.cli(*words, inventory=inventory or self.inventory, CLUSTERCTL_STATE=state)
        self.answers.append(answer)
        return answer

    def cron(self, until: Callable[[], bool], most_s: float, inventory: str = "") -> None:
        """Run failover each ten seconds until it is so, and no longer than that."""
        end = time.monotonic() + most_s
        while time.monotonic() < end:
            began = time.monotonic()
            self.failover(inventory=inventory)
            if until():
                return
            threading.Event().wait(max(0.0, TICK_S - (time.monotonic() - began)))

    def await_moves(self, names: set[str], since_s: float, inventory: str = "") -> dict[str, float]:
        """Play cron until instances run elsewhere; return after how many seconds each was healthy there."""
        self.cron(lambda: names <= self.observer.moved(self.before), LOST_WITHIN_S, inventory)
        self.see(lambda: names <= self.observer.moved(self.before), f"{names} have moved: {self.told()}")
        return {
            name: self.observer.healthy_elsewhere_s(name, self.before[name]) - since_s
            for name in sorted(names)
        }

    def see(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until the observer has seen something."""
        looks = self.observer.looks
        wait_until(lambda: self.observer.looks > looks + 1, 30, "the observer looks")
        wait_until(condition, 30, what)

    def demand(self, *moved: str) -> None:
        """Nothing has moved but this, and nothing that may run only once ever ran twice."""
        self.see(lambda: True, "")
        assert self.observer.moved(self.before) == set(moved)
        assert self.observer.twice == []
        assert self.observer.looks > 10

    def demand_all_once(self) -> None:
        """After everything has come back: each instance once, and cron has nothing to do or to say."""
        self.cron(lambda: self.settled() and self.quiet(), 120)
        assert self.settled(), self.told()
        assert self.quiet(), self.told()
        assert self.observer.twice == []

    def settled(self) -> bool:
        homes = self.observer.homes()
        return set(homes) == set(self.before) and all(len(hosts) == 1 for hosts in homes.values())

    def quiet(self) -> bool:
        last = self.answers[-1]
        return (last.code, last.stdout, last.stderr) == (0, "", "")

    def told(self) -> str:
        return "\n".join(f"{one.code} {one.stdout}{one.stderr}" for one in self.answers[-3:])


@contextmanager
def dropped(fleet: LabFleet, host: str, addresses: Sequence[str]) -> Iterator[None]:
    """Have a host drop what comes from some addresses."""
    for address in addresses:
        fleet.inside(host, "iptables", "-w", "5", "-I", "INPUT", "-s", address, "-j", "DROP")
    try:
        yield
    finally:
        for address in addresses:
            fleet.inside(host, "iptables", "-w", "5", "-D", "INPUT", "-s", address, "-j", "DROP")


@pytest.fixture
def scene(fleet: LabFleet, project: str, tmp_path: Path, engine_port: int, agents: None) -> Iterator[Scene]:
    del agents
    scene = Scene(fleet, project, tmp_path, fenced_inventory(fleet, engine_port))
    fleet.apply(write_scene(tmp_path, project))
    with scene.observer:
        wait_until(lambda: len(scene.observer.homes()) == INSTANCES, 30, "all eight instances are seen")
        scene.before = scene.observer.homes()
        assert scene.failover().stdout == ""
        yield scene


def note(case: str, **times: float) -> None:
    """Keep what was measured, where somebody wants it."""
    words = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in times.items())
    print(f"{case}: {words}")  # noqa: T201
    if TIMES:
        with Path(TIMES).open("a") as file:
            file.write(json.dumps({"case": case, **times}) + "\n")


# --- lost hosts -----------------------------------------------------------------------------------


def test_killed_with_a_fence_and_switched_on_again(scene: Scene) -> None:
    """Faults rows 1 and 52: all of it moves, the singleton after proof; the host starts nothing of that when it is back."""
    victim = scene.home(scene.job)
    lost = scene.on(victim)

    scene.fleet.fault("kill", victim)
    times = scene.await_moves(lost, time.monotonic())

    assert min(times.values()) >= 90
    scene.demand(*lost)
    assert scene.answers[-1].code == 0, scene.told()
    scene.fleet.fault("start", victim)
    wait_until(lambda: victim in scene.fleet.ssh_answers(), 60, f"{victim} is back")
    back = time.monotonic()
    scene.demand_all_once()
    note("killed, fenced", moved=max(times.values()), tidy=time.monotonic() - back)


def test_killed_without_a_fence_and_back(scene: Scene) -> None:
    """Rows 1 and 39: the data is held, said each time with exit 1, and runs again where it is when the host is back."""
    victim = scene.home(scene.db)
    web = scene.on(victim, "web")

    scene.fleet.fault("kill", victim)
    times = scene.await_moves(web, time.monotonic())

    held = scene.failover()
    assert held.code == 1
    assert f"held: {scene.db} cannot leave" in held.stdout + held.stderr
    scene.demand(*web)
    scene.fleet.fault("start", victim)
    wait_until(lambda: victim in scene.fleet.ssh_answers(), 60, f"{victim} is back")
    scene.demand_all_once()
    assert scene.observer.homes()[scene.db] == (victim,)
    note("killed, no fence", moved=max(times.values()))


def test_paused_and_fenced(scene: Scene) -> None:
    """Row 2: a frozen machine still completes handshakes; it is fenced before the singleton starts elsewhere."""
    victim = scene.home(scene.job)
    lost = scene.on(victim)

    scene.fleet.fault("pause", victim)
    times = scene.await_moves(lost, time.monotonic())

    scene.demand(*lost)
    fenced_to_healthy = (
        scene.observer.healthy_elsewhere_s(scene.job, (victim,)) - scene.observer.down_at[victim]
    )
    assert fenced_to_healthy > 0
    on = scene.fleet.cli("fence", "on", victim, "--yes", inventory=scene.inventory)
    assert on.code == 0, on.stdout + on.stderr
    wait_until(lambda: victim in scene.fleet.ssh_answers(), 60, f"{victim} is back")
    scene.demand_all_once()
    note("paused, fenced", moved=max(times.values()), fenced_to_healthy=fenced_to_healthy)


def test_paused_without_a_fence_and_goes_on(scene: Scene) -> None:
    """Row 2: the surplus copies go when the host goes on; the data never had a second one."""
    victim = scene.home(scene.db)
    web = scene.on(victim, "web")

    scene.fleet.fault("pause", victim)
    times = scene.await_moves(web, time.monotonic())

    scene.demand(*web)
    scene.fleet.fault("unpause", victim)
    scene.demand_all_once()
    note("paused, no fence", moved=max(times.values()))


def test_cut_from_all_without_a_fence_and_healed(scene: Scene) -> None:
    """What runs on unseen runs on: copies of the stateless one for a while, of the data never."""
    victim = scene.home(scene.db)
    web = scene.on(victim, "web")

    scene.fleet.fault("cut", victim)
    times = scene.await_moves(web, time.monotonic())

    scene.demand(*web)
    assert scene.on(victim) <= scene.observer.hosts[victim]
    scene.fleet.fault("heal", victim)
    scene.demand_all_once()
    note("cut from all, no fence", moved=max(times.values()))


def test_cut_from_all_with_a_device_that_is_dead_lies_or_is_slow(scene: Scene) -> None:
    """Row 51: what moves without proof moves at once; the singleton waits for the device that proves it."""
    victim = scene.home(scene.job)
    fleet, lost = scene.fleet, scene.on(victim)
    devices: dict[str, dict[str, object]] = {
        "dead": {
            "agent": "fence_docker",
            "parameters": {"ip": "127.0.0.1", "ipport": 1, "plug": "x", "ssl_insecure": 1},
        },
        "lying": {"agent": "fence_dummy", "parameters": {"type": "fail", "power_timeout": 2}},
        "slow": {"agent": "fence_dummy", "parameters": {"random_sleep_range": 90}, "timeout": "500ms"},
    }
    odd = {name: inventory_with(fleet, name, device, hosts=FENCED) for name, device in devices.items()}

    fleet.fault("cut", victim)
    began = time.monotonic()
    times = scene.await_moves(lost - {scene.job}, began, odd["dead"])
    for name, inventory in odd.items():
        held = scene.failover(inventory=inventory)
        assert held.code == 1, name + held.stdout + held.stderr
        assert "fence" in held.stdout + held.stderr
    scene.demand(*(lost - {scene.job}))
    assert scene.job in scene.observer.hosts[victim]

    scene.await_moves({scene.job}, began)
    scene.demand(*lost)
    fenced_to_healthy = (
        scene.observer.healthy_elsewhere_s(scene.job, (victim,)) - scene.observer.down_at[victim]
    )
    fleet.fault("heal", victim)
    fleet.fault("start", victim)
    scene.demand_all_once()
    note(
        "cut from all, device of no use at first",
        moved=max(times.values(), default=0.0),
        fenced_to_healthy=fenced_to_healthy,
    )


def test_two_hosts_one_after_the_other(scene: Scene) -> None:
    """The second one is lost when what was on the first one has just moved there: that rests, until a person says so."""
    first = scene.home(scene.job)
    lost = scene.on(first)

    scene.fleet.fault("kill", first)
    times = scene.await_moves(lost, time.monotonic())
    scene.demand(*lost)
    second = next(host for host, names in scene.observer.hosts.items() if scene.job in names)
    resting = scene.observer.hosts[second] & lost
    settled = scene.observer.hosts[second] - lost
    scene.before |= {name: (*scene.before[name], second) for name in scene.observer.hosts[second]}
    scene.fleet.fault("kill", second)
    again = scene.await_moves(set(settled), time.monotonic())

    assert min(again.values()) >= 90
    held = scene.failover()
    assert held.code == 1, scene.told()
    for name in resting:
        assert f"held: {name} moved less than 30 minutes ago" in held.stdout + held.stderr
    sure = scene.failover("--confirm-host-off", second, "--reason", "I pulled its plug")
    assert sure.code == 0, scene.told()
    elsewhere = set(scene.fleet.hosts) - {first, second}
    scene.see(lambda: resting <= {n for h in elsewhere for n in scene.observer.hosts[h]}, "what rested runs")
    for host in (first, second):
        scene.fleet.fault("start", host)
        wait_until(lambda host=host: host in scene.fleet.ssh_answers(), 60, f"{host} is back")  # type: ignore[misc]
    scene.demand_all_once()
    note("two in a row", first=max(times.values()), second=max(again.values()))


def test_a_whole_zone_is_for_a_person(scene: Scene) -> None:
    """Two of five at once: exit 4, nothing moves by itself; a person says what is off, and it is placed."""
    zone = ("h1", "h4")
    lost = scene.on("h1") | scene.on("h4")
    for host in zone:
        scene.fleet.fault("kill", host)
    began = time.monotonic()

    def refused() -> bool:
        return scene.answers[-1].code == 4 and "2 hosts are lost at once" in scene.answers[-1].stderr

    scene.cron(refused, LOST_WITHIN_S)
    assert refused(), scene.told()
    refused_s = time.monotonic() - began
    scene.demand()
    words = [word for host in zone for word in ("--confirm-host-off", host)]
    said = time.monotonic()
    moved = scene.failover(*words, "--reason", "the rack has no power")

    assert moved.code == 0, scene.told()
    scene.see(lambda: lost <= scene.observer.moved(scene.before), "everything has moved")
    for host in zone:
        scene.fleet.fault("start", host)
        wait_until(lambda host=host: host in scene.fleet.ssh_answers(), 60, f"{host} is back")  # type: ignore[misc]
    note("a whole zone", refused=refused_s, confirmed_to_healthy=time.monotonic() - said)


# --- hosts that are not lost ----------------------------------------------------------------------


def test_troubles_that_move_nothing(scene: Scene) -> None:
    """Rows 5, 12, 15, 16: sshd stopped, cut from the operator alone, dockerd stopped, dockerd hung."""
    for kind, host in (
        ("hang-docker", "h2"),
        ("stop-sshd", "h3"),
        ("cut-operator", "h4"),
        ("stop-docker", "h5"),
    ):
        scene.fleet.fault(kind, host)
    stopped = scene.on("h5")
    scene.cron(lambda: False, CALM_S)

    scene.demand()
    assert {answer.code for answer in scene.answers} == {0}, scene.told()
    for kind, host in (
        ("wake-docker", "h2"),
        ("start-sshd", "h3"),
        ("heal-operator", "h4"),
        ("start-docker", "h5"),
    ):
        scene.fleet.fault(kind, host)
    wait_until(lambda: stopped - {scene.job} <= scene.observer.hosts["h5"], 60, "h5 runs again what it had")
    scene.demand_all_once()
    note("sshd stopped, cut from the operator, dockerd stopped, dockerd hung", nothing_moved_in=CALM_S)


def test_partitions_between_hosts_move_nothing(scene: Scene) -> None:
    """Row 8: cut from two other hosts; then from the operator as well: those that still see it have their say."""
    victim = scene.home(scene.job)
    blind = [host for host in scene.fleet.hosts if host != victim][:2]
    addresses = [scene.fleet.addresses[host] for host in blind]
    with dropped(scene.fleet, victim, addresses):
        scene.cron(lambda: False, 40)
        scene.fleet.fault("cut-operator", victim)
        scene.cron(lambda: False, CALM_S)

        scene.demand()
        assert {answer.code for answer in scene.answers} == {0}, scene.told()
    scene.fleet.fault("heal-operator", victim)
    scene.demand_all_once()
    note("partitioned from some", nothing_moved_in=CALM_S)


def test_an_operator_without_a_majority_moves_nothing(scene: Scene) -> None:
    """Rows 4 and 5: cut off from three of five, then from all: exit 4 each time, within a minute, and nothing moves."""
    longest = 0.0
    for hosts in (FENCED, scene.fleet.hosts):
        for host in hosts:
            scene.fleet.fault("cut-operator", host)
        answered = len(scene.answers)
        began = time.monotonic()
        scene.cron(lambda: False, CALM_S / 2)
        longest = max(longest, (time.monotonic() - began) / (len(scene.answers) - answered))
        assert {answer.code for answer in scene.answers[answered:]} == {4}, scene.told()
    scene.demand()
    assert longest < 60
    for host in scene.fleet.hosts:
        scene.fleet.fault("heal-operator", host)
    scene.demand_all_once()
    note("operator cut from 60 % and 100 %", nothing_moved_in=CALM_S, longest_run=longest)
