"""Row 56: a whole rack is back at once, and its instances run elsewhere meanwhile; no herd, and no surplus.

An apply that leaves hosts out with `--ignore-host` starts nothing elsewhere (docs/adr/0007). Who wants replacements takes
the hosts out of the inventory, and puts them in again when they are back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from clusterctl.model.intent import ApplyIntent
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import Event
from clusterctl.model.service import Project, UpdateConfig
from clusterctl.model.snapshot import Unreachable
from clusterctl.model.step import ApplyUnit, RemoveUnit
from clusterctl.planning.generations import latest_manifest
from clusterctl.planning.observed import observe_units
from tests.builders import a_project, a_service
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import a_fleet, planned, where

RACK = tuple(f"h{number}" for number in range(2, 41, 2))
WEB = a_service("web", replicas=60, update=UpdateConfig(5))
API = a_service("api", replicas=3)
FRONT = a_service("front", replicas=15, port=80)
AGENT = a_service("agent", mode="global")
PROJECT = a_project(AGENT, API, FRONT, WEB)
NEWER = a_project(AGENT, API, FRONT, replace(WEB, image="registry:5000/web:2"))
SMALLER = a_project(AGENT, API, FRONT, replace(WEB, replicas=25))
WITHOUT = a_project(AGENT, API, WEB)


@dataclass
class Watch:
    """Counts before each batch what would be left if all it takes out stopped at once: instances, not copies."""

    cluster: FakeCluster
    least: dict[str, int] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        if event.kind == "batch" and event.batch:
            left = count_services(copies(self.cluster, besides=event.batch))
            names = {service.name for service in PROJECT.services}
            self.least = {name: min(left[name], self.least.get(name, left[name])) for name in names}


def two_zones() -> FakeCluster:
    """Return 40 hosts with the project on them; those of RACK are zone b."""
    cluster = a_fleet(*PROJECT.services, hosts=40, zones=("a", "b"))
    assert tuple(host.name for host in cluster.inventory.hosts if host.labels["zone"] == "b") == RACK
    return cluster


def cut_off(cluster: FakeCluster) -> None:
    """Let the rack answer no more; what runs there runs on."""
    for name in RACK:
        cluster.hosts[name].unreachable = Unreachable(name, "connect", "no answer within 10 s")


def come_back(cluster: FakeCluster) -> None:
    """Let the rack answer again, with what it had."""
    for name in RACK:
        cluster.hosts[name].unreachable = None


def replaced_elsewhere(project: Project = PROJECT) -> FakeCluster:
    """Return the fleet when the rack is back, while all that ran there was started in zone a."""
    cluster = two_zones()
    whole = cluster.inventory
    cut_off(cluster)
    cluster.inventory = replace(whole, hosts=tuple(host for host in whole.hosts if host.name not in RACK))
    found = applying(cluster, project)
    assert (found.blocked, found.unplaced) == ((), ())
    assert carry_out(cluster, found).ok
    cluster.inventory = whole
    come_back(cluster)
    return cluster


def applying(cluster: FakeCluster, project: Project = PROJECT, *, ignored: tuple[str, ...] = ()) -> Plan:
    """Return the plan of an apply for a fresh look."""
    return planned(cluster, ApplyIntent(project), ignored=frozenset(ignored))


def copies(cluster: FakeCluster, besides: Batch | None = None) -> dict[str, list[str]]:
    """Return the hosts that run each instance well, without what a batch stops."""
    steps = besides.steps if besides else ()
    stopped = {(s.instance, s.host) for s in steps if isinstance(s, ApplyUnit | RemoveUnit)}
    found: dict[str, list[str]] = {}
    for unit in observe_units(cluster.see(), cluster.inventory.cluster):
        if unit.is_well and (unit.instance, unit.host) not in stopped:
            found.setdefault(unit.instance.name, []).append(unit.host)
    return found


def count_services(instances: dict[str, list[str]]) -> Counter[str]:
    """Count the instances of each service that run, each once however many copies it has."""
    return Counter(name.split("-")[1] for name in instances)


def wanted(project: Project) -> dict[str, int]:
    """Return how many instances each service is to have on 40 hosts."""
    return {
        service.name: 40 if service.mode == "global" else service.replicas for service in project.services
    }


def floors(project: Project) -> dict[str, int]:
    """Return how many instances of each service must always be well (I1)."""
    counts = wanted(project)
    return {one.name: counts[one.name] - one.max_unavailable for one in project.services}


def reconcile(cluster: FakeCluster, project: Project) -> Plan:
    """Apply, demand that nothing starts and no floor is passed, and that all runs once; return the plan."""
    found, watch = applying(cluster, project), Watch(cluster)
    assert (found.blocked, found.unplaced) == ((), ())
    assert {change.kind for change in found.changes} == {"remove"}
    assert carry_out(cluster, found, emit=watch).ok
    assert all(watch.least[name] >= floor for name, floor in floors(project).items())
    running = copies(cluster)
    assert {name: hosts for name, hosts in running.items() if len(hosts) != 1} == {}
    assert count_services(running) == wanted(project)
    assert len(where(cluster)) == sum(wanted(project).values())
    manifest = latest_manifest(cluster.see(), cluster.inventory.cluster, project.name)
    assert manifest is not None
    assert manifest.placements == {name: hosts[0] for name, hosts in running.items()}
    assert applying(cluster, project).is_empty
    return found


@pytest.mark.parametrize(
    "project", [PROJECT, NEWER, SMALLER, WITHOUT], ids=["as before", "newer", "smaller", "without front"]
)
def test_the_surplus_goes_nothing_starts_and_each_instance_runs_once(project: Project) -> None:
    """Whatever was applied to the rest of the fleet while the rack was away."""
    cluster = replaced_elsewhere(project)
    twice = {name for name, hosts in copies(cluster).items() if len(hosts) == 2}
    assert len(twice) >= 10

    found = reconcile(cluster, project)

    assert twice <= {change.instance.name for change in found.changes}


def test_what_the_rack_brings_of_an_older_version_goes_and_no_newer_one() -> None:
    cluster = replaced_elsewhere(NEWER)

    found = reconcile(cluster, NEWER)

    assert {change.host for change in found.changes if change.instance.service == "web"} <= set(RACK)


def test_a_rack_that_lost_its_power_meanwhile_is_no_other_case() -> None:
    cluster = replaced_elsewhere()
    for name in RACK:
        cluster.reboot(name)

    reconcile(cluster, PROJECT)


@pytest.mark.parametrize("sick", ["the rack's", "the replacement"])
def test_of_two_copies_the_one_that_is_well_stays(sick: str) -> None:
    cluster = replaced_elsewhere()
    twice = {name: hosts for name, hosts in copies(cluster).items() if len(hosts) == 2}
    for name, hosts in twice.items():
        (host,) = (host for host in hosts if (host in RACK) == (sick == "the rack's"))
        del cluster.hosts[host].containers[name]
        cluster.hosts[host].active[f"clusterctl-{name}.service"] = "failed"

    reconcile(cluster, PROJECT)


def test_half_a_rack_first_and_then_the_rest_ends_as_well() -> None:
    cluster = replaced_elsewhere()
    late = RACK[10:]
    for name in late:
        cluster.hosts[name].unreachable = Unreachable(name, "banner", "no SSH banner within 10 s")
    first = applying(cluster, ignored=late)
    assert {change.kind for change in first.changes} == {"remove"}
    assert carry_out(cluster, first).ok
    come_back(cluster)

    reconcile(cluster, PROJECT)


def test_while_the_rack_is_left_out_nothing_is_started_for_it_and_nothing_is_left_to_do_when_it_is_back() -> (
    None
):
    cluster = two_zones()
    before = where(cluster)
    cut_off(cluster)

    blocked = applying(cluster)
    assert {block.host for block in blocked.blocked} == set(RACK)
    assert applying(cluster, ignored=RACK).is_empty
    come_back(cluster)

    assert applying(cluster).is_empty
    assert where(cluster) == before


def test_a_zone_that_reboots_and_has_everything_again_gives_an_empty_plan() -> None:
    cluster = two_zones()
    before = where(cluster)
    boots = {name: cluster.hosts[name].boot_id(name) for name in RACK}
    cut_off(cluster)
    for name in RACK:
        cluster.reboot(name)
    come_back(cluster)

    found = applying(cluster)

    assert all(cluster.hosts[name].boot_id(name) != boot for name, boot in boots.items())
    assert (found.is_empty, found.changes, found.unchanged) == (True, (), sum(wanted(PROJECT).values()))
    assert where(cluster) == before


def test_of_two_well_copies_of_one_version_the_younger_goes() -> None:
    """PROMISES, "What may be started elsewhere": on return the surplus copy goes, youngest first.

    The rack was only cut off, so its own copies are the older ones: they stay, and the zones are even again.
    """
    cluster = replaced_elsewhere()

    found = applying(cluster)

    assert [str(c.instance) for c in found.changes if c.host in RACK] == []
