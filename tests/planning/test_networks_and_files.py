"""Networks and files of instances: names, digests, and what is left on hosts, on the fake cluster."""

from __future__ import annotations

import contextlib

import pytest

from clusterctl.model.network import Network, NetworkUse
from clusterctl.model.service import File, Service
from clusterctl.model.snapshot import HostFacts, LookRequest, Resolved, Snapshot
from clusterctl.model.step import ApplyUnit
from clusterctl.planning.deploy import plan_apply, plan_delete
from clusterctl.planning.diff import diff_service
from clusterctl.planning.manifest import make_manifest
from clusterctl.planning.networks import make_script, network_name
from clusterctl.planning.spec import spec_digest
from tests.builders import DIGEST, PINNED, a_project, a_service, a_snapshot, an_inventory, facts_of
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.fake_host import KilledError
from tests.planning.worlds import apply

INNER = NetworkUse(Network("back", internal=True))
TOKEN = File("secret", "token", "/run/secrets/token", "s3cret")


def with_networks(*uses: NetworkUse) -> Service:
    return a_service(networks=uses)


def test_names_are_compose_s_and_those_of_networks_that_are_not_plain_say_what_they_are() -> None:
    assert network_name("shop", Network("default")) == "shop_default"
    assert network_name("shop", Network("back", internal=True)) == "shop_back-ca4cba01"
    assert network_name("shop", Network("back", "proxy", internal=True)) == "proxy"
    assert network_name("shop", Network("proxy", external=True)) == "proxy"


def test_nobody_makes_a_network_that_is_external_or_none() -> None:
    assert make_script(with_networks(NetworkUse(Network("proxy", external=True))), "shop") == ""
    assert make_script(a_service(network_mode="host"), "shop") == ""


def test_a_changed_network_is_a_change_of_its_services() -> None:
    cluster = FakeCluster(an_inventory(["h1"]))
    apply(cluster, a_project(with_networks(NetworkUse(Network("back")))))

    plan = plan_apply(cluster.inventory, a_project(with_networks(INNER)), look(cluster))
    carry_out(cluster, plan)

    assert [(f.field, f.old, f.new) for f in plan.changes[0].fields] == [
        ("networks", "back", "back (internal true)")
    ]
    assert list(cluster.hosts["h1"].networks) == ["shop_back-ca4cba01"]


def test_the_last_user_on_a_host_takes_its_network_with_it() -> None:
    cluster = FakeCluster(an_inventory(["h1"]))
    cluster.hosts["h1"].networks["shop_other"] = ""
    both = a_project(a_service("web"), a_service("db", networks=(INNER,)))
    apply(cluster, both)

    apply(cluster, a_project(a_service("web")))
    after_db = dict(cluster.hosts["h1"].networks)
    carry_out(cluster, plan_delete(cluster.inventory, "shop", cluster.see()))

    assert sorted(after_db) == ["shop_default", "shop_other"]
    assert cluster.hosts["h1"].networks == {"shop_other": ""}


def look(cluster: FakeCluster) -> Snapshot:

    return cluster.look(cluster.inventory.hosts, LookRequest(("registry:5000/web:1",)))


@pytest.mark.parametrize(
    ("networks", "service", "reason"),
    [
        ({"shop_default": ""}, a_service(), "a network shop_default exists and is not ours"),
        (
            {"proxy": "0123456789abcdef"},
            with_networks(NetworkUse(Network("back", "proxy", internal=True))),
            "the network proxy is there and is another: give the changed one another name",
        ),
    ],
)
def test_a_network_that_does_not_fit_blocks_the_plan(
    networks: dict[str, str], service: Service, reason: str
) -> None:
    plan = plan_apply(an_inventory(["h1"]), a_project(service), a_snapshot(with_networks_of(networks)))

    assert [(block.host, block.reason) for block in plan.blocked] == [("h1", reason)]


def with_networks_of(networks: dict[str, str] | None) -> HostFacts:
    return facts_of("h1", networks=networks, resolved={"registry:5000/web:1": Resolved(DIGEST)})


def test_an_external_network_must_be_on_the_host() -> None:
    wanted = a_project(with_networks(NetworkUse(Network("proxy", external=True))))

    without = plan_apply(an_inventory(["h1"]), wanted, a_snapshot(with_networks_of({})))
    there = plan_apply(an_inventory(["h1"]), wanted, a_snapshot(with_networks_of({"proxy": ""})))

    assert [refusal.reason for refusal in without.unplaced[0].refusals] == [
        "has no network proxy, which is external: docker network create proxy"
    ]
    assert [change.kind for change in there.changes] == ["create"]


