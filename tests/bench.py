"""How long planning takes on a large fleet in memory: `make bench` prints a line for each verb.

    python -m tests.bench [HOSTS] [INSTANCES]

Times are of this machine and of this run; compare them with another run on the same machine, not with a number.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from clusterctl.model.intent import RebalanceIntent
from clusterctl.model.service import Project, Service
from clusterctl.planning.losses import find_losses
from clusterctl.planning.rebalance import plan_rebalance
from tests.builders import a_host, a_project, a_service, an_inventory
from tests.conduct import a_summary, carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.fleets import plan_for

T = TypeVar("T")
ZONES, SEED = 10, 1
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


def timed(what: str, work: Callable[[], T]) -> T:
    """Do some work and print how long it took."""
    began = time.perf_counter()
    found = work()
    sys.stdout.write(f"{what:28} {time.perf_counter() - began:8.2f} s\n")
    sys.stdout.flush()
    return found


def main() -> int:
    """Plan an apply, a rebalance and an audit of the fleet."""
    hosts, instances = (int(word) for word in (*sys.argv[1:], "1000", "10000")[:2])
    rng = random.Random(SEED)  # noqa: S311 - the same fleet each time
    cluster = a_large_fleet(hosts, rng)
    project = a_large_project(instances, rng)
    sys.stdout.write(f"{hosts} hosts, {instances} instances, {len(project.services)} services\n")
    plan = timed("apply: plan", lambda: plan_for(cluster, project))
    carry_out(cluster, plan)
    snapshot, run = cluster.see(), a_summary("rebalance", "all")
    uneven = RebalanceIntent(max_moves=20, threshold=1.0, min_age_s=0)
    timed("rebalance: plan", lambda: plan_rebalance(uneven, cluster.inventory, snapshot, run))
    timed("audit: every host and zone", lambda: find_losses(cluster.inventory, snapshot))
    sys.stdout.write(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
