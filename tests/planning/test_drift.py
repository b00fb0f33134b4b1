"""Drift: a fleet that is well has none; each kind is found, with the command that mends it, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clusterctl.model.intent import (
    ApplyIntent,
    DeleteIntent,
    DrainIntent,
    Intent,
    MoveIntent,
    RebalanceIntent,
    RebootIntent,
    RollbackIntent,
    ScaleIntent,
)
from clusterctl.model.plan import Plan
from clusterctl.model.snapshot import HostFacts, Snapshot, Unreachable
from clusterctl.planning.deploy import Terms, plan_apply
from clusterctl.planning.drift import Complaint, find_drift
from clusterctl.planning.intents import plan_intent, request_of
from tests.builders import a_project, a_service, an_inventory
from tests.conduct import NOW_S, a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.fake_host import FakeHost
from tests.planning.fleets import a_fleet
from tests.planning.worlds import look

UNIT = "clusterctl-shop-web-1.service"
AGAIN = "clusterctl apply <playbook of shop>"
SHOP = a_project(a_service(environment={"TOKEN": "s3cret"}))
CUT = "is cut or replaced by hand: it has no header of ours"
LARGE = "larger than any unit of ours (64 KiB): somebody else wrote in it"


@pytest.fixture
def cluster() -> FakeCluster:
    """Return two hosts; shop-web-1 runs on h1."""
    made = FakeCluster(an_inventory(["h1", "h2"]))
    assert carry_out(made, plan_apply(made.inventory, SHOP, look(made, SHOP))).ok
    return made


def drift(cluster: FakeCluster, snapshot: Snapshot | None = None) -> list[Complaint]:
    return list(find_drift(cluster.inventory, snapshot or cluster.see()))


def put_another(cluster: FakeCluster) -> None:
    """Have a second instance of shop run on h2, so that its project is known from there."""
    host, name = cluster.hosts["h2"], "shop-web-2"
    shop = a_project(a_service(environment={"TOKEN": "s3cret"}, replicas=2))
    silent, cluster.hosts["h1"].unreachable = cluster.hosts["h1"].unreachable, None
    assert carry_out(cluster, plan_apply(cluster.inventory, shop, look(cluster, shop))).ok
    cluster.hosts["h1"].unreachable = silent
    assert name in host.containers


def with_unit(cluster: FakeCluster, **fields: Any) -> Snapshot:
    answers = dict(cluster.see().hosts)
    facts = answers["h1"]
    assert isinstance(facts, HostFacts)
    answers["h1"] = replace(facts, units=(replace(facts.units[0], **fields),))
    return Snapshot(answers)


def test_a_fleet_that_is_well_has_none(cluster: FakeCluster) -> None:
    assert drift(cluster) == []


def _edit(host: FakeHost) -> None:
    host.files[UNIT] = host.files[UNIT].replace("Restart=always", "Restart=no")


def _cut_the_digest(host: FakeHost) -> None:
    host.files[UNIT] = host.files[UNIT].rpartition("Digest=")[0]


def _cut_the_header(host: FakeHost) -> None:
    host.files[UNIT] = host.files[UNIT][:200]


def _empty(host: FakeHost) -> None:
    host.files[UNIT] = ""


def _fill(host: FakeHost) -> None:
    host.files[UNIT] = "# mine\n" * 10_000 + host.files[UNIT]


def _fill_behind(host: FakeHost) -> None:
    host.files[UNIT] += "# mine\n" * 10_000


def _lose_the_container(host: FakeHost) -> None:
    host.containers.clear()


def _lose_the_unit(host: FakeHost) -> None:
    del host.files[UNIT]


def _change_the_environment(host: FakeHost) -> None:
    host.env["shop-web-1"] = "TOKEN=other\n"


def _lose_the_environment(host: FakeHost) -> None:
    host.env.clear()


def _disable(host: FakeHost) -> None:
    host.enabled.clear()


def _add_a_foreign_unit(host: FakeHost) -> None:
    host.add_foreign_unit("clusterctl-backup.service")


def _age_the_container(host: FakeHost) -> None:
    container = host.containers["shop-web-1"]
    labels = dict(container.labels) | {"io.clusterctl.spec": "sha256:old"}
    host.containers["shop-web-1"] = replace(container, labels=labels)


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (_edit, ("edited", f"{UNIT} is edited by hand", f"{AGAIN} --overwrite")),
        (
            _cut_the_digest,
            ("edited", f"{UNIT} is cut: its last line, the digest, is missing", f"{AGAIN} --overwrite"),
        ),
        (_cut_the_header, ("cut", f"{UNIT} {CUT}", f"{AGAIN} --overwrite")),
        (_empty, ("cut", f"{UNIT} {CUT}", f"{AGAIN} --overwrite")),
        (_fill, ("cut", f"{UNIT} is {LARGE}", f"{AGAIN} --overwrite")),
        (_fill_behind, ("edited", f"{UNIT} is {LARGE}", f"{AGAIN} --overwrite")),
        (_lose_the_container, ("hollow", f"{UNIT} runs and docker has no container of it", AGAIN)),
        (
            _change_the_environment,
            ("environment", "the env file of shop-web-1 is not as applied", AGAIN),
        ),
        (_lose_the_environment, ("environment", "the env file of shop-web-1 is missing", AGAIN)),
        (_disable, ("disabled", f"{UNIT} does not start at boot", AGAIN)),
        (
            _age_the_container,
            ("older", "the container of shop-web-1 was made from an older unit", AGAIN),
        ),
        (
            _add_a_foreign_unit,
            (
                "foreign",
                "clusterctl-backup.service bears our prefix and is not ours",
                "rename or remove it there",
            ),
        ),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_each_kind_is_found_once(
    cluster: FakeCluster, harm: Callable[[FakeHost], None], expected: tuple[str, str, str]
) -> None:
    harm(cluster.hosts["h1"])

    assert [(one.host, one.kind, one.words, one.mend) for one in drift(cluster)] == [("h1", *expected)]


def test_a_container_without_a_unit_is_an_orphan_and_its_instance_runs_nowhere(cluster: FakeCluster) -> None:
    _lose_the_unit(cluster.hosts["h1"])
    other = a_project(a_service("api"))
    assert carry_out(cluster, plan_apply(cluster.inventory, other, look(cluster, other))).ok
    cluster.hosts["h1"].manifests.clear()

    kinds = {(one.kind, one.words) for one in drift(cluster) if one.kind == "container"}

    assert kinds == {("container", "container shop-web-1 (running) has no unit")}


def test_a_unit_that_systemd_has_not_read_again(cluster: FakeCluster) -> None:
    (found,) = drift(cluster, with_unit(cluster, need_reload=True))

    assert found.words == f"systemd has not read {UNIT} again: what runs is an older text"


def test_a_drop_in_is_named_with_the_command_that_takes_it_away(cluster: FakeCluster) -> None:
    (found,) = drift(cluster, with_unit(cluster, drop_ins=(f"/etc/systemd/system/{UNIT}.d/a b.conf",)))

    assert (found.host, found.kind) == ("h1", "drop-in")
    assert found.words == f"{UNIT} is altered by /etc/systemd/system/{UNIT}.d/a b.conf"
    assert found.mend.startswith("clusterctl exec h1 --sudo -- sh -c 'rm '\"'\"'/etc/systemd")


def test_an_instance_that_is_not_where_the_manifest_has_it(cluster: FakeCluster) -> None:
    here, there = cluster.hosts["h1"], cluster.hosts["h2"]
    for part in ("files", "containers", "since", "env", "active", "loaded"):
        mine, theirs = getattr(here, part), getattr(there, part)
        theirs.update(mine)
        mine.clear()
    there.enabled, here.enabled = here.enabled, set()

    assert [(one.host, one.kind, one.words) for one in drift(cluster)] == [
        ("h2", "elsewhere", "shop-web-1 is here; its place is h1")
    ]


def test_what_runs_on_a_host_that_is_silent_is_unknown_and_no_drift(cluster: FakeCluster) -> None:
    cluster.hosts["h1"].unreachable = Unreachable("h1", "connect", "no answer in 10 s")
    put_another(cluster)

    assert drift(cluster) == []


def test_what_has_its_place_on_a_host_that_left_the_inventory_runs_nowhere(cluster: FakeCluster) -> None:
    put_another(cluster)
    left = replace(cluster.inventory, hosts=cluster.inventory.hosts[1:])
    answers = {name: answer for name, answer in cluster.see().hosts.items() if name != "h1"}

    found = find_drift(left, Snapshot(answers))

    assert [(one.kind, one.words, one.mend) for one in found] == [
        ("missing", "shop-web-1 runs nowhere; its place is h1, which is not in the inventory", AGAIN)
    ]


def test_what_a_host_without_docker_runs_is_unknown_and_no_drift(cluster: FakeCluster) -> None:
    cluster.hosts["h1"].docker = False

    assert drift(cluster) == []


def test_an_environment_of_another_generation_is_no_drift(cluster: FakeCluster) -> None:
    """A rollout that stopped half way has instances of two generations, each with its own env file."""
    newer = a_project(a_service(environment={"TOKEN": "newer"}))
    planned = plan_apply(cluster.inventory, newer, look(cluster, newer))
    kept = {
        name: (dict(host.files), dict(host.env), dict(host.containers))
        for name, host in cluster.hosts.items()
    }
    assert carry_out(cluster, planned).ok
    for name, (files, env, containers) in kept.items():
        cluster.hosts[name].files, cluster.hosts[name].env = files, env
        cluster.hosts[name].containers = containers

    assert [one.kind for one in drift(cluster) if one.kind == "environment"] == []


# --- what mends it ---------------------------------------------------------------------------------


def planned(cluster: FakeCluster, intent: Intent) -> Plan:
    snapshot = cluster.look(cluster.inventory.hosts, request_of(intent))
    return plan_intent(intent, cluster.inventory, snapshot, ignored=frozenset(), run=a_summary(), now_s=NOW_S)


@pytest.mark.parametrize("harm", [_edit, _cut_the_digest, _cut_the_header, _empty])
@pytest.mark.parametrize(
    "intent",
    [
        ApplyIntent(SHOP),
        ApplyIntent(a_project(a_service("other", environment={"A": "b"}))),
        ScaleIntent("shop", "web", 2),
        DeleteIntent("shop"),
    ],
    ids=["apply", "apply without it", "scale", "delete"],
)
def test_no_verb_touches_what_somebody_has_edited(
    cluster: FakeCluster, harm: Callable[[FakeHost], None], intent: Intent
) -> None:
    harm(cluster.hosts["h1"])

    found = planned(cluster, intent)

    assert [(block.kind, block.host) for block in found.blocked] == [("edited", "h1")]
    assert found.batches == ()


@pytest.mark.parametrize("harm", [_edit, _cut_the_digest, _cut_the_header, _empty, _fill, _fill_behind])
@pytest.mark.parametrize(
    "intent", [ApplyIntent(SHOP, overwrite=True), RollbackIntent("shop", 1, overwrite=True)]
)
def test_told_to_overwrite_it_is_written_anew_where_it_is(
    cluster: FakeCluster, harm: Callable[[FakeHost], None], intent: Intent
) -> None:
    harm(cluster.hosts["h1"])

    found = planned(cluster, intent)

    assert [(c.kind, c.instance.name, c.host, c.reason) for c in found.changes] == [
        ("replace", "shop-web-1", "h1", "the unit file was edited or cut by hand")
    ]
    assert carry_out(cluster, found).ok
    assert drift(cluster) == []
    assert planned(cluster, ApplyIntent(SHOP)).is_empty


@pytest.mark.parametrize("harm", [_edit, _cut_the_header, _fill, _fill_behind])
def test_delete_told_to_overwrite_removes_it(cluster: FakeCluster, harm: Callable[[FakeHost], None]) -> None:
    harm(cluster.hosts["h1"])

    assert carry_out(cluster, planned(cluster, DeleteIntent("shop", overwrite=True))).ok
    assert cluster.hosts["h1"].files == {}


def test_a_singleton_whose_unit_was_cut_is_not_started_a_second_time() -> None:
    """I2: without its header the unit is not known, and its container still runs."""
    shop = a_project(a_service(singleton=True))
    cluster = FakeCluster(an_inventory(["h1", "h2"]))
    assert carry_out(cluster, plan_apply(cluster.inventory, shop, look(cluster, shop))).ok
    _empty(cluster.hosts["h1"])

    found = plan_apply(cluster.inventory, shop, look(cluster, shop))

    assert [(block.kind, block.host, block.reason) for block in found.blocked] == [
        ("edited", "h1", f"{UNIT} {CUT}")
    ]


def test_a_foreign_unit_stays_foreign_whatever_is_said() -> None:
    """Faults row 33: no manifest has ever had the instance there."""
    cluster = FakeCluster(an_inventory(["h1"]))
    cluster.hosts["h1"].add_foreign_unit(UNIT)
    shop = a_project()

    found = plan_apply(cluster.inventory, shop, look(cluster, shop), terms=Terms(overwrite=True))

    assert [refusal.reason for item in found.unplaced for refusal in item.refusals] == [
        f"{UNIT} exists and is not ours"
    ]


# --- verbs on hosts --------------------------------------------------------------------------------


def a_fleet_with_an_edited_unit() -> FakeCluster:
    """Return three hosts with shop-web-1 to shop-web-3, the first of which somebody has edited."""
    made = FakeCluster(an_inventory(["h1", "h2", "h3"]))
    shop = a_project(a_service(replicas=3))
    assert carry_out(made, plan_apply(made.inventory, shop, look(made, shop))).ok
    _edit(made.hosts["h1"])
    return made


def test_a_drain_does_not_remove_what_somebody_has_edited() -> None:
    cluster = a_fleet_with_an_edited_unit()

    found = planned(cluster, DrainIntent(("h1",)))

    assert [(block.kind, block.host, block.reason) for block in found.blocked] == [
        ("edited", "h1", f"{UNIT} is edited by hand")
    ]
    assert found.batches == ()
    assert planned(cluster, DrainIntent(("h2",))).blocked == ()


def test_a_reboot_interrupts_it_and_leaves_its_file() -> None:
    cluster = a_fleet_with_an_edited_unit()
    edited = cluster.hosts["h1"].files[UNIT]

    found = planned(cluster, RebootIntent(("h1",)))

    assert [(c.kind, c.instance.name, c.reason) for c in found.changes] == [
        ("interrupt", "shop-web-1", "its unit was edited by hand")
    ]
    assert carry_out(cluster, found).ok
    assert cluster.hosts["h1"].files[UNIT] == edited


def test_a_rebalance_does_not_move_it() -> None:
    cluster = a_fleet(a_service(replicas=4))
    for name in ("shop-web-2", "shop-web-3"):
        assert carry_out(cluster, planned(cluster, MoveIntent(name, "h1"))).ok
    cluster.clock_s += 3600
    intent = RebalanceIntent(min_age_s=0)
    movable = {c.instance.name for c in planned(cluster, intent).changes}
    files = cluster.hosts["h1"].files

    for name in movable:
        files[f"clusterctl-{name}.service"] += "# edited\n"

    assert movable
    assert not movable & {c.instance.name for c in planned(cluster, intent).changes}
