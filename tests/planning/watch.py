"""A fleet that sees to it that no batch takes a service below its floor (I1), whatever the plan was meant to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from clusterctl.model.host import Host
from clusterctl.model.plan import Batch
from clusterctl.model.report import StepResult
from clusterctl.model.service import Project
from clusterctl.model.snapshot import LookRequest, Snapshot
from clusterctl.model.step import ApplyUnit, RemoveUnit, StopUnit
from clusterctl.operations.fleet import Emit
from clusterctl.planning.observed import observe_units
from tests.fake_cluster import FakeCluster


class Watched:
    """A fleet that counts, before each batch, what would be left if all it takes out stopped at once."""

    def __init__(self, cluster: FakeCluster, project: Project) -> None:
        self.cluster, self.project = cluster, project
        self.taken = 0

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        return self.cluster.look(hosts, request)

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        before, left = well(self.cluster), well(self.cluster, besides=batch)
        for service in self.project.services:
            out = before[service.name] - left[service.name]
            self.taken += out
            if out and service.mode == "replicated":
                floor = service.replicas - service.max_unavailable
                assert left[service.name] >= floor, f"{service.name} in {batch.title}"
        members = [service for service in self.project.services if service.quorum]
        out = sum(before[service.name] - left[service.name] for service in members)
        assert out <= 1, batch.title
        if out:
            assert all(before[s.name] >= s.replicas for s in members if s.mode == "replicated"), batch.title
        return self.cluster.perform(batch, emit, epoch)


def well(cluster: FakeCluster, besides: Batch | None = None) -> Counter[str]:
    """Count the instances of shop that do their work, all touched by a batch taken as out."""
    steps = besides.steps if besides else ()
    touched = {
        (step.instance, step.host)
        for step in steps
        if isinstance(step, RemoveUnit | StopUnit)
        or (isinstance(step, ApplyUnit) and step.action != "enable")
    }
    units = observe_units(cluster.see(), "test")
    return Counter(
        unit.header.service
        for unit in units
        if unit.is_well and unit.header.project == "shop" and (unit.instance, unit.host) not in touched
    )
