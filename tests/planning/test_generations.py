"""Which manifests count: what root of one host writes there is not followed by any verb (I10, ADR 0032)."""

from __future__ import annotations

import dataclasses

import pytest

from clusterctl.model.intent import (
    DrainIntent,
    FailoverIntent,
    Intent,
    MoveIntent,
    RebalanceIntent,
    RebootIntent,
    RestartIntent,
    RollbackIntent,
    ScaleIntent,
)
from clusterctl.model.inventory import Policy
from clusterctl.model.limit import Limit
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Plan
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.model.step import ApplyUnit, PullImage, WriteManifest
from clusterctl.planning.changes import header_of
from clusterctl.planning.drift import find_drift
from clusterctl.planning.forecast import Forecast
from clusterctl.planning.generations import (
    FAR,
    Lone,
    find_disputed,
    find_lone,
    latest_manifest,
    manifests_of,
)
from clusterctl.planning.manifest import Manifest, make_manifest, parse_manifest, render_manifest
from clusterctl.planning.unit import render_unit
from tests.builders import DIGEST, a_project, a_service, a_snapshot, facts_of
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import a_fleet, plan_for, planned, put

GOOD, EVIL = "registry:5000/web:1", "registry:5000/evil:1"


def of_generation(number: int, image: str = GOOD, revision: int = 0) -> Manifest:
    project = a_project(a_service(image=image))
    return make_manifest("test", project, number, {}, {"shop-web-1": "h1"}, revision=revision)


def holding(*manifests: Manifest | None) -> Snapshot:
    """Return a look at h1, h2, ... that hold these; None: the host does not answer."""
    return a_snapshot(
        *(
            facts_of(f"h{number}", manifests={"shop": render_manifest(one)})
            if one
            else Unreachable(f"h{number}", "connect", "no answer")
            for number, one in enumerate(manifests, 1)
        )
    )


def newest(snapshot: Snapshot) -> int:
    found = latest_manifest(snapshot, "test", "shop")
    return found.generation if found else 0


@pytest.mark.parametrize(
    ("held", "counts"),
    [
        ([5, 5, 5], 5),
        ([5, 5, 4], 5),
        ([9, 5, 5], 5),
        ([9, 5, 5, 4, 4], 5),
        ([9, 5], 9),
        ([9], 9),
        ([9, 5, None], 0),
        ([5, 5, None], 5),
        ([5, None, None], 5),
        ([3, 4, 5], 0),
    ],
    ids=str,
)
def test_two_hosts_must_hold_what_is_followed(held: list[int | None], counts: int) -> None:
    assert newest(holding(*(of_generation(one) if one else None for one in held))) == counts


def test_the_same_generation_with_another_content_does_not_count() -> None:
    snapshot = holding(of_generation(5, EVIL), of_generation(5), of_generation(5))

    found = latest_manifest(snapshot, "test", "shop")

    assert found == of_generation(5)
    assert manifests_of(snapshot, "test", "shop") == {5: of_generation(5)}


def test_a_host_says_alone_where_instances_are_but_not_with_any_number() -> None:
    moved, far = of_generation(5, revision=1), of_generation(5, revision=FAR + 1)

    assert latest_manifest(holding(moved, *[of_generation(5)] * 2), "test", "shop") == moved
    assert latest_manifest(holding(far, *[of_generation(5)] * 2), "test", "shop") == of_generation(5)


def test_an_older_generation_counts_where_two_hosts_have_kept_it() -> None:
    now = {"shop": render_manifest(of_generation(5))}
    good, evil = render_manifest(of_generation(3)), render_manifest(of_generation(4, EVIL))
    snapshot = a_snapshot(
        facts_of("h1", manifests=now, history={"shop@4": evil, "shop@3": good}),
        facts_of("h2", manifests=now, history={"shop@3": good}),
        facts_of("h3", manifests=now),
    )

    assert sorted(manifests_of(snapshot, "test", "shop")) == [3, 5]


def test_hosts_that_are_new_do_not_speak_against_the_first_one() -> None:
    old = facts_of("h1", manifests={"shop": render_manifest(of_generation(2))})

    assert newest(a_snapshot(old, "h2", "h3")) == 2


def test_a_project_that_one_host_alone_knows_does_not_count_where_others_know_something() -> None:
    other = {"blog": render_manifest(dataclasses.replace(of_generation(1), project="blog"))}
    evil = facts_of("h1", manifests={**other, "shop": render_manifest(of_generation(2, EVIL))})
    snapshot = a_snapshot(evil, facts_of("h2", manifests=other), facts_of("h3", manifests=other))

    assert newest(snapshot) == 0
    assert find_lone(snapshot, "test", "shop") == (Lone("h1", of_generation(2, EVIL)),)
    assert find_disputed(snapshot, "test") == ()


# --- what the verbs make of it -------------------------------------------------------------------


@pytest.fixture
def cluster() -> FakeCluster:
    """Return five hosts of which h1 was taken over: it holds a manifest, and runs a unit, of its own making."""
    made = a_fleet(a_service(replicas=5))
    honest = parse_manifest(made.hosts["h1"].manifests["shop"])
    assert honest is not None
    evil = {**honest.services["web"], "image": EVIL}
    lie = dataclasses.replace(
        honest,
        generation=9,
        services={"web": evil},
        pinned={"web": f"{EVIL}@{DIGEST}"},
        placements=honest.placements,
    )
    made.hosts["h1"].manifests["shop"] = render_manifest(lie)
    made.hosts["h1"].manifests["own"] = render_manifest(dataclasses.replace(lie, project="own"))
    made.registry[EVIL] = DIGEST
    (instance,) = made.hosts["h1"].containers
    rewrite(made, instance, image=EVIL, generation=9)
    return made


