"""The texts of timers: what stands in the units and in the crontab, and what is recognised as ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from clusterctl.errors import InputError, RefusedError
from clusterctl.planning.timer_status import (
    JobStatus,
    parse_show,
    parse_timers,
    status_of,
    status_of_heartbeat,
)
from clusterctl.planning.timers import (
    Job,
    check_calendar,
    commands_of,
    find_block,
    is_ours,
    render_crontab,
    render_units,
    splice,
)

FAILOVER = Job(
    "failover", ("/opt/bin/clusterctl", "-i", "/etc/fleet 1/50%.yaml", "failover"), 900, every_s=60
)
HEALTH = Job("health", ("/bin/true", "health"), 900, every_s=60, fine=(1, 4, 6))
REBALANCE = Job("rebalance", ("/bin/true", "rebalance"), 900, calendar="daily")
TIMER, SERVICE = "clusterctl-prod-failover.timer", "clusterctl.prod.failover.service"


def test_the_units_of_failover() -> None:
    units = render_units("prod", FAILOVER, {"CLUSTERCTL_STATE": "/var/lib/c"}, system=True)

    assert list(units) == [SERVICE, TIMER]
    head = "# Made by clusterctl timer install for cluster prod; what you change belongs in a drop-in."
    assert units[SERVICE].splitlines()[:-2] == [
        head,
        "[Unit]",
        "Description=clusterctl failover of cluster prod",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        'ExecStart=/opt/bin/clusterctl -i "/etc/fleet 1/50%%.yaml" failover',
        "Environment=CLUSTERCTL_STATE=/var/lib/c",
        "TimeoutStartSec=960",
        "TimeoutStopSec=30",
        "KillMode=mixed",
        "",
    ]
    assert units[TIMER].splitlines()[:-2] == [
        head,
        "[Unit]",
        "Description=clusterctl failover of cluster prod, again and again",
        "",
        "[Timer]",
        "Unit=clusterctl.prod.failover.service",
        "OnActiveSec=10",
        "OnUnitActiveSec=60",
        "AccuracySec=1",
        "RandomizedDelaySec=6",
        "",
        "[Install]",
        "WantedBy=timers.target",
        "",
    ]


def test_a_users_service_waits_for_no_target_of_the_machine() -> None:
    assert "network-online" not in render_units("prod", FAILOVER, {}, system=False)[SERVICE]


def test_what_says_that_the_fleet_is_unwell_is_no_failure_of_health() -> None:
    (service, _) = render_units("prod", HEALTH, {}, system=True).values()

    assert "SuccessExitStatus=1 4 6" in service.splitlines()


def test_a_calendar_is_made_up_for_after_the_machine_was_off() -> None:
    (_, timer) = render_units("prod", REBALANCE, {}, system=True).values()

    assert timer.splitlines()[5:9] == [
        "Unit=clusterctl.prod.rebalance.service",
        "OnCalendar=daily",
        "Persistent=true",
        "RandomizedDelaySec=900",
    ]


def test_a_file_is_ours_until_somebody_edits_it_and_only_for_its_cluster() -> None:
    text = render_units("prod", FAILOVER, {}, system=True)[TIMER]

    assert is_ours(text, "prod")
    assert not is_ours(text, "test")
    assert not is_ours(text.replace("OnUnitActiveSec=60", "OnUnitActiveSec=90"), "prod")
    assert not is_ours("[Timer]\nOnCalendar=daily\n", "prod")
    assert not is_ours("", "prod")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("job", [HEALTH, REBALANCE], ids=lambda job: job.name)
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path, job: Job) -> None:
    env = {"CLUSTERCTL_STATE": '/var/lib/a "b" $HOME %h'}
    for name, text in render_units("prod", job, env, system=True).items():
        (tmp_path / name).write_text(text)

    for path in sorted(tmp_path.iterdir()):
        ran = subprocess.run(
            ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False, timeout=60
        )
        assert (ran.returncode, [line for line in ran.stderr.splitlines() if str(tmp_path) in line]) == (
            0,
            [],
        )
    broken = tmp_path / "broken.timer"
    broken.write_text("[Timer]\nOnCalendar=nonsense\n")
    ran = subprocess.run(
        ["systemd-analyze", "verify", str(broken)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "nonsense" in ran.stderr


def test_the_lines_of_a_crontab() -> None:
    lines = render_crontab("prod", [FAILOVER, HEALTH, REBALANCE], {"CLUSTERCTL_STATE": "/a b"}).splitlines()

    assert lines[:-1] == [
        "# clusterctl timer prod: begin (clusterctl timer remove takes it out)",
        r"* * * * * CLUSTERCTL_STATE='/a b' /opt/bin/clusterctl -i '/etc/fleet 1/50\%.yaml' failover --jitter 6s",
        "* * * * * CLUSTERCTL_STATE='/a b' /bin/true health --jitter 6s >/dev/null",
        "@daily CLUSTERCTL_STATE='/a b' /bin/true rebalance --jitter 900s",
    ]
    assert commands_of("\n".join(lines))["failover"][5:] == [
        "CLUSTERCTL_STATE=/a b",
        *("/opt/bin/clusterctl", "-i", "/etc/fleet 1/50%.yaml", "failover", "--jitter", "6s"),
    ]


@pytest.mark.parametrize(("every_s", "when"), [(60, "* * * * *"), (300, "*/5 * * * *"), (3600, "0 * * * *")])
def test_periods_that_cron_knows(every_s: int, when: str) -> None:
    text = render_crontab("prod", [Job("failover", ("x",), 60, every_s=every_s)], {})

    assert text.splitlines()[1].startswith(f"{when} x ")


@pytest.mark.parametrize("every_s", [0, 10, 90, 7 * 60, 7200])
def test_periods_that_cron_does_not_know(every_s: int) -> None:
    with pytest.raises(InputError, match=f"cron cannot run something every {every_s} s"):
        render_crontab("prod", [Job("failover", ("x",), 60, every_s=every_s)], {})


def test_calendars() -> None:
    five = Job("rebalance", ("x",), 60, calendar="30 3 * * 1-5")

    assert render_crontab("prod", [five], {}).splitlines()[1].startswith("30 3 * * 1-5 x")
    with pytest.raises(InputError, match="cron does not know 'Mon 03:00'"):
        render_crontab("prod", [Job("rebalance", ("x",), 60, calendar="Mon 03:00")], {})
    assert check_calendar("Mon..Fri 03:00") == "Mon..Fri 03:00"
    with pytest.raises(InputError, match="no calendar"):
        check_calendar("daily\nExecStart=/bin/sh")


def test_only_our_part_of_a_crontab_is_touched() -> None:
    theirs = "MAILTO=ops\n0 1 * * * backup\n"
    block = render_crontab("prod", [FAILOVER], {})
    other = render_crontab("test", [FAILOVER], {})

    with_both = splice(splice(theirs, "test", other), "prod", block)

    assert with_both == theirs + other + block
    assert splice(with_both, "prod", block) == with_both
    new = render_crontab("prod", [REBALANCE], {})
    assert splice(with_both, "prod", new) == theirs + other + new
    assert splice(with_both, "test", "") == theirs + block
    assert splice("0 1 * * * x", "prod", block) == "0 1 * * * x\n" + block
    assert splice(theirs, "prod", "") == theirs


def test_our_part_that_somebody_edited_is_refused() -> None:
    block = render_crontab("prod", [FAILOVER], {})

    for edited in (
        block.replace("* * * * *", "*/9 * * * *"),
        block.partition("# clusterctl timer prod: end")[0],
    ):
        with pytest.raises(RefusedError, match="the lines of cluster prod in the crontab were edited"):
            find_block(edited, "prod")


TIMERS = '[{"next":1700000060000000,"last":1700000000000000,"unit":"a.timer","activates":"a.service"}]'


@pytest.mark.parametrize(
    ("text", "times"),
    [
        (TIMERS, (1700000000, 1700000060)),
        (TIMERS.replace("1700000000000000", "0"), (None, 1700000060)),
        ("[]", (None, None)),
        ("", (None, None)),
        ('{"unit": 1}', (None, None)),
    ],
)
def test_times_of_a_timer(text: str, times: tuple[int | None, int | None]) -> None:
    assert parse_timers(text, "a.timer") == times


RAN = "ActiveState=inactive\nResult=success\nExecMainStatus=0\nExecMainStartTimestampMonotonic=5\n"


@pytest.mark.parametrize(
    ("service", "result", "is_well"),
    [
        (RAN, "exit 0", True),
        (RAN.replace("Status=0", "Status=4"), "exit 4", True),
        (RAN.replace("success", "exit-code").replace("Status=0", "Status=4"), "failed: exit 4", False),
        (RAN.replace("success", "timeout"), "failed: timeout", False),
        (RAN.replace("Monotonic=5", "Monotonic=0"), "not yet", True),
        (RAN.replace("inactive", "activating"), "runs now", True),
    ],
)
def test_how_a_job_of_systemd_is(service: str, result: str, is_well: bool) -> None:  # noqa: FBT001
    timer = {"ActiveState": "active", "UnitFileState": "enabled"}

    found = status_of("failover", timer, parse_show(service), (1, 2), installed=True)

    assert (found.last_result, found.is_well) == (result, is_well)
    assert not status_of("failover", timer, parse_show(service), (1, 2), installed=False).is_well
    assert not status_of(
        "failover", {"ActiveState": "active"}, parse_show(service), (1, 2), installed=True
    ).is_well


def test_how_a_job_of_cron_is() -> None:
    assert status_of_heartbeat("failover", "2026-11-27T10:00:00Z failover 4\n", 5) == JobStatus(
        "failover",
        installed=True,
        active=True,
        last_run_s=5,
        last_result="exit 4",
        next_run_s=None,
        failed=True,
    )
    assert status_of_heartbeat("failover", "", None).is_well
