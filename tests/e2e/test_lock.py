"""One operator at a time, on real hosts: the lock, its end by any cause, and what is left to a revived operator."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fleet import LabFleet, service, wait_until, write_playbook
from tests.e2e.load import KILLS

STARTS = max(5, 2 * KILLS)


@pytest.fixture
def project(fleet: LabFleet, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give a project of the test's own; it is deleted afterwards, also when the lock had to go first."""
    name = request.node.name.removeprefix("test_").split("[")[0].replace("_", "-")[:30].strip("-")
    yield name
    fleet.heal_all()
    wait_until(lambda: fleet.cli("delete", name, "--yes").code != 5, 60, "the lock goes by itself")


def slow(version: str, seconds: int = 5, **options: object) -> dict[str, object]:
    """Return a service whose every start takes some seconds to be healthy: docker looks first after an interval."""
    health = {
        "test": ["CMD", "busybox", "wget", "-q", "-O-", "http://127.0.0.1:8080/health"],
        "interval": f"{seconds}s",
        "timeout": "2s",
        "retries": 3,
        "start_period": "30s",
    }
    return service(f"hello:{version}", **{"healthcheck": health, **options})  # type: ignore[arg-type]


def holders(fleet: LabFleet) -> list[str]:
    """Return the lock hosts whose lock is held, by asking them."""
    test = "flock -n /run/clusterctl/fleet.lock true 2>/dev/null || test ! -e /run/clusterctl/fleet.lock"
    return [
        host
        for host in fleet.hosts[:3]
        if "free" not in fleet.inside(host, "sh", "-c", f"{{ {test}; }} && echo free")
    ]


def wait_for_lock(fleet: LabFleet) -> None:
    wait_until(lambda: len(holders(fleet)) >= 2, 30, "somebody holds the lock")


def finish(process: subprocess.Popen[bytes], within_s: float = 120) -> tuple[int, str]:
    """Wait for a command's end; return its exit code and all it said."""
    out, err = process.communicate(timeout=within_s)
    return process.returncode, out.decode() + err.decode()


