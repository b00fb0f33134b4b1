"""Failover on the cluster in memory: what moves, what is held, what comes back."""

from __future__ import annotations

import dataclasses

import pytest

from clusterctl.model.fence import FenceDevice
from clusterctl.model.health import FleetHealth, HostHealth, Rung, Track, Verdict
from clusterctl.model.intent import FailoverIntent, MoveIntent
from clusterctl.model.plan import Plan
from clusterctl.model.service import Constraint, Mount, Service
from clusterctl.model.snapshot import Snapshot, Unreachable
from clusterctl.planning.evacuation import burdened, decide
from clusterctl.planning.failover import plan_failover
from tests.builders import a_project, a_service, an_inventory
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning import fleets
from tests.planning.fleets import DATA, a_fleet, lines, put

LOG = (Mount("volume", "log", "/log"),)


def lose(cluster: FakeCluster, *hosts: str) -> None:
    for host in hosts:
        cluster.hosts[host].unreachable = Unreachable(host, "connect", "no answer in 10 s")


def planned(
    cluster: FakeCluster, *hosts: str, off: tuple[str, ...] = (), shunned: tuple[str, ...] = ()
) -> Plan:
    intent = FailoverIntent(hosts, off, shunned)
    return plan_failover(intent, cluster.inventory, cluster.see(), a_summary("failover"))


def where(cluster: FakeCluster) -> dict[str, str]:
    """Return the host of each container, as far as hosts answer."""
    return {
        name: host
        for host, fake in sorted(cluster.hosts.items())
        for name in sorted(fake.containers)
        if fake.unreachable is None
    }


def home_of(cluster: FakeCluster, service: str) -> str:
    (found,) = [host for name, host in where(cluster).items() if f"-{service}-" in name]
    return found


def test_what_was_on_a_lost_host_runs_elsewhere_and_nothing_is_done_on_it() -> None:
    cluster = a_fleet(a_service(replicas=5))
    before = where(cluster)
    lose(cluster, "h5")

    plan = planned(cluster, "h5")

    assert "h5" not in {step.host for batch in plan.batches for step in batch.steps}
    assert [batch.title for batch in plan.batches][-2:] == ["start elsewhere", "record the new places"]
    carry_out(cluster, plan)
    after = where(cluster)
    assert {name for name in before if before[name] != after[name]} == {"shop-web-5"}
    assert after["shop-web-5"] != "h5"
    assert planned(cluster, "h5").is_empty


def test_a_host_that_answers_is_not_evacuated() -> None:
    cluster = a_fleet(a_service(replicas=5))

    assert planned(cluster, "h5").is_empty


@pytest.mark.parametrize("silent", [3, 4, 5])
def test_without_a_majority_nothing_is_moved(silent: int) -> None:
    cluster = a_fleet(a_service(replicas=5))
    lose(cluster, *[f"h{number}" for number in range(6 - silent, 6)])

    plan = planned(cluster, "h5")

    assert plan.batches == ()
    assert plan.blocked[0].reason == f"only {5 - silent} of 5 hosts answer: no majority, nothing is moved"


def test_data_is_held_until_the_host_is_certain_to_be_off() -> None:
    cluster = a_fleet(a_service(replicas=4), a_service("db", mounts=DATA))
    home = home_of(cluster, "db")
    lose(cluster, home)

    plan = planned(cluster, home)

    assert not [change for change in plan.changes if change.instance.service == "db"]
    assert plan.notes == (
        f"held: shop-db-1 cannot leave: volume data holds its data here ({home} is not certain to be off)",
    )
    sure = planned(cluster, home, off=(home,))
    assert [change.kind for change in sure.changes if change.instance.service == "db"] == ["move"]


@pytest.mark.parametrize(
    ("fields", "moves"),
    [({"drain": "interrupt"}, True), ({"drain": "refuse"}, False), ({"mode": "global"}, False), ({}, True)],
)
def test_what_the_policy_of_a_service_says(fields: dict[str, str], moves: bool) -> None:  # noqa: FBT001
    cluster = a_fleet(dataclasses.replace(a_service(), **fields))  # type: ignore[arg-type]
    home = where(cluster)["shop-web-1"]
    lose(cluster, home)

    plan = planned(cluster, home)

    assert bool(plan.changes) is moves
    assert (home in burdened(cluster.see(), cluster.inventory)) is moves


