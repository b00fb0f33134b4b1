"""A host whose wall clock is a day off (faults row 43): the lock holds as long as it must, and everybody is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fleet import LabFleet, service, write_playbook
from tests.e2e.test_lock import finish, holders, slow, wait_for_lock

WRAPPER = "/usr/local/bin/date"


@pytest.fixture(params=["+1 day", "-1 day"])
def off(fleet: LabFleet, request: pytest.FixtureRequest) -> Iterator[str]:
    """Let `date` on h2, a lock host, tell another day; the kernel's clock is this machine's and stays."""
    days = str(request.param)
    fleet.ssh(
        "h2", f'printf \'#!/bin/sh\\nexec /bin/date -d "{days}" "$@"\\n\' >{WRAPPER}; chmod 755 {WRAPPER}'
    )
    yield "ahead of" if days.startswith("+") else "behind"
    fleet.inside("h2", "rm", "-f", WRAPPER)


def test_a_clock_that_is_a_day_off(fleet: LabFleet, project: str, tmp_path: Path, off: str) -> None:
    playbook = write_playbook(tmp_path, project, web=slow("1.0", replicas=3))
    first = fleet.start("apply", str(playbook), "--yes")
    wait_for_lock(fleet)

    second = fleet.cli("apply", str(playbook), "--yes")
    code, said = finish(first)
    hosts = fleet.cli("hosts")

    assert second.code == 5, second.stderr
    assert code == 0, said
    assert f"clock: h2 is 24 h {off} this machine" in said
    assert f"clock: h2 is 24 h {off} this machine" in hosts.stderr
    assert holders(fleet) == []
    restarted = fleet.cli("restart", f"{project}/web", "--yes")
    assert restarted.code == 0, restarted.stdout + restarted.stderr
    playbook = write_playbook(tmp_path, project, web=service(replicas=3))
    assert "nothing to change" not in fleet.apply(playbook).stdout
    assert "nothing to change" in fleet.apply(playbook).stdout
