"""Failover on real hosts: what is held, and what a person confirms. A host that dies and returns: `test_cron_box`."""

from __future__ import annotations

import time
from pathlib import Path

from tests.e2e.fleet import Answer, LabFleet, service, write_playbook
from tests.e2e.watching import Watching


class Witness(Watching):
    """Asks each dockerd every second, not through our code: which instances ran twice, and which moved."""

    def __init__(self, fleet: LabFleet, name: str) -> None:
        super().__init__(every_s=1.0)
        self._fleet, self._name = fleet, name
        self.looks = 0
        self.places: set[str] = set()
        self.twice: list[str] = []

    def look(self) -> None:
        """Ask each dockerd once."""
        homes = [host for host in self._fleet.hosts if self._runs_on(host)]
        self.looks += 1
        self.places |= set(homes)
        if len(homes) > 1:
            self.twice.append(f"{time.strftime('%H:%M:%S')} {homes}")

    def _runs_on(self, host: str) -> bool:
        try:
            return self._name in self._fleet.inside(
                host, "docker", "ps", "--format", "{{.Names}}", within_s=5
            )
        except Exception:  # noqa: BLE001 - a host that is down runs nothing
            return False


def failover(fleet: LabFleet, state: Path, *options: str) -> Answer:
    """Run it as cron does: an observer of the test's own, and nobody to ask."""
    return fleet.cli("failover", "--yes", "--period", "30s", *options, CLUSTERCTL_STATE=str(state))


def homes(fleet: LabFleet, prefix: str, *lost: str) -> dict[str, str]:
    """Return name -> host of what runs on the hosts that are there."""
    return {
        name: host
        for host in fleet.hosts
        if host not in lost
        for name in fleet.containers(host)
        if name.startswith(prefix)
    }


def test_data_moves_only_when_a_person_says_so(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """One replica with a volume and no fence: held, whatever looks dead; the confirmation is recorded."""
    data = service(replicas=1, volumes=["data:/data"])
    path = write_playbook(tmp_path, project, db=data)
    path.write_text(path.read_text().rstrip().removesuffix("}") + ', "volumes": {"data": {}}}')
    fleet.apply(path)
    (home,) = homes(fleet, f"{project}-").values()
    with Witness(fleet, f"{project}-db-1") as witness:
        refused = failover(fleet, tmp_path, "--confirm-host-off", home, "--reason", "test")
        assert refused.code == 4, refused.stdout + refused.stderr
        assert f"{home} answers (healthy): it is not off" in refused.stderr

        fleet.fault("cut", home)
        for _ in range(2):
            assert failover(fleet, tmp_path).stdout == ""
        fleet.fault("kill", home)
        assert witness.places == {home}

        moved = failover(fleet, tmp_path, "--confirm-host-off", home, "--reason", "I pulled its plug")
        assert moved.code == 0, moved.stdout + moved.stderr
        (new,) = homes(fleet, f"{project}-", home).values()
        assert new != home
    assert witness.looks > 5
    assert witness.twice == []
    shown = fleet.cli("history", "-o", "json").document["runs"][0]
    assert "--reason 'I pulled its plug'" in shown["command"]
