"""What an apply changes, why, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clusterctl.model.plan import Plan
from clusterctl.model.service import HealthCheck, Mount
from clusterctl.model.snapshot import HostFacts, Snapshot, UnitFact
from clusterctl.model.step import ApplyUnit, RemoveManifest, RemoveUnit, WriteManifest
from clusterctl.planning.deploy import Terms, plan_apply, plan_delete
from clusterctl.planning.generations import latest_manifest
from tests.builders import GIB, MIB, a_project, a_service, an_inventory, digest_of, facts_of
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import a_fleet, plan_for
from tests.planning.worlds import apply, look, plan

OLD, NEW = "registry:5000/web:1", "registry:5000/web:2"
UNIT = "clusterctl-shop-web-1.service"
CHECK = HealthCheck(("CMD", "true"))


def a_cluster(*hosts: str) -> FakeCluster:
    return FakeCluster(an_inventory(hosts or ("h1",)), [OLD, NEW])


def running(*services: Any, hosts: tuple[str, ...] = ("h1",)) -> FakeCluster:
    cluster = a_cluster(*hosts)
    assert apply(cluster, a_project(*services)).ok
    return cluster


def changes(found: Plan) -> list[tuple[str, str, str, str]]:
    return [(c.kind, c.instance.name, c.host, c.reason) for c in found.changes]


def actions(found: Plan) -> list[str]:
    return [step.action for batch in found.batches for step in batch.steps if isinstance(step, ApplyUnit)]


def with_unit(snapshot: Snapshot, **fields: Any) -> Snapshot:
    """Return the look with other facts of the one unit on h1."""
    facts = snapshot.hosts["h1"]
    assert isinstance(facts, HostFacts)
    return Snapshot({"h1": replace(facts, units=(replace(facts.units[0], **fields),))})


def test_a_second_apply_has_nothing_to_change() -> None:
    cluster = running(a_service(replicas=2), hosts=("h1", "h2"))

    found = plan(cluster, a_project(a_service(replicas=2)))

    assert found.is_empty
    assert (found.unchanged, found.changes, found.generation) == (2, (), 1)


def test_one_environment_value_changes_only_its_service() -> None:
    web, api = a_service("web", environment={"KEY": "old"}), a_service("api", environment={"KEY": "old"})
    cluster = running(web, api)

    found = plan(cluster, a_project(replace(web, environment={"KEY": "new"}), api))

    assert changes(found) == [("replace", "shop-web-1", "h1", "changed: environment")]
    assert [(f.field, f.old, f.new) for f in found.changes[0].fields] == [("environment", "", "~KEY")]
    assert found.unchanged == 1


def test_a_removed_service_is_pruned_and_only_it() -> None:
    cluster = running(a_service("web"), a_service("api"))

    found = plan(cluster, a_project(a_service("web")))

    assert changes(found) == [("remove", "shop-api-1", "h1", "service api is no longer in the playbook")]


def test_another_project_is_not_touched() -> None:
    cluster = running(a_service())
    apply(cluster, a_project(a_service(), name="other"))

    found = plan_delete(cluster.inventory, "other", cluster.see())

    assert changes(found) == [("remove", "other-web-1", "h1", "the project is deleted")]


def test_fewer_replicas_restart_nothing() -> None:
    cluster = running(a_service(replicas=3))

    found = plan(cluster, a_project(a_service(replicas=2)))

    assert [kind for kind, *_ in changes(found)] == ["remove"]
    assert actions(found) == []


def test_a_tag_that_moved_replaces() -> None:
    cluster = running(a_service())
    cluster.registry[OLD] = digest_of(NEW)

    found = plan(cluster, a_project())

    assert changes(found) == [("replace", "shop-web-1", "h1", "changed: image digest")]


def test_an_edited_unit_is_written_anew_when_told_to() -> None:
    cluster = running(a_service())
    host = cluster.hosts["h1"]
    host.files[UNIT] = host.files[UNIT].replace("Restart=always", "Restart=no")

    found = plan_apply(
        cluster.inventory, a_project(), look(cluster, a_project()), terms=Terms(overwrite=True)
    )

    assert changes(found) == [("replace", "shop-web-1", "h1", "the unit file was edited or cut by hand")]
    assert carry_out(cluster, found).ok
    assert "Restart=always" in host.files[UNIT]


def test_an_env_file_that_differs_is_written_anew() -> None:
    cluster = running(a_service(environment={"KEY": "value"}))
    cluster.hosts["h1"].env["shop-web-1"] = "KEY=other\n"

    found = plan(cluster, a_project(a_service(environment={"KEY": "value"})))

    assert changes(found) == [("replace", "shop-web-1", "h1", "the env file on the host differs")]


def test_a_missing_env_file_is_written_anew() -> None:
    cluster = running(a_service(environment={"KEY": "value"}))
    cluster.hosts["h1"].env.clear()

    found = plan(cluster, a_project(a_service(environment={"KEY": "value"})))

    assert changes(found) == [("replace", "shop-web-1", "h1", "the env file on the host differs")]


def test_a_container_of_an_older_unit_is_replaced() -> None:
    cluster = running(a_service())
    host = cluster.hosts["h1"]
    container = host.containers["shop-web-1"]
    host.containers["shop-web-1"] = replace(
        container, labels=dict(container.labels) | {"io.clusterctl.spec": "sha256:old"}
    )

    found = plan(cluster, a_project())

    assert changes(found) == [("replace", "shop-web-1", "h1", "the running container is of an older unit")]


def test_a_failed_unit_is_started() -> None:
    cluster = running(a_service())
    cluster.hosts["h1"].active[UNIT] = "failed"
    cluster.hosts["h1"].containers.clear()

    found = plan(cluster, a_project())

    assert changes(found) == [("start", "shop-web-1", "h1", "the unit is failed (exit-code)")]
    assert actions(found) == ["start"]


def test_a_stopped_unit_is_started_and_its_file_stays() -> None:
    cluster = running(a_service())
    host = cluster.hosts["h1"]
    host.active[UNIT], text = "inactive", host.files[UNIT]
    host.containers.clear()

    found = plan(cluster, a_project())

    assert changes(found) == [("start", "shop-web-1", "h1", "the unit is stopped")]
    assert carry_out(cluster, found).ok
    assert host.files[UNIT] == text


def test_a_unit_that_waits_to_be_restarted_has_failed() -> None:
    cluster = running(a_service())
    snapshot = with_unit(look(cluster, a_project()), active="activating", sub="auto-restart")

    found = plan_apply(cluster.inventory, a_project(), snapshot)

    assert changes(found) == [("start", "shop-web-1", "h1", "the unit is failed (success)")]


def test_an_unhealthy_container_is_restarted() -> None:
    cluster = running(a_service(healthcheck=CHECK))
    host = cluster.hosts["h1"]
    host.containers["shop-web-1"] = replace(host.containers["shop-web-1"], health="unhealthy")

    found = plan(cluster, a_project(a_service(healthcheck=CHECK)))

    assert changes(found) == [("start", "shop-web-1", "h1", "the container is unhealthy")]
    assert actions(found) == ["restart"]


def test_a_unit_without_its_container_is_restarted() -> None:
    cluster = running(a_service())
    cluster.hosts["h1"].containers.clear()

    assert actions(plan(cluster, a_project())) == ["restart"]


def test_a_disabled_unit_is_enabled_without_a_restart() -> None:
    cluster = running(a_service())
    cluster.hosts["h1"].enabled.clear()

    found = plan(cluster, a_project())

    assert changes(found) == [("start", "shop-web-1", "h1", "the unit does not start at boot")]
    assert actions(found) == ["enable"]


def test_a_unit_that_systemd_has_not_read_again_is_read() -> None:
    cluster = running(a_service())
    snapshot = with_unit(look(cluster, a_project()), need_reload=True)

    found = plan_apply(cluster.inventory, a_project(), snapshot)

    assert changes(found) == [("start", "shop-web-1", "h1", "systemd has not read the unit again")]
    assert actions(found) == ["enable"]


def test_a_drop_in_is_told_and_left() -> None:
    cluster = running(a_service())
    snapshot = with_unit(look(cluster, a_project()), drop_ins=("/etc/systemd/system/x.d/a.conf",))

    found = plan_apply(cluster.inventory, a_project(), snapshot)

    assert found.is_empty
    assert found.notes == (
        f"h1: {UNIT} is altered by /etc/systemd/system/x.d/a.conf (not ours; left as it is)",
    )


def test_a_lost_manifest_is_written_again_and_nothing_else() -> None:
    cluster = running(a_service(), hosts=("h1", "h2"))
    cluster.hosts["h2"].manifests.clear()

    found = plan(cluster, a_project())

    assert [(b.title, b.hosts) for b in found.batches] == [("record", ("h2",))]
    assert found.generation == 1


def test_all_hosts_get_the_same_manifest_with_the_pinned_image() -> None:
    cluster = running(a_service(replicas=2), hosts=("h1", "h2", "h3"))

    texts = {host.manifests["shop"] for host in cluster.hosts.values()}
    manifest = latest_manifest(cluster.see(), "test", "shop")

    assert len(texts) == 1
    assert manifest is not None
    assert manifest.pinned == {"web": f"registry:5000/web@{digest_of(OLD)}"}
    assert manifest.placements == {"shop-web-1": "h1", "shop-web-2": "h2"}


def test_the_manifest_comes_last() -> None:
    found = plan(a_cluster(), a_project())

    assert [batch.title for batch in found.batches] == ["pull images", "start", "record"]
    assert isinstance(found.batches[-1].steps[0], WriteManifest)


def test_no_environment_value_is_in_what_a_plan_shows() -> None:
    """I9. Caught: `environment` or `text` of a step without `repr=False`."""
    found = plan(a_cluster(), a_project(a_service(environment={"KEY": "s3cret"})))

    assert "s3cret" not in repr(found)


def test_a_full_disk_blocks_a_replacement_before_anything_stops() -> None:
    cluster = running(a_service())
    snapshot = look(cluster, a_project())
    facts = snapshot.hosts["h1"]
    assert isinstance(facts, HostFacts)
    full = Snapshot({"h1": replace(facts, disk_free_bytes=9 * GIB)})

    found = plan_apply(cluster.inventory, a_project(a_service(user="1000")), full)

    assert [(b.kind, b.host, b.reason) for b in found.blocked] == [
        ("guard", "h1", "disk nearly full: less than 10240 MiB free for docker")
    ]
    assert found.batches == ()


def test_docker_must_answer_where_something_changes() -> None:
    cluster = running(a_service(), hosts=("h1", "h2"))
    cluster.hosts["h1"].docker = False

    found = plan(cluster, a_project(a_service(user="1000")))

    assert [(b.kind, b.host) for b in found.blocked] == [("unreachable", "h1")]


def test_where_nothing_changes_docker_need_not_answer() -> None:
    cluster = running(a_service(), hosts=("h1", "h2"))
    cluster.hosts["h2"].docker = False

    assert plan(cluster, a_project()).is_empty


def test_a_move_says_from_where() -> None:
    cluster = running(a_service(memory_mb=100), hosts=("h1", "h2"))
    inventory = replace(
        cluster.inventory,
        hosts=tuple(
            replace(h, capacity=replace(h.capacity, memory_bytes=150 * MIB)) if h.name == "h1" else h
            for h in cluster.inventory.hosts
        ),
    )
    project = a_project(a_service(memory_mb=200))

    found = plan_apply(inventory, project, look(cluster, project))

    assert changes(found) == [
        ("remove", "shop-web-1", "h1", "150 MiB left to reserve"),
        ("move", "shop-web-1", "h2", "from h1"),
    ]


def test_a_unit_of_another_cluster_is_foreign() -> None:
    cluster = running(a_service())
    theirs = replace(cluster.inventory, cluster="theirs")
    facts = replace(look(cluster, a_project()).seen[0], cluster="")

    found = plan_delete(theirs, "shop", Snapshot({"h1": facts}))

    assert [step for batch in found.batches for step in batch.steps if isinstance(step, RemoveUnit)] == []


def test_a_unit_under_another_file_name_is_foreign() -> None:
    cluster = running(a_service())
    facts = look(cluster, a_project()).seen[0]
    copied = UnitFact("clusterctl-copy.service", facts.units[0].text, active="active")

    found = plan_delete(
        cluster.inventory, "shop", Snapshot({"h1": replace(facts, units=(*facts.units, copied))})
    )

    assert [c.instance.name for c in found.changes] == ["shop-web-1"]


def test_delete_removes_units_then_forgets_the_project_and_keeps_volumes() -> None:
    cluster = running(a_service(mounts=(Mount("volume", "data", "/d"),)))

    found = plan_delete(cluster.inventory, "shop", cluster.see())

    assert [[type(step) for step in batch.steps] for batch in found.batches] == [
        [RemoveUnit],
        [RemoveManifest],
    ]
    assert found.notes == ("volumes stay on their hosts: data",)
    assert carry_out(cluster, found).ok
    assert plan_delete(cluster.inventory, "shop", cluster.see()).is_empty


def test_deleting_what_nobody_knows_is_nothing_to_do() -> None:
    found = plan_delete(an_inventory(["h1"]), "shop", Snapshot({"h1": facts_of("h1")}))

    assert found.is_empty
    assert found.notes == ("no host knows a project of that name",)


def test_a_service_whose_instances_would_be_called_as_those_of_another_project_is_refused() -> None:
    cluster = a_fleet(a_service("web-x", replicas=2), hosts=3)
    namesake = replace(a_project(a_service("x")), name="shop-web")

    found = plan_for(cluster, namesake)

    assert [(block.kind, block.reason) for block in found.blocked] == [
        ("guard", "shop-web/x and shop/web-x would share shop-web-x-1; rename one")
    ]
    assert plan_for(cluster, replace(namesake, name="shop-we")).blocked == ()
