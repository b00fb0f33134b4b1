"""The manners of verbs that cron runs: silence, a random wait, news, and the sign that somebody watches."""

from __future__ import annotations

import json
import random
import shlex
import time
from pathlib import Path

import pytest

from clusterctl.cli.carry import without_secrets
from clusterctl.errors import LockedError
from clusterctl.model.snapshot import Unreachable
from clusterctl.operations.rights import NoLock
from tests.cli.conftest import Desk
from tests.cli.test_failover import PLAYBOOK, clock  # noqa: F401 - the clock is a fixture


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """Give a desk whose cluster runs one copy of a service on each host."""
    desk.write("shop.yaml", PLAYBOOK)
    assert desk.run("apply", "shop.yaml", "--yes").code == 0
    return desk


def kill(desk: Desk, *hosts: str) -> None:
    for host in hosts:
        desk.cluster.hosts[host].unreachable = Unreachable(host, "connect", "no answer")


def revive(desk: Desk, host: str) -> None:
    desk.cluster.hosts[host].unreachable = None


def to_box(desk: Desk) -> tuple[str, str]:
    """Return the options that append news to the file `box` of the desk."""
    script = f'{{ echo "== $CLUSTERCTL_SUMMARY"; cat; }} >>{shlex.quote(str(desk.folder / "box"))}'
    return "--notify-command", f"sh -c {shlex.quote(script)}"


def box(desk: Desk) -> list[str]:
    """Return what was told since the last time, without the feet of the messages."""
    path = desk.folder / "box"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [line for line in lines if line and not line.startswith("clusterctl ")]


def test_nothing_is_said_where_nothing_is_wrong(shop: Desk) -> None:
    """No line on any stream: cron would send it by mail."""
    for words in ("failover --yes", "health --quiet", "health -q --record", "rebalance --yes --quiet"):
        answer = shop.run(*words.split())
        assert (answer.code, answer.out, answer.err) == (0, "", ""), words


def test_quiet_health_shows_what_is_not_well(shop: Desk) -> None:
    kill(shop, "h2")

    answer = shop.run("health", "--quiet")

    assert answer.code == 1
    assert [line.split()[:2] for line in answer.out.splitlines() if line] == [
        ["HOST", "VERDICT"],
        ["h2", "suspect"],
        ["SERVICE", "WANTED"],
        ["shop/web", "3"],
    ]


def test_the_random_wait_comes_first_and_is_bounded(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[float, int]] = []
    monkeypatch.setattr(random, "uniform", lambda least, most: most - least)
    monkeypatch.setattr(time, "sleep", lambda seconds: waits.append((seconds, len(shop.cluster.looks))))
    shop.cluster.looks.clear()

    codes = [shop.run(verb, "--yes", "--jitter", "20s").code for verb in ("failover", "health", "rebalance")]

    assert (codes, waits) == ([0, 0, 0], [(20, 0), (20, 1), (20, 2)])
    assert shop.run("failover", "--yes", "--jitter", "61m").code == 2
    assert shop.run("health", "--jitter", "soon").code == 2


def test_a_host_that_dies_and_comes_back_is_told_step_by_step(shop: Desk) -> None:
    run = ("failover", "--yes", *to_box(shop))
    told = []
    for step in ("well", "dies", "silent", "lost", "gone", "back"):
        if step == "dies":
            kill(shop, "h3")
        if step == "back":
            revive(shop, "h3")
        answer = shop.run(*run)
        assert answer.code == 0, answer.err
        told.append([line.split(":")[0] for line in box(shop)])

    assert told[0] == []
    assert told[1] == ["== test", "h3 is suspect"]
    assert told[2] == []
    assert told[3] == ["== test", "shop-web-3 moved, h1", "h3 is lost"]
    assert told[4] == []
    assert told[5] == ["== test", "shop-web-3 removed, h1", "h3 is returning"]


def test_no_majority_and_its_end_are_told_once(shop: Desk) -> None:
    run = ("failover", "--yes", *to_box(shop))
    kill(shop, "h2", "h3")
    codes = [shop.run(*run).code for _ in range(3)]
    told = box(shop)
    revive(shop, "h2")
    revive(shop, "h3")
    shop.run(*run)

    assert codes == [4, 4, 4]
    assert told == [
        "== test: only 1 of 3 hosts answer: the network here is more likely at fault",
        "only 1 of 3 hosts answer: the network here is more likely at fault",
    ]
    assert box(shop)[1] == "most hosts answer again"


def test_health_and_failover_tell_the_same_thing_once(shop: Desk) -> None:
    kill(shop, "h2")

    shop.run("health", "--record", *to_box(shop))
    assert box(shop)[1].startswith("h2 is suspect: ")
    shop.run("failover", "--yes", *to_box(shop))

    assert box(shop) == []


