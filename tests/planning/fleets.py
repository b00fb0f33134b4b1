"""Fleets in memory with a project on them, and plans of verbs on their hosts as lines that can be compared."""

from __future__ import annotations

from clusterctl.model.intent import Intent
from clusterctl.model.inventory import Policy
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.run import RunSummary
from clusterctl.model.service import Mount, Project, Service
from clusterctl.model.snapshot import LookRequest, Unreachable
from clusterctl.model.step import (
    ApplyUnit,
    ClearMarker,
    PullImage,
    Reboot,
    RemoveUnit,
    RunCommand,
    SetMarker,
    Step,
    StopUnit,
    Verify,
    WriteManifest,
)
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.intents import freeze, plan_intent, request_of
from tests.builders import a_host, a_project, an_inventory
from tests.conduct import NOW_S, a_summary, carry_out
from tests.fake_cluster import FakeCluster

DATA = (Mount("volume", "data", "/data"),)
SILENT = Unreachable("h4", "connect", "no answer within 10 s")


def a_fleet(
    *services: Service, hosts: int = 5, policy: Policy | None = None, zones: tuple[str, ...] = ("",)
) -> FakeCluster:
    """Return hosts h1, h2, ... with a project of these services on them; the lock is on the first three."""
    names = [a_host(f"h{n + 1}", zone=zones[n % len(zones)]) for n in range(hosts)]
    images = {service.image for service in services} | {"registry:5000/web:1", "registry:5000/web:2"}
    cluster = FakeCluster(an_inventory(names, policy=policy), sorted(images))
    if services:
        put(cluster, a_project(*services))
    return cluster


def put(cluster: FakeCluster, project: Project) -> None:
    """Apply a project."""
    found = plan_for(cluster, project)
    assert (found.blocked, found.unplaced) == ((), ())
    assert carry_out(cluster, found).ok


def plan_for(cluster: FakeCluster, project: Project) -> Plan:
    """Return the plan that applies a project."""
    images = tuple(sorted({service.image for service in project.services}))
    return plan_apply(cluster.inventory, project, cluster.look(cluster.inventory.hosts, LookRequest(images)))


def planned(
    cluster: FakeCluster,
    intent: Intent,
    run: RunSummary | None = None,
    *,
    ignored: frozenset[str] = frozenset(),
) -> Plan:
    """Return the plan of an intent for a fresh look."""
    hosts = tuple(host for host in cluster.inventory.hosts if host.name not in ignored)
    snapshot = cluster.look(hosts, request_of(intent))
    return plan_intent(
        freeze(intent, snapshot),
        cluster.inventory,
        snapshot,
        ignored=ignored,
        run=run or a_summary("reboot", "all"),
        now_s=NOW_S,
    )


def lines(plan: Plan, *titles: str) -> list[str]:
    """Return the steps of a plan as `batch: what host ...`; only of some batches where their titles are given."""
    return [
        f"{batch.title}: {line_of(step)}"
        for batch in plan.batches
        if not titles or batch.title in titles
        for step in batch.steps
    ]


def opened(plan: Plan) -> list[tuple[str, ...]]:
    """Return the hosts that are taken out together, in order."""
    return [batch.opens for batch in plan.batches if batch.opens]


def titled(plan: Plan, title: str) -> Batch:
    """Return the first batch of that title."""
    return next(batch for batch in plan.batches if batch.title == title)


def where(cluster: FakeCluster) -> dict[str, str]:
    """Return the host of each container."""
    return {name: host for host, fake in sorted(cluster.hosts.items()) for name in sorted(fake.containers)}


def boots(cluster: FakeCluster) -> dict[str, str]:
    """Return the boot id of each host."""
    return {name: host.boot_id(name) for name, host in cluster.hosts.items()}


def marks(cluster: FakeCluster) -> dict[str, list[str]]:
    """Return the markers of the hosts that have any."""
    return {name: sorted(host.markers) for name, host in cluster.hosts.items() if host.markers}


def line_of(step: Step) -> str:  # noqa: C901, PLR0911 - a table
    """Return a step in a few words."""
    match step:
        case SetMarker():
            return f"mark {step.host} {step.marker}"
        case ClearMarker():
            return f"unmark {step.host} {step.marker}"
        case ApplyUnit():
            return f"start {step.instance} on {step.host}"
        case RemoveUnit():
            return f"remove {step.instance} from {step.host}"
        case StopUnit():
            return f"stop {step.instance} on {step.host}"
        case PullImage():
            return f"pull on {step.host}"
        case WriteManifest():
            return f"manifest on {step.host}"
        case Reboot():
            return f"reboot {step.host}"
        case Verify():
            return f"verify {step.host} {' '.join(step.units)}".strip()
        case RunCommand():
            return f"run {step.command!r} on {step.host or 'operator'} about {step.about}"
        case _:
            return f"{type(step).__name__} {step.host}"
