"""`clusterctl failover` as cron runs it, on the cluster in memory."""

from __future__ import annotations

from itertools import count

import pytest

from clusterctl.model.snapshot import Unreachable
from clusterctl.operations import rounds
from tests.cli.conftest import Desk

PLAYBOOK = """\
name: shop
services:
  web:
    image: registry:5000/web:1
    deploy: {replicas: 3}
"""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a minute passes each time somebody looks at the clock."""
    seconds = count(1000, 30)
    monkeypatch.setattr(rounds, "observer", lambda: ("me", "boot", float(next(seconds))))


def kill(desk: Desk, *hosts: str) -> None:
    for host in hosts:
        desk.cluster.hosts[host].unreachable = Unreachable(host, "connect", "no answer")


def on(desk: Desk, host: str) -> list[str]:
    return sorted(desk.cluster.hosts[host].containers)


def test_from_suspect_to_moved_to_nothing_to_do(desk: Desk) -> None:
    desk.write("shop.yaml", PLAYBOOK)
    desk.run("apply", "shop.yaml", "--yes")
    kill(desk, "h3")

    answers = [desk.run("failover", "--yes") for _ in range(5)]

    assert [answer.code for answer in answers] == [0] * 5
    assert [bool(answer.out + answer.err) for answer in answers] == [False, False, True, False, False]
    assert "move" in answers[2].out
    assert "shop-web-3" in [*on(desk, "h1"), *on(desk, "h2")]


def test_a_dry_run_shows_the_plan_and_counts_no_round(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    kill(desk, "h2")

    assert [desk.run("failover", "--dry-run").out for _ in range(6)] == [""] * 6

    for _ in range(2):
        desk.run("failover", "--yes")
    desk.run("health", "--record")
    shown = desk.run("failover", "--dry-run")
    assert (shown.code, "move" in shown.out) == (0, True)
    assert on(desk, "h2") == ["shop-web-2"]
    assert "shop-web-2" not in [*on(desk, "h1"), *on(desk, "h3")]


def test_no_majority_is_refused(desk: Desk) -> None:
    desk.run("apply", "shop.yaml", "--yes")
    kill(desk, "h2", "h3")

    answer = desk.run("failover", "--yes")

    assert answer.code == 4
    assert answer.err.startswith("error: only 1 of 3 hosts answer: no majority\n")


def test_data_is_held_and_moves_when_a_person_says_the_host_is_off(desk: Desk) -> None:
    playbook = (
        PLAYBOOK.replace("replicas: 3}", "replicas: 1}\n    volumes: ['data:/data']")
        + "volumes: {data: {}}\n"
    )
    desk.write("shop.yaml", playbook)
    desk.run("apply", "shop.yaml", "--yes")
    (home,) = [host for host in desk.cluster.hosts if on(desk, host)]
    kill(desk, home)
    for _ in range(4):
        desk.run("health", "--record")

    answer = desk.run("failover", "--yes")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        f"held: shop-web-1 cannot leave: volume data holds its data here ({home} is not certain to be off)\n"
        f"next: {home}: is it up? look at its console, and at the way to it from here\n"
    )
    assert desk.run("failover", "--confirm-host-off", home, "--yes").code == 2
    moved = desk.run("failover", "--confirm-host-off", home, "--reason", "I pulled the plug", "--yes")
    assert moved.code == 0, moved.err
    assert [host for host in desk.cluster.hosts if on(desk, host)] != [home]


def test_a_host_that_answers_is_not_off(desk: Desk) -> None:
    answer = desk.run("failover", "--confirm-host-off", "h2", "--reason", "x", "--yes")

    assert answer.code == 4
    assert answer.err.startswith("error: h2 answers (healthy): it is not off\n")
    assert desk.run("failover", "--confirm-host-off", "h9", "--reason", "x").code == 2


def test_what_came_back_twice_is_removed(desk: Desk) -> None:
    desk.write("shop.yaml", PLAYBOOK)
    desk.run("apply", "shop.yaml", "--yes")
    kill(desk, "h3")
    for _ in range(3):
        desk.run("failover", "--yes")
    desk.cluster.hosts["h3"].unreachable = None

    answer = desk.run("failover", "--yes")

    assert answer.code == 0
    everywhere = [name for host in desk.cluster.hosts for name in on(desk, host)]
    assert sorted(everywhere) == ["shop-web-1", "shop-web-2", "shop-web-3"]
    assert desk.run("failover", "--yes").out == ""


def test_room_is_made_only_when_asked_for(desk: Desk) -> None:
    playbook = """\
name: shop
services:
  big: {image: "registry:5000/web:1", deploy: {resources: {reservations: {memory: 3000M}}}}
  mid: {image: "registry:5000/web:1", x-drain: refuse, deploy: {resources: {reservations: {memory: 2000M}}}}
  small: {image: "registry:5000/web:1", deploy: {resources: {reservations: {memory: 1500M}}}}
"""
    desk.write("shop.yaml", playbook)
    desk.run("apply", "shop.yaml", "--yes")
    (home,) = [host for host in desk.cluster.hosts if "shop-big-1" in on(desk, host)]
    desk.cluster.clock_s += 7200
    kill(desk, home)
    for _ in range(3):
        desk.run("health", "--record")

    left = desk.run("failover", "--yes")
    made = desk.run("failover", "--make-room", "2", "--yes")

    assert (left.code, left.out) == (1, "")
    assert left.err.startswith("no place: shop-big-1 (")
    assert made.code == 0, made.err
    assert ": makes room for shop-big-1" in made.out
    living = [name for host in desk.cluster.hosts if host != home for name in on(desk, host)]
    assert sorted(living) == ["shop-big-1", "shop-mid-1", "shop-small-1"]
    assert desk.run("failover", "--make-room", "2", "--yes").out == ""
