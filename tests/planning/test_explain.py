"""What explain says is what the scheduler does: every refusal of each host, the order of the others, and why here."""

from __future__ import annotations

from clusterctl.model.placement import Instance
from clusterctl.model.service import Constraint, Mount, Port, Project
from clusterctl.model.snapshot import HostFacts, Snapshot, Unreachable
from clusterctl.planning.explain import STAYS, Explanation, Scene, scenes_of
from clusterctl.planning.explain_host import explain_host
from tests.builders import MIB, a_host, a_project, a_service, a_snapshot, an_inventory, facts_of, listening
from tests.conduct import a_summary
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import DATA, a_fleet, plan_for, put, where

ZONE_B = Constraint("node.labels.zone", "==", "b")


def explained(cluster: FakeCluster, name: str, wanted: Project | None = None) -> Explanation:
    scene = scenes_of(cluster.inventory, cluster.see(), wanted)["shop"]
    return scene.explain(next(one for one in scene.instances if one.name == name))


def test_what_runs_stays_and_the_others_are_ranked_with_what_decides() -> None:
    cluster = a_fleet(a_service(replicas=2, memory_mb=1024), hosts=4, zones=("a", "b"))

    found = explained(cluster, "shop-web-1")

    assert (found.host, found.runs, found.why) == ("h1", True, STAYS)
    assert [(a.host, a.rank, a.ahead_by) for a in sorted(found.answers, key=lambda answer: answer.rank)] == [
        ("h1", 1, "its name"),
        ("h3", 2, "fewer of it in the zone"),
        ("h4", 3, "fewer of it on the host"),
        ("h2", 4, ""),
    ]
    assert found.answers[1].terms == (
        "1 of shop/web in zone b",
        "1 on the host",
        "50 % reserved with it",
        "cpus 0 %, memory 50 %",
        "1 instance of all",
    )


def test_every_rule_that_refuses_is_named() -> None:
    full = facts_of("h1", markers={"cordoned": "disk"}, disk_free_bytes=1, ports=listening(80))
    inventory = an_inventory([a_host("h1", zone="a", memory_mb=100, cpus=1)])
    project = a_project(a_service(port=80, memory_mb=200, cpus=2, constraints=(ZONE_B,)))

    (answer,) = Scene(inventory, project, a_snapshot(full), None).explain(Instance("shop", "web", 1)).answers

    assert answer.reasons == (
        "constraint node.labels.zone == b does not hold",
        "cordoned disk",
        "port 80/tcp is taken by something that is not ours",
        "100 MiB left to reserve",
        "1 cpus left to reserve",
        "disk nearly full: less than 10240 MiB free for docker",
    )


def test_a_host_without_docker_and_a_volume_that_lives_elsewhere() -> None:
    cluster = a_fleet(a_service("db", mounts=DATA), hosts=2)
    cluster.hosts["h2"].docker = False
    home = where(cluster)["shop-db-1"]

    found = explained(cluster, "shop-db-1")

    assert (found.host, found.why) == (home, f"volume data holds its data there; {STAYS}")
    (other,) = [answer for answer in found.answers if answer.host == "h2"]
    assert len(other.reasons) == 2
    assert other.reasons[1] == "volume data lives on h1"


def test_where_what_is_not_applied_yet_would_go_is_where_a_plan_puts_it() -> None:
    cluster = a_fleet(a_service(replicas=3), hosts=5, zones=("a", "b"))
    wanted = a_project(a_service(replicas=3), a_service("api", replicas=4, memory_mb=512))

    scene = scenes_of(cluster.inventory, cluster.see(), wanted)["shop"]

    explanations = [scene.explain(one) for one in scene.instances]
    told = {one.instance.name: one.host for one in explanations if not one.runs}
    planned = {c.instance.name: c.host for c in plan_for(cluster, wanted).changes if c.kind == "create"}
    assert told == planned
    assert {one.why for one in explanations if not one.runs} == {
        "runs nowhere yet; of the hosts that may have it this is the best"
    }


def test_what_must_leave_says_why_and_where_to() -> None:
    cluster = a_fleet(a_service(), hosts=2, zones=("a", "b"))

    found = explained(cluster, "shop-web-1", a_project(a_service(constraints=(ZONE_B,))))

    assert (found.host, found.runs, found.why) == (
        "h2",
        False,
        "must leave h1: constraint node.labels.zone == b does not hold; of the hosts that may have it this is the best",
    )


