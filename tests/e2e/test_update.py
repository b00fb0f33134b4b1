"""OS updates from a real apt repository: a good one, and three that end on the old version by themselves."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.e2e.apt_repository import AptRepository, Package, restore_sources, use_only
from tests.e2e.fleet import Answer, LabFleet, wait_until
from tests.e2e.load import KILLS, WHOLE_FLEET, boot_ids

HOSTS = "h[1-2]"
NAMES = ("h1", "h2")
# `make kills` kills ten runs on the whole fleet; `make test` a few on two hosts.
KILLED = ("h1", "h2", "h3", "h4", "h5") if KILLS >= WHOLE_FLEET else NAMES
LATEST_KILL_S = 20 * len(KILLED)
UNIT = """[Unit]
Description=A daemon of a test
[Service]
ExecStart=/usr/bin/lab-daemon
[Install]
WantedBy=multi-user.target
"""
STARTS = "systemctl daemon-reload; systemctl enable -q lab-daemon; systemctl restart lab-daemon"
POLICY = "/etc/ssh/sshd_config.d/lab-policy.conf"


def daemon(version: str, body: str = "exec sleep 1d", postinst: str = STARTS) -> Package:
    """Return a package with a service; `body` is what the service does."""
    files = {
        "/usr/bin/lab-daemon": f"#!/bin/sh\n{body}\n",
        "/lib/systemd/system/lab-daemon.service": UNIT,
    }
    return Package("lab-daemon", version, files, {"postinst": f'[ "$1" != configure ] || {{ {postinst}; }}'})


def policy(version: str, configuration: str = "") -> Package:
    """Return a package that configures sshd and restarts it."""
    files = {POLICY: configuration} if configuration else {"/usr/share/lab-policy/empty": "\n"}
    restart = {"postinst": '[ "$1" != configure ] || systemctl restart ssh'}
    return Package("lab-policy", version, files, restart, conffiles=(POLICY,) if configuration else ())


@pytest.fixture
def repository(fleet: LabFleet) -> Iterator[AptRepository]:
    """Return a repository that two hosts know, with version 1.0 of both packages installed there."""
    yield from _repository(fleet, NAMES)


@pytest.fixture
def wide_repository(fleet: LabFleet) -> Iterator[AptRepository]:
    """Return the same for the hosts of the runs that are killed."""
    yield from _repository(fleet, KILLED)


def _repository(fleet: LabFleet, names: Sequence[str]) -> Iterator[AptRepository]:
    made = AptRepository(fleet.name)
    made.offer(daemon("1.0"), policy("1.0"))
    for host in names:
        fleet.ssh(host, f"{use_only()}; apt-get install -y -q lab-daemon lab-policy >/dev/null 2>&1")
    yield made
    for host in names:
        fleet.inside(host, "rm", "-f", POLICY)
        fleet.inside(host, "systemctl", "restart", "ssh")
        fleet.ssh(host, f"apt-get purge -y -q lab-daemon lab-policy >/dev/null 2>&1; {restore_sources()}")
    fleet.cli("abort", "--yes")
    made.close()


def test_a_good_update_stays_and_a_second_run_changes_nothing(
    fleet: LabFleet, repository: AptRepository
) -> None:
    repository.offer(daemon("1.1"), policy("1.0"))

    check = fleet.cli("update", HOSTS, "--check", "-o", "json").document
    answer = _update(fleet)
    again = _update(fleet)

    assert [host["pending"] for host in check["hosts"]] == [
        [{"name": "lab-daemon", "old": "1.0", "new": "1.1", "security": False}]
    ] * 2
    assert [host["grade"] for host in check["hosts"]] == ["package", "package"]
    assert answer.code == 0, answer.stdout + answer.stderr
    assert _versions(fleet) == {"h1": ("1.1", "1.0"), "h2": ("1.1", "1.0")}
    assert again.code == 0
    assert "nothing to change" in again.stdout
    assert _left(fleet) == ""


def test_an_update_whose_service_dies_is_taken_back_on_the_spot_and_not_offered_again(
    fleet: LabFleet, repository: AptRepository
) -> None:
    repository.offer(daemon("1.2", "sleep 1; exit 3"), policy("1.0"))

    answer = _update(fleet)
    aborted = fleet.cli("abort", "--yes")
    again = _update(fleet)

    assert answer.code == 1, answer.stdout + answer.stderr
    assert aborted.code == 0, aborted.stdout + aborted.stderr
    assert "lab-daemon.service is failed; taken back: all versions and units are as before" in answer.stderr
    assert _versions(fleet) == {"h1": ("1.0", "1.0"), "h2": ("1.0", "1.0")}
    assert fleet.ssh("h1", "systemctl is-active lab-daemon").strip() == "active"
    assert "lab-daemon 1.0 -> 1.2" in again.stdout + again.stderr
    assert "were taken back before" in again.stdout + again.stderr
    assert _versions(fleet) == {"h1": ("1.0", "1.0"), "h2": ("1.0", "1.0")}


def test_an_update_whose_postinst_fails_is_taken_back_on_the_spot(
    fleet: LabFleet, repository: AptRepository
) -> None:
    repository.offer(daemon("1.3", postinst="exit 1"), policy("1.0"))

    answer = _update(fleet)

    assert answer.code == 1, answer.stdout + answer.stderr
    assert "taken back: all versions and units are as before" in answer.stderr
    assert _versions(fleet) == {"h1": ("1.0", "1.0"), "h2": ("1.0", "1.0")}
    assert fleet.ssh("h1", "dpkg --audit") == ""
    assert fleet.ssh("h1", "systemctl is-active lab-daemon").strip() == "active"


def test_an_update_that_breaks_sshd_is_taken_back_by_the_host_itself(
    fleet: LabFleet, repository: AptRepository
) -> None:
    repository.offer(daemon("1.0"), policy("1.1", "ListenAddress 127.0.0.1\n"))

    answer = _update(fleet, "--undo-after", "30s")

    assert answer.code == 1, answer.stdout + answer.stderr
    assert _version_inside(fleet, "h1") == "1.1"
    assert _version_inside(fleet, "h2") == "1.0"
    wait_until(lambda: _version_inside(fleet, "h1") == "1.0", 60, "h1 has taken the update back")
    wait_until(lambda: _left(fleet) == "", 60, "the host's own undo has ended")
    check = fleet.cli("update", "h1", "--check", "-o", "json").document["hosts"][0]
    assert check["undone_run"] != ""
    assert check["bad"] == [{"name": "lab-policy", "version": "1.1"}]
    aborted = fleet.cli("abort", "--yes")
    assert aborted.code == 0, aborted.stdout + aborted.stderr
    again = _update(fleet)
    assert "were taken back before" in again.stdout + again.stderr
    assert _version_inside(fleet, "h2") == "1.0"


def test_updates_killed_at_random_moments(fleet: LabFleet, wide_repository: AptRepository) -> None:
    """Kill -9 in the middle of `update` with reboots, then `resume`: on the new version, committed, nothing left."""
    chance, hosts = random.Random(20261123), ",".join(KILLED)  # noqa: S311 - no secret
    for number in range(1, KILLS + 1):
        version = f"2.{number}"
        wide_repository.offer(daemon(version), policy("1.0"))
        before = boot_ids(fleet)
        process = fleet.start("update", hosts, "--reboot", "always", "--yes", "--soak", "1s")
        time.sleep(chance.uniform(3, LATEST_KILL_S))  # the moment itself is what is random here
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)

        resumed = fleet.cli("resume", "--yes", timeout=900)
        if "nothing to resume" in resumed.stdout + resumed.stderr:
            resumed = fleet.cli(
                "update", hosts, "--reboot", "if-needed", "--yes", "--soak", "1s", timeout=900
            )

        assert resumed.code == 0, f"kill {number}: {resumed.stdout}{resumed.stderr}"
        assert _versions(fleet, KILLED) == dict.fromkeys(KILLED, (version, "1.0"))
        assert _left(fleet) == ""
        assert all(fleet.ssh(host, "ls /etc/clusterctl/markers") == "" for host in KILLED)
        after = boot_ids(fleet)
        assert [host for host in fleet.hosts if host not in KILLED and before[host] != after[host]] == []


def _update(fleet: LabFleet, *options: str) -> Answer:
    return fleet.cli("update", HOSTS, "--yes", "--soak", "1s", *options)


def _versions(fleet: LabFleet, names: Sequence[str] = NAMES) -> dict[str, tuple[str, str]]:
    command = "dpkg-query -W -f='${Version} ' lab-daemon lab-policy"
    found = {host: fleet.ssh(host, command).split() for host in names}
    return {host: (words[0], words[1]) for host, words in found.items()}


def _version_inside(fleet: LabFleet, host: str) -> str:
    return fleet.inside(host, "dpkg-query", "-W", "-f=${Version}", "lab-policy")


def _left(fleet: LabFleet) -> str:
    """Return what an update leaves that it should not: a timer, a unit."""
    return fleet.inside("h1", "sh", "-c", "ls /etc/systemd/system | grep 'clusterctl.undo'")
