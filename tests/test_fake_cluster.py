"""The fake cluster does what the scripts of `remote/shell` do; these tests keep it honest."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import Report
from clusterctl.model.service import Project
from clusterctl.model.snapshot import LookRequest, Unreachable
from clusterctl.model.step import OPERATOR, RunCommand
from clusterctl.planning.deploy import plan_apply, plan_delete
from clusterctl.planning.observed import observe_units
from tests.builders import a_project, a_service, an_inventory, digest_of
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.fake_host import KilledError

OLD, NEW = "registry:5000/web:1", "registry:5000/web:2"


def a_cluster(*hosts: str) -> FakeCluster:
    return FakeCluster(an_inventory(hosts or ("h1",)), [OLD, NEW])


def planned(cluster: FakeCluster, project: Project) -> Plan:
    request = LookRequest(tuple(service.image for service in project.services))
    return plan_apply(cluster.inventory, project, cluster.look(cluster.inventory.hosts, request))


def applied(cluster: FakeCluster, project: Project) -> Report:
    return carry_out(cluster, planned(cluster, project))


def test_an_applied_unit_runs_its_container() -> None:
    cluster = a_cluster()

    report = applied(cluster, a_project(a_service(port=80, environment={"KEY": "value"})))

    host = cluster.hosts["h1"]
    container = host.containers["shop-web-1"]
    assert report.ok
    assert container.image == f"registry:5000/web@{digest_of(OLD)}"
    assert [use.port for use in container.ports] == [80]
    assert container.env_file == "/etc/clusterctl/env/shop-web-1.env"
    assert host.env == {"shop-web-1": "KEY=value\n"}
    assert host.active == {"clusterctl-shop-web-1.service": "active"}
    assert host.enabled == {"clusterctl-shop-web-1.service"}
    assert list(host.manifests) == ["shop"]


def test_a_look_shows_what_runs() -> None:
    cluster = a_cluster()
    applied(cluster, a_project(a_service(port=80)))

    unit = observe_units(cluster.see(), "test")[0]

    assert (unit.state, unit.health, unit.is_well, unit.intact, unit.runs_its_unit) == (
        "running",
        "none",
        True,
        True,
        True,
    )


def test_a_look_changes_nothing() -> None:
    cluster = a_cluster()
    applied(cluster, a_project())
    before = copy.deepcopy(cluster.hosts)

    cluster.look(cluster.inventory.hosts, LookRequest((OLD,)))

    assert cluster.hosts == before


def test_a_broken_image_puts_the_previous_unit_back() -> None:
    cluster = a_cluster()
    applied(cluster, a_project(a_service(image=OLD, environment={"A": "old"})))
    before = copy.deepcopy(cluster.hosts["h1"])
    cluster.broken_images = {NEW}

    report = applied(cluster, a_project(a_service(image=NEW, environment={"A": "new"})))

    host = cluster.hosts["h1"]
    assert [result.restored for result in report.failed] == [True]
    assert (host.files, host.env, host.active, host.containers, host.enabled) == (
        before.files,
        before.env,
        before.active,
        before.containers,
        before.enabled,
    )


def test_a_broken_first_unit_stays_failed_and_does_not_start_at_boot() -> None:
    cluster = a_cluster()
    cluster.broken_images = {OLD}

    report = applied(cluster, a_project())

    host = cluster.hosts["h1"]
    assert [result.restored for result in report.failed] == [False]
    assert host.active == {"clusterctl-shop-web-1.service": "failed"}
    assert (host.enabled, host.containers) == (set(), {})


def test_a_port_in_use_fails_the_start() -> None:
    cluster = a_cluster()
    plan = planned(cluster, a_project(a_service(port=80)))
    cluster.hosts["h1"].listeners.add(80)

    report = carry_out(cluster, plan)

    assert [result.detail for result in report.failed] == [
        "clusterctl-shop-web-1.service did not become healthy"
    ]


def test_a_step_planned_for_another_unit_does_nothing() -> None:
    cluster = a_cluster()
    applied(cluster, a_project())
    plan = planned(cluster, a_project(a_service(image=NEW)))
    cluster.hosts["h1"].files["clusterctl-shop-web-1.service"] += "# edited\n"

    report = carry_out(cluster, plan)

    assert [result.detail for result in report.failed] == [
        "clusterctl-shop-web-1.service has changed since the plan was made"
    ]
    assert cluster.hosts["h1"].containers["shop-web-1"].image.endswith(digest_of(OLD))


def test_a_removed_unit_leaves_its_volume() -> None:
    cluster = a_cluster()
    applied(cluster, a_project())
    cluster.hosts["h1"].volumes.add("shop_data")

    carry_out(cluster, plan_delete(cluster.inventory, "shop", cluster.see()))

    host = cluster.hosts["h1"]
    assert (host.files, host.env, host.active, host.enabled, host.containers) == ({}, {}, {}, set(), {})
    assert (host.manifests, host.volumes) == ({}, {"shop_data"})


def test_a_crash_can_come_between_the_unit_and_its_container() -> None:
    cluster = a_cluster()
    applied(cluster, a_project())
    plan = planned(cluster, a_project(a_service(image=NEW)))
    unit = "clusterctl-shop-web-1.service"

    seen = set()
    for k in range(20):
        struck = copy.deepcopy(cluster)
        struck.effects, struck.crash_after = 0, k
        try:
            carry_out(struck, plan)
        except KilledError:
            host = struck.hosts["h1"]
            container = host.containers.get("shop-web-1")
            seen.add(
                (
                    digest_of(NEW) in host.files[unit],
                    host.loaded[unit] == host.files[unit],
                    container.image.endswith(digest_of(NEW)) if container else None,
                )
            )

    assert seen >= {
        (False, True, False),
        (True, False, False),
        (True, True, False),
        (True, True, None),
        (True, True, True),
    }


def test_an_unreachable_host_and_a_locked_one_answer_so() -> None:
    cluster = a_cluster("h1", "h2", "h3")
    plan = planned(cluster, a_project(a_service(replicas=3)))
    cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "connection refused")
    cluster.hosts["h3"].locked_by = "apply by dev"

    results = cluster.perform(plan.batches[0], lambda _: None, 0)

    assert [(r.step.host, r.status, r.detail, r.locked) for r in results] == [
        ("h1", "changed", "", False),
        ("h2", "failed", "connection refused", False),
        ("h3", "failed", "locked: apply by dev", True),
    ]
    assert isinstance(cluster.see().hosts["h2"], Unreachable)


def test_a_host_of_another_cluster_refuses() -> None:
    cluster = a_cluster()
    plan = planned(cluster, a_project())
    cluster.hosts["h1"].cluster = "other"

    results = cluster.perform(plan.batches[0], lambda _: None, 0)

    assert results[0].detail == "refused by the host: this host belongs to cluster other, not test"


@pytest.mark.parametrize(
    ("broken", "image", "error"),
    [
        ("nothing", "registry:5000/none:1", "manifest unknown: registry:5000/none:1"),
        ("registry", OLD, "dial tcp 10.0.0.9:5000: connect: connection refused"),
        ("docker", OLD, "docker does not answer, so the registry was not asked"),
    ],
)
def test_an_image_that_cannot_be_resolved_says_why(broken: str, image: str, error: str) -> None:
    cluster = a_cluster()
    cluster.registry_answers = broken != "registry"
    cluster.hosts["h1"].docker = broken != "docker"

    snapshot = cluster.look(cluster.inventory.hosts, LookRequest((image,)))

    assert snapshot.seen[0].resolved[image].error == error


def test_a_reboot_starts_what_is_enabled_without_the_registry() -> None:
    cluster = a_cluster()
    applied(cluster, a_project())
    cluster.registry_answers = False

    cluster.reboot("h1")

    assert cluster.hosts["h1"].active == {"clusterctl-shop-web-1.service": "active"}
    assert list(cluster.hosts["h1"].containers) == ["shop-web-1"]


def test_a_failing_pull_stops_before_any_unit() -> None:
    cluster = a_cluster()
    cluster.failing_pulls = {f"registry:5000/web@{digest_of(OLD)}"}

    report = applied(cluster, a_project())

    assert report.batches_done == 0
    assert cluster.hosts["h1"].files == {}


def test_results_come_in_the_order_of_the_steps() -> None:
    cluster = a_cluster("h1", "h2")
    plan = planned(cluster, a_project(a_service(replicas=4)))
    batch = replace(plan.batches[0], steps=tuple(reversed(plan.batches[0].steps)))

    results = cluster.perform(Batch("reversed", batch.steps), lambda _: None, 0)

    assert tuple(result.step for result in results) == batch.steps


def test_the_three_newest_generations_are_kept_and_shown_when_asked_for() -> None:
    cluster = a_cluster()
    for user in ("1", "2", "3", "4"):
        applied(cluster, a_project(a_service(user=user)))

    seen = cluster.look(cluster.inventory.hosts, LookRequest(history=True)).seen[0]

    assert list(seen.history) == ["shop@2", "shop@3", "shop@4"]
    assert seen.history["shop@4"] == seen.manifests["shop"]
    assert cluster.see().seen[0].history == {}


def test_a_deleted_project_leaves_no_history() -> None:
    cluster = a_cluster()
    applied(cluster, a_project())

    carry_out(cluster, plan_delete(cluster.inventory, "shop", cluster.see()))

    assert cluster.hosts["h1"].history == {}


def test_a_unit_runs_since_it_was_started() -> None:
    cluster = a_cluster()
    applied(cluster, a_project())
    first = cluster.see().seen[0]

    applied(cluster, a_project(a_service(image=NEW)))

    second = cluster.see().seen[0]
    assert first.units[0].since_s is not None
    assert second.units[0].since_s is not None
    assert first.units[0].since_s < second.units[0].since_s <= second.clock_s


def test_the_operator_s_command_fails_when_it_is_told_to() -> None:
    cluster = a_cluster()
    cluster.failing_commands = {"false"}
    steps = tuple(RunCommand(OPERATOR, command, 5.0, "a gate") for command in ("true", "false"))

    results = cluster.perform(Batch("gate", steps), lambda _: None, 0)

    assert [result.status for result in results] == ["changed", "failed"]
    assert cluster.commands == [("", "true"), ("", "false")]
