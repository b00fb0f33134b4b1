"""How long planning takes on a large fleet in memory: `make bench` prints a line for each verb.

    python -m tests.bench [HOSTS] [INSTANCES]

Seconds are of the processor (user and system); others at work on the machine make them more, so each line is also a multiple of the apply. The promise is an apply
planned within 3 s and 1 GiB for 1,000 hosts and 10,000 instances.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal, TypeVar

from clusterctl.model.intent import DrainIntent, RebalanceIntent
from clusterctl.model.inventory import Inventory
from clusterctl.model.limit import Limit
from clusterctl.model.service import Project, Service
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.explain import scenes_of
from clusterctl.planning.explain_host import HostExplanation, explain_host
from clusterctl.planning.intents import plan_intent
from clusterctl.planning.losses import find_losses
from clusterctl.planning.rebalance import plan_rebalance
from tests.builders import a_host, a_project, a_service, an_inventory
from tests.conduct import NOW_S, a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.worlds import look

T = TypeVar("T")
ZONES, SEED = 10, 1
ORDERS: tuple[Literal["stop-first", "start-first"], ...] = ("stop-first", "start-first")
IMAGE = "registry:5000/web:1"


def a_large_fleet(hosts: int, rng: random.Random) -> FakeCluster:
    """Return hosts of two sizes in ten zones, with nothing on them."""
    made = [
        a_host(f"h{n + 1}", zone=f"z{n % ZONES}", memory_mb=rng.choice([32768, 65536]), cpus=32)
        for n in range(hosts)
    ]
    return FakeCluster(an_inventory(made), [IMAGE])


def a_large_project(instances: int, rng: random.Random) -> Project:
    """Return services of one to twenty replicas and four sizes, so many instances in all."""
    services: list[Service] = []
    while instances > 0:
        replicas = min(instances, rng.choice([1, 3, 10, 20]))
        instances -= replicas
        size = rng.choice([256, 512, 1024, 4096])
        services.append(a_service(f"s{len(services)}", replicas=replicas, memory_mb=size))
    return a_project(*services)


def changed(project: Project, order: Literal["stop-first", "start-first"]) -> Project:
    """Return a project of which every instance must be replaced."""
    services = (
        replace(service, labels={"version": "2"}, update=replace(service.update, order=order))
        for service in project.services
    )
    return replace(project, services=tuple(services))


class Clock:
    """Times one thing after another in processor time, each also as a multiple of the first."""

    def __init__(self) -> None:
        self._first_s = 0.0

    def time(self, what: str, work: Callable[[], T]) -> T:
        """Do some work and print how long it took."""
        began = time.process_time()
        found = work()
        took_s = time.process_time() - began
        self._first_s = self._first_s or took_s
        sys.stdout.write(f"{what:40} {took_s:8.2f} s {took_s / self._first_s:8.2f} x apply\n")
        sys.stdout.flush()
        return found


def explain_one(inventory: Inventory, snapshot: Snapshot) -> HostExplanation:
    """Explain the first host as `clusterctl explain HOST` does."""
    facts = next(iter(snapshot.seen))
    return explain_host(inventory, snapshot, scenes_of(inventory, snapshot), facts, a_summary("drain", "all"))


def main() -> int:
    """Plan an apply, others after it, a drain, a rebalance and an audit of the fleet."""
    hosts, instances = (int(word) for word in (*sys.argv[1:], "1000", "10000")[:2])
    rng = random.Random(SEED)  # noqa: S311 - the same fleet each time
    cluster = a_large_fleet(hosts, rng)
    project = a_large_project(instances, rng)
    sys.stdout.write(f"{hosts} hosts, {instances} instances, {len(project.services)} services\n")
    wanted, inventory = look(cluster, project), cluster.inventory
    timed = Clock().time
    plan = timed("apply", lambda: plan_apply(inventory, project, wanted))
    carry_out(cluster, plan)
    wanted = look(cluster, project)
    timed("apply again: nothing to do", lambda: plan_apply(inventory, project, wanted))
    for order in ORDERS:
        work = partial(plan_apply, inventory, changed(project, order), wanted)
        timed(f"apply: everything changes, {order}", work)
    snapshot, run = cluster.see(), a_summary("rebalance", "all")
    ten = DrainIntent(cluster.inventory.names[:10], max_unavailable=Limit(10))
    timed(
        "drain of ten hosts",
        lambda: plan_intent(
            ten, inventory, snapshot, ignored=frozenset(), run=a_summary("drain", "all"), now_s=NOW_S
        ),
    )
    uneven = RebalanceIntent(max_moves=20, threshold=1.0, min_age_s=0)
    timed("rebalance", lambda: plan_rebalance(uneven, inventory, snapshot, run))
    timed("explain of a host", lambda: explain_one(inventory, snapshot))
    timed("audit: every host and zone", lambda: find_losses(inventory, snapshot))
    sys.stdout.write(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
