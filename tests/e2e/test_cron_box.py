"""The cron box: a folder with an inventory and a key, nothing in the environment; a host dies and comes back."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.fleet import CLUSTERCTL, Answer, LabFleet, service, wait_until, write_playbook
from tests.e2e.test_failover import homes

PERIOD_S = 30
LOST_AFTER_S = 90
ROUNDS = 3
SOON_S = 300
SILENCE = Answer(0, "", "")


@dataclass(frozen=True)
class CronBox:
    """A machine that has seen nothing of the fleet before: its folder, and what cron gives a command."""

    folder: Path

    def start(self) -> subprocess.Popen[str]:
        """Start what the crontab says: from another folder, without any variable but where the state lies."""
        words = ["--yes", "--busy-ok", "--deadline", "5m", "failover", "--period", f"{PERIOD_S}s"]
        return subprocess.Popen(
            [
                *(*CLUSTERCTL, "-i", str(self.folder / "inventory.yaml"), *words),
                *("--heartbeat", str(self.folder / "alive")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"CLUSTERCTL_STATE": str(self.folder / "state")},
        )

    def failover(self, times: int = 1) -> list[Answer]:
        """Run it, so many at once, to their ends."""
        started = [self.start() for _ in range(times)]
        ends = [process.communicate(timeout=SOON_S) for process in started]
        return [Answer(process.returncode, *end) for process, end in zip(started, ends, strict=True)]

    @property
    def rounds(self) -> bool:
        """Whether it has counted any round yet."""
        return any(self.folder.glob("state/health/*.json"))


@pytest.fixture
def box(fleet: LabFleet, tmp_path: Path) -> Iterator[CronBox]:
    """Give a folder with nothing but an inventory, a key and known_hosts."""
    folder = tmp_path / "box"
    folder.mkdir()
    for name in ("inventory.yaml", "id_ed25519", "known_hosts"):
        shutil.copy2(Path(fleet.inventory).parent / name, folder / name)
    yield CronBox(folder)
    fleet.heal_all()


def test_a_box_with_nothing_but_an_inventory_and_a_key(
    fleet: LabFleet, project: str, box: CronBox, tmp_path: Path
) -> None:
    """Faults rows 1, 41 and 52: nothing moves before 90 s and three rounds, then all of it does, once, and nothing else.

    It is silent before and after. Until the host is lost two runs overlap each time, as where cron is faster than they
    are. When it is back nothing runs twice.
    """
    fleet.apply(
        write_playbook(tmp_path, project, web=service(port=8089, replicas=4), api=service(replicas=5))
    )
    before = homes(fleet, f"{project}-")
    victim = "h4"
    lost = {name for name, host in before.items() if host == victim}
    assert lost
    assert not box.rounds
    assert box.failover() == [SILENCE]
    runs_before = failovers(fleet)

    fleet.fault("kill", victim)
    killed, early = time.monotonic(), []
    while True:
        began = time.monotonic()
        answers = box.failover(times=2)
        if any(answer.stdout for answer in answers):
            break
        early.append((answers, homes(fleet, f"{project}-", victim)))
        assert time.monotonic() - killed < SOON_S, f"nothing happened in {len(early)} rounds"
    decided_s, took_s = began - killed, time.monotonic() - killed

    stayed = {name: host for name, host in before.items() if name not in lost}
    assert [answer.code for answer in answers] == [0, 0], answers
    assert early == [([SILENCE, SILENCE], stayed)] * len(early)
    assert 2 * (len(early) + 1) >= ROUNDS
    assert took_s >= LOST_AFTER_S
    after = fleet_without(fleet, victim, f"{project}-")
    assert sorted(name for name, _ in after) == sorted(before), "each runs once"
    assert {name for name, host in after if before[name] != host} == lost
    assert len(failovers(fleet) - runs_before) == 1
    assert box.failover() == [SILENCE]
    assert (box.folder / "alive").read_text().split()[1:] == ["failover", "0"]
    print(f"{len(early)} silent rounds, decided after {decided_s:.0f} s, well elsewhere after {took_s:.0f} s")  # noqa: T201

    fleet.fault("start", victim)
    wait_until(lambda: victim in fleet.ssh_answers(), 60, f"{victim} is back")
    wait_until(lambda: lost <= set(fleet.containers(victim)), 60, f"{victim} has started what it had")
    (back,) = box.failover()
    assert back.code == 0, back.stdout + back.stderr
    assert sorted(fleet.all_containers(f"{project}-")) == sorted(before)
    assert box.failover() == [SILENCE]


def fleet_without(fleet: LabFleet, lost: str, prefix: str) -> list[tuple[str, str]]:
    """Return what runs where, also what runs twice."""
    return [
        (name, host)
        for host in fleet.hosts
        if host != lost
        for name in fleet.containers(host)
        if name.startswith(prefix)
    ]


def failovers(fleet: LabFleet) -> set[str]:
    """Return the runs of failover that the lock hosts remember."""
    found = fleet.cli("history", "-o", "json").document["runs"]
    return {run["id"] for run in found if run["verb"] == "failover"}
