"""A resumed run waits for the hosts that its earlier try told to reboot, and for no others."""

from __future__ import annotations

from dataclasses import replace

from clusterctl.model.intent import RebootIntent
from clusterctl.model.plan import Plan
from clusterctl.model.report import Report
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.operations.comeback import COME_BACK_S
from clusterctl.operations.execute import execute
from tests.builders import a_service
from tests.conduct import Clock, a_summary, conduct_for
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import SILENT, a_fleet, planned

RUN = a_summary("reboot", "h4")


def resumed(cluster: FakeCluster) -> Plan:
    """Return the plan of a run that was killed just after h4 had been told to reboot."""
    mark = f"by=ops\nrun={RUN.id}\nreason=\nsince=0\n"
    cluster.hosts["h4"].markers |= dict.fromkeys(("cordoned", "draining", "rebooting"), mark)
    return planned(cluster, RebootIntent(("h4",)), RUN)


def carried_out(cluster: FakeCluster, plan: Plan, silent_looks: int, why: Unreachable = SILENT) -> Report:
    """Carry out while h4 is silent for some looks and then back in another boot."""
    left = [silent_looks]
    clock = Clock()

    def look() -> Snapshot:
        left[0] -= 1
        if left[0] == -1:
            cluster.hosts["h4"].unreachable = None
            cluster.reboot("h4")
        elif left[0] >= 0:
            cluster.hosts["h4"].unreachable = why
        return cluster.see()

    return execute(cluster, plan, replace(conduct_for(cluster), look=look, clock=clock, pause=clock.pause))


def test_a_host_that_goes_down_after_the_look_is_waited_for_and_not_rebooted_twice() -> None:
    cluster = a_fleet(a_service(replicas=3))
    plan = resumed(cluster)

    report = carried_out(cluster, plan, silent_looks=5)

    assert plan.rebooting == ("h4",)
    assert report.ok, report.stopped
    assert cluster.hosts["h4"].boots == 1
    assert cluster.hosts["h4"].markers == {}


def test_the_wait_has_an_end() -> None:
    cluster = a_fleet(a_service(replicas=3))

    report = carried_out(cluster, resumed(cluster), silent_looks=int(COME_BACK_S))

    assert report.stopped == "h4 does not answer any more"


def test_a_host_that_nobody_told_to_reboot_is_not_waited_for() -> None:
    cluster = a_fleet(a_service(replicas=3))

    report = carried_out(cluster, planned(cluster, RebootIntent(("h4",)), RUN), silent_looks=5)

    assert report.stopped == "h4 does not answer any more"


def test_a_key_that_is_refused_is_no_reboot() -> None:
    cluster = a_fleet(a_service(replicas=3))
    refused = Unreachable("h4", "host-key", "host key changed")

    assert carried_out(cluster, resumed(cluster), 5, refused).stopped == "h4 does not answer any more"
