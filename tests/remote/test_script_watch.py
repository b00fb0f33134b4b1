"""Monitoring after a start, and the verification of a host, by the real script; systemd and docker are played."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from clusterctl.model.placement import Instance
from clusterctl.model.step import ApplyUnit, ClearMarker, Step, Verify
from clusterctl.planning.unit_header import file_digest
from tests.remote.shell_host import ShellHost

IMAGE = "registry:5000/shop/web@sha256:" + "1" * 64
WEB = Instance("shop", "web", 1)
OLD = "[Unit]\nDescription=old\n"
TEXT = f"[Unit]\nDescription=new\n[X-Clusterctl]\nPinned={IMAGE}\n"
APPLY = ApplyUnit("h1", WEB, TEXT, file_digest(TEXT), "KEY=new\n", file_digest(OLD), 60, "new", monitor_s=1)
VERIFY = Verify("h1", (WEB.unit,), ("old.service",), 1, 0, "after a reboot")
WELL = "active 0 aaa running healthy"


class PlayedHost(ShellHost):
    """`play` says what systemd and docker tell of shop-web-1, look after look; the last one stays.

    Its clock moves when somebody sleeps, and then at once.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        here = shlex.quote(str(root))
        self.program(
            "systemctl",
            f"""cd {here}
case "$*" in
  is-system-running) cat manager ;;
  'show -p Version') ;;
  *--failed*) cat failed ;;
  'show -p ActiveState --value '*) echo active ;;
  'show -p FragmentPath --value '*) echo {here}/units/clusterctl-shop-web-1.service ;;
  'show -p Id '*)
    if [ -s plays ]; then head -n 1 plays >now; sed -i 1d plays; fi
    read -r active restarts _ <now
    printf 'Id=clusterctl-shop-web-1.service\\nActiveState=%s\\nNRestarts=%s\\n' "$active" "$restarts" ;;
  *) echo "$*" >>calls ;;
esac""",
        )
        self.program(
            "docker",
            f"""cd {here}
case "$1 $2" in
  'inspect --type') read -r _ _ id state health <now
    [ "$id" = - ] || printf 'container=/shop-web-1 %s %s %s\\n' "$id" "$state" "$health" ;;
  'version --format') cat docker_rc | (read -r rc; exit "$rc") ;;
esac""",
        )
        self.program("journalctl", 'echo "last words of $*"')
        self.program("sleep", f'cd {here}; read -r up _ <uptime; echo "$((up + $1)) 0" >uptime')
        self.write("uptime", "100 0\n")
        self.write("manager", "running\n")
        self.write("failed", "old.service loaded failed failed Old\n")
        self.write("docker_rc", "0\n")
        self.play(WELL)

    def script(self, *steps: Step, epoch: int = 0) -> str:
        return super().script(*steps, epoch=epoch).replace("/proc/uptime", shlex.quote(f"{self.root}/uptime"))

    def play(self, *looks: str) -> None:
        self.write("plays", "".join(f"{look}\n" for look in looks))


@pytest.fixture
def host(tmp_path: Path) -> PlayedHost:
    host = PlayedHost(tmp_path)
    host.write("units/clusterctl-shop-web-1.service", OLD)
    host.write("etc/env/shop-web-1.env", "KEY=old\n")
    return host


def test_a_unit_that_stays_well_is_changed(host: PlayedHost) -> None:
    result = host.run(APPLY)[0]

    assert (result.status, result.detail) == ("changed", "")
    assert host.read("units/clusterctl-shop-web-1.service") == TEXT


@pytest.mark.parametrize(
    ("look", "why"),
    [
        ("active 1 aaa running healthy", "it was restarted"),
        ("active 0 bbb running healthy", "it was restarted"),
        ("active 0 aaa running unhealthy", "container shop-web-1 is unhealthy"),
        ("activating 0 aaa running healthy", "clusterctl-shop-web-1.service is activating"),
        ("failed 3 - - -", "clusterctl-shop-web-1.service is failed"),
        ("active 0 aaa exited none", "container shop-web-1 is exited"),
    ],
)
def test_a_unit_that_does_not_stay_well_is_put_back(host: PlayedHost, look: str, why: str) -> None:
    """Row 23: healthy at the gate, not a second later."""
    host.play(WELL, look)

    result = host.run(APPLY)[0]

    assert result.status == "failed"
    assert result.detail == f"clusterctl-shop-web-1.service did not stay healthy: {why}"
    assert result.restored is True
    assert result.log[0].startswith("last words of --quiet")
    assert host.read("units/clusterctl-shop-web-1.service") == OLD
    assert host.read("etc/env/shop-web-1.env") == "KEY=old\n"


