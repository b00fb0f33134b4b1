"""How good placements are on mixed fleets in memory: `make bench` prints a line for each fill and strategy.

    python -m tests.bench_places [HOSTS] [INSTANCES]

Peak is the highest load of a host, the bound what no placement can be below: the larger share of cpus or of memory that is
reserved in the whole fleet. Fleet is the seed it is drawn with. Places is how many more of the largest instance there is room for, `lost` of how many hosts the
loss leaves something without a place.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

from clusterctl.model.inventory import Policy
from clusterctl.model.placement import Instance
from clusterctl.model.service import Project, Service, Strategy
from clusterctl.planning.losses import find_losses
from clusterctl.planning.room import Room
from clusterctl.planning.scheduler import Scheduler
from tests.builders import a_host, a_project, a_service, an_inventory
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.planning.worlds import look, plan

IMAGE = "registry:5000/web:1"
SIZES = ((16, 64), (32, 128), (32, 256), (64, 256))
CPUS = (0.1, 0.25, 0.5, 1, 2, 4)
MEMORY_MB = (128, 256, 512, 1024, 2048, 4096, 8192, 16384)
FLEETS = (1, 2, 3, 4)
STRATEGIES: tuple[Strategy, ...] = ("spread", "headroom", "pack")


def a_mixed_fleet(hosts: int, strategy: Strategy, rng: random.Random) -> FakeCluster:
    """Return hosts of four sizes in ten zones."""
    made = []
    for number in range(hosts):
        cpus, memory_gb = rng.choice(SIZES)
        made.append(a_host(f"h{number + 1}", zone=f"z{number % 10}", cpus=cpus, memory_mb=memory_gb * 1024))
    return FakeCluster(an_inventory(made, policy=Policy(strategy=strategy)), [IMAGE])


def a_mixed_project(cluster: FakeCluster, instances: int, fill: float, rng: random.Random) -> Project:
    """Return services of mixed sizes whose instances reserve a share of cpus, and of memory, of the whole fleet."""
    hosts = cluster.inventory.hosts
    drawn = []
    left = instances
    while left:
        count = min(left, max(1, int(rng.paretovariate(0.9) * 2)), 200, len(hosts) // 2)
        drawn.append((count, rng.choice(CPUS), rng.choice(MEMORY_MB)))
        left -= count
    cpus = fill * sum(host.capacity.cpus or 0 for host in hosts) / sum(n * c for n, c, _ in drawn)
    memory = fill * sum(host.capacity.memory_bytes or 0 for host in hosts) / 1024**2
    memory /= sum(n * m for n, _, m in drawn)
    services: list[Service] = [
        a_service(f"s{k}", replicas=n, cpus=min(c * cpus, 12.0), memory_mb=min(int(m * memory), 49152))
        for k, (n, c, m) in enumerate(drawn)
    ]
    return a_project(*services)


def load(room: Room) -> float:
    """Return the larger share of what a host has that is reserved."""
    return max(room.cpus_used / room.cpus, room.memory_used / room.memory_bytes)


def bound(rooms: list[Room]) -> float:
    """Return the peak that no placement of the same instances can be below."""
    cpus = sum(room.cpus_used for room in rooms) / sum(room.cpus for room in rooms)
    memory = sum(room.memory_used for room in rooms) / sum(room.memory_bytes for room in rooms)
    return max(cpus, memory)


def skew(project: Project, cluster: FakeCluster, placed: dict[Instance, str]) -> int:
    """Return by how many instances the zones of a service differ at most."""
    zones = {host.name: host.labels["zone"] for host in cluster.inventory.hosts}
    found = {service.name: Counter(dict.fromkeys(zones.values(), 0)) for service in project.services}
    for instance, host in placed.items():
        found[instance.service][zones[host]] += 1
    return max(max(counts.values()) - min(counts.values()) for counts in found.values())


def measure(hosts: int, instances: int, fill: float, strategy: Strategy, seed: int) -> str:
    """Return a line of figures for one fleet."""
    rng = random.Random(seed)  # noqa: S311 - the same fleet each time
    cluster = a_mixed_fleet(hosts, strategy, rng)
    project = a_mixed_project(cluster, instances, fill, rng)
    scheduler = Scheduler(cluster.inventory, project, look(cluster, project), ())
    began = time.process_time()
    result = scheduler.run({})
    seconds = time.process_time() - began
    rooms = list(scheduler.rooms.values())
    peak, least, used = max(map(load, rooms)), bound(rooms), sum(room.instances > 0 for room in rooms)
    words = f"{fill:5.0%} {strategy:9} fleet {seed} peak {peak:6.2%} bound {least:6.2%} ratio {peak / least:.4f} hosts {used:4}"
    words += f" skew {skew(project, cluster, result.placed)} unplaced {len(result.unplaced)}"
    words += f" {seconds:.2f} s"
    if hosts <= 100 and not result.unplaced:
        carry_out(cluster, plan(cluster, project))
        losses = [loss for loss in find_losses(cluster.inventory, cluster.see()) if loss.kind == "host"]
        words += f" lost {sum(not loss.is_survived for loss in losses)}"
    return words


def main() -> int:
    """Print the figures of several fleets."""
    hosts, instances = (int(word) for word in (*sys.argv[1:], "1000", "10000")[:2])
    sys.stdout.write(f"{hosts} hosts, {instances} instances of mixed sizes\n")
    for fill in (0.6, 0.8, 0.92):
        for strategy in STRATEGIES:
            for seed in FLEETS if strategy == "spread" else FLEETS[:1]:
                sys.stdout.write(measure(hosts, instances, fill, strategy, seed) + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
