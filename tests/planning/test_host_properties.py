"""What holds of every plan that takes hosts out, over generated clusters (`worlds`), watched effect by effect.

How runs are killed and recovered is `tests/soak`. Each property names the guard whose removal makes it fail.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from hypothesis import HealthCheck as Slow
from hypothesis import Phase, assume, event, given, settings
from hypothesis import strategies as st

from clusterctl.model.intent import DrainIntent, RebootIntent, Rolling
from clusterctl.model.limit import Limit
from clusterctl.model.plan import Plan
from clusterctl.model.service import HealthCheck, Project
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import RemoveUnit
from clusterctl.planning.host_plan import HostPlan
from clusterctl.planning.host_waves import Wave
from clusterctl.planning.leaving import depart
from clusterctl.planning.limits import hosts_out
from clusterctl.planning.observed import observe_units
from tests.builders import a_host, a_project, a_service, an_inventory
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import opened, plan_for, planned

few = settings(
    deadline=None,
    max_examples=int(os.environ.get("CLUSTERCTL_EXAMPLES", "40")),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[Slow.too_slow, Slow.data_too_large],
)
CHECK = HealthCheck(("CMD", "true"), interval_s=1.0, timeout_s=1.0)
SHAPES: tuple[dict[str, Any], ...] = (
    {"replicas": 1},
    {"replicas": 2},
    {"replicas": 3, "healthcheck": CHECK},
    {"replicas": 3, "port": 80},
    {"replicas": 4, "environment": {"KEY": "1"}},
    {"replicas": 3, "quorum": "etcd"},
    {"replicas": 1, "drain": "interrupt"},
    {"mode": "global"},
    {"replicas": 2, "memory_mb": 300},
)


@st.composite
def fleets(draw: st.DrawFn) -> tuple[FakeCluster, Project]:
    """Return 3 to 6 hosts with a project that fits on them."""
    count, zones = draw(st.integers(3, 6)), draw(st.sampled_from([("",), ("a", "b")]))
    hosts = [a_host(f"h{n + 1}", zone=zones[n % len(zones)]) for n in range(count)]
    names = draw(st.sampled_from([("web",), ("api", "web"), ("api", "db", "web")]))
    services = [a_service(name, **draw(st.sampled_from(SHAPES))) for name in names]
    project = a_project(*services)
    cluster = FakeCluster(an_inventory(hosts))
    plan = plan_for(cluster, project)
    assume(not plan.blocked and not plan.unplaced)
    assert carry_out(cluster, plan).ok
    return cluster, project


@st.composite
def reboots(draw: st.DrawFn) -> tuple[FakeCluster, Project, RebootIntent]:
    cluster, project = draw(fleets())
    hosts = draw(st.lists(st.sampled_from(cluster.inventory.names), min_size=1, unique=True))
    limit = draw(st.sampled_from([None, Limit(1), Limit(2), Limit(None, 50)]))
    return cluster, project, RebootIntent(tuple(sorted(hosts)), Rolling(limit, draw(st.booleans())))


def possible(plan: Plan) -> bool:
    event("possible" if not plan.blocked and not plan.unplaced else "impossible")
    return not plan.blocked and not plan.unplaced


@few
@given(reboots())
def test_every_host_asked_for_is_opened_once_and_never_more_than_the_limit(
    case: tuple[FakeCluster, Project, RebootIntent],
) -> None:
    """I8. Caught: `_group` without `room`."""
    cluster, _, intent = case
    plan = planned(cluster, intent)
    if not possible(plan):
        return

    groups = opened(plan)

    assert sorted(host for group in groups for host in group) == sorted(intent.hosts)
    assert plan.limits is not None
    assert all(len(group) <= plan.limits.fleet for group in groups)
    alone = {host for group in groups if len(group) == 1 for host in group}
    assert set(cluster.inventory.lock_hosts) & set(intent.hosts) <= alone


@few
@given(reboots())
def test_an_instance_is_removed_only_where_it_runs_well_elsewhere(
    case: tuple[FakeCluster, Project, RebootIntent],
) -> None:
    """I1. Caught: `start elsewhere` after `stop the old copies`."""
    cluster, _, intent = case
    plan = planned(cluster, intent)
    if not possible(plan):
        return

    for batch in plan.batches:
        units = observe_units(cluster.see(), "test")
        for step in batch.steps:
            if isinstance(step, RemoveUnit):
                others = [u for u in units if u.instance == step.instance and u.host != step.host]
                assert any(unit.is_well for unit in others), f"{step.instance} in {batch.title}"
        assert all(r.status != "failed" for r in cluster.perform(batch, lambda _: None, 0))
        out = set(hosts_out(cluster.see()))
        assert out <= set(intent.hosts)
        assert plan.limits is not None
        assert len(out) <= plan.limits.fleet


@few
@given(reboots())
def test_everything_runs_afterwards_and_nothing_is_left_to_do(
    case: tuple[FakeCluster, Project, RebootIntent],
) -> None:
    """I12. Caught: `settle` left out; the environment of an instance that moves twice forgotten."""
    cluster, project, intent = case
    plan = planned(cluster, intent)
    if not possible(plan):
        return

    assert carry_out(cluster, plan).ok

    assert plan_for(cluster, project).is_empty
    assert {name: host.boots for name, host in cluster.hosts.items()} == {
        name: int(name in intent.hosts) for name in cluster.hosts
    }
    assert not any(host.markers for host in cluster.hosts.values())


@few
@given(fleets(), st.data())
def test_a_drained_host_runs_nothing_that_can_run_elsewhere(
    case: tuple[FakeCluster, Project], data: st.DataObject
) -> None:
    """Caught: `place_elsewhere` onto a host of the same drain (`cordon` left out)."""
    cluster, project = case
    hosts = data.draw(st.lists(st.sampled_from(cluster.inventory.names), min_size=1, max_size=2, unique=True))
    intent = DrainIntent(tuple(hosts), max_unavailable=Limit(2))
    plan = planned(cluster, intent, a_summary("drain", ",".join(hosts)))
    if not possible(plan):
        return

    assert carry_out(cluster, plan).ok

    stays = {s.name for s in project.services if s.mode == "global" or s.drain == "interrupt"}
    units = observe_units(cluster.see(), "test")
    assert all(unit.header.service in stays for unit in units if unit.host in hosts)
    copies = Counter(unit.instance for unit in units)
    assert all(number == 1 for number in copies.values())
    assert plan_for(cluster, project).is_empty


@few
@given(reboots())
def test_the_plan_is_the_same_for_the_same_look_and_does_not_change_it(
    case: tuple[FakeCluster, Project, RebootIntent],
) -> None:
    """Two looks are compared by their plans under the lock."""
    cluster, _, intent = case

    first, second = planned(cluster, intent), planned(cluster, intent)

    assert first == second
    assert _markers(cluster) == {}


def _markers(cluster: FakeCluster) -> dict[str, str]:
    return {name: str(host.markers) for name, host in cluster.hosts.items() if host.markers}


@few
@given(reboots())
def test_what_is_foretold_is_what_the_hosts_show_afterwards(
    case: tuple[FakeCluster, Project, RebootIntent],
) -> None:
    """Caught: units or environments left out of `Forecast.as_snapshot`, which steps that end in an apply plan by."""
    cluster, _, intent = case
    run = a_summary("reboot", "all")
    made = HostPlan("reboot", "all", cluster.inventory, cluster.see(), run, intent.rolling)
    made.cordon(intent.hosts[:1])
    departure = depart(made.forecast, intent.hosts[:1], returns=False)
    if not departure.possible:
        return

    made.take_out(Wave(intent.hosts[:1], departure), "draining", 0)
    foretold = made.forecast.as_snapshot()
    assert carry_out(cluster, made.finish()).ok

    assert _units(foretold) == _units(cluster.see())
    assert [facts.env_digests for facts in foretold.seen] == [
        facts.env_digests for facts in cluster.see().seen
    ]
    assert [facts.manifests for facts in foretold.seen] == [facts.manifests for facts in cluster.see().seen]


def _units(snapshot: Snapshot) -> set[tuple[str, str, str]]:
    return {(unit.instance.name, unit.host, unit.fact.text) for unit in observe_units(snapshot, "test")}
