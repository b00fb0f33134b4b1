"""Small clusters with a past, made by hypothesis: what stands there already, and what is wanted now."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Plan
from clusterctl.model.report import Report
from clusterctl.model.service import (
    Canary,
    Constraint,
    Dependency,
    HealthCheck,
    Mount,
    Project,
    Service,
    UpdateConfig,
)
from clusterctl.model.snapshot import LookRequest, Snapshot
from clusterctl.planning.deploy import plan_apply
from tests.builders import a_host, a_project, a_service, an_inventory
from tests.conduct import carry_out
from tests.fake_cluster import FakeCluster
from tests.fake_host import Container, KilledError

IMAGES = ("registry:5000/web:1", "registry:5000/web:2", "registry:5000/api:1")
CHECK = HealthCheck(("CMD", "true"), interval_s=1, timeout_s=1)
IN_A = (Constraint("node.labels.zone", "==", "a"),)
NOT_IN_A = (Constraint("node.labels.zone", "!=", "a"),)
NOT_ON_H1 = (Constraint("node.hostname", "!=", "h1"),)
DATA = (Mount("volume", "data", "/data"),)
SHAPES: tuple[dict[str, Any], ...] = (
    {},
    {"healthcheck": CHECK},
    {"healthcheck": CHECK, "memory_mb": 100},
    {"memory_mb": 300},
    {"port": 80},
    {"port": 81, "healthcheck": CHECK},
    {"mounts": DATA},
    {"mounts": DATA, "healthcheck": CHECK},
    {"mounts": (Mount("volume", "data", "/data", read_only=True),), "port": 80},
    {"constraints": IN_A},
    {"constraints": NOT_IN_A},
    {"constraints": NOT_ON_H1, "port": 80},
    {"mode": "global"},
    {"mode": "global", "port": 81},
    {"mode": "global", "constraints": NOT_ON_H1, "memory_mb": 100},
)
PLAIN_UPDATES = tuple(UpdateConfig(n, order) for n in (1, 2, 0) for order in ("stop-first", "start-first"))
UPDATES = (
    *PLAIN_UPDATES,
    *PLAIN_UPDATES[:2],
    UpdateConfig(parallelism_percent=50.0),
    UpdateConfig(order="start-first", parallelism_percent=34.0),
    UpdateConfig(failure_action="continue"),
    UpdateConfig(2, "start-first", failure_action="continue"),
    UpdateConfig(1, max_failure_ratio=0.5),
    UpdateConfig(2, failure_action="rollback", delay_s=3.0),
)
CANARIES = (None, None, None, Canary(1), Canary(2, gate=("check", "it")))
CONDITIONS = (None, None, "service_started", "service_healthy")
OTHERS = (
    a_project(a_service("web", replicas=0), name="other"),
    a_project(a_service("web", replicas=2, memory_mb=300), name="other"),
    a_project(a_service("web", port=80), a_service("db", mounts=DATA), name="other"),
)


@dataclass(frozen=True, repr=False)
class World:
    """A cluster, what was applied to it before (up to a crash, if any), and what is to be applied."""

    inventory: Inventory
    before: Project
    crash_after: int | None
    other: Project
    wanted: Project
    cordoned: frozenset[str]
    listeners: frozenset[tuple[str, int]]
    foreign: frozenset[str]
    sick: frozenset[str] = frozenset()

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython's protocol
        parts = [
            f"before {_brief(self.before)}",
            f"other {_brief(self.other)}",
            f"wanted {_brief(self.wanted)}",
        ]
        hosts = [
            f"{h.name} zone={h.labels.get('zone')} memory={h.capacity.memory_bytes}"
            for h in self.inventory.hosts
        ]
        rest = f"cordoned={set(self.cordoned)} listeners={set(self.listeners)} foreign={set(self.foreign)} sick={set(self.sick)}"
        printer.text("World:\n  " + "\n  ".join([*hosts, *parts, rest, f"crash_after={self.crash_after}"]))

    def build(self) -> FakeCluster:
        """Return the cluster as it stands before the new apply."""
        cluster = FakeCluster(self.inventory, IMAGES)
        apply(cluster, self.other)
        cluster.effects, cluster.crash_after = 0, self.crash_after
        with contextlib.suppress(KilledError):
            apply(cluster, self.before)
        cluster.crash_after = None
        for name in self.cordoned:
            cluster.hosts[name].markers["cordoned"] = "by ops"
        for name in self.sick:
            _fail(cluster, name)
        for name in self.foreign:
            _add_foreign(cluster, name)
        for name, port in self.listeners:
            used = {use.port for c in cluster.hosts[name].containers.values() for use in c.ports}
            if port not in used:
                cluster.hosts[name].listeners.add(port)
        return cluster


def _brief(project: Project) -> str:
    """Return a project's services with what differs from the defaults."""
    plain = a_service()
    return "; ".join(
        ", ".join(
            f"{f.name}={getattr(service, f.name)!r}"
            for f in dataclasses.fields(service)
            if getattr(service, f.name) != getattr(plain, f.name) or f.name == "name"
        )
        for service in project.services
    )


def _fail(cluster: FakeCluster, name: str) -> None:
    """Let an instance have failed, wherever it runs."""
    for host in cluster.hosts.values():
        unit = f"clusterctl-{name}.service"
        if host.containers.pop(name, None):
            host.active[unit] = "failed"


def _add_foreign(cluster: FakeCluster, name: str) -> None:
    host = cluster.hosts[name]
    host.add_foreign_unit("clusterctl-backup.service")
    if "clusterctl-shop-web-1.service" not in host.files:
        host.add_foreign_unit("clusterctl-shop-web-1.service")
    if "clusterctl-shop-api-1.service" not in host.files:
        host.containers["shop-api-1"] = Container("somebody/else:3")
    host.containers["database"] = Container("somebody/else:3")


