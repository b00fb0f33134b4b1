"""Faults in the middle of a rollout or a reboot, by the rows of the fault table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clusterctl import lab
from tests.e2e.fleet import LabFleet, service, wait_until, write_playbook
from tests.e2e.load import boot_ids
from tests.e2e.test_maintenance import markers


def test_unhealthy_after_the_gate(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 23: healthy at first, sick four seconds later: `monitor` sees it, and the old version runs again."""
    assert (
        fleet.cli(
            "lab", "image", "hello:late", "--version", "late", "--fail", "late:4", "--name", fleet.name
        ).code
        == 0
    )
    fleet.apply(write_playbook(tmp_path, project, web=service(port=8094, replicas=2)))
    late = service("hello:late", port=8094, replicas=2)
    late["deploy"]["update_config"] = {"monitor": "15s"}
    late["healthcheck"]["retries"] = 2

    answer = fleet.cli("apply", str(write_playbook(tmp_path, project, web=late)), "--yes")

    assert answer.code == 1, answer.stdout
    assert "the previous version of" in answer.stderr
    assert "last health check: exit 1: " in answer.stderr
    found = fleet.all_containers(f"{project}-")
    assert {fleet.get(item["host"], 8094).split()[1] for item in found.values()} == {"1.0"}
    assert len(found) == 2


def test_out_of_memory(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 24: a new version that eats its memory fails its gate; the old one runs again."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=1)))
    hungry = service(replicas=1, command=["sh", "-c", "tail /dev/zero"])
    hungry["deploy"]["resources"] = {"limits": {"memory": "8m"}}

    answer = fleet.cli("apply", str(write_playbook(tmp_path, project, web=hungry)), "--yes")

    assert answer.code == 1, answer.stdout
    assert "did not become healthy" in answer.stderr
    (item,) = fleet.all_containers(f"{project}-").values()
    assert item["image"].startswith("registry.lab:5000/hello@")
    wait_until(
        lambda: "(healthy)" in fleet.all_containers(f"{project}-")[f"{project}-web-1"]["status"],
        30,
        "healthy",
    )


def test_a_reboot_that_never_returns(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 48: the run stops within the deadline, and the next host stays in service; resume ends it."""
    fleet.apply(write_playbook(tmp_path, project, web=service(port=8095, replicas=3)))
    before = boot_ids(fleet)
    container: Any = lab.host_container(fleet.name, "h4")
    container.update(restart_policy={"Name": "no"})
    try:
        answer = fleet.cli(
            "reboot", "h4,h5", "--deadline", "40s", "--soak", "1s", "--max-unavailable", "1", "--yes"
        )

        assert answer.code == 1, answer.stdout + answer.stderr
        assert "did not come back" in answer.stderr
        assert markers(fleet, "h5") == []
        assert len(fleet.all_containers_on(("h1", "h2", "h3", "h5"), f"{project}-")) == 3
    finally:
        container.update(restart_policy={"Name": "always"})
        container.start()
    wait_until(lambda: "h4" in fleet.ssh_answers(), 60, "h4 answers again")

    resumed = fleet.cli("resume", "--yes", timeout=600)

    assert resumed.code == 0, resumed.stdout + resumed.stderr
    after = boot_ids(fleet)
    assert all(before[host] != after[host] for host in ("h4", "h5"))
    assert [before[host] == after[host] for host in ("h1", "h2", "h3")] == [True] * 3
    assert all(markers(fleet, host) == [] for host in fleet.hosts)


def test_a_window_that_is_closed(fleet: LabFleet, project: str) -> None:
    """No host is taken out when its worst case does not fit into the window; exit 4, nothing is left behind."""
    del project
    before = boot_ids(fleet)

    answer = fleet.cli("reboot", "h1", "--window", "daily 00:00 1m UTC", "--yes")

    assert answer.code == 4, answer.stdout + answer.stderr
    assert "window" in answer.stderr
    assert boot_ids(fleet) == before
    assert markers(fleet, "h1") == []
    assert fleet.cli("abort", "--yes").code == 0
    assert fleet.cli("resume").stdout == "nothing to resume: every run has ended\n"