def test_a_guard_that_refuses_is_told_once_and_its_end_too(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of six hosts are lost at once: that is for a person."""
    shop.cluster.hosts["h3"].unreachable = Unreachable("h3", "connect", "no answer")
    from clusterctl.planning import evacuation

    monkeypatch.setattr(evacuation, "AT_ONCE_PERCENT", 0)
    monkeypatch.setattr(evacuation, "max", lambda *_: 0, raising=False)
    run = ("failover", "--yes", *to_box(shop))
    answers = [shop.run(*run).code for _ in range(4)]
    told = box(shop)
    revive(shop, "h3")
    shop.run(*run)

    assert answers == [0, 0, 4, 4]
    assert [line for line in told if line.startswith("failover: ")] == [
        "failover: 1 hosts are lost at once (h3), more than 0: a person has to judge that"
    ]
    assert "failover works again" in box(shop)


def test_a_notification_that_fails_changes_nothing_that_is_done(shop: Desk) -> None:
    kill(shop, "h3")

    answers = [shop.run("failover", "--yes", "--notify-command", "false") for _ in range(3)]

    assert [answer.code for answer in answers] == [0, 0, 0]
    assert [answer.err.splitlines()[-1] for answer in answers] == ["not told: false: exit code 1"] * 3
    assert "move" in answers[2].out
    assert shop.run("failover", "--notify-command", "", "--yes").code == 2


def test_a_state_folder_that_cannot_be_written_is_said(shop: Desk) -> None:
    (shop.folder / "state" / "notices").write_text("in the way")
    kill(shop, "h2")

    answer = shop.run("health", *to_box(shop))

    assert answer.code == 1
    assert "not told: cannot use the folder" in answer.err


def test_a_dry_run_tells_nothing(shop: Desk) -> None:
    kill(shop, "h2")
    heartbeat = shop.folder / "alive"

    shop.run("failover", "--dry-run", "--heartbeat", str(heartbeat), *to_box(shop))

    assert (box(shop), heartbeat.exists()) == ([], False)


def test_the_heartbeat_says_that_somebody_looked_whatever_was_seen(shop: Desk) -> None:
    path = shop.folder / "alive"
    beats = []
    for dead in ((), ("h2",), ("h2", "h3")):
        kill(shop, *dead)
        for verb in ("health", "failover --yes"):
            path.unlink(missing_ok=True)
            shop.run(*verb.split(), "--heartbeat", str(path))
            beats.append(path.read_text().split()[1:])

    assert beats == [
        ["health", "0"],
        ["failover", "0"],
        ["health", "1"],
        ["failover", "0"],
        ["health", "4"],
        ["failover", "4"],
    ]
    assert [item.name for item in shop.folder.glob(".alive*")] == []


def test_there_is_no_heartbeat_where_nothing_could_be_looked_at(shop: Desk) -> None:
    path = shop.folder / "alive"
    kill(shop, "h1", "h2", "h3")

    assert shop.run("failover", "--yes", "--heartbeat", str(path)).code == 4
    shop.write("inventory.yaml", "cluster: [")
    assert shop.run("failover", "--yes", "--heartbeat", str(path)).code == 2
    assert not path.exists()


def test_a_heartbeat_that_cannot_be_written_is_a_failure(shop: Desk) -> None:
    answer = shop.run("failover", "--yes", "--heartbeat", str(shop.folder / "nowhere" / "alive"))

    assert answer.code == 1
    assert answer.err.startswith("error: cannot write the heartbeat to ")


def test_somebody_else_at_work_is_no_trouble_and_the_watcher_lives(
    shop: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults row 41: of two runs at once the second leaves."""

    def busy(*_: object) -> None:
        raise LockedError("somebody else is at work")

    kill(shop, "h3")
    path = shop.folder / "alive"
    run = ("failover", "--yes", "--busy-ok", "--heartbeat", str(path), *to_box(shop))
    for _ in range(2):
        shop.run(*run)
    box(shop)
    monkeypatch.setattr(NoLock, "acquire", busy)

    answer = shop.run(*run)

    assert (answer.code, path.read_text().split()[1:]) == (0, ["failover", "0"])
    assert [line for line in box(shop) if "failover" in line] == []
    assert "shop-web-3" not in [name for host in ("h1", "h2") for name in shop.cluster.hosts[host].containers]


def test_urls_come_from_a_file_and_are_not_recorded(shop: Desk) -> None:
    assert without_secrets(["failover", "--notify", "x://s@y", "--notify-command=a b", "--yes"]) == [
        "failover",
        "--notify",
        "***",
        "--notify-command=***",
        "--yes",
    ]
    assert shop.run("health", "--notify", "@nowhere").code == 2
    kill(shop, "h3")
    for _ in range(3):
        shop.run("failover", "--yes", "--notify-command", "true s3cret")
    runs = json.loads(shop.run("history", "-o", "json").out)["runs"]
    assert runs[0]["command"] == "clusterctl failover --yes --notify-command '***'"


def test_a_file_of_urls_may_have_remarks(shop: Desk, tmp_path: Path) -> None:
    (tmp_path / "urls").write_text("# where\n\njson://127.0.0.1:1/\n")
    kill(shop, "h2")

    answer = shop.run("health", "--notify", f"@{tmp_path / 'urls'}")

    assert answer.err == (
        "not told: --notify URL 1 of those given did not take it\n"
        "next: h2: is it up? look at its console, and at the way to it from here\n"
    )