def rewrite(cluster: FakeCluster, name: str, *, image: str = GOOD, generation: int = 1) -> None:
    """Put a well-formed unit of another image or generation in the place of one on h1."""
    service = a_service(replicas=5, image=image)
    instance = Instance("shop", "web", int(name.rpartition("-")[2]))
    header = header_of(cluster.inventory.cluster, instance, service, generation, f"{image}@{DIGEST}")
    cluster.hosts["h1"].files[instance.unit] = render_unit(service, header)


def is_followed(plan: Plan) -> bool:
    """Whether anything of the lie would reach another host: on its own root does as it likes."""
    return any(
        "evil" in f"{step} {getattr(step, 'text', '')}"
        for batch in plan.batches
        for step in batch.steps
        if step.host != "h1" and isinstance(step, ApplyUnit | PullImage | WriteManifest)
    )


@pytest.mark.parametrize(
    "intent",
    [
        DrainIntent(("h1",)),
        DrainIntent(("h2",)),
        RebootIntent(("h2",)),
        RebalanceIntent(),
        RestartIntent("shop", "web"),
        ScaleIntent("shop", "web", 7),
        RollbackIntent("shop", 9),
        MoveIntent("shop-web-1", "h5"),
        FailoverIntent(()),
    ],
    ids=lambda intent: type(intent).__name__,
)
def test_no_verb_follows_it(cluster: FakeCluster, intent: Intent) -> None:
    plan = planned(cluster, intent)

    assert not is_followed(plan)
    assert not is_followed(planned(cluster, intent, ignored=frozenset({"h1"})))


@pytest.mark.parametrize("lost", ["h2", "h5"])
def test_failover_starts_what_all_others_know(cluster: FakeCluster, lost: str) -> None:
    cluster.hosts[lost].unreachable = Unreachable(lost, "connect", "no answer in 10 s")

    plan = planned(cluster, FailoverIntent((lost,)))

    assert not is_followed(plan)
    assert [change.kind for change in plan.changes] == ["move"]


def test_when_its_own_host_is_lost_nothing_of_it_is_known(cluster: FakeCluster) -> None:
    cluster.hosts["h1"].unreachable = Unreachable("h1", "connect", "no answer in 10 s")

    assert not is_followed(planned(cluster, FailoverIntent(("h1",))))


def test_an_apply_writes_over_it_with_the_next_number(cluster: FakeCluster) -> None:
    put(cluster, a_project(a_service(replicas=4)))

    held = {
        (found := parse_manifest(host.manifests["shop"])) and found.generation
        for host in cluster.hosts.values()
    }
    assert held == {10}  # its unit said 9


def test_a_number_on_a_unit_that_is_far_above_the_others_is_not_counted_on(cluster: FakeCluster) -> None:
    (name,) = cluster.hosts["h1"].containers
    rewrite(cluster, name, generation=10**15 - 1)

    assert plan_for(cluster, a_project(a_service(replicas=5, image="registry:5000/web:2"))).generation == 2


def test_it_is_told(cluster: FakeCluster) -> None:
    found = [one for one in find_drift(cluster.inventory, cluster.see()) if one.kind == "alone"]

    assert [(one.host, one.words) for one in found] == [
        ("h1", "holds generation 9 of own, which no other host has: it is not followed"),
        ("h1", "holds generation 9 of shop, which no other host has: it is not followed"),
    ]
    assert found[1].mend == (
        "clusterctl apply <playbook of shop>; if nobody was applying it, see who was root there"
    )


def test_with_two_hosts_left_of_three_that_differ_all_of_the_project_is_held() -> None:
    cluster = a_fleet(a_service(replicas=3), hosts=3, policy=Policy(max_unavailable=Limit(3)))
    honest = parse_manifest(cluster.hosts["h1"].manifests["shop"])
    assert honest is not None
    cluster.hosts["h1"].manifests["shop"] = render_manifest(
        dataclasses.replace(honest, generation=2, pinned={})
    )
    cluster.hosts["h3"].unreachable = Unreachable("h3", "connect", "no answer in 10 s")
    why = (
        "shop: two hosts hold different manifests, and no third one tells which is right (apply it once more)"
    )

    plan = planned(cluster, FailoverIntent(("h3",)))
    drained = planned(cluster, DrainIntent(("h1",)))

    assert (plan.batches, plan.notes) == ((), (f"held: {why}",))
    assert [block.reason for block in drained.blocked] == [
        "project shop has no manifest that counts: apply it once more (clusterctl status says why)"
    ]
    assert [(one.kind, one.host) for one in find_drift(cluster.inventory, cluster.see())] == [
        ("alone", ""),
        ("alone", "h1"),
        ("alone", "h2"),
    ]
    assert Forecast(cluster.inventory, cluster.see()).manifests == {}


def test_what_a_project_is_that_one_host_alone_knows(cluster: FakeCluster) -> None:
    plan = planned(cluster, RestartIntent("own", "web"))

    assert [block.reason for block in plan.blocked] == [
        "no second host knows a project own: h1 alone has a manifest of it, which is not followed (apply it once more)"
    ]