def test_what_fits_nowhere_is_named_with_the_reason_of_each_host_and_the_rest_moves() -> None:
    cluster = a_fleet(a_service(port=80, replicas=5), a_service("api", replicas=5))
    lose(cluster, "h5")

    plan = planned(cluster, "h5")

    assert [change.instance.service for change in plan.changes] == ["api"]
    assert plan.notes[0].startswith("no place: shop-web-5 (h1: port 80/tcp")


def test_what_was_moved_a_short_while_ago_is_held_and_the_rest_moves() -> None:
    """PROMISES: once in 30 minutes, so that an instance which takes its host down does not take one after the other."""
    cluster = a_fleet(a_service(replicas=5), a_service("api", replicas=5))
    lose(cluster, "h5")
    intent = FailoverIntent(("h5",), resting=("shop-web-5",))

    plan = plan_failover(intent, cluster.inventory, cluster.see(), a_summary("failover"))

    assert [change.instance.name for change in plan.changes] == ["shop-api-5"]
    assert plan.notes == ("held: shop-web-5 moved less than 30 minutes ago, and does not again so soon",)
    sure = dataclasses.replace(intent, off=("h5",))
    assert plan_failover(sure, cluster.inventory, cluster.see(), a_summary("failover")).notes == ()


def test_a_host_is_not_fenced_for_what_would_not_move() -> None:
    cluster, home = a_fenced_fleet()
    lose(cluster, home)
    intent = FailoverIntent((home,), resting=("shop-db-1",))

    plan = plan_failover(intent, cluster.inventory, cluster.see(), a_summary("failover"))

    assert not [change for change in plan.host_changes if change.kind == "fence"]
    assert plan.notes == ("held: shop-db-1 moved less than 30 minutes ago, and does not again so soon",)


def test_a_host_that_flaps_gets_nothing() -> None:
    cluster = a_fleet(a_service(replicas=5))
    lose(cluster, "h5")
    usual = {change.host for change in planned(cluster, "h5").changes}

    assert {change.host for change in planned(cluster, "h5", shunned=tuple(usual)).changes} & usual == set()


def test_killed_after_the_start_the_next_run_only_writes_it_down() -> None:
    cluster = a_fleet(a_service(replicas=5))
    lose(cluster, "h5")
    plan = planned(cluster, "h5")
    started = dataclasses.replace(plan, batches=plan.batches[:-1])
    carry_out(cluster, started)

    again = planned(cluster, "h5")

    assert [batch.title for batch in again.batches] == ["record the new places"]
    carry_out(cluster, again)
    assert planned(cluster, "h5").is_empty


def test_a_host_that_comes_back_loses_the_younger_copies() -> None:
    """After a reboot its own copies are the younger ones; after a cut the replacements are."""
    for rebooted in (True, False):
        cluster = a_fleet(a_service(replicas=5))
        lose(cluster, "h5")
        carry_out(cluster, planned(cluster, "h5"))
        replacement = where(cluster)["shop-web-5"]
        cluster.hosts["h5"].unreachable = None
        unit = "clusterctl-shop-web-5.service"
        for host, since_s in (("h5", 2000 if rebooted else 1000), (replacement, 1500)):
            cluster.hosts[host].since[unit] = since_s

        plan = planned(cluster)

        gone = "h5" if rebooted else replacement
        assert [(change.kind, change.host) for change in plan.changes] == [("remove", gone)]
        carry_out(cluster, plan)
        assert where(cluster)["shop-web-5"] == ({"h5", replacement} - {gone}).pop()
        assert planned(cluster).is_empty


def test_a_copy_that_is_not_well_elsewhere_keeps_the_one_that_is() -> None:
    cluster = a_fleet(a_service(replicas=5))
    lose(cluster, "h5")
    carry_out(cluster, planned(cluster, "h5"))
    replacement = where(cluster)["shop-web-5"]
    cluster.hosts["h5"].unreachable = None
    cluster.hosts[replacement].active["clusterctl-shop-web-5.service"] = "failed"

    assert [(change.kind, change.host) for change in planned(cluster).changes] == [("remove", replacement)]