def test_without_a_time_to_watch_nothing_is_watched(host: PlayedHost) -> None:
    host.play("failed 9 - - -")

    assert host.run(replace(APPLY, monitor_s=0))[0].status == "changed"


def test_docker_that_does_not_answer_while_a_unit_is_watched_is_unknown_and_not_a_failure(
    host: PlayedHost,
) -> None:
    host.write("docker_rc", "1\n")
    host.play(WELL, "active 0 - - -")

    assert host.run(APPLY)[0].status == "changed"


def test_a_host_that_is_as_before_passes(host: PlayedHost) -> None:
    result = host.run(VERIFY)[0]

    assert (result.status, result.detail) == ("unchanged", "1 units well, nothing newly failed")


def test_a_host_is_given_the_time_to_settle(host: PlayedHost) -> None:
    host.play("activating 0 - - -", "active 0 aaa running starting", WELL)

    assert host.run(replace(VERIFY, settle_s=20))[0].status == "unchanged"


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("plays", "activating 0 - - -\n", "clusterctl-shop-web-1.service is activating, 1 s on"),
        ("plays", "active 0 aaa running starting\n", "container shop-web-1 is starting, 1 s on"),
        ("plays", "active 0 - - -\n", "there is no container shop-web-1, 1 s on"),
        ("manager", "starting\n", "systemd is starting, 1 s on"),
        ("manager", "", "systemd is silent, 1 s on"),
        ("docker_rc", "1\n", "docker does not answer, 1 s on"),
        (
            "failed",
            "old.service x\nnew.service x\nother.service x\n",
            "newly failed: new.service other.service",
        ),
    ],
)
def test_a_host_that_is_worse_than_before_fails(host: PlayedHost, file: str, text: str, why: str) -> None:
    """Row 49: it came back, its services did not."""
    host.write(file, text)

    result = host.run(VERIFY)[0]

    assert (result.status, result.detail) == ("failed", why)


def test_a_failed_unit_is_not_waited_for(host: PlayedHost) -> None:
    host.play("failed 5 - - -")

    result = host.run(replace(VERIFY, settle_s=100))[0]

    assert (result.status, result.detail) == ("failed", "clusterctl-shop-web-1.service is failed")
    assert result.log


def test_a_unit_that_restarts_while_it_soaks_fails(host: PlayedHost) -> None:
    host.play(WELL, WELL, "active 1 ccc running healthy")

    result = host.run(replace(VERIFY, soak_s=20))[0]

    assert result.detail == "clusterctl-shop-web-1.service did not stay well: it was restarted"


def test_a_host_without_units_of_ours_is_verified_too(host: PlayedHost) -> None:
    assert host.run(replace(VERIFY, units=()))[0].status == "unchanged"


def test_what_follows_a_failed_verification_is_not_begun(host: PlayedHost) -> None:
    host.write("etc/markers/cordoned", "by=ops\n")
    host.write("manager", "starting\n")

    results = host.run(VERIFY, ClearMarker("h1", "cordoned", "", "verified"))

    assert [result.status for result in results] == ["failed", "skipped"]
    assert results[1].detail == "not begun, because a step before it failed"
    assert host.names("etc/markers") == ["cordoned"]


def test_units_are_started_before_the_step_after_them_is_begun(host: PlayedHost) -> None:
    host.write("etc/markers/cordoned", "by=ops\n")
    host.play(WELL, "failed 3 - - -")

    results = host.run(APPLY, ClearMarker("h1", "cordoned", "", "applied"))

    assert [result.status for result in results] == ["failed", "skipped"]


@pytest.mark.parametrize("unit", ["sshd.service", "clusterctl-a b.service", "clusterctl-$(id).service", "-x"])
def test_only_units_of_ours_are_verified_by_name(host: PlayedHost, unit: str) -> None:
    with pytest.raises(ValueError, match="not fit for a script"):
        host.script(replace(VERIFY, units=(unit,)))


def test_a_failed_unit_with_an_odd_name_is_compared_as_text(host: PlayedHost) -> None:
    host.write("failed", "dev-disk\\x2d1.swap x\nuser@1000.service x\n")

    result = host.run(replace(VERIFY, failed_before=("dev-disk\\x2d1.swap", "user@1000.service", "$(id)\0")))[
        0
    ]

    assert result.status == "unchanged"
