"""What holds of every plan, over generated clusters with a past (`worlds`).

Each property names the guard whose removal makes it fail; each was seen to fail once.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck as Slow
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.service import Project, UpdateConfig
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.model.step import ApplyUnit
from clusterctl.operations.execute import execute
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.observed import observe_units
from clusterctl.planning.spec import render_environment
from clusterctl.planning.unit_header import is_intact, parse_header
from tests.builders import GIB, a_project, a_service, an_inventory
from tests.conduct import carry_out, conduct_for
from tests.fake_cluster import FakeCluster
from tests.fake_host import FakeHost, KilledError, container_of
from tests.planning.watch import Watched
from tests.planning.worlds import World, apply, handovers, look, plan, possible, worlds

few = settings(
    deadline=None,
    max_examples=int(os.environ.get("CLUSTERCTL_EXAMPLES", "60")),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[Slow.too_slow, Slow.data_too_large],
)


@few
@given(worlds(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_what_it_is_given(world: World, random: object) -> None:
    """Caught: `_in_order` left out of `plan_apply`."""
    cluster = world.build()
    snapshot = look(cluster, world.wanted)
    shuffled = random.sample  # type: ignore[attr-defined]
    hosts = {
        name: _shuffled(snapshot.hosts[name], shuffled)
        for name in shuffled(sorted(snapshot.hosts), len(snapshot.hosts))
    }

    usual = plan_apply(world.inventory, world.wanted, snapshot)
    other = plan_apply(
        replace(world.inventory, hosts=tuple(shuffled(world.inventory.hosts, len(hosts)))),
        replace(world.wanted, services=tuple(shuffled(world.wanted.services, len(world.wanted.services)))),
        Snapshot(hosts),
    )

    assert other == usual


def _shuffled(facts: object, sample: object) -> HostFacts:
    assert isinstance(facts, HostFacts)
    assert callable(sample)
    return replace(
        facts,
        units=tuple(sample(facts.units, len(facts.units))),
        containers=tuple(sample(facts.containers or (), len(facts.containers or ()))),
        images=tuple(sample(facts.images or (), len(facts.images or ()))),
        ports=tuple(sample(facts.ports, len(facts.ports))),
    )


@few
@given(worlds())
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(world: World) -> None:
    """I12. Caught: a new generation each time; `early` removals left out; `replaces` empty; `_names` left out."""
    cluster = world.build()
    first = plan(cluster, world.wanted)

    report = carry_out(cluster, first)

    event("possible" if possible(first) else "impossible")
    assert report.ok
    if possible(first):
        again = plan(cluster, world.wanted)
        assert again.is_empty
        assert again.changes == ()


@few
@given(worlds(), st.sampled_from([(), (), ("registry:5000/web:2",), ("registry:5000/web:1",)]))
def test_no_service_falls_below_its_replicas_less_what_may_be_out(
    world: World, broken: tuple[str, ...]
) -> None:
    """I1, also as if all stops of a batch came before any start, and with versions that never get healthy.

    Caught: `_refused` always False; `wanted` for `floor`; `_make_room` without `_allowed`; `sure` always True.
    """
    cluster = world.build()
    found = plan(cluster, world.wanted)
    cluster.broken_images = set(broken)
    watched = Watched(cluster, world.wanted)

    report = execute(watched, found, conduct_for(cluster))

    event(f"took something out: {watched.taken > 0}, all went well: {report.ok}")


@few
@given(handovers())
def test_host_ports_that_change_hands_take_no_service_below_its_floor(world: World) -> None:
    """I1. Caught: `_refused` without the floor; `_make_room` without `_allowed`."""
    cluster = world.build()
    found = plan(cluster, world.wanted)
    watched = Watched(cluster, world.wanted)

    report = execute(watched, found, conduct_for(cluster))

    event(f"rooms made: {sum(batch.title == 'make room' for batch in found.batches)}")
    event(f"blocked: {[block.reason for block in found.blocked][:1]}")
    assert report.ok


@few
@given(worlds())
def test_nothing_foreign_is_ever_changed(world: World) -> None:
    """I3. Caught: units of other projects taken for this one's (`Staying._mine`)."""
    cluster = world.build()
    before = {name: _foreign(host) for name, host in cluster.hosts.items()}

    apply(cluster, world.wanted)

    assert {name: _foreign(host) for name, host in cluster.hosts.items()} == before


