"""The one path of every verb that changes something; the errors are shown whole in tests/cli."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, repeat

import pytest

from clusterctl.errors import (
    ClusterctlError,
    IdentityError,
    LockedError,
    RefusedError,
    RemoteError,
)
from clusterctl.model.host import Host
from clusterctl.model.intent import ApplyIntent, RebootIntent
from clusterctl.model.plan import Batch, Blocked, Plan
from clusterctl.model.report import Event, StepResult
from clusterctl.model.service import Project
from clusterctl.model.snapshot import LookRequest, Snapshot, Unreachable
from clusterctl.operations.fleet import Emit
from clusterctl.operations.pipeline import Pipeline
from clusterctl.operations.possible import demand_possible
from tests.builders import a_project, a_service, an_inventory
from tests.conduct import a_pipeline_for
from tests.fake_cluster import FakeCluster

WEB = "registry:5000/web:1"


class Restless:
    """A fleet on which somebody else does something before every look but the first."""

    def __init__(self, cluster: FakeCluster, meddle: Callable[[int], None]) -> None:
        self.cluster = cluster
        self._meddle = meddle
        self._looks = 0

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        self._looks += 1
        self._meddle(self._looks)
        return self.cluster.look(hosts, request)

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        return self.cluster.perform(batch, emit, epoch)


def a_pipeline(
    cluster: FakeCluster, project: Project, fleet: Restless | None = None, events: list[Event] | None = None
) -> Pipeline:
    emit = events.append if events is not None else lambda _: None
    return a_pipeline_for(cluster, ApplyIntent(project), fleet, emit)


def a_cluster(*hosts: str) -> FakeCluster:
    return FakeCluster(an_inventory(hosts or ("h1", "h2")))


def always(_: Plan) -> bool:
    return True


def never(_: Plan) -> bool:
    return False


def test_what_is_approved_is_done() -> None:
    cluster = a_cluster()

    report = a_pipeline(cluster, a_project()).carry_out(always, lambda: "")

    assert report is not None
    assert report.ok
    assert list(cluster.hosts["h1"].containers) == ["shop-web-1"]


def test_what_is_not_approved_is_not_done() -> None:
    cluster = a_cluster()

    assert a_pipeline(cluster, a_project()).carry_out(never, lambda: "") is None
    assert cluster.performed == []
    assert cluster.effects == 0


def test_nothing_to_do_asks_nobody() -> None:
    cluster = a_cluster()
    a_pipeline(cluster, a_project()).carry_out(always, lambda: "")
    looks = len(cluster.looks)

    report = a_pipeline(cluster, a_project()).carry_out(never, lambda: "")

    assert report is not None
    assert report.ok
    assert report.plan.is_empty
    assert len(cluster.looks) == looks + 1


def test_a_proposal_looks_at_once_and_changes_nothing() -> None:
    cluster = a_cluster()

    found = a_pipeline(cluster, a_project()).propose()

    assert [change.kind for change in found.changes] == ["create"]
    assert cluster.looks == [LookRequest((WEB,), 0)]
    assert cluster.effects == 0


def test_only_the_look_under_the_lock_waits_for_work_under_way() -> None:
    cluster = a_cluster()

    a_pipeline(cluster, a_project()).carry_out(always, lambda: "")

    assert cluster.looks == [LookRequest((WEB,)), LookRequest((WEB,), 120)]


def test_hosts_that_changed_meanwhile_bring_a_new_plan() -> None:
    cluster = a_cluster()
    events: list[Event] = []
    shown: list[Plan] = []

    def meddle(look: int) -> None:
        if look == 2:
            cluster.hosts["h1"].markers["cordoned"] = "by ops"

    def approve(found: Plan) -> bool:
        shown.append(found)
        return True

    report = a_pipeline(cluster, a_project(), Restless(cluster, meddle), events).carry_out(
        approve, lambda: ""
    )

    assert [found.changes[0].host for found in shown] == ["h1", "h2"]
    assert report is not None
    assert report.plan == shown[1]
    assert "the hosts have changed since the plan was shown; here is the new plan" in [e.text for e in events]


def test_a_new_plan_that_is_not_approved_is_not_done() -> None:
    cluster = a_cluster()
    answers = iter([True, False])

    def meddle(look: int) -> None:
        if look == 2:
            cluster.hosts["h1"].markers["cordoned"] = "by ops"

    report = a_pipeline(cluster, a_project(), Restless(cluster, meddle)).carry_out(
        lambda _: next(answers), lambda: ""
    )

    assert report is None
    assert cluster.effects == 0


def test_hosts_that_never_hold_still_are_given_up() -> None:
    cluster = a_cluster()

    def meddle(look: int) -> None:
        markers = cluster.hosts["h1"].markers
        if look % 2:
            markers.pop("cordoned", None)
        else:
            markers["cordoned"] = "by ops"

    with pytest.raises(RefusedError) as caught:
        a_pipeline(cluster, a_project(), Restless(cluster, meddle)).carry_out(always, lambda: "")

    assert caught.value.message == "the hosts change faster than they can be planned for"
    assert caught.value.exit_code == 4
    assert cluster.effects == 0


def test_a_host_lost_between_the_looks_ends_it() -> None:
    cluster = a_cluster()

    def meddle(look: int) -> None:
        if look == 2:
            cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "connection refused")

    with pytest.raises(RemoteError):
        a_pipeline(cluster, a_project(), Restless(cluster, meddle)).carry_out(always, lambda: "")

    assert cluster.effects == 0


def test_an_interrupt_between_two_batches_stops_there() -> None:
    cluster = a_cluster()
    reasons = chain([""], repeat("interrupted"))

    report = a_pipeline(cluster, a_project()).carry_out(always, lambda: next(reasons))

    assert report is not None
    assert (report.stopped, report.batches_done) == ("interrupted", 1)
    assert [batch.title for batch in cluster.performed] == [
        "record the run",
        "pull images",
        "record the run",
    ]


@pytest.mark.parametrize(
    ("blocked", "kind", "code"),
    [
        ([Blocked("guard", "h1", "disk full")], RefusedError, 4),
        ([Blocked("busy", "h1", "apply by dev"), Blocked("guard", "h2", "x")], LockedError, 5),
        ([Blocked("unreachable", "h1", "refused"), Blocked("image", "", "x")], RemoteError, 1),
        ([Blocked("image", "", "not found")], RemoteError, 1),
        ([Blocked("image", "", "not found"), Blocked("guard", "h1", "x")], RefusedError, 4),
        ([Blocked("identity", "h1", "host key"), Blocked("unreachable", "h2", "x")], IdentityError, 6),
    ],
)
def test_a_blocked_plan_raises_by_its_worst(
    blocked: list[Blocked], kind: type[ClusterctlError], code: int
) -> None:
    with pytest.raises(kind) as caught:
        demand_possible(Plan("apply", "shop", blocked=tuple(blocked)))

    assert caught.value.exit_code == code
    assert len(caught.value.details) == len(blocked)
    assert caught.value.next_step.endswith("Nothing was changed.")


def test_unreachable_hosts_are_named_in_what_to_do_next() -> None:
    blocked = (Blocked("unreachable", "h2", "refused"), Blocked("unreachable", "h3", "timeout"))

    with pytest.raises(RemoteError) as caught:
        demand_possible(Plan("apply", "shop", blocked=blocked))

    assert caught.value.next_step == (
        "bring the hosts back, or go on without them: --ignore-host h2 --ignore-host h3. Nothing was changed."
    )


def test_an_instance_without_a_host_is_told_with_every_refusal() -> None:
    cluster = a_cluster()
    cluster.hosts["h1"].markers["cordoned"] = "since 2026-11-20 by ops"

    with pytest.raises(RefusedError) as caught:
        a_pipeline(cluster, a_project(a_service(port=80, replicas=3))).carry_out(always, lambda: "")

    assert caught.value.message == "no host can take shop-web-2 (needs port 80/tcp)"
    assert caught.value.details == (
        "h1  cordoned since 2026-11-20 by ops",
        "h2  port 80/tcp is taken by shop-web-1",
        "(and 1 more instances: shop-web-3)",
    )
    assert caught.value.exit_code == 4
    assert cluster.effects == 0


def test_a_run_that_goes_on_waits_for_a_host_that_it_has_left_rebooting() -> None:
    cluster = a_cluster("h1", "h2", "h3")
    silent = Unreachable("h3", "connect", "connection refused")
    cluster.hosts["h3"].unreachable = silent
    events: list[Event] = []

    def come_back(look: int) -> None:
        if look == 3:
            cluster.hosts["h3"].unreachable = None

    usual = a_pipeline_for(cluster, RebootIntent(("h3",)), Restless(cluster, come_back), events.append)
    report = replace(usual, closes="done").carry_out(always, lambda: "")

    assert report is not None
    assert report.ok
    waits = [event.text for event in events if event.kind == "wait"]
    assert waits == ["waiting for h3: the run may have left it rebooting"] * 2


def test_a_host_that_goes_down_between_the_two_looks_is_waited_for_under_the_lock() -> None:
    """It was told to reboot, still answered when the run was resumed, and went down before the second look."""
    cluster = a_cluster("h1", "h2", "h3")
    events: list[Event] = []

    def go_down(look: int) -> None:
        if look == 2:
            cluster.hosts["h3"].unreachable = Unreachable("h3", "connect", "connection refused")
        elif look == 4:
            cluster.hosts["h3"].unreachable = None
            cluster.reboot("h3")

    boots = {name: host.boot_id(name) for name, host in cluster.hosts.items()}
    intent = RebootIntent(("h3",), boot_ids=boots)
    usual = a_pipeline_for(cluster, intent, Restless(cluster, go_down), events.append)
    report = replace(usual, closes="done").carry_out(always, lambda: "")

    assert report is not None
    assert report.ok
    assert cluster.hosts["h3"].boots == 1
    waits = [event.text for event in events if event.kind == "wait"]
    assert waits == ["waiting for h3: the run may have left it rebooting"] * 2


def test_a_run_that_begins_does_not_wait_for_a_silent_host() -> None:
    cluster = a_cluster("h1", "h2", "h3")
    cluster.hosts["h3"].unreachable = Unreachable("h3", "connect", "connection refused")

    with pytest.raises(RemoteError, match="what runs on some hosts is unknown"):
        a_pipeline_for(cluster, RebootIntent(("h3",))).carry_out(always, lambda: "")
