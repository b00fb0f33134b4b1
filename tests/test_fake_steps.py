"""The fake cluster's maintenance: what a host shows is what the real scripts would leave and answer."""

from __future__ import annotations

from clusterctl.model.plan import Batch
from clusterctl.model.report import StepResult
from clusterctl.model.snapshot import HostFacts
from clusterctl.model.step import OPERATOR, ClearMarker, CopyFile, Reboot, RunCommand, SetMarker, Step, Verify
from tests.builders import a_project, a_service, an_inventory
from tests.fake_cluster import FakeCluster
from tests.test_fake_cluster import NEW, OLD, applied

UNIT = "clusterctl-shop-web-1.service"
VERIFY = Verify("h1", (UNIT,), (), 60, 10, "after a reboot")
REBOOT = Reboot("h1", "boot-h1", 600, "new kernel")
MARK = SetMarker("h1", "cordoned", "r1", "ops", "why")


def a_running_cluster() -> FakeCluster:
    cluster = FakeCluster(an_inventory(("h1",)), [OLD, NEW])
    applied(cluster, a_project(a_service(image=OLD)))
    return cluster


def perform(cluster: FakeCluster, *steps: Step) -> list[tuple[str, str]]:
    def bare(result: StepResult) -> tuple[str, str]:
        return result.status, result.detail

    return [bare(result) for result in cluster.perform(Batch("test", steps), lambda _: None, 0)]


def facts(cluster: FakeCluster) -> HostFacts:
    return cluster.see().seen[0]


def test_a_reboot_changes_the_boot_id_once() -> None:
    cluster = a_running_cluster()

    first = perform(cluster, REBOOT)
    again = perform(cluster, REBOOT)

    assert (first, again) == ([("changed", "rebooted")], [("unchanged", "rebooted already")])
    assert facts(cluster).boot_id == "boot-h1-1"
    assert perform(cluster, VERIFY)[0][0] == "unchanged"


def test_a_host_that_never_returns_is_gone() -> None:
    cluster = a_running_cluster()
    cluster.hosts["h1"].never_returns = True

    assert perform(cluster, REBOOT) == [
        ("failed", "did not come back within 600 s: connect: no answer within 10 s")
    ]
    assert [gone.host for gone in cluster.see().unreachable] == ["h1"]


def test_a_host_that_never_goes_down_is_as_it_was() -> None:
    cluster = a_running_cluster()
    cluster.hosts["h1"].never_goes_down = True

    assert perform(cluster, REBOOT)[0][1].startswith("never went down")
    assert facts(cluster).boot_id == "boot-h1"


def test_a_host_whose_services_do_not_come_back_is_not_verified() -> None:
    cluster = a_running_cluster()
    cluster.broken_images = {OLD}

    perform(cluster, REBOOT)

    assert perform(cluster, VERIFY) == [("failed", f"{UNIT} is failed")]
    assert facts(cluster).failed_units == (UNIT,)


def test_a_unit_of_somebody_else_that_failed_is_worse_unless_it_was_so_before() -> None:
    cluster = a_running_cluster()
    cluster.hosts["h1"].failed = {"backup.service"}

    assert perform(cluster, VERIFY) == [("failed", "newly failed: backup.service")]
    known = Verify("h1", (UNIT,), ("backup.service",), 60, 10, "")
    assert perform(cluster, known)[0][0] == "unchanged"


def test_after_a_failed_command_nothing_is_begun() -> None:
    cluster = a_running_cluster()
    cluster.failing_commands = {"false"}

    found = perform(cluster, RunCommand("h1", "false", 5, "hook"), MARK, REBOOT)

    assert [status for status, _ in found] == ["failed", "skipped", "skipped"]
    assert (cluster.hosts["h1"].markers, cluster.hosts["h1"].boots) == ({}, 0)


def test_a_failed_command_of_the_operator_stops_only_what_is_about_the_same_host() -> None:
    cluster = a_running_cluster()
    cluster.failing_commands = {"false"}
    steps = [
        RunCommand(OPERATOR, command, 5, "hook", about=about)
        for command, about in (("false", "h1"), ("true", "h1"), ("true", "h2"))
    ]

    assert [status for status, _ in perform(cluster, *steps)] == ["failed", "skipped", "changed"]


def test_a_file_is_copied_once() -> None:
    cluster = a_running_cluster()
    step = CopyFile("h1", "/etc/a", b"\0", 0o600, "root", "config")

    assert [perform(cluster, step)[0][0] for _ in range(2)] == ["changed", "unchanged"]
    assert cluster.hosts["h1"].copied == {"/etc/a": (b"\0", 0o600, "root")}


def test_a_marker_is_cleared_only_after_the_step_before_it() -> None:
    cluster = a_running_cluster()
    perform(cluster, MARK)
    cluster.hosts["h1"].docker = False

    found = perform(cluster, VERIFY, ClearMarker("h1", "cordoned", "r1", "done"))

    assert [status for status, _ in found] == ["failed", "skipped"]
    assert list(cluster.hosts["h1"].markers) == ["cordoned"]
