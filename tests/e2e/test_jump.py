"""Two hosts behind a jump host that is a host itself: reached through it, unknown without it (faults row 57)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.fleet import LabFleet, service, wait_until, write_playbook
from tests.e2e.load import boot_ids

BEHIND = ("h4", "h5")


@pytest.fixture
def inventory(fleet: LabFleet) -> str:
    """Return the lab's inventory with h1 on the way to h4 and h5."""
    path = Path(fleet.inventory).with_name("behind-a-jump-host.yaml")
    text = Path(fleet.inventory).read_text()
    for host in BEHIND:
        text, times = re.subn(rf"(?m)^(\s+{host}: \{{)", r"\1jump: h1, ", text)
        assert times == 1, text
    path.write_text(text)
    return str(path)


def test_hosts_behind_a_jump_host(fleet: LabFleet, inventory: str, project: str, tmp_path: Path) -> None:
    """An apply and a reboot of the jump host itself go through; the hosts see logins from it, not from us."""
    since, before = fleet.clock(), boot_ids(fleet)
    playbook = str(write_playbook(tmp_path, project, web=service(replicas=5)))

    applied = fleet.cli("apply", playbook, "--yes", inventory=inventory)
    rebooted = fleet.cli("reboot", "h1", "--soak", "1s", "--yes", inventory=inventory)
    again = fleet.cli("apply", playbook, "--yes", inventory=inventory)

    assert applied.code == 0, applied.stdout + applied.stderr
    assert rebooted.code == 0, rebooted.stdout + rebooted.stderr
    assert again.code == 0, again.stdout + again.stderr
    after = boot_ids(fleet)
    assert [host for host in fleet.hosts if before[host] != after[host]] == ["h1"]
    assert len(fleet.all_containers(f"{project}-")) == 5
    for host in BEHIND:
        lines = fleet.inside(host, "journalctl", "-q", "-o", "cat", "-t", "sshd", "--since", since)
        assert f"Accepted publickey for ops from {fleet.addresses['h1']} " in lines


def test_a_jump_host_that_dies(fleet: LabFleet, inventory: str, project: str, tmp_path: Path) -> None:
    """Row 57: what is behind it is unknown, and nothing is moved; with it everything is back."""
    playbook = str(write_playbook(tmp_path, project, web=service(replicas=5)))
    assert fleet.cli("apply", playbook, "--yes", inventory=inventory).code == 0
    before = {name: item["host"] for name, item in fleet.all_containers(f"{project}-").items()}
    fleet.fault("kill", "h1")

    seen = fleet.cli("ps", "-o", "json", inventory=inventory)
    answers = {
        verb: fleet.cli(*words, "--yes", inventory=inventory)
        for verb, words in {"apply": ("apply", playbook), "reboot": ("reboot", "h4")}.items()
    }

    found = {item["host"]: item for item in seen.document["unreachable"]}
    assert set(found) == {"h1", *BEHIND}
    assert {host: item["via"] for host, item in found.items()} == {"h1": "", "h4": "h1", "h5": "h1"}
    assert all(found[host]["reason"].startswith("jump host h1: ") for host in BEHIND)
    assert {verb: answer.code for verb, answer in answers.items()} == {"apply": 1, "reboot": 1}, answers
    alive = {host: fleet.all_containers_on((host,), f"{project}-") for host in fleet.hosts if host != "h1"}
    assert alive == {h: sorted(n for n, home in before.items() if home == h) for h in alive}
    fleet.fault("start", "h1")
    wait_until(lambda: set(fleet.ssh_answers()) == set(fleet.hosts), 60, "h1 is back")
    assert "nothing to change" in fleet.cli("apply", playbook, "--yes", inventory=inventory).stdout