def _foreign(host: FakeHost) -> dict[str, object]:
    theirs = {
        name: text
        for name, text in host.files.items()
        if (header := parse_header(text)) is None or header.project != "shop"
    }
    containers = {
        name: container
        for name, container in host.containers.items()
        if container.labels.get("io.clusterctl.project") != "shop"
    }
    states = {name: (host.active.get(name), name in host.enabled) for name in theirs}
    other = {name: text for name, text in host.env.items() if not name.startswith("shop-")}
    return {
        "files": theirs,
        "containers": containers,
        "states": states,
        "env": other,
        "markers": host.markers,
    }


@few
@given(worlds(), st.integers(0, 120))
def test_a_run_killed_after_any_effect_is_finished_by_the_next(world: World, k: int) -> None:
    """I4 and I5. Caught: `runs_its_unit` not looked at; `_waves` or `waiting` left out."""
    cluster = world.build()
    found = plan(cluster, world.wanted)
    texts = {step.unit_text for batch in found.batches for step in batch.steps if isinstance(step, ApplyUnit)}
    texts |= {text for host in cluster.hosts.values() for text in host.files.values()}

    _kill(cluster, found, k)

    assert {text for host in cluster.hosts.values() for text in host.files.values()} <= texts
    if possible(found):
        _converges(cluster, world.wanted)


def test_a_rolling_update_killed_after_each_effect_is_finished_by_the_next() -> None:
    """I4 and I5, for every k of one literal update: environment, image, one service less, one more."""
    old = a_project(
        a_service("web", replicas=2, port=80, environment={"A": "1"}),
        a_service("api", replicas=2, update=UpdateConfig(1, "start-first")),
        a_service("old"),
    )
    new = a_project(
        a_service("web", replicas=2, port=80, environment={"A": "2"}),
        a_service("api", replicas=2, image="registry:5000/web:2", update=UpdateConfig(1, "start-first")),
        a_service("new", port=81),
    )
    start = FakeCluster(an_inventory(["h1", "h2", "h3"]), ["registry:5000/web:1", "registry:5000/web:2"])
    apply(start, old)
    found = plan(start, new)

    for k in range(400):
        cluster = copy.deepcopy(start)
        killed = _kill(cluster, found, k)
        assert all(is_intact(text) for host in cluster.hosts.values() for text in host.files.values())
        _converges(cluster, new)
        if not killed:
            return
    pytest.fail("the update never ended")


def _kill(cluster: FakeCluster, found: Plan, k: int) -> bool:
    cluster.effects, cluster.crash_after = 0, k
    try:
        carry_out(cluster, found)
    except KilledError:
        return True
    finally:
        cluster.crash_after = None
    return False


def _converges(cluster: FakeCluster, project: Project) -> None:
    found = plan(cluster, project)
    assert (found.blocked, found.unplaced) == ((), ())
    assert carry_out(cluster, found).ok
    assert plan(cluster, project).is_empty
    wanted = sum(s.replicas for s in project.services if s.mode == "replicated")
    units = [unit for unit in observe_units(cluster.see(), "test") if unit.header.project == project.name]
    assert all(unit.is_well for unit in units)
    for unit in units:
        service = project.service(unit.header.service)
        assert service
        assert cluster.hosts[unit.host].containers[unit.instance.name] == replace(
            container_of(unit.fact.text), environment=render_environment(service)
        )
    assert len([u for u in units if project.service(u.header.service).mode == "replicated"]) == wanted  # type: ignore[union-attr]


@few
@given(worlds())
def test_what_was_placed_fits(world: World) -> None:
    """Caught: `_memory`, `_ports` or `_volumes` left out of `may_place` or `may_stay`; other projects not counted."""
    cluster = world.build()
    before = _reserved(cluster)
    if not possible(plan(cluster, world.wanted)):
        return

    assert apply(cluster, world.wanted).ok

    for name, host in cluster.hosts.items():
        ports = [use.port for container in host.containers.values() for use in container.ports]
        assert len(ports) == len(set(ports)), name
        assert not set(ports) & host.listeners, name
        writers = [volume for container in host.containers.values() for volume in container.writes]
        assert len(writers) == len(set(writers)), name
    for name, used in _reserved(cluster).items():
        assert used <= max(_memory(world.inventory, name), before[name]), name


def _reserved(cluster: FakeCluster) -> Counter[str]:
    used: Counter[str] = Counter()
    for unit in observe_units(cluster.see(), "test"):
        used[unit.host] += unit.header.memory_bytes
    return used


def _memory(inventory: Inventory, name: str) -> int:
    declared = inventory.host(name).capacity.memory_bytes
    return 4 * GIB if declared is None else declared
