"""Rolling on real hosts: a broken version goes back by itself, a canary is held at its gate, rollback by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.fleet import Asking, LabFleet, service, write_playbook

PORT = 8090


def rolling(image: str, replicas: int, **update: Any) -> dict[str, Any]:
    """Return a service that rolls in a way of its own."""
    deploy = {"replicas": replicas, "update_config": {"monitor": "2s", **update}}
    return service(image, deploy=deploy)


def versions(fleet: LabFleet, project: str) -> dict[str, str]:
    """Ask every instance which version it is, inside its own container."""
    ask = ("busybox", "wget", "-q", "-O-", "http://127.0.0.1:8080/")
    return {
        name: fleet.inside(item["host"], "docker", "exec", name, *ask).split()[1]
        for name, item in fleet.all_containers(f"{project}-").items()
    }


def test_broken_version_goes_back(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Done when 2: nine instances, two at once, a version that dies; all are on the old one again, exit 1."""
    front = service(port=PORT, replicas=len(fleet.hosts))
    old = {"web": rolling("hello:1.0", 9, parallelism=2, failure_action="rollback"), "front": front}
    fleet.apply(write_playbook(tmp_path, project, **old))
    before = fleet.all_containers(f"{project}-")
    broken = {
        "web": rolling("hello:broken", 9, parallelism=2, failure_action="rollback"),
        "front": front,
        "extra": service(replicas=1),
    }

    with Asking(fleet, PORT, fleet.hosts) as asking:
        answer = fleet.cli("apply", str(write_playbook(tmp_path, project, **broken)), "--yes")

    after = fleet.all_containers(f"{project}-")
    assert answer.code == 1, answer.stdout + answer.stderr
    assert "going back to generation 1" in answer.stderr
    assert sorted(after) == sorted(before)
    assert all("(healthy)" in item["status"] for item in after.values()), after
    assert set(versions(fleet, project).values()) == {"1.0"}
    assert len([name for name in before if before[name]["id"] != after[name]["id"]]) <= 2
    assert asking.answered > 50
    assert asking.failures == []
    again = fleet.apply(write_playbook(tmp_path, project, **old))
    assert again.stdout == f"{project}: nothing to change ({9 + len(fleet.hosts)} instances)\n"


def test_canary_is_held_at_its_gate(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """A gate that does not open leaves one instance new; when it opens, the same command goes on."""
    opened = tmp_path / "opened"
    canary = {"instances": 1, "soak": "2s", "gate": ["test", "-e", str(opened)]}
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=4)))
    canaried = {**service("hello:1.1", replicas=4), "x-canary": canary}
    later = write_playbook(tmp_path, project, web=canaried)

    held = fleet.cli("apply", str(later), "--yes")

    assert held.code == 1, held.stdout + held.stderr
    assert "gate of web" in held.stderr
    assert sorted(versions(fleet, project).values()) == ["1.0", "1.0", "1.0", "1.1"]
    opened.touch()
    fleet.apply(later)
    assert set(versions(fleet, project).values()) == {"1.1"}


def test_rollback_by_hand(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """The version before comes back without its playbook; then scale, restart and move go by what hosts keep."""
    first = write_playbook(tmp_path, project, web=service("hello:1.0", replicas=3, env={"GREETING": "one"}))
    fleet.apply(first)
    second = write_playbook(tmp_path, project, web=service("hello:1.1", replicas=3, env={"GREETING": "two"}))
    fleet.apply(second)
    second.unlink()

    back = fleet.cli("rollback", project, "--yes")

    assert back.code == 0, back.stdout + back.stderr
    assert set(versions(fleet, project).values()) == {"1.0"}
    assert "nothing to change" in fleet.cli("rollback", project, "--to", "1", "--yes").stdout
    refused = fleet.cli("rollback", project, "--to", "9", "--yes")
    assert refused.code == 4
    assert "generation 9" in refused.stderr

    assert fleet.cli("scale", f"{project}/web=4", "--yes").code == 0
    running = fleet.all_containers(f"{project}-")
    assert len(running) == 4

    assert fleet.cli("restart", f"{project}/web", "--yes").code == 0
    restarted = fleet.all_containers(f"{project}-")
    assert {name for name in running if running[name]["id"] == restarted[name]["id"]} == set()

    name = f"{project}-web-1"
    target = next(host for host in fleet.hosts if host != restarted[name]["host"])
    moved = fleet.cli("move", name, target, "--yes")
    assert moved.code == 0, moved.stdout + moved.stderr
    assert fleet.all_containers(f"{project}-")[name]["host"] == target
