"""`clusterctl timer` as it is typed; the machine is one in memory."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from clusterctl.cli import timer
from clusterctl.operations.crontab import CrontabTimers
from clusterctl.operations.timers import SystemdTimers
from tests.cli.conftest import Desk
from tests.fake_machine import FakeMachine


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """Give a machine where systemd runs."""
    found = FakeMachine()

    def timers(cluster: str, *, crontab: bool) -> SystemdTimers | CrontabTimers:
        if crontab:
            return CrontabTimers(found, cluster)
        return SystemdTimers(found, cluster, "/etc/systemd/system", system=True)

    monkeypatch.setattr(timer, "_timers", timers)
    return found


def exec_start(machine: FakeMachine, job: str) -> str:
    lines = machine.files[f"/etc/systemd/system/clusterctl.test.{job}.service"].splitlines()
    return next(line for line in lines if line.startswith("ExecStart=")).removeprefix("ExecStart=")


def test_what_is_run_needs_no_folder_and_no_environment(desk: Desk, machine: FakeMachine) -> None:
    answer = desk.run(
        "timer",
        "install",
        "--every",
        "2m",
        "--textfile",
        "m.prom",
        "--rebalance",
        "daily",
        "--heartbeat",
        "alive",
        "--notify-command",
        "mail ops",
    )

    program, folder = Path(sys.executable).parent / "clusterctl", desk.folder
    assert (answer.code, answer.err) == (0, "")
    assert exec_start(machine, "failover") == (
        f"{program} -i {folder}/inventory.yaml --deadline 15m --quiet --yes --busy-ok failover --period 2m "
        f'--heartbeat {folder}/alive --notify-command "mail ops"'
    )
    assert exec_start(machine, "health") == (
        f"{program} -i {folder}/inventory.yaml --deadline 15m --quiet health --period 2m --textfile {folder}/m.prom"
    )
    assert exec_start(machine, "rebalance") == (
        f'{program} -i {folder}/inventory.yaml --deadline 15m --quiet --yes --busy-ok rebalance --notify-command "mail ops"'
    )
    service = machine.files["/etc/systemd/system/clusterctl.test.failover.service"]
    assert f"Environment=CLUSTERCTL_STATE={folder}/state" in service.splitlines()


def test_what_is_run_is_understood_by_the_command_line(desk: Desk, machine: FakeMachine) -> None:
    """The very words of the units are run."""
    desk.run("timer", "install", "--textfile", "m.prom", "--rebalance", "daily", "--heartbeat", "alive")

    for job in ("failover", "health", "rebalance"):
        answer = desk.run(*exec_start(machine, job).split()[1:])
        assert (answer.code, answer.out, answer.err) == (0, "", ""), job
    assert (desk.folder / "alive").read_text().endswith(" failover 0\n")
    assert (desk.folder / "m.prom").exists()


def test_install_status_and_remove(desk: Desk, machine: FakeMachine) -> None:
    missing = desk.run("timer", "status")
    installs = [desk.run("timer", "install").out.splitlines()[-1] for _ in range(2)]
    found = desk.run("timer", "status")

    assert (missing.code, found.code) == (1, 0)
    assert installs == ["4 changed", "nothing to change"]
    assert [line.split() for line in found.out.splitlines()] == [
        ["JOB", "INSTALLED", "ACTIVE", "LAST", "RUN", "LAST", "RESULT", "NEXT", "RUN"],
        ["failover", "yes", "yes", "1970-01-01T00:16:40Z", "not", "yet", "1970-01-01T00:17:40Z"],
    ]
    assert json.loads(desk.run("timer", "status", "-o", "json").out)["jobs"][0]["installed"] is True
    assert desk.run("timer", "remove", "--dry-run").code == 2
    assert desk.run("timer", "remove").out.splitlines()[-1] == "2 changed"
    assert machine.files == {}


def test_systemd_ends_a_run_a_minute_after_its_own_deadline(desk: Desk, machine: FakeMachine) -> None:
    desk.run("timer", "install", "--deadline", "5m")

    assert "--deadline 5m " in exec_start(machine, "failover")
    service = machine.files["/etc/systemd/system/clusterctl.test.failover.service"]
    assert "TimeoutStartSec=360" in service.splitlines()


@pytest.mark.parametrize("word", ["--print", "--dry-run"])
def test_it_can_be_shown_first(desk: Desk, machine: FakeMachine, word: str) -> None:
    answer = desk.run("timer", "install", word)
    lines = desk.run("timer", "install", word, "--crontab").out.splitlines()

    assert answer.code == 0
    assert "# /etc/systemd/system/clusterctl-test-failover.timer" in answer.out.splitlines()
    assert lines[0] == "# crontab"
    assert lines[2].startswith("* * * * * CLUSTERCTL_STATE=")
    assert (machine.files, machine.crontab) == ({}, None)


def test_the_crontab_and_another_name(desk: Desk, machine: FakeMachine) -> None:
    desk.run("timer", "install", "--crontab", "--name", "night")

    assert machine.crontab is not None
    assert machine.crontab.startswith("# clusterctl timer night: begin")
    assert desk.run("timer", "status", "--crontab", "--name", "night").code == 0
    assert desk.run("timer", "status", "--crontab").code == 1


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--notify", "mailto://u:s3cret@x"), "error: --notify: a URL that may hold a secret"),
        (("--every", "5s"), "error: --every and --deadline are 10s or more"),
        (("--every", "soon"), "error: --every: "),
        (("--name", "../x"), "error: --name: letters"),
        (("--rebalance", "x\ny"), "error: --rebalance: no calendar"),
        (("--every", "90s", "--crontab"), "error: --every: cron cannot run something every 90 s"),
        (("--notify-command", ""), "error: --notify-command: no command"),
    ],
)
@pytest.mark.usefixtures("machine")
def test_mistakes(desk: Desk, words: tuple[str, ...], error: str) -> None:
    answer = desk.run("timer", "install", *words)

    assert answer.code == 2
    assert answer.err.startswith(error)
    assert "s3cret" not in answer.err + answer.out