def test_data_stays_where_the_manifest_has_it() -> None:
    cluster = a_fleet(a_service(replicas=4), a_service("db", mounts=DATA))
    home = home_of(cluster, "db")
    lose(cluster, home)
    carry_out(cluster, planned(cluster, home, off=(home,)))
    cluster.hosts[home].unreachable = None
    (new,) = {host for host in cluster.hosts if "shop-db-1" in cluster.hosts[host].containers} - {home}
    for host, since_s in ((home, 1000), (new, 1500)):
        cluster.hosts[host].since["clusterctl-shop-db-1.service"] = since_s

    removed = [change for change in planned(cluster).changes if change.instance.service == "db"]

    assert [(change.kind, change.host) for change in removed] == [("remove", home)]


def test_projects_that_had_everything_on_the_lost_host_are_known_from_their_manifest() -> None:
    cluster = a_fleet(a_service(replicas=1))
    home = where(cluster)["shop-web-1"]
    lose(cluster, home)

    carry_out(cluster, planned(cluster, home))

    assert where(cluster)["shop-web-1"] != home


# --- with fence devices ----------------------------------------------------------------------------


def a_fenced_fleet() -> tuple[FakeCluster, str]:
    """Return a fleet with a database, in which each host has a device, and where the database is."""
    cluster = a_fleet(a_service(replicas=5), a_service("db", mounts=DATA))
    hosts = tuple(
        dataclasses.replace(host, fence=(FenceDevice("fence_test"),)) for host in cluster.inventory.hosts
    )
    cluster.inventory = dataclasses.replace(cluster.inventory, hosts=hosts)
    home = home_of(cluster, "db")
    lose(cluster, home)
    return cluster, home


def test_what_may_run_only_once_moves_when_its_host_is_proven_off_and_the_rest_does_not_wait() -> None:
    cluster, home = a_fenced_fleet()

    plan = planned(cluster, home)

    titles = [batch.title for batch in plan.batches]
    assert titles == ["start elsewhere", "record the new places", "fence", *titles[3:]]
    assert "start elsewhere" in titles[3:]
    assert plan.notes == ()
    carry_out(cluster, plan)
    assert cluster.fenced == [home]
    assert where(cluster)["shop-db-1"] != home
    assert planned(cluster, home).is_empty


def test_a_device_that_proves_nothing_holds_the_data_and_nothing_else() -> None:
    cluster, home = a_fenced_fleet()
    cluster.broken_fences = {home}

    report = carry_out(cluster, planned(cluster, home))

    assert not report.ok
    assert cluster.fenced == []
    assert "shop-db-1" not in where(cluster)
    assert sorted(name for name in where(cluster) if "web" in name) == [f"shop-web-{n}" for n in range(1, 6)]
    again = planned(cluster, home)
    assert [batch.title for batch in again.batches][:1] == ["fence"]


def test_nobody_is_fenced_for_what_would_stay_anyway() -> None:
    cluster = a_fleet(a_service("db", mounts=DATA, drain="refuse"))
    hosts = tuple(
        dataclasses.replace(host, fence=(FenceDevice("fence_test"),)) for host in cluster.inventory.hosts
    )
    cluster.inventory = dataclasses.replace(cluster.inventory, hosts=hosts)
    home = home_of(cluster, "db")
    lose(cluster, home)

    plan = planned(cluster, home)

    assert plan.is_empty
    assert plan.notes[0].startswith("held: shop-db-1 cannot leave: x-drain: refuse")
    assert home not in burdened(cluster.see(), cluster.inventory)


def test_killed_after_the_fence_the_next_run_fences_again_and_goes_on() -> None:
    cluster, home = a_fenced_fleet()
    plan = planned(cluster, home)
    carry_out(cluster, dataclasses.replace(plan, batches=plan.batches[:3]))
    assert cluster.fenced == [home]

    carry_out(cluster, planned(cluster, home))

    assert cluster.fenced == [home, home]
    assert where(cluster)["shop-db-1"] != home


