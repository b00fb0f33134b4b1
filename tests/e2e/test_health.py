"""Verdicts on real hosts in each kind of trouble: what is no sign of a dead host, and what it takes to be lost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.e2e.fleet import Answer, LabFleet, service, write_playbook


def look(fleet: LabFleet, state: Path, *options: str) -> Answer:
    """Look with an observer of the test's own: its rounds are in a folder of its own."""
    return fleet.cli("health", "-o", "json", *options, CLUSTERCTL_STATE=str(state))


def verdicts(answer: Answer) -> dict[str, str]:
    return {host["host"]: host["verdict"] for host in answer.document["hosts"]}


def of(answer: Answer, host: str) -> dict[str, Any]:
    (found,) = [each for each in answer.document["hosts"] if each["host"] == host]
    return dict(found)


def test_each_trouble_has_its_verdict(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Faults rows 2, 5, 12, 15: only what shows no sign of life to anybody is even suspect."""
    fleet.apply(write_playbook(tmp_path, project, web=service(port=8087, replicas=5)))
    well = look(fleet, tmp_path)
    assert (well.code, set(verdicts(well).values())) == (0, {"healthy"}), well.stdout

    fleet.fault("stop-docker", "h2")
    fleet.fault("stop-sshd", "h3")
    fleet.fault("cut-operator", "h4")
    blind = look(fleet, tmp_path)

    assert verdicts(blind) == {
        "h1": "healthy",
        "h2": "degraded",
        "h3": "unmanaged",
        "h4": "operator-blind",
        "h5": "healthy",
    }
    assert of(blind, "h2")["rung"] == "docker"
    assert {opinion["sign"] for opinion in of(blind, "h3")["opinions"]} == {"service"}
    assert blind.code == 1

    fleet.fault("cut-operator", "h5")
    minority = look(fleet, tmp_path)
    assert minority.code == 4
    assert "only 2 of 5 hosts answer" in minority.stderr
    fleet.heal_all()

    fleet.fault("pause", "h4")
    fleet.fault("kill", "h5")
    began = time.monotonic()
    silent = look(fleet, tmp_path)
    assert verdicts(silent) == {
        "h1": "healthy",
        "h2": "healthy",
        "h3": "healthy",
        "h4": "suspect",
        "h5": "suspect",
    }
    assert time.monotonic() - began < 45
    assert {opinion["sign"] for host in ("h4", "h5") for opinion in of(silent, host)["opinions"]} == {
        "nothing"
    }


def test_a_killed_host_is_lost_after_three_rounds_and_ninety_seconds(
    fleet: LabFleet, project: str, tmp_path: Path
) -> None:
    """Faults row 1, first half: not on the first miss, nor on the third within a minute."""
    del project  # heals afterwards
    assert look(fleet, tmp_path, "--record", "--period", "30s").code == 0
    fleet.fault("kill", "h5")
    began, rounds = time.monotonic(), []
    while time.monotonic() - began < 240:
        found = of(look(fleet, tmp_path, "--record", "--period", "30s"), "h5")
        rounds.append(found["verdict"])
        if rounds[-1] == "lost":
            break
    passed_s = time.monotonic() - began

    assert rounds[:-1] == ["suspect"] * (len(rounds) - 1)
    assert rounds[-1] == "lost"
    assert len(rounds) >= 3
    assert passed_s >= 90
    explained = fleet.cli("health", "h5", CLUSTERCTL_STATE=str(tmp_path)).stdout
    assert explained.startswith("h5 is lost\n  ladder    broke at connect: ")
