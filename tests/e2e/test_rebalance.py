"""Rebalance on real hosts: an uneven fleet becomes even, and the service has all its instances throughout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.e2e.fleet import LabFleet, service, write_playbook
from tests.e2e.watching import Watching


class Least(Watching):
    """Counts the running instances at each dockerd, not through our code: the least there ever were."""

    def __init__(self, fleet: LabFleet, prefix: str) -> None:
        super().__init__(every_s=0.2)
        self._fleet, self._prefix = fleet, prefix
        self.counts: list[int] = []

    def look(self) -> None:
        """Count once."""
        names = {name for host in self._fleet.hosts for name in self._names(host)}
        self.counts.append(len(names))

    def _names(self, host: str) -> list[str]:
        shown = self._fleet.inside(host, "docker", "ps", "--format", "{{.Names}}").split()
        return [name for name in shown if name.startswith(self._prefix)]


def test_a_crowded_host_is_relieved(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=4)))
    first, *others = sorted(fleet.all_containers(f"{project}-"))
    crowded = fleet.all_containers(f"{project}-")[first]["host"]
    for name in others:
        moved = fleet.cli("move", name, crowded, "--yes")
        assert moved.code == 0, moved.stdout + moved.stderr

    young = fleet.cli("rebalance", "--yes")
    assert young.code == 0, young.stdout + young.stderr
    assert "nothing to change" in young.stdout

    # One host after the other is asked, so a move between two of these questions may hide one instance.
    with Least(fleet, f"{project}-") as least:
        done = fleet.cli("rebalance", "--min-age", "0s", "--yes")
        if "nothing new is placed there" in done.stdout:  # a busy host did not answer that look in time
            rest = fleet.cli("rebalance", "--min-age", "0s", "--yes")
            done = replace(rest, stdout=done.stdout + rest.stdout, stderr=done.stderr + rest.stderr)

    assert done.code == 0, done.stdout + done.stderr
    assert f"from {crowded}: " in done.stdout
    assert f" has 4 of {project}/web" in done.stdout
    places = [found["host"] for found in fleet.all_containers(f"{project}-").values()]
    assert len(places) == len(set(places)) == 4, done.stdout + done.stderr
    assert least.counts
    assert min(least.counts) >= 4 - 1
    told = fleet.cli("events", "--since", "5m", "-o", "json").document["events"]
    removed = [
        one for one in told if one["what"].startswith(f"remove {others[0]}") and one["host"] == crowded
    ]
    assert [one["during"] for one in removed] == ["rebalance"]
    complaints = fleet.cli("doctor", "-o", "json").document["complaints"]
    assert [one for one in complaints if f"{project}-" in one["words"]] == []
    again = fleet.cli("rebalance", "--min-age", "0s", "--yes")
    assert (again.code, "nothing to change" in again.stdout) == (0, True)