def look(cluster: FakeCluster, project: Project) -> Snapshot:
    """Return a look that asks for the project's images."""
    images = tuple(sorted({service.image for service in project.services}))
    return cluster.look(cluster.inventory.hosts, LookRequest(images))


def plan(cluster: FakeCluster, project: Project) -> Plan:
    """Return the plan for a project on the cluster as it is."""
    return plan_apply(cluster.inventory, project, look(cluster, project))


def apply(cluster: FakeCluster, project: Project) -> Report:
    """Plan and do it; nothing is done where the plan says it cannot be."""
    return carry_out(cluster, plan(cluster, project))


def possible(found: Plan) -> bool:
    """Whether a plan may be carried out."""
    return not found.blocked and not found.unplaced


@st.composite
def services(draw: st.DrawFn, name: str) -> Service:
    """Return a service of one of the shapes that placement must heed."""
    value = draw(st.sampled_from([None, "1", "2"]))
    shape = draw(st.sampled_from(SHAPES))
    return a_service(
        name,
        image=draw(st.sampled_from(IMAGES)),
        replicas=draw(st.sampled_from([0, 1, 1, 2, 2, 3])),
        update=draw(st.sampled_from(UPDATES)),
        canary=draw(st.sampled_from(CANARIES)),
        quorum=draw(st.sampled_from(["", "", "", "", "etcd"])),
        environment={"KEY": value} if value else {},
        **shape,
    )


@st.composite
def projects(draw: st.DrawFn, name: str = "shop") -> Project:
    """Return a project of one to four services."""
    names = draw(st.sampled_from([("web",), ("api", "web"), ("api", "web"), ("api", "db", "job", "web")]))
    made = [draw(services(service)) for service in names]
    needs = [draw(st.sampled_from(CONDITIONS)) for _ in made]
    for number, condition in enumerate(needs[1:], start=1):
        if condition:
            rule = Dependency(names[number - 1], condition)  # type: ignore[arg-type]
            made[number] = dataclasses.replace(made[number], depends_on=(rule,))
    return a_project(*made, name=name)


@st.composite
def successors(draw: st.DrawFn, before: Project) -> Project:
    """Return a later version of a project: most of it as before, some of it changed."""
    made = []
    for service in before.services:
        changes: dict[str, Any] = draw(
            st.sampled_from(
                [
                    {},
                    {"image": IMAGES[1]},
                    {"image": IMAGES[2]},
                    {"replicas": service.replicas + 1},
                    {"ports": a_service(port=draw(st.sampled_from([80, 81]))).ports},
                    {"constraints": draw(st.sampled_from([(), IN_A, NOT_IN_A, NOT_ON_H1]))},
                    {"image": IMAGES[1], "constraints": NOT_ON_H1},
                ]
            )
        )
        made.append(dataclasses.replace(service, **changes))
    return a_project(*made, name=before.name)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return a world of one to six hosts."""
    names = [f"h{number}" for number in range(1, draw(st.sampled_from([1, 1, 2, 2, 3, 4, 5, 6])) + 1)]
    zones = draw(st.sampled_from([("",), ("a", "b"), ("a", "a", "b"), ("b", "a", "")]))
    sizes = draw(st.sampled_from([(None,), (None,), (1000, 500), (500, None)]))
    hosts = [
        a_host(name, zone=zones[k % len(zones)], memory_mb=sizes[k % len(sizes)])
        for k, name in enumerate(names)
    ]
    some = st.sampled_from([(), (), (), ("h1",), ("h2",), ("h1", "h3")]).map(frozenset)
    busy = st.sampled_from([(), (), (("h1", 80),), (("h2", 81), ("h3", 80))])
    known = set(names)
    before = draw(projects())
    sick = st.sampled_from([(), (), ("shop-web-1",), ("shop-web-2",), ("shop-api-1", "shop-web-3")])
    return World(
        inventory=an_inventory(hosts),
        before=before,
        crash_after=draw(st.none() | st.integers(0, 60)),
        other=draw(st.sampled_from(OTHERS)),
        wanted=draw(st.one_of(projects(), successors(before))),
        cordoned=draw(some) & known,
        listeners=frozenset(pair for pair in draw(busy) if pair[0] in known),
        foreign=draw(some) & known,
        sick=frozenset(draw(sick)),
    )


@st.composite
def handovers(draw: st.DrawFn) -> World:
    """Return a world where services want host ports that others have: most moves need room to be made."""
    count = draw(st.sampled_from([2, 3, 4, 6]))
    hosts = [a_host(f"h{k}", zone="ab"[k % 2]) for k in range(1, count + 1)]
    replicas = {name: draw(st.sampled_from([1, 2, count // 2, count // 2])) for name in ("api", "db", "web")}
    updates = {name: draw(st.sampled_from(UPDATES)) for name in replicas}
    versions = []
    for _ in range(2):
        made = [
            a_service(
                name,
                replicas=replicas[name],
                port=draw(st.sampled_from([80, 80, 81, 82])),
                update=updates[name],
                constraints=draw(st.sampled_from([(), IN_A, NOT_IN_A])),
            )
            for name in draw(st.sampled_from([("api", "web"), ("api", "db", "web")]))
        ]
        versions.append(a_project(*made))
    none: frozenset[Any] = frozenset()
    nothing = a_project(a_service(replicas=0), name="other")
    return World(an_inventory(hosts), versions[0], None, nothing, versions[1], none, none, none)