def test_a_device_that_proves_nothing_holds_no_other_host() -> None:
    """Each run begins with another host, so that each has its turn."""
    cluster = a_fleet(a_service("db", mounts=DATA), a_service("log", mounts=LOG))
    hosts = tuple(
        dataclasses.replace(host, fence=(FenceDevice("fence_test"),)) for host in cluster.inventory.hosts
    )
    cluster.inventory = dataclasses.replace(cluster.inventory, hosts=hosts)
    dead, other = home_of(cluster, "db"), home_of(cluster, "log")
    lose(cluster, dead, other)
    cluster.broken_fences = {dead}

    for number in range(8):
        run = dataclasses.replace(a_summary("failover"), id=f"run-{number}")
        intent = FailoverIntent((dead, other))
        carry_out(cluster, plan_failover(intent, cluster.inventory, cluster.see(), run))

    assert cluster.fenced == [other]
    assert where(cluster)["shop-log-1"] not in {dead, other}


def came_back_with_old_data() -> tuple[FakeCluster, str, str]:
    """Return a fleet whose database has moved, the host where it is now, and its old host, which runs it, too."""
    cluster, old = a_fenced_fleet()
    carry_out(cluster, planned(cluster, old))
    new = where(cluster)["shop-db-1"]
    cluster.reboot(old)
    cluster.hosts[old].unreachable = None
    return cluster, new, old


def test_surplus_copies_go_before_anybody_is_fenced() -> None:
    cluster, new, old = came_back_with_old_data()
    put(cluster, a_project(a_service("log", mounts=LOG), name="logs"))
    lost = where(cluster)["logs-log-1"]
    assert lost not in {new, old}
    lose(cluster, lost)

    titles = [batch.title for batch in planned(cluster, lost).batches]

    assert titles.index("remove surplus copies") < titles.index("fence")


def test_old_data_on_a_host_that_is_back_does_not_become_the_data_while_its_new_host_is_silent() -> None:
    cluster, new, old = came_back_with_old_data()
    lose(cluster, new)

    carry_out(cluster, planned(cluster))
    carry_out(cluster, planned(cluster))
    cluster.hosts[new].unreachable = None
    carry_out(cluster, planned(cluster))

    assert where(cluster)["shop-db-1"] == new
    assert "shop-db-1" not in cluster.hosts[old].containers


def test_a_lost_host_with_newer_data_is_fenced_before_an_old_copy_counts() -> None:
    cluster, new, old = came_back_with_old_data()
    lose(cluster, new)

    plan = planned(cluster, new)

    assert "fence" in [batch.title for batch in plan.batches]
    assert [line for line in lines(plan) if "db-1" in line] == []
    carry_out(cluster, plan)
    assert cluster.fenced == [old, new]
    assert where(cluster)["shop-db-1"] == old
    assert planned(cluster, new).is_empty


def test_of_two_copies_of_data_the_recorded_one_stays_although_it_is_not_well() -> None:
    cluster, new, old = came_back_with_old_data()
    cluster.hosts[new].docker = False

    plan = planned(cluster)

    removed = [line for line in lines(plan, "remove surplus copies") if "db" in line]
    assert removed == [f"remove surplus copies: remove shop-db-1 from {old}"]


# --- which hosts, and how many ---------------------------------------------------------------------


def health(**verdicts: Verdict) -> FleetHealth:
    hosts = tuple(HostHealth(host, verdict, Rung(), Track(), "") for host, verdict in verdicts.items())
    answering = ("healthy", "degraded", "returning", "flapping")
    return FleetHealth(hosts, sum(host.verdict in answering for host in hosts))


def fleet_of(count: int, *lost: int, rest: Verdict = "healthy") -> FleetHealth:
    return health(**{f"h{number}": "lost" if number in lost else rest for number in range(1, count + 1)})


ALL = frozenset(f"h{number}" for number in range(1, 101))


def test_one_lost_host_is_evacuated() -> None:
    assert decide(fleet_of(5, 5), ALL).hosts == ("h5",)


