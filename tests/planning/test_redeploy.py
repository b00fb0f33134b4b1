"""Rollback, scale, restart and move: what they plan without a playbook, and what they refuse."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from clusterctl.model.intent import (
    ApplyIntent,
    Intent,
    MoveIntent,
    RestartIntent,
    RollbackIntent,
    ScaleIntent,
)
from clusterctl.model.plan import Plan
from clusterctl.model.report import Report
from clusterctl.model.service import Canary, Constraint, Mount, Service, UpdateConfig
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.model.step import WriteManifest
from clusterctl.operations.execute import execute
from clusterctl.planning.generations import latest_manifest, manifests_of
from clusterctl.planning.intents import freeze, plan_intent, request_of
from clusterctl.planning.manifest import project_of
from tests.builders import a_project, a_service, an_inventory
from tests.conduct import NOW_S, a_pipeline_for, a_summary, carry_out, conduct_for
from tests.fake_cluster import FakeCluster
from tests.fake_host import KilledError
from tests.planning.watch import Watched
from tests.planning.worlds import apply, plan

OLD, NEW, API = "registry:5000/web:1", "registry:5000/web:2", "registry:5000/api:1"
BACK = UpdateConfig(failure_action="rollback")


def running(*services: Service, hosts: Any = ("h1", "h2", "h3")) -> FakeCluster:
    cluster = FakeCluster(an_inventory(hosts), [OLD, NEW, API])
    assert apply(cluster, a_project(*services)).ok
    return cluster


def planned(cluster: FakeCluster, intent: Intent) -> Plan:
    snapshot = cluster.look(cluster.inventory.hosts, request_of(intent))
    return plan_intent(intent, cluster.inventory, snapshot, ignored=frozenset(), run=a_summary(), now_s=NOW_S)


def frozen(cluster: FakeCluster, intent: Intent) -> Intent:
    return freeze(intent, cluster.look(cluster.inventory.hosts, request_of(intent)))


def done(cluster: FakeCluster, intent: Intent) -> Report:
    return carry_out(cluster, planned(cluster, intent))


def changes(found: Plan) -> list[tuple[str, str, str]]:
    return [(change.kind, change.instance.name, change.host) for change in found.changes]


def reasons(found: Plan) -> list[tuple[str, str, str]]:
    return [(block.kind, block.host, block.reason) for block in found.blocked]


def order(found: Plan) -> list[tuple[str, list[str]]]:
    return [(batch.title, [f"{step.host}" for step in batch.steps]) for batch in found.batches]


def images(cluster: FakeCluster) -> dict[str, str]:
    tags = {digest: tag for tag, digest in cluster.registry.items()}
    return {
        name: tags[container.image.partition("@")[2]]
        for host in cluster.hosts.values()
        for name, container in sorted(host.containers.items())
    }


def containers(cluster: FakeCluster) -> dict[str, Any]:
    return {name: dict(host.containers) for name, host in cluster.hosts.items()}


def present(cluster: FakeCluster) -> tuple[int, int]:
    manifest = latest_manifest(cluster.see(), "test", "shop")
    assert manifest
    return manifest.generation, manifest.revision


# --- rollback ------------------------------------------------------------------------------------


def test_a_rollback_brings_the_version_before_back_as_a_new_generation() -> None:
    cluster = running(a_service(replicas=2))
    before = containers(cluster)
    apply(cluster, a_project(a_service(image=NEW, replicas=2)))
    cluster.registry_answers = False

    report = done(cluster, RollbackIntent("shop"))

    assert report.ok
    assert report.plan.notes == ("back to what generation 1 was",)
    assert containers(cluster) == before
    assert present(cluster) == (3, 0)


def test_a_second_rollback_brings_the_newer_version_again() -> None:
    cluster = running(a_service())
    apply(cluster, a_project(a_service(image=NEW)))
    done(cluster, RollbackIntent("shop"))

    done(cluster, RollbackIntent("shop"))

    assert images(cluster) == {"shop-web-1": NEW}
    assert present(cluster) == (4, 0)


def test_a_rollback_goes_to_any_generation_that_is_kept() -> None:
    cluster = running(a_service())
    apply(cluster, a_project(a_service(image=NEW)))
    apply(cluster, a_project(a_service(image=API)))

    assert done(cluster, RollbackIntent("shop", 1)).ok

    assert images(cluster) == {"shop-web-1": OLD}


def test_a_generation_that_is_not_kept_is_refused_and_the_kept_ones_are_named() -> None:
    cluster = running(a_service())
    for user in ("1", "2", "3"):
        apply(cluster, a_project(a_service(user=user)))

    found = planned(cluster, RollbackIntent("shop", 1))

    assert found.batches == ()
    assert reasons(found) == [("guard", "", "generation 1 of shop is not kept (kept: 2, 3, 4)")]


def test_a_project_that_was_never_changed_has_nothing_to_go_back_to() -> None:
    found = planned(running(a_service()), RollbackIntent("shop"))

    assert reasons(found) == [("guard", "", "nothing older that differs is kept of shop (kept: 1)")]


def test_a_project_nobody_knows_is_refused() -> None:
    cluster = running(a_service())

    assert reasons(planned(cluster, RollbackIntent("blog"))) == [
        ("guard", "", "no host knows a project blog")
    ]
    assert reasons(planned(cluster, ScaleIntent("blog", "web", 2))) == [
        ("guard", "", "no host knows a project blog")
    ]


def test_a_rollback_rolls_as_rollback_config_says_and_without_a_canary() -> None:
    service = a_service(replicas=4, rollback=UpdateConfig(2), canary=Canary(1))
    cluster = running(service)
    apply(cluster, a_project(replace(service, image=NEW)))

    found = planned(cluster, RollbackIntent("shop"))

    assert [len(batch.steps) for batch in found.batches if batch.title.startswith("replace")] == [2, 2]


def test_a_move_between_two_versions_uses_up_no_generation() -> None:
    cluster = running(a_service(), hosts=("h1", "h2"))
    apply(cluster, a_project(a_service(image=NEW)))
    done(cluster, MoveIntent("shop-web-1", "h2"))
    done(cluster, MoveIntent("shop-web-1", "h1"))

    found = manifests_of(
        cluster.look(cluster.inventory.hosts, request_of(RollbackIntent("shop"))), "test", "shop"
    )

    assert present(cluster) == (2, 2)
    assert sorted(found) == [1, 2]
    assert done(cluster, RollbackIntent("shop")).ok
    assert images(cluster) == {"shop-web-1": OLD}


def test_going_back_from_a_half_done_apply_keeps_the_generation_and_restores_every_container() -> None:
    services = [a_service("api", replicas=3), a_service("old"), a_service("web", replicas=2, port=80)]
    cluster = running(*services)
    before, files = containers(cluster), {n: sorted(h.files) for n, h in cluster.hosts.items()}
    away = (Constraint("node.hostname", "!=", "h1"),)
    later = [
        a_service("api", image=NEW, replicas=3),
        a_service("new", constraints=away),
        a_service("web", image=NEW, replicas=2, port=80, constraints=away),
    ]
    found = plan(cluster, a_project(*later))

    for k in range(400):
        struck = copy.deepcopy(cluster)
        struck.effects, struck.crash_after = 0, k
        try:
            carry_out(struck, found)
        except KilledError:
            struck.crash_after = None
            if present(struck) != (1, 0):
                continue
            report = done(struck, RollbackIntent("shop", 1))
            assert report.ok
            assert containers(struck) == before, k
            assert {n: sorted(h.files) for n, h in struck.hosts.items()} == files
            assert present(struck) == (1, 0)
            assert planned(struck, RollbackIntent("shop", 1)).is_empty
        else:
            return
    pytest.fail("the apply never ended")


def test_a_broken_version_takes_the_whole_fleet_back_when_told_so() -> None:
    """The first instance of the new version is put back by its host; what else was done is undone by the run."""
    cluster = running(a_service(replicas=9, update=BACK), a_service("api"))
    before = containers(cluster)
    wanted = a_project(
        a_service(image=NEW, replicas=9, update=BACK), a_service("api", image=API), a_service("b")
    )
    cluster.broken_images = {NEW}

    watched = Watched(cluster, wanted)
    report = a_pipeline_for(cluster, ApplyIntent(wanted), watched).carry_out(lambda _: True, lambda: "")

    assert report is not None
    assert report.rolled_back is not None
    assert not report.ok
    assert containers(cluster) == before
    assert present(cluster) == (1, 0)


def test_a_rollback_killed_after_each_effect_is_finished_by_the_same_intent() -> None:
    cluster = running(a_service("api", replicas=2, environment={"A": "1"}), a_service("old"))
    apply(cluster, a_project(a_service("api", image=NEW, replicas=3), a_service("new")))
    before = images(cluster)
    intent = frozen(cluster, RollbackIntent("shop"))
    assert intent == RollbackIntent("shop", 1, getattr(intent, "content", ""))
    found = planned(cluster, intent)

    for k in range(400):
        struck = copy.deepcopy(cluster)
        struck.effects, struck.crash_after = 0, k
        try:
            carry_out(struck, found)
        except KilledError:
            struck.crash_after = None
            assert done(struck, intent).ok
            assert images(struck) == {"shop-api-1": OLD, "shop-api-2": OLD, "shop-old-1": OLD} != before
            assert planned(struck, intent).is_empty
        else:
            return
    pytest.fail("the rollback never ended")


def test_a_rollback_that_is_done_is_known_even_when_its_generation_is_no_longer_kept() -> None:
    cluster = running(a_service())
    apply(cluster, a_project(a_service(image=NEW)))
    apply(cluster, a_project(a_service(image=API)))
    intent = frozen(cluster, RollbackIntent("shop", 1))
    assert done(cluster, intent).ok

    assert planned(cluster, intent).is_empty
    assert reasons(planned(cluster, RollbackIntent("shop", 1)))[0][2].startswith("generation 1 of shop")


# --- scale ---------------------------------------------------------------------------------------


def test_scale_changes_the_replicas_of_one_service_and_keeps_the_pins() -> None:
    cluster = running(a_service("api"), a_service("web", replicas=2))
    cluster.registry_answers = False

    found = planned(cluster, ScaleIntent("shop", "web", 3))

    assert changes(found) == [("create", "shop-web-3", "h1")]
    assert carry_out(cluster, found).ok
    assert planned(cluster, ScaleIntent("shop", "web", 3)).is_empty
    assert present(cluster) == (2, 0)


def test_scale_to_fewer_removes_the_highest_slots() -> None:
    found = planned(running(a_service(replicas=3)), ScaleIntent("shop", "web", 1))

    assert changes(found) == [("remove", "shop-web-2", "h2"), ("remove", "shop-web-3", "h3")]


def test_a_global_service_and_an_unknown_one_are_not_scaled() -> None:
    cluster = running(a_service(mode="global"))

    assert reasons(planned(cluster, ScaleIntent("shop", "web", 2))) == [
        ("guard", "", "web is global: it has one instance on each host")
    ]
    assert reasons(planned(cluster, ScaleIntent("shop", "api", 2))) == [
        ("guard", "", "shop has no service api (it has web)")
    ]


# --- restart -------------------------------------------------------------------------------------


def test_a_restart_goes_in_groups_and_changes_no_unit() -> None:
    cluster = running(a_service(replicas=3), a_service("api"))
    files = {name: dict(host.files) for name, host in cluster.hosts.items()}
    since = {name: dict(host.since) for name, host in cluster.hosts.items()}

    found = planned(cluster, frozen(cluster, RestartIntent("shop", "web")))
    report = execute(Watched(cluster, a_project(a_service(replicas=3))), found, conduct_for(cluster))

    assert [batch.title for batch in found.batches] == ["restart 1 of 3", "restart 2 of 3", "restart 3 of 3"]
    assert report.ok
    assert {name: dict(host.files) for name, host in cluster.hosts.items()} == files
    later = {unit for name, host in cluster.hosts.items() for unit in host.since if host.since != since[name]}
    assert later >= {f"clusterctl-shop-web-{slot}.service" for slot in (1, 2, 3)}


def test_a_restart_taken_up_again_leaves_those_that_are_done() -> None:
    cluster = running(a_service(replicas=3))
    intent = frozen(cluster, RestartIntent("shop", "web"))
    cluster.perform(planned(cluster, intent).batches[0], lambda _: None, 0)

    found = planned(cluster, intent)

    assert changes(found) == [("restart", "shop-web-2", "h2"), ("restart", "shop-web-3", "h3")]
    assert carry_out(cluster, found).ok
    assert planned(cluster, intent).is_empty


def test_clocks_of_hosts_that_differ_hide_no_instance_from_a_restart() -> None:
    cluster = running(a_service(replicas=3))
    cluster.hosts["h1"].since["clusterctl-shop-web-1.service"] = cluster.clock_s - 10
    hosts = {facts.host: facts for facts in cluster.see().seen}
    hosts["h2"] = replace(hosts["h2"], clock_s=cluster.clock_s - 60)
    cluster.hosts["h2"].since = {unit: since_s - 60 for unit, since_s in cluster.hosts["h2"].since.items()}
    intent = freeze(RestartIntent("shop", "web"), Snapshot(hosts))

    assert len(changes(planned(cluster, intent))) == 3


def test_a_restart_of_a_quorum_goes_one_at_a_time() -> None:
    cluster = running(a_service(replicas=3, quorum="etcd", update=UpdateConfig(0)))

    found = planned(cluster, RestartIntent("shop", "web"))

    assert [len(batch.steps) for batch in found.batches] == [1, 1, 1]


def test_a_restart_needs_docker() -> None:
    cluster = running(a_service(replicas=2))
    cluster.hosts["h2"].docker = False

    found = planned(cluster, RestartIntent("shop", "web"))

    assert ("unreachable", "h2", "shop-web-2: cannot restart it: docker does not answer") in reasons(found)


# --- move ----------------------------------------------------------------------------------------


def test_a_move_starts_elsewhere_and_then_removes() -> None:
    cluster = running(a_service(port=80))

    found = planned(cluster, MoveIntent("shop-web-1", "h3"))

    assert changes(found) == [("remove", "shop-web-1", "h1"), ("move", "shop-web-1", "h3")]
    assert order(found)[1:3] == [("start", ["h3"]), ("remove", ["h1"])]
    assert carry_out(cluster, found).ok
    assert planned(cluster, MoveIntent("shop-web-1", "h3")).is_empty
    assert plan(cluster, a_project(a_service(port=80))).is_empty
    records = [s for b in found.batches for s in b.steps if isinstance(s, WriteManifest)]
    assert {step.generation for step in records} == {1}


@pytest.mark.parametrize(
    ("service", "host", "refusal"),
    [
        ({}, "h9", ("guard", "h9", "is not in the inventory")),
        (
            {"constraints": (Constraint("node.hostname", "!=", "h2"),)},
            "h2",
            ("guard", "h2", "shop-web-1 may not go there: constraint node.hostname != h2 does not hold"),
        ),
        (
            {"mounts": (Mount("volume", "data", "/data"),)},
            "h2",
            ("guard", "h1", "shop-web-1 cannot leave: volume data holds its data here"),
        ),
        ({"mode": "global"}, "h2", ("guard", "", "web is global: it has one instance on each host")),
        (
            {"port": 80, "replicas": 2},
            "h2",
            ("guard", "h2", "shop-web-1 may not go there: port 80/tcp is taken by shop-web-2"),
        ),
    ],
)
def test_a_move_that_cannot_be_says_why(service: dict[str, Any], host: str, refusal: tuple[str, ...]) -> None:
    cluster = running(a_service(**service))

    found = planned(cluster, MoveIntent("shop-web-1", host))

    assert found.batches == ()
    assert reasons(found) == [refusal]


def test_a_move_to_a_cordoned_host_is_refused_and_one_of_nobody_too() -> None:
    cluster = running(a_service())
    cluster.hosts["h2"].markers["cordoned"] = "by ops"

    assert reasons(planned(cluster, MoveIntent("shop-web-1", "h2"))) == [
        ("guard", "h2", "shop-web-1 may not go there: cordoned by ops")
    ]
    assert reasons(planned(cluster, MoveIntent("shop-api-1", "h2"))) == [
        ("guard", "", "no host runs an instance shop-api-1, and no manifest has one")
    ]


def test_a_move_killed_after_each_effect_is_finished_by_the_same_intent() -> None:
    cluster = running(a_service(replicas=2, port=80))
    intent = MoveIntent("shop-web-1", "h3")
    found = planned(cluster, intent)

    for k in range(100):
        struck = copy.deepcopy(cluster)
        struck.effects, struck.crash_after = 0, k
        try:
            carry_out(struck, found)
        except KilledError:
            struck.crash_after = None
            assert done(struck, intent).ok
            assert {n: sorted(h.containers) for n, h in struck.hosts.items()} == {
                "h1": [],
                "h2": ["shop-web-2"],
                "h3": ["shop-web-1"],
            }
            assert planned(struck, intent).is_empty
        else:
            return
    pytest.fail("the move never ended")


def test_an_unreachable_host_blocks_all_of_them() -> None:
    cluster = running(a_service(replicas=2))
    apply(cluster, a_project(a_service(image=NEW, replicas=2)))
    cluster.hosts["h3"].unreachable = Unreachable("h3", "connect", "connection refused")

    intents: list[Intent] = [
        RollbackIntent("shop"),
        ScaleIntent("shop", "web", 3),
        RestartIntent("shop", "web"),
        MoveIntent("shop-web-1", "h2"),
    ]

    for intent in intents:
        assert reasons(planned(cluster, intent)) == [("unreachable", "h3", "connection refused")]


def test_what_a_manifest_of_another_release_lacks_has_its_default() -> None:
    cluster = running(a_service())
    manifest = latest_manifest(cluster.see(), "test", "shop")
    assert manifest
    older = {name: {"name": "web", "image": OLD} for name in manifest.services}

    assert project_of(replace(manifest, services=older)) == a_project(a_service())
