"""The lab itself: two of them side by side, faults, and nothing left behind."""

from __future__ import annotations

import docker
import pytest

from tests.e2e.fleet import LabFleet


def test_two_labs(fleet: LabFleet) -> None:
    """A second lab stands beside the first, and its end leaves nothing of it and all of the first."""
    engine = docker.from_env()
    second = LabFleet("e2e-two", 1)

    both = [fleet.cli("hosts").code, second.cli("hosts").code]
    addresses = set(fleet.addresses.values()) & set(second.addresses.values())
    gone = second.cli("lab", "down", "--name", "e2e-two")

    assert both == [0, 0]
    assert addresses == set()
    assert gone.code == 0
    label: dict[str, str | list[str] | bool] = {"label": "clusterctl.lab=e2e-two"}
    assert engine.containers.list(all=True, filters=label) == []
    assert engine.volumes.list(filters=label) == []
    assert engine.networks.list(filters=label) == []
    assert fleet.cli("hosts").code == 0


def test_no_host_may_move_the_clock(fleet: LabFleet) -> None:
    """CAP_SYS_TIME (bit 25) is gone from every process of a host: there is one clock for all."""
    bounding = [int(fleet.ssh(host, "grep CapBnd /proc/1/status").split()[1], 16) for host in fleet.hosts]
    sessions = [int(fleet.ssh(host, "grep CapBnd /proc/self/status").split()[1], 16) for host in fleet.hosts]

    assert not any(caps >> 25 & 1 for caps in bounding + sessions)


@pytest.mark.parametrize(("fault", "mend"), [("pause", "unpause"), ("cut", "heal"), ("kill", "start")])
def test_a_host_that_is_away(fleet: LabFleet, fault: str, mend: str) -> None:
    """A frozen, cut off or dead host is unknown within its deadline, and known again afterwards."""
    fleet.fault(fault, "h5")

    away = fleet.cli("hosts", "h[4-5]")

    fleet.fault(mend, "h5")
    fleet.heal_all()
    assert away.code == 1
    assert "unreachable" in away.stdout
    assert "h5: " in away.stderr
    assert fleet.cli("hosts", "h5").code == 0
