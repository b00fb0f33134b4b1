"""`timer install` against a real systemd: the code that the verb uses, on a lab's host as the operator's machine.

The host has no Python of its own; what the timer starts is a script that writes down how it was called.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from clusterctl import lab
from clusterctl.errors import RefusedError
from clusterctl.operations.timers import SystemdTimers
from clusterctl.planning.timers import Job
from clusterctl.remote.program import Ended
from tests.e2e.fleet import LabFleet, wait_until

HOST, CLUSTER, FOLDER = "h1", "night", "/etc/systemd/system"
TIMER, SERVICE = f"clusterctl-{CLUSTER}-failover.timer", f"clusterctl.{CLUSTER}.failover.service"
WATCHER, RAN = "/usr/local/bin/watcher", "/var/tmp/watcher-ran"


@dataclass(frozen=True)
class HostMachine:
    """A lab's host as the machine where timers are installed; commands are given by the engine."""

    fleet: LabFleet
    host: str

    def read(self, path: str) -> str | None:
        """Return a file's text, None where there is none."""
        ended = self.call(["sh", "-c", 'test ! -e "$1" || { echo; base64 -w0 "$1"; }', "sh", path])
        return base64.b64decode(ended.stdout).decode() if ended.stdout.startswith("\n") else None

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        coded = base64.b64encode(text.encode()).decode()
        assert self.call(["sh", "-c", 'echo "$1" | base64 -d >"$2"', "sh", coded, path]).code == 0

    def remove(self, path: str) -> None:
        """Remove a file."""
        assert self.call(["rm", "-f", path]).code == 0

    def call(self, argv: Sequence[str], stdin: str = "") -> Ended:
        """Run a command; both of its streams are in `stdout`, and in `words`."""
        assert not stdin
        container = lab.host_container(self.fleet.name, self.host)
        code, out = lab.run_inside(container, ["env", "LC_ALL=C", *argv], 60, tries=3)
        return Ended(code, out, out.strip())


@pytest.fixture
def machine(fleet: LabFleet) -> Iterator[HostMachine]:
    """Give a host with the script that the timer starts, and take everything away again."""
    found = HostMachine(fleet, HOST)
    exit_with(found, 0)
    yield found
    found.call(["sh", "-c", f"systemctl disable --now {TIMER}; systemctl stop {SERVICE}"])
    found.call(
        ["sh", "-c", f"rm -f {FOLDER}/{TIMER} {FOLDER}/{SERVICE} {WATCHER} {RAN}; systemctl daemon-reload"]
    )
    found.call(["systemctl", "reset-failed", SERVICE])


def exit_with(machine: HostMachine, code: int) -> None:
    machine.write(WATCHER, f'#!/bin/sh\nprintf "%s|" "$(date +%s)" "$@" >>{RAN}; echo >>{RAN}\nexit {code}\n')
    machine.call(["chmod", "755", WATCHER])


def runs(machine: HostMachine) -> list[list[str]]:
    """Return how the script was called: when, then its words."""
    text = machine.call(["sh", "-c", f"cat {RAN} 2>/dev/null || true"]).stdout
    return [line.split("|")[:-1] for line in text.splitlines() if "|" in line]


def failover_every(seconds: int) -> Job:
    return Job("failover", (WATCHER, "a b", "100%", "$HOME", "failover"), 20, every_s=seconds)


def test_a_timer_runs_again_and_again_until_it_is_removed(fleet: LabFleet, machine: HostMachine) -> None:
    """Installed, unchanged the second time, running, seen to fail, changed, removed; the fleet does not mind it."""
    timers = SystemdTimers(machine, CLUSTER, FOLDER, system=True)

    assert len(timers.install([failover_every(10)], {})) == 4
    assert timers.install([failover_every(10)], {}) == []
    checked = machine.call(["systemd-analyze", "verify", f"{FOLDER}/{TIMER}", f"{FOLDER}/{SERVICE}"])
    assert (checked.code, CLUSTER in checked.stdout) == (0, False), checked.stdout
    wait_until(lambda: len(runs(machine)) >= 3, 90, "the timer ran three times")
    assert runs(machine)[0][1:] == ["a b", "100%", "$HOME", "failover"]
    wait_until(lambda: timers.status()[0].last_result == "exit 0", 30, "the last run is seen")
    (status,) = timers.status()
    assert status.is_well
    assert status.last_run_s is not None
    assert abs(time.time() - status.last_run_s) < 60
    doctor = fleet.cli("doctor").stdout
    assert "bears our prefix" not in doctor

    exit_with(machine, 4)
    wait_until(lambda: timers.status()[0].last_result == "failed: exit 4", 60, "the failure is seen")
    assert not timers.status()[0].is_well

    assert timers.install([failover_every(3600)], {}) == [f"wrote {FOLDER}/{TIMER}", f"started {TIMER}"]
    machine.write(f"{FOLDER}/{TIMER}", "[Timer]\nOnCalendar=daily\n")
    with pytest.raises(RefusedError, match="is not ours, or was edited"):
        timers.remove()
    machine.remove(f"{FOLDER}/{TIMER}")
    timers.install([failover_every(3600)], {})

    assert timers.remove() == [f"removed {FOLDER}/{TIMER}", f"removed {FOLDER}/{SERVICE}"]
    assert timers.remove() == []
    left = machine.call(["systemctl", "list-timers", "--all", "--no-pager"]).stdout
    assert CLUSTER not in left