def test_lost_hosts_with_nothing_to_move_do_not_count_and_keep_no_other_from_its_turn() -> None:
    found = decide(fleet_of(5, 4, 5), frozenset({"h1", "h5"}))

    assert (found.hosts, found.later, found.refused) == (("h4", "h5"), (), "")


def test_two_of_five_at_once_are_for_a_person() -> None:
    found = decide(fleet_of(5, 4, 5), ALL)

    assert found.hosts == ()
    assert found.refused == "2 hosts are lost at once (h4, h5), more than 1: a person has to judge that"


@pytest.mark.parametrize(("count", "lost", "now", "later"), [(10, 2, 1, 1), (20, 4, 2, 2), (100, 20, 10, 10)])
def test_a_tenth_of_the_fleet_in_one_run(count: int, lost: int, now: int, later: int) -> None:
    found = decide(fleet_of(count, *range(1, lost + 1)), ALL)

    assert (len(found.hosts), len(found.later)) == (now, later)
    assert decide(fleet_of(count, *range(1, lost + 2)), ALL).refused


@pytest.mark.parametrize(
    "verdict", ["suspect", "operator-blind", "unmanaged", "unknown", "refused", "flapping"]
)
def test_nothing_less_than_lost_is_evacuated(verdict: Verdict) -> None:
    verdicts: dict[str, Verdict] = {f"h{number}": "healthy" for number in range(1, 5)}

    assert decide(health(**verdicts, h5=verdict), ALL).hosts == ()


def test_no_majority_no_evacuation() -> None:
    assert (
        decide(fleet_of(5, 5, rest="suspect"), ALL, off=("h5",)).refused
        == "only 0 of 5 hosts answer: no majority"
    )


def test_what_a_person_confirmed_goes_at_once_unless_it_answers() -> None:
    found = health(h1="healthy", h2="healthy", h3="degraded", h4="suspect", h5="lost")

    assert decide(found, ALL, off=("h4",)).hosts == ("h4", "h5")
    assert decide(found, ALL, off=("h3",)).refused == "h3 answers (degraded): it is not off"


def test_hosts_that_are_not_to_be_trusted_yet_get_nothing() -> None:
    found = health(h1="healthy", h2="healthy", h3="healthy", h4="returning", h5="lost")

    assert decide(found, ALL).shunned == ("h4",)


def test_a_snapshot_without_manifests_has_no_burden() -> None:
    assert burdened(Snapshot({}), an_inventory(["h1"])) == frozenset()


def test_services_are_what_they_were() -> None:
    """The unit elsewhere is the very unit that an apply would write: the next apply has nothing to do."""
    service: Service = a_service(replicas=5, environment={"A": "1"})
    cluster = a_fleet(service)
    lose(cluster, "h5")
    carry_out(cluster, planned(cluster, "h5"))

    assert lines(planned(cluster, "h5")) == []
    (unit,) = [
        host.files["clusterctl-shop-web-5.service"]
        for name, host in cluster.hosts.items()
        if name != "h5" and "clusterctl-shop-web-5.service" in host.files
    ]
    assert unit == cluster.hosts["h5"].files["clusterctl-shop-web-5.service"]


@pytest.mark.parametrize("first", ["a", "z"])
def test_where_not_everything_has_room_the_highest_priority_is_placed(first: str) -> None:
    """Across projects too, whatever their names: the other one is named with the reason of each host."""
    room = [Constraint("node.hostname", "==", name) for name in ("h1", "h2")]
    cluster = a_fleet(
        a_service("most", memory_mb=3000, constraints=(room[0],)),
        a_service("some", memory_mb=1500, constraints=(room[1],)),
        hosts=3,
    )
    for name in ("a", "z"):
        put(cluster, a_project(a_service(memory_mb=2000, priority=9 * (name == first)), name=name))
        carry_out(cluster, fleets.planned(cluster, MoveIntent(f"{name}-web-1", "h3")))
    lose(cluster, "h3")

    plan = planned(cluster, "h3")

    assert [change.instance.project for change in plan.changes] == [first]
    other = "z" if first == "a" else "a"
    assert [note.split(" (")[0] for note in plan.notes] == [f"no place: {other}-web-1"]
