"""Two devices in their order, on real hosts: data moves when, and only when, its host is proven off."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.fencing import docker_device, inventory_with
from tests.e2e.fleet import LabFleet, service, write_playbook
from tests.e2e.test_failover import Witness, homes


def a_database(fleet: LabFleet, project: str, folder: Path) -> str:
    """Apply one instance with a volume; return its host."""
    path = write_playbook(folder, project, db=service(replicas=1, volumes=["data:/data"]))
    path.write_text(path.read_text().rstrip().removesuffix("}") + ', "volumes": {"data": {}}}')
    fleet.apply(path)
    (home,) = homes(fleet, f"{project}-").values()
    return home


def lose(fleet: LabFleet, inventory: str, state: Path, host: str) -> None:
    """Cut a host off the network, and look until it is lost: its services run on."""
    fleet.fault("cut", host)
    end = time.monotonic() + 180
    while time.monotonic() < end:
        look = fleet.cli(
            "health", host, "--record", "--period", "30s", inventory=inventory, CLUSTERCTL_STATE=str(state)
        )
        if look.stdout.startswith(f"{host} is lost"):
            return
    raise AssertionError(look.stdout)


@pytest.mark.usefixtures("agents")
def test_data_moves_when_its_host_is_proven_off(
    fleet: LabFleet, project: str, tmp_path: Path, engine_port: int
) -> None:
    """Faults row 51: the first of two devices proves nothing, the second one does; never two copies (`test_fault_cases`)."""
    home = a_database(fleet, project, tmp_path)
    true = docker_device(fleet, engine_port)
    inventory = inventory_with(fleet, "fenced", true)
    asked = fleet.cli("fence", "status", inventory=inventory)
    assert asked.code == 0, asked.stdout + asked.stderr
    assert asked.stdout.count("Status: ON") == len(fleet.hosts)

    with Witness(fleet, f"{project}-db-1") as witness:
        lose(fleet, inventory, tmp_path, home)
        assert witness.places == {home}

        both = inventory_with(
            fleet, "both", {"agent": "fence_dummy", "parameters": {"type": "fail", "power_timeout": 2}}, true
        )
        moved = fleet.cli(
            "failover", "--yes", "--period", "30s", inventory=both, CLUSTERCTL_STATE=str(tmp_path)
        )
        assert moved.code == 0, moved.stdout + moved.stderr
        (new,) = homes(fleet, f"{project}-", home).values()

    assert new != home
    assert witness.twice == []
    assert witness.looks > 20
    off = fleet.cli("fence", "status", home, inventory=inventory)
    assert "Status: OFF" in off.stdout
    assert fleet.cli("fence", "on", home, "--yes", inventory=inventory).code == 0
