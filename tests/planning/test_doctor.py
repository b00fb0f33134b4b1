"""What doctor finds: nothing on a fleet that is well, and each trouble once, with what mends it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from clusterctl.model.intent import CordonIntent
from clusterctl.model.run import RunRecord, RunSummary
from clusterctl.model.snapshot import HostFacts, Snapshot, Unreachable
from clusterctl.planning.doctor import find_complaints
from clusterctl.planning.drift import Complaint
from clusterctl.planning.runs import render_record
from tests.builders import a_service
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import a_fleet, where

Harm = Callable[[FakeCluster], None]


def found(cluster: FakeCluster, snapshot: Snapshot | None = None) -> list[Complaint]:
    return list(find_complaints(cluster.inventory, snapshot or cluster.see()))


def seen_as(fleet: FakeCluster, host: str, fields: dict[str, object]) -> Snapshot:
    """Return a look at which one host answers something else."""
    answers = dict(fleet.see().hosts)
    answer = answers[host]
    assert isinstance(answer, HostFacts)
    answers[host] = dataclasses.replace(answer, **fields)  # type: ignore[arg-type]
    return Snapshot(answers)


@pytest.fixture
def cluster() -> FakeCluster:
    return a_fleet(a_service(replicas=5))


def test_a_fleet_that_is_well(cluster: FakeCluster) -> None:
    assert found(cluster) == []


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"docker_error": "down", "containers": None}, "docker", "docker does not answer: down"),
        ({"disk_free_bytes": 1}, "disk", "disk nearly full"),
        ({"failed_units": ("cron.service",)}, "failed", "cron.service has failed"),
        ({"reboot_reasons": ("kernel",)}, "reboot", "needs a reboot: kernel"),
        ({"machine_id": "machine-h1"}, "identity", "h1 and h2 have one machine id"),
        ({"cluster": "other"}, "guard", "belongs to cluster other, not test"),
        ({"markers": {"busy": "somebody"}}, "busy", "is being changed: somebody"),
        (
            {"markers": {"draining": "by=dev\nrun=r\nsince=1\nreason=x\n"}},
            "out",
            "draining since 1970-01-01 by dev",
        ),
        ({"markers": {"cordoned": "by=dev\nrun=r\nsince=1\nreason=x\n"}}, "out", "cordoned since 1970-01-01"),
    ],
)
def test_what_a_host_says_of_itself(
    cluster: FakeCluster, fields: dict[str, object], kind: str, words: str
) -> None:
    complaints = [one for one in found(cluster, seen_as(cluster, "h2", fields)) if one.kind == kind]

    (complaint,) = complaints
    assert complaint.words.startswith(words)
    assert complaint.mend


def test_of_an_unhealthy_instance_the_last_health_check_is_told(cluster: FakeCluster) -> None:
    host = where(cluster)["shop-web-1"]
    answer = cluster.see().hosts[host]
    assert isinstance(answer, HostFacts)
    (container,) = answer.containers or ()
    sick = dataclasses.replace(container, health="unhealthy", check="exit 127: sh: curl: not found")

    complaints = found(cluster, seen_as(cluster, host, {"containers": (sick,)}))

    assert complaints == [
        Complaint(
            "unwell",
            host,
            "shop-web-1 is running, unhealthy (exit 127: sh: curl: not found)",
            "clusterctl logs shop-web-1",
        )
    ]


def test_a_cordon_of_today_is_somebodys_will(cluster: FakeCluster) -> None:
    marker = f"by=dev\nrun=r\nsince={cluster.clock_s - 3600}\nreason=x\n"

    assert found(cluster, seen_as(cluster, "h2", {"markers": {"cordoned": marker}})) == []


def _unreachable(cluster: FakeCluster) -> None:
    cluster.hosts["h5"].unreachable = Unreachable("h5", "connect", "no answer in 10 s")


def _lose_lock_hosts(cluster: FakeCluster) -> None:
    for host in ("h1", "h2"):
        cluster.hosts[host].unreachable = Unreachable(host, "connect", "no answer in 10 s")


def _edit(cluster: FakeCluster) -> None:
    name = "clusterctl-shop-web-1.service"
    fake = cluster.hosts[where(cluster)["shop-web-1"]]
    fake.files[name] += "# by hand\n"


def _remove(cluster: FakeCluster) -> None:
    fake = cluster.hosts[where(cluster)["shop-web-1"]]
    fake.files.pop("clusterctl-shop-web-1.service")
    fake.containers.pop("shop-web-1")


def _forget(cluster: FakeCluster) -> None:
    for fake in cluster.hosts.values():
        fake.manifests.clear()


def _tear(cluster: FakeCluster) -> None:
    cluster.hosts["h3"].manifests["shop"] = "torn"


def _double(cluster: FakeCluster) -> None:
    home = where(cluster)["shop-web-1"]
    other = next(name for name in sorted(cluster.hosts) if name != home)
    for part in ("files", "containers", "since", "env"):
        mine, theirs = getattr(cluster.hosts[home], part), getattr(cluster.hosts[other], part)
        theirs.update({key: value for key, value in mine.items() if "shop-web-1" in key})


def _half_done(cluster: FakeCluster) -> None:
    summary = RunSummary(
        "20270115-080000-cordon-0001", "cordon", "h1", "clusterctl cordon h1", "dev@laptop", 1
    )
    cluster.hosts["h1"].runs[summary.id] = render_record(RunRecord(summary, CordonIntent(("h1",))))


@pytest.mark.parametrize(
    ("harm", "kind", "words", "mend"),
    [
        (_unreachable, "reach", "does not answer: connect: no answer in 10 s", "clusterctl health h5"),
        (
            _lose_lock_hosts,
            "lock",
            "most lock hosts do not answer (h1, h2)",
            "name others in policy.lock_hosts",
        ),
        (
            _edit,
            "edited",
            "clusterctl-shop-web-1.service is edited by hand",
            "clusterctl apply <playbook of shop> --overwrite",
        ),
        (_remove, "missing", "shop-web-1 runs nowhere; its place is", "clusterctl apply <playbook of shop>"),
        (
            _forget,
            "orphan",
            "shop-web-1 belongs to a project of which no manifest counts",
            "clusterctl apply <playbook of shop>, or clusterctl delete shop",
        ),
        (_tear, "manifest", "the manifest of shop cannot be read", "clusterctl apply <playbook of shop>"),
        (_double, "twice", "shop-web-1 runs elsewhere, too", "clusterctl failover"),
        (
            _half_done,
            "run",
            "clusterctl cordon h1 of dev@laptop is running, 0 of 0",
            "clusterctl resume 2027",
        ),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_what_is_wrong_with_the_cluster(
    cluster: FakeCluster, harm: Harm, kind: str, words: str, mend: str
) -> None:
    harm(cluster)

    complaint = next(one for one in found(cluster) if one.kind == kind)

    assert complaint.words.startswith(words)
    assert complaint.mend.startswith(mend)


def test_a_host_without_the_label_of_the_others() -> None:
    cluster = a_fleet(hosts=3, zones=("a", "b", ""))

    (complaint,) = found(cluster)

    assert (complaint.kind, "no label zone on h3" in complaint.words) == ("inventory", True)


def test_clocks_are_passed_on(cluster: FakeCluster) -> None:
    (complaint,) = find_complaints(
        cluster.inventory, cluster.see(), ("clock: h1 is 9 s ahead of this machine",)
    )

    assert (complaint.kind, complaint.host) == ("clock", "")