def test_the_second_is_refused_in_time_and_told_who(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    playbook = write_playbook(tmp_path, project, web=slow("1.0", 20, replicas=3))
    first = fleet.start("apply", str(playbook), "--yes")
    wait_for_lock(fleet)
    began = time.monotonic()

    second = fleet.cli("apply", str(playbook), "--yes")

    # Promised are 10 s; twice that is allowed here, where five hosts and both operators share two processors.
    assert time.monotonic() - began < 20
    assert second.code == 5, second.stderr
    assert f"is at work (clusterctl apply {playbook} --yes), since " in second.stderr
    assert "next: wait, and see who it is: clusterctl lock status." in second.stderr
    code, said = finish(first)
    assert code == 0, said
    assert holders(fleet) == []


def test_looking_needs_no_lock(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    first = fleet.start(
        "apply", str(write_playbook(tmp_path, project, web=slow("1.0", 20, replicas=1))), "--yes"
    )
    wait_for_lock(fleet)

    answers = [fleet.cli(*words) for words in (("ps",), ("hosts",), ("lock", "status", "-o", "json"))]

    assert [answer.code for answer in answers] == [0, 0, 0]
    assert answers[2].document["held"] is True
    assert finish(first)[0] == 0


def test_killed_with_9_it_lets_go(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    playbook = write_playbook(tmp_path, project, web=slow("1.0", replicas=3))
    first = fleet.start("apply", str(playbook), "--yes")
    wait_for_lock(fleet)
    time.sleep(1)

    first.send_signal(signal.SIGKILL)

    wait_until(lambda: holders(fleet) == [], 15, "the lock is free")
    first.communicate(timeout=10)
    fleet.apply(playbook)


def test_a_frozen_operator_that_is_revived_changes_nothing(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    """I7: the lock goes by itself within 30 s; another applies; the revived one is refused."""
    fleet.apply(write_playbook(tmp_path, project, web=service("hello:1.0", port=8085, replicas=3)))
    old = write_playbook(tmp_path, f"{project}-old", web=slow("1.1", port=8085, replicas=3))
    old.write_text(old.read_text().replace(f"{project}-old", project))
    new = write_playbook(
        tmp_path, project, web=service("hello:1.0", port=8085, replicas=3, env={"BY": "new"})
    )
    frozen = fleet.start("apply", str(old), "--yes")
    wait_for_lock(fleet)
    wait_until(lambda: _replaced(fleet, project), 60, "the first batch has begun")
    frozen.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        asked_s = time.monotonic() - stopped
        while holders(fleet):
            assert asked_s <= 30.5, "a question asked after 30 s found it held"
            asked_s = time.monotonic() - stopped
        fleet.apply(new)
        before = {name: item["id"] for name, item in fleet.all_containers(f"{project}-").items()}
    finally:
        frozen.send_signal(signal.SIGCONT)

    code, said = finish(frozen)

    assert code != 0, said
    assert "the lock is lost" in said or "stale operator" in said, said
    after = {name: item["id"] for name, item in fleet.all_containers(f"{project}-").items()}
    assert after == before
    assert "nothing to change" in fleet.apply(new).stdout


def _replaced(fleet: LabFleet, project: str) -> bool:
    """Whether a container of the new version has been started."""
    return any(
        ":1.1" in item["image"] or "starting" in item["status"]
        for item in fleet.all_containers(f"{project}-").values()
    )


def test_a_lock_host_that_dies_stops_nobody(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Faults row 39: the work goes on without it, where it has none itself, and nobody else gets the lock."""
    dead = fleet.hosts[2]
    late = {"START_DELAY": "20"}  # so that the first is at work until the second was refused
    playbook = write_playbook(tmp_path, project, web=slow("1.0", replicas=2, env=late))
    first = fleet.start("apply", str(playbook), "--yes", "--ignore-host", dead)
    wait_for_lock(fleet)

    fleet.fault("kill", dead)

    second = fleet.cli("apply", str(playbook), "--yes", "--ignore-host", dead)
    code, said = finish(first)
    assert code == 0, said
    assert second.code == 5, second.stderr
    assert len(fleet_of(fleet, project, without=dead)) == 2


def fleet_of(fleet: LabFleet, project: str, without: str) -> list[str]:
    """Return the running containers of a project on all hosts but one."""
    return [
        name
        for host in fleet.hosts
        if host != without
        for name in fleet.containers(host)
        if name.startswith(f"{project}-")
    ]


def test_release_by_force_ends_a_living_operator(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    first = fleet.start("apply", str(write_playbook(tmp_path, project, web=slow("1.0", replicas=3))), "--yes")
    wait_for_lock(fleet)
    time.sleep(1)

    forced = fleet.cli("lock", "release", "--force", "--reason", "it is in the way")

    assert forced.code == 0, forced.stderr
    assert forced.stdout.count("ended ") == 3
    code, said = finish(first)
    assert code != 0, said
    assert "the lock is lost" in said or "stale operator" in said, said
    assert "it is in the way; it was held by:" in fleet.inside(
        fleet.hosts[0], "journalctl", "-q", "-o", "cat", "-t", "clusterctl"
    )


def test_of_two_that_start_at_random_moments_one_wins(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Faults row 38: the other has exit 5 soon, or finds the work done; never do both change something.

    Promised are 10 s; twice that is allowed here, where five hosts and both operators share two processors.
    """
    chance = random.Random(20261122)  # noqa: S311 - no secret
    for number in range(STARTS):
        value = {"ROUND": str(number)}
        playbook = write_playbook(tmp_path, project, web=service(port=8086, replicas=2, env=value))
        began, operators = [], []
        for _ in range(2):
            began.append(time.monotonic())
            operators.append(fleet.start("apply", str(playbook), "--yes"))
            time.sleep(chance.uniform(0, 0.6))

        ends = _ends(operators, began)

        codes = sorted(code for code, _, _ in ends)
        assert codes in ([0, 5], [0, 0]), f"round {number}: {ends}"
        changed = [said for code, said, _ in ends if code == 0 and "nothing to change" not in said]
        assert len(changed) == 1, f"round {number}: {ends}"
        assert all(took_s < 20 for code, _, took_s in ends if code == 5), f"round {number}: {ends}"


def _ends(operators: list[subprocess.Popen[bytes]], began: list[float]) -> list[tuple[int, str, float]]:
    """Wait for all operators; return exit code, words and seconds of each."""
    took = [0.0] * len(operators)
    while not all(took):
        for number, process in enumerate(operators):
            if not took[number] and process.poll() is not None:
                took[number] = time.monotonic() - began[number]
        time.sleep(0.02)
    return [(*finish(process), seconds) for process, seconds in zip(operators, took, strict=True)]