def test_a_changed_secret_is_a_change_and_is_not_shown() -> None:
    cluster = FakeCluster(an_inventory(["h1"]))
    apply(cluster, a_project(a_service(files=(TOKEN,))))
    changed = a_service(files=(File("secret", "token", "/run/secrets/token", "0ther"),))

    plan = plan_apply(cluster.inventory, a_project(changed), look(cluster))

    assert [(f.field, f.old, f.new) for f in plan.changes[0].fields] == [
        ("configs and secrets", "", "~secret token")
    ]
    assert "s3cret" not in repr(plan)
    assert "0ther" not in repr(plan)


def test_a_secret_is_in_the_manifest_so_that_it_can_be_started_elsewhere() -> None:
    project = a_project(a_service(files=(TOKEN,)))

    manifest = make_manifest("test", project, 1, {"web": PINNED}, {})

    assert manifest.as_project.services[0].files == (TOKEN,)


def test_the_same_content_in_two_services_cannot_be_told_from_their_digests() -> None:
    web, api = a_service("web", files=(TOKEN,)), a_service("api", files=(TOKEN,))

    assert spec_digest("shop", web, PINNED) != spec_digest("shop", api, PINNED)
    assert spec_digest("shop", web, PINNED) == spec_digest("shop", a_service("web", files=(TOKEN,)), PINNED)


def test_a_file_of_an_older_unit_goes_two_changes_later_and_all_with_the_instance() -> None:
    cluster = FakeCluster(an_inventory(["h1"]))
    for content in ("1", "2", "3"):
        apply(cluster, a_project(a_service(files=(File("secret", "token", "/t", content),))))

    kept = sorted(cluster.hosts["h1"].unit_files.values())
    carry_out(cluster, plan_delete(cluster.inventory, "shop", cluster.see()))

    assert kept == ["2", "3"]
    assert cluster.hosts["h1"].unit_files == {}


@pytest.mark.parametrize("crash_after", range(14))
def test_killed_after_any_effect_the_next_run_leaves_what_is_wanted_and_nothing_else(
    crash_after: int,
) -> None:
    cluster = FakeCluster(an_inventory(["h1"]))
    apply(cluster, a_project(a_service(files=(TOKEN,), networks=(INNER,)), a_service("db")))
    wanted = a_project(a_service(files=(File("config", "c", "/c", "new"),)))
    cluster.crash_after = cluster.effects + crash_after
    with contextlib.suppress(KilledError):
        carry_out(cluster, plan_apply(cluster.inventory, wanted, look(cluster)))
    cluster.crash_after = None

    apply(cluster, wanted)
    again = plan_apply(cluster.inventory, wanted, look(cluster))

    host = cluster.hosts["h1"]
    assert again.is_empty
    assert host.containers["shop-web-1"].networks == ("shop_default",)
    assert "new" in host.unit_files.values()
    assert set(host.networks) <= {"shop_default", "shop_back-ca4cba01"}
    carry_out(cluster, plan_delete(cluster.inventory, "shop", cluster.see()))
    assert (host.networks, host.unit_files) == ({}, {})


def test_a_start_lays_the_files_again() -> None:
    cluster = FakeCluster(an_inventory(["h1"]))
    wanted = a_project(a_service(files=(TOKEN,)))
    apply(cluster, wanted)
    host = cluster.hosts["h1"]
    host.unit_files.clear()
    host.containers.clear()
    host.active["clusterctl-shop-web-1.service"] = "failed"

    plan = plan_apply(cluster.inventory, wanted, look(cluster))
    report = carry_out(cluster, plan)

    assert report.ok
    assert [
        file.content
        for batch in plan.batches
        for s in batch.steps
        if isinstance(s, ApplyUnit)
        for file in s.files
    ] == ["s3cret"]


def test_an_older_manifest_that_knows_no_networks_shows_no_change_of_them() -> None:
    old = {"name": "web", "image": "registry:5000/web:1", "user": "1"}

    assert [change.field for change in diff_service(old, a_service(user="2"), PINNED, PINNED)] == ["user"]
