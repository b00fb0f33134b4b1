"""Drain and reboot on real hosts, watched from outside; kills in the middle; clients that must not notice."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.e2e.fleet import LabFleet, service, write_playbook
from tests.e2e.load import KILLS, WHOLE_FLEET, Balancer, Clients, HostWatch, boot_ids

PORT = 8090
KILLED = ("h1", "h2", "h3", "h4", "h5") if KILLS >= WHOLE_FLEET else ("h2", "h3", "h4")


def rolling_service(version: str = "1.0", **deploy: object) -> dict[str, object]:
    """Return a service on four of five hosts, so that there is room for one to go."""
    found = service(f"hello:{version}", port=PORT, replicas=4)
    found["deploy"] |= {"update_config": {"monitor": "1s", **deploy}}
    return found


def test_reboot_all(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Five new boot ids, one host out at a time, every service answers, a cordoned host stays cordoned."""
    fleet.apply(write_playbook(tmp_path, project, web=rolling_service()))
    assert fleet.cli("cordon", "h4", "--reason", "by the test", "--yes").code == 0
    before = boot_ids(fleet)

    with Balancer(fleet, PORT) as balancer, Clients(balancer.address) as clients, HostWatch(fleet) as watch:
        answer = fleet.cli("reboot", "all", "--soak", "2s", "--yes", timeout=900)

    assert answer.code == 0, answer.stdout + answer.stderr
    after = boot_ids(fleet)
    assert all(before[host] != after[host] for host in fleet.hosts)
    assert watch.looks > 10, watch.unanswered
    assert len(watch.most_out) == 1, watch.most_out
    assert watch.out == set(fleet.hosts)
    assert clients.failures == [], clients.figures
    assert clients.requests > 100
    assert [host for host in fleet.hosts if markers(fleet, host)] == ["h4"]
    assert fleet.cli("uncordon", "h4", "--yes").code == 0
    assert markers(fleet, "h4") == []
    found = fleet.all_containers(f"{project}-")
    assert sorted(found) == [f"{project}-web-{slot}" for slot in range(1, 5)]


def test_reboot_shows_its_true_plan(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """--dry-run changes nothing, and a service that cannot move refuses before anything starts."""
    playbook = write_playbook(
        tmp_path,
        project,
        db=service(replicas=1, volumes=["data:/data"]),
    )
    playbook.write_text(playbook.read_text().replace('"services"', '"volumes": {"data": {}}, "services"', 1))
    fleet.apply(playbook)
    (home,) = {item["host"] for item in fleet.all_containers(f"{project}-").values()}
    before = boot_ids(fleet)

    refused = fleet.cli("reboot", home, "--yes")

    assert refused.code == 4
    assert f"{project}-db-1 cannot leave: volume data holds its data here" in refused.stderr
    other = next(host for host in fleet.hosts if host != home)
    shown = fleet.cli("reboot", other, "--dry-run")
    assert shown.code == 0, shown.stderr
    assert f"reboot {other}" in shown.stdout
    assert boot_ids(fleet) == before
    assert all(markers(fleet, host) == [] for host in fleet.hosts)


def test_drain_moves_first_and_stops_then(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """A drained host is empty, what ran there runs elsewhere, and nobody noticed; uncordon lets it back."""
    fleet.apply(write_playbook(tmp_path, project, web=rolling_service()))
    home = fleet.all_containers(f"{project}-")[f"{project}-web-1"]["host"]

    with Balancer(fleet, PORT) as balancer, Clients(balancer.address) as clients:
        answer = fleet.cli("drain", home, "--yes")

    assert answer.code == 0, answer.stdout + answer.stderr
    assert clients.failures == [], clients.figures
    assert not [name for name in fleet.containers(home) if name.startswith(f"{project}-")]
    assert len(fleet.all_containers(f"{project}-")) == 4
    assert "nothing to change" in fleet.cli("drain", home, "--yes").stdout
    again = fleet.cli("drain", next(h for h in fleet.hosts if h != home), "--yes")
    assert again.code == 4
    assert f"at most 1 hosts out at once, and {home} is marked draining" in again.stderr
    assert fleet.cli("uncordon", home, "--yes").code == 0
    assert markers(fleet, home) == []


def test_reboots_killed_at_random_moments(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Kill -9 in the middle of `reboot`, then `resume`: converges each time, and nobody edits a host."""
    chance = random.Random(20261122)  # noqa: S311 - no secret
    playbook = write_playbook(tmp_path, project, web=rolling_service())
    fleet.apply(playbook)
    for _ in range(KILLS):
        before = boot_ids(fleet)
        process = fleet.start("reboot", ",".join(KILLED), "--soak", "1s", "--yes")
        time.sleep(chance.uniform(2, 15 * len(KILLED)))  # the moment itself is what is random here
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)

        answer = fleet.cli("resume", "--yes", timeout=600)

        assert answer.code == 0, answer.stdout + answer.stderr
        after = boot_ids(fleet)
        if "nothing to resume" not in answer.stdout + answer.stderr:
            assert [host for host in KILLED if before[host] == after[host]] == []
        assert all(markers(fleet, host) == [] for host in fleet.hosts)
        found = fleet.all_containers(f"{project}-")
        assert sorted(found) == [f"{project}-web-{slot}" for slot in range(1, 5)]
        assert all("(healthy)" in item["status"] for item in found.values()), found
    assert "nothing to change" in fleet.apply(playbook).stdout


def test_apply_under_load(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """A new version, one instance after the other, behind a balancer: no request fails."""
    fleet.apply(write_playbook(tmp_path, project, web=rolling_service()))
    new = write_playbook(tmp_path, project, web=rolling_service("1.1", delay="2s"))

    with Balancer(fleet, PORT) as balancer, Clients(balancer.address) as clients:
        fleet.apply(new)

    assert clients.failures == [], clients.figures
    assert clients.versions == {"1.0", "1.1"}
    assert clients.requests > 100


def test_a_host_that_does_not_come_back(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Faults rows 48 and 49: docker does not come back: the next host is not touched, and uncordoned."""
    fleet.apply(write_playbook(tmp_path, project, web=rolling_service()))
    fleet.ssh("h4", "systemctl disable docker.service docker.socket")
    before = boot_ids(fleet)
    try:
        answer = fleet.cli("reboot", "h4,h5", "--soak", "1s", "--deadline", "45s", "--yes")

        assert answer.code == 1
        assert "h4" in answer.stderr
        assert boot_ids(fleet)["h5"] == before["h5"]
        assert markers(fleet, "h5") == []
        assert "cordoned" in markers(fleet, "h4")
    finally:
        fleet.ssh("h4", "systemctl enable docker.service docker.socket; systemctl start docker")
        assert fleet.cli("abort", "--yes").code == 0
    assert markers(fleet, "h4") == []


def markers(fleet: LabFleet, host: str) -> list[str]:
    """Return the markers on a host, read there."""
    return fleet.ssh(host, "ls /etc/clusterctl/markers").split()