def test_what_no_host_may_have() -> None:
    cluster = a_fleet(a_service(), hosts=2)

    found = explained(cluster, "shop-big-1", a_project(a_service(), a_service("big", memory_mb=9000)))

    assert (found.host, found.why, found.needs) == ("", "no host may have it", "9000 MiB")
    assert {answer.reasons for answer in found.answers} == {("4096 MiB left to reserve",)}


def test_what_is_not_wanted_any_more() -> None:
    cluster = a_fleet(a_service(replicas=2), hosts=2)

    found = explained(cluster, "shop-web-2", a_project(a_service()))

    assert (found.host, found.runs, found.why) == ("h2", False, "more than the replicas wanted")


def test_what_is_recorded_on_a_host_that_is_silent_is_unknown() -> None:
    cluster = a_fleet(a_service(replicas=2), hosts=3)
    cluster.hosts["h2"].unreachable = Unreachable("h2", "connect", "no answer in 10 s")

    found = explained(cluster, "shop-web-2")

    assert (found.host, found.why) == (
        "h2",
        "its place is there, and that host was not seen: what runs there is unknown",
    )
    assert [answer.host for answer in found.answers] == ["h1", "h3"]


def test_asking_changes_nothing_of_the_next_answer() -> None:
    cluster = a_fleet(a_service(replicas=4, memory_mb=512, port=80), hosts=4)
    scene = scenes_of(cluster.inventory, cluster.see())["shop"]

    first = [scene.explain(one) for one in scene.instances]

    assert [scene.explain(one) for one in scene.instances] == first


def test_a_host_tells_what_it_runs_what_it_could_and_what_a_drain_would_do() -> None:
    web = a_service(replicas=2, memory_mb=1024, cpus=0.5)
    cluster = a_fleet(web, a_service("db", constraints=(ZONE_B,)), hosts=3, zones=("a", "b", "a"))
    snapshot = cluster.see()
    facts = snapshot.hosts["h1"]
    assert isinstance(facts, HostFacts)

    found = explain_host(
        cluster.inventory, snapshot, scenes_of(cluster.inventory, snapshot), facts, a_summary()
    )

    assert [(str(one.instance), state, one.why) for one, state in found.runs] == [
        ("shop-web-1", "running, none", STAYS)
    ]
    assert (found.share.cpus, found.share.cpus_reserved) == (4.0, 0.5)
    assert found.share.memory_reserved == 1024 * MIB
    assert found.services["shop/db"].reasons == ("constraint node.labels.zone == b does not hold",)
    assert (found.services["shop/web"].rank, found.services["shop/web"].reasons) == (0, ())
    assert found.drain == ("shop-web-1 moves to h3",)
    assert (found.markers, found.wrong) == ((), ())


def test_a_host_whose_drain_is_refused_says_why() -> None:
    cluster = a_fleet(a_service("db", mounts=DATA), hosts=3)
    snapshot = cluster.see()
    facts = snapshot.hosts["h1"]
    assert isinstance(facts, HostFacts)

    found = explain_host(
        cluster.inventory, snapshot, scenes_of(cluster.inventory, snapshot), facts, a_summary()
    )

    assert found.drain == ("refused: h1: shop-db-1 cannot leave: volume data holds its data here",)


def test_a_port_on_two_addresses_and_a_volume_in_two_places_are_counted_once() -> None:
    ports = (Port(80, 8080, "tcp", "127.0.0.1"), Port(80, 8080, "tcp", "10.0.0.1"))
    mounts = (Mount("volume", "data", "/a"), Mount("volume", "data", "/b"))

    found = explained(a_fleet(a_service(ports=ports, mounts=mounts), hosts=1), "shop-web-1")

    assert [(answer.host, answer.reasons) for answer in found.answers] == [("h1", ())]


def test_two_projects_know_of_each_other() -> None:
    cluster = a_fleet(a_service(port=80), hosts=1)
    put(cluster, a_project(a_service("api"), name="blog"))

    scene = scenes_of(cluster.inventory, cluster.see())["blog"]
    (answer,) = scene.explain(Instance("blog", "api", 1)).answers

    assert answer.terms[4] == "1 instance of all"
    assert scenes_of(cluster.inventory, Snapshot({})) == {}
