"""What facts mean, and services at a glance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterctl.model.service import HealthCheck
from clusterctl.model.snapshot import ContainerFact, HostFacts, PortUse, Snapshot, UnitFact
from clusterctl.planning.observed import (
    foreign_containers,
    foreign_ports,
    foreign_units,
    observe_units,
)
from clusterctl.planning.status import summarise
from tests.builders import a_project, a_service, an_inventory, facts_of, listening
from tests.fake_cluster import FakeCluster
from tests.planning.worlds import apply

CHECK = HealthCheck(("CMD", "true"))


def a_cluster(*hosts: str) -> FakeCluster:
    cluster = FakeCluster(an_inventory(hosts or ("h1",)))
    apply(cluster, a_project(a_service(healthcheck=CHECK, replicas=len(hosts) or 1)))
    return cluster


def seen(cluster: FakeCluster) -> HostFacts:
    return cluster.see().seen[0]


@pytest.mark.parametrize(
    ("active", "sub", "state"),
    [
        ("active", "running", "running"),
        ("reloading", "reload", "running"),
        ("activating", "start-post", "starting"),
        ("activating", "auto-restart", "failed"),
        ("deactivating", "stop-sigterm", "stopping"),
        ("inactive", "dead", "stopped"),
        ("failed", "failed", "failed"),
        ("maintenance", "x", "unknown"),
        ("unknown", "unknown", "unknown"),
    ],
)
def test_a_state_is_what_systemd_says(active: str, sub: str, state: str) -> None:
    facts = seen(a_cluster())
    changed = replace(facts, units=(replace(facts.units[0], active=active, sub=sub),))

    assert observe_units(Snapshot({"h1": changed}), "test")[0].state == state


@pytest.mark.parametrize(
    ("state", "health", "meaning", "well"),
    [
        ("running", "healthy", "healthy", True),
        ("running", "", "none", True),
        ("running", "starting", "starting", False),
        ("running", "unhealthy", "unhealthy", False),
        ("exited", "", "unhealthy", False),
        ("paused", "healthy", "unhealthy", False),
    ],
)
def test_health_is_what_docker_says(state: str, health: str, meaning: str, well: bool) -> None:  # noqa: FBT001
    facts = seen(a_cluster())
    container = replace((facts.containers or ())[0], state=state, health=health)

    unit = observe_units(Snapshot({"h1": replace(facts, containers=(container,))}), "test")[0]

    assert (unit.health, unit.is_well) == (meaning, well)


def test_health_is_unknown_where_docker_does_not_answer() -> None:
    unit = observe_units(Snapshot({"h1": replace(seen(a_cluster()), containers=None)}), "test")[0]

    assert (unit.health, unit.is_well) == ("unknown", False)


def test_a_unit_whose_end_was_not_told_is_not_intact() -> None:
    facts = seen(a_cluster())
    told = replace(facts.units[0], digest="0" * 64)

    unit = observe_units(Snapshot({"h1": replace(facts, units=(told,))}), "test")[0]

    assert (unit.intact, unit.file_digest) == (False, "0" * 64)


def test_units_that_are_not_ours_are_foreign() -> None:
    facts = seen(a_cluster())
    stranger = UnitFact("clusterctl-x.service", "[Service]\n")
    copy = UnitFact("clusterctl-shop-web-9.service", facts.units[0].text)
    all_of_them = replace(facts, units=(*facts.units, stranger, copy))

    assert foreign_units(all_of_them, "test") == {"clusterctl-x.service", "clusterctl-shop-web-9.service"}
    assert foreign_units(facts, "other") == {"clusterctl-shop-web-1.service"}


def test_a_port_is_foreign_unless_our_container_has_it() -> None:
    ours = ContainerFact(
        "1",
        "shop-web-1",
        "x",
        "2",
        "running",
        labels={"io.clusterctl.instance": "shop-web-1"},
        ports=listening(80),
    )
    theirs = ContainerFact("3", "db", "x", "2", "running", ports=(PortUse(5432, "tcp"),))
    stopped = replace(theirs, name="old", state="exited", ports=(PortUse(9000, "tcp"),))
    facts = facts_of("h1", ports=listening(22, 80), containers=(ours, theirs, stopped))

    assert foreign_ports(facts) == {(22, "tcp"), (5432, "tcp")}
    assert foreign_containers(facts) == {"db", "old"}


def test_status_counts_what_is_wanted_and_what_is_healthy() -> None:
    cluster = a_cluster("h1", "h2", "h10")
    cluster.hosts["h2"].active["clusterctl-shop-web-2.service"] = "failed"
    cluster.hosts["h2"].containers.clear()

    (status,) = summarise(cluster.see(), "test")

    assert (status.project, status.service, status.wanted, status.healthy) == ("shop", "web", 3, 2)
    assert status.hosts == ("h1", "h2", "h10")
    assert status.notes == "shop-web-2 on h2: failed, none"
    assert not status.is_well


def test_status_of_a_service_whose_manifest_is_lost_wants_an_unknown_number() -> None:
    cluster = a_cluster()
    cluster.hosts["h1"].manifests.clear()

    (status,) = summarise(cluster.see(), "test")

    assert (status.wanted, status.healthy, status.is_well) == (None, 1, False)


def test_status_tells_drift() -> None:
    cluster = a_cluster()
    host = cluster.hosts["h1"]
    unit = "clusterctl-shop-web-1.service"
    host.files[unit] = host.files[unit].replace("Restart=always", "Restart=no")

    assert summarise(cluster.see(), "test")[0].notes == "shop-web-1 on h1: drift"


def test_a_service_that_should_run_and_does_not_is_shown() -> None:
    cluster = a_cluster()
    host = cluster.hosts["h1"]
    host.files.clear()
    host.containers.clear()

    (status,) = summarise(cluster.see(), "test")

    assert (status.wanted, status.healthy, status.hosts, status.image) == (1, 0, (), "registry:5000/web:1")
