"""Timers on a machine in memory: what is written, what is told to systemd, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterctl.errors import ClusterctlError, InputError, RefusedError
from clusterctl.operations.crontab import CrontabTimers
from clusterctl.operations.timers import SystemdTimers
from clusterctl.planning.timers import Job
from clusterctl.remote.machine import OwnMachine
from clusterctl.remote.program import Ended
from tests.fake_machine import FakeMachine

FAILOVER = Job("failover", ("/bin/x", "failover", "--heartbeat", "/alive"), 900, every_s=60)
HEALTH = Job("health", ("/bin/x", "health"), 900, every_s=60, fine=(1,))
FOLDER = "/etc/systemd/system"
TIMER, SERVICE = f"{FOLDER}/clusterctl-prod-failover.timer", f"{FOLDER}/clusterctl.prod.failover.service"


def systemd(machine: FakeMachine) -> SystemdTimers:
    return SystemdTimers(machine, "prod", FOLDER, system=True)


def test_a_second_install_changes_nothing() -> None:
    machine = FakeMachine()

    changed = [systemd(machine).install([FAILOVER], {}) for _ in range(2)]

    assert changed == [
        [
            f"wrote {SERVICE}",
            f"wrote {TIMER}",
            "enabled clusterctl-prod-failover.timer",
            "started clusterctl-prod-failover.timer",
        ],
        [],
    ]
    assert machine.said == [
        "daemon-reload",
        "enable clusterctl-prod-failover.timer",
        "restart clusterctl-prod-failover.timer",
    ]


def test_a_new_period_begins_at_once_and_only_that_job() -> None:
    machine = FakeMachine()
    systemd(machine).install([FAILOVER, HEALTH], {})

    changed = systemd(machine).install([Job("failover", FAILOVER.argv, 900, every_s=120), HEALTH], {})

    assert changed == [f"wrote {TIMER}", "started clusterctl-prod-failover.timer"]


def test_a_timer_that_somebody_stopped_is_started_again() -> None:
    machine = FakeMachine()
    systemd(machine).install([FAILOVER], {})
    machine.active.clear()

    assert systemd(machine).install([FAILOVER], {}) == ["started clusterctl-prod-failover.timer"]


def test_an_install_that_was_killed_before_it_told_systemd_is_finished() -> None:
    machine = FakeMachine()
    systemd(machine).install([FAILOVER], {})
    machine.said.clear()
    machine.services["clusterctl.prod.failover.service"] = "NeedDaemonReload=yes\n"

    assert systemd(machine).install([FAILOVER], {}) == ["started clusterctl-prod-failover.timer"]
    assert machine.said == ["daemon-reload", "restart clusterctl-prod-failover.timer"]


def test_a_job_that_is_not_asked_for_any_more_goes() -> None:
    machine = FakeMachine()
    systemd(machine).install([FAILOVER, HEALTH], {})

    systemd(machine).install([FAILOVER], {})

    assert sorted(machine.files) == [TIMER, SERVICE]
    assert machine.active == {"clusterctl-prod-failover.timer"}


@pytest.mark.parametrize("text", ["[Timer]\nOnCalendar=daily\n", ""])
def test_a_foreign_file_is_neither_replaced_nor_removed(text: str) -> None:
    machine = FakeMachine({TIMER: text})

    with pytest.raises(RefusedError, match="is not ours, or was edited"):
        systemd(machine).install([FAILOVER], {})
    with pytest.raises(RefusedError, match="is not ours, or was edited"):
        systemd(machine).remove()

    assert machine.files == {TIMER: text}
    assert machine.said == []


def test_nothing_is_changed_where_any_file_of_ours_was_edited() -> None:
    machine = FakeMachine()
    systemd(machine).install([FAILOVER, HEALTH], {})
    machine.files[f"{FOLDER}/clusterctl.prod.health.service"] += "# edited\n"
    before = dict(machine.files)

    with pytest.raises(RefusedError, match=r"clusterctl\.prod\.health\.service is not ours"):
        systemd(machine).remove()
    with pytest.raises(RefusedError, match="is not ours"):
        systemd(machine).install([Job("failover", ("/bin/y",), 900, every_s=60)], {})

    assert machine.files == before


def test_remove_takes_what_is_ours_and_no_other_cluster() -> None:
    machine = FakeMachine({f"{FOLDER}/other.timer": "x"})
    systemd(machine).install([FAILOVER, HEALTH], {})
    SystemdTimers(machine, "test", FOLDER, system=True).install([FAILOVER], {})

    changed = systemd(machine).remove()

    assert len(changed) == 4
    assert sorted(path.rpartition("/")[2] for path in machine.files) == [
        "clusterctl-test-failover.timer",
        "clusterctl.test.failover.service",
        "other.timer",
    ]
    assert machine.enabled == {"clusterctl-test-failover.timer"}
    assert systemd(machine).remove() == []


def test_status_names_what_is_missing_or_failed() -> None:
    machine = FakeMachine()
    assert [(job.job, job.is_well) for job in systemd(machine).status()] == [("failover", False)]
    systemd(machine).install([FAILOVER, HEALTH], {})

    assert [(job.job, job.is_well, job.last_run_s) for job in systemd(machine).status()] == [
        ("failover", True, 1000),
        ("health", True, 1000),
    ]
    machine.services["clusterctl.prod.failover.service"] = (
        "Result=exit-code\nExecMainStatus=4\nExecMainStartTimestampMonotonic=1\n"
    )
    machine.files[f"{FOLDER}/clusterctl-prod-health.timer"] += "# edited\n"

    assert [(job.installed, job.last_result) for job in systemd(machine).status()] == [
        (True, "failed: exit 4"),
        (False, "not yet"),
    ]


def test_a_calendar_that_systemd_does_not_know_is_refused_before_anything_is_written() -> None:
    machine = FakeMachine()

    with pytest.raises(InputError, match="systemd does not know 'someday'"):
        systemd(machine).install([Job("rebalance", ("/bin/x",), 60, calendar="someday")], {})

    assert machine.files == {}


def test_what_systemctl_says_is_passed_on() -> None:
    machine = FakeMachine(broken=Ended(1, "", "Failed to connect to bus"))

    with pytest.raises(ClusterctlError, match="systemctl --no-pager daemon-reload: Failed to connect to bus"):
        systemd(machine).install([FAILOVER], {})


def test_the_crontab_is_kept_but_for_our_lines() -> None:
    machine = FakeMachine(crontab="0 1 * * * backup\n")
    timers = CrontabTimers(machine, "prod")

    changed = [timers.install([FAILOVER], {}), timers.install([FAILOVER], {})]

    assert changed == [["wrote the crontab"], []]
    assert machine.crontab is not None
    assert machine.crontab.splitlines()[2] == "* * * * * /bin/x failover --heartbeat /alive --jitter 6s"
    assert timers.remove() == ["took our lines out of the crontab"]
    assert machine.crontab == "0 1 * * * backup\n"
    assert timers.remove() == []


def test_no_crontab_is_an_empty_one_and_an_unreadable_one_is_none() -> None:
    machine = FakeMachine()
    CrontabTimers(machine, "prod").install([FAILOVER], {})
    assert machine.crontab is not None
    for broken in (
        Ended(1, "", "you are not allowed to use this program"),
        Ended(None, "", "cannot be run here"),
    ):
        machine.broken = broken

        with pytest.raises(ClusterctlError, match="the crontab cannot be read"):
            CrontabTimers(machine, "prod").install([FAILOVER], {})


def test_status_of_cron_reads_the_heartbeat() -> None:
    machine = FakeMachine({"/alive": "2026-11-27T10:00:00Z failover 0\n"})
    timers = CrontabTimers(machine, "prod")
    assert [job.installed for job in timers.status()] == [False]
    timers.install([FAILOVER], {})

    (job,) = timers.status()

    assert (job.last_run_s, job.last_result, job.is_well) == (1795773600, "exit 0", True)


def test_files_of_this_machine_are_replaced_as_a_whole(tmp_path: Path) -> None:
    machine, path = OwnMachine(), tmp_path / "new" / "a.timer"

    assert machine.read(str(path)) is None
    machine.write(str(path), "one\n")
    machine.write(str(path), "two\n")

    assert machine.read(str(path)) == "two\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [item.name for item in path.parent.iterdir()] == ["a.timer"]
    machine.remove(str(path))
    machine.remove(str(path))
    assert machine.read(str(path)) is None
    with pytest.raises(ClusterctlError, match="cannot write "):
        machine.write(str(tmp_path / "new"), "x")

    assert list(tmp_path.iterdir()) == [tmp_path / "new"]
    assert machine.call(["sh", "-c", "cat; echo $LC_ALL"], "x ").stdout == "x C\n"
