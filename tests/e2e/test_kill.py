"""kill -9 of the tool at any moment: the same command converges, and nobody edits a host (I5, faults row 35)."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.fleet import LabFleet, service, write_playbook
from tests.e2e.load import KILLS

APPLIES = max(4, KILLS)


def test_killed_at_random_moments(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Applies are killed at random moments; each time the same command finishes the work."""
    chance = random.Random(20261122)  # noqa: S311 - no secret
    longest_s = _time_of_an_apply(fleet, project, tmp_path)
    for number in range(APPLIES):
        version = ("1.1", "1.0")[number % 2]
        playbook = write_playbook(tmp_path, project, web=service(f"hello:{version}", port=8083, replicas=3))
        process = fleet.start("apply", str(playbook), "--yes")
        time.sleep(chance.uniform(0.3, longest_s))  # the moment itself is what is random here
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)

        answer = fleet.apply(playbook)

        found = fleet.all_containers(f"{project}-")
        assert sorted(found) == [f"{project}-web-{slot}" for slot in range(1, 4)], (
            f"kill {number}: {answer.stdout}"
        )
        assert all("(healthy)" in item["status"] for item in found.values()), found
        assert {fleet.get(item["host"], 8083).split()[1] for item in found.values()} == {version}
        assert "nothing to change" in fleet.apply(playbook).stdout


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_killed_before_a_batch(fleet: LabFleet, project: str, tmp_path: Path, batch: int) -> None:
    """Killed just before any batch, the tool leaves hosts that the next run takes on from there."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=2)))
    playbook = write_playbook(
        tmp_path, project, web=service("hello:1.1", replicas=2), api=service(replicas=1)
    )

    killed = fleet.cli("apply", str(playbook), "--yes", CLUSTERCTL_FAILPOINT=str(batch))

    assert killed.code == -signal.SIGKILL
    fleet.apply(playbook)
    assert sorted(fleet.all_containers(f"{project}-")) == [
        f"{project}-api-1",
        f"{project}-web-1",
        f"{project}-web-2",
    ]
    assert "nothing to change (3 instances)" in fleet.apply(playbook).stdout


def test_interrupted_once(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """The first Ctrl-C lets the batch under way finish, says so and exits 130; the same command goes on."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=3)))
    playbook = write_playbook(tmp_path, project, web=service("hello:1.1", replicas=3))
    process = fleet.start("apply", str(playbook), "--yes")
    said = b""
    assert process.stderr
    for line in process.stderr:
        said += line
        if b"replace 1 of 3" in line:
            process.send_signal(signal.SIGINT)
            break
    _, rest = process.communicate(timeout=60)

    assert process.returncode == 130, (said + rest).decode()
    assert b"stopped: interrupted" in rest
    assert f"done: {project}-web-1 replaced".encode() in rest
    fleet.apply(playbook)
    assert {item["image"] for item in fleet.all_containers(f"{project}-").values()} != set()


def _time_of_an_apply(fleet: LabFleet, project: str, folder: Path) -> float:
    fleet.apply(write_playbook(folder, project, web=service("hello:1.1", port=8083, replicas=3)))
    start = time.monotonic()
    fleet.apply(write_playbook(folder, project, web=service("hello:1.0", port=8083, replicas=3)))
    return time.monotonic() - start
