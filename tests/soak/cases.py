"""Generated rollouts: a small cluster with a past, and what is asked of it; the same seed gives the same case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from clusterctl.model.host import Host
from clusterctl.model.intent import (
    ApplyIntent,
    DrainIntent,
    Intent,
    PlaybookStep,
    RebootIntent,
    RollbackIntent,
    Rolling,
    ScaleIntent,
    StepsIntent,
)
from clusterctl.model.inventory import Hook, Inventory, Policy
from clusterctl.model.limit import Limit
from clusterctl.model.plan import Plan
from clusterctl.model.service import HealthCheck, Mount, Project, Service, UpdateConfig
from clusterctl.model.snapshot import LookRequest
from clusterctl.model.window import Window
from clusterctl.planning.deploy import plan_apply
from tests.builders import a_host, a_project, a_service, an_inventory
from tests.conduct import carry_out
from tests.fake_host import Container
from tests.soak.watch import Bounds, WatchedCluster

IMAGES = ("registry:5000/web:1", "registry:5000/web:2", "registry:5000/api:1")
CHECK = HealthCheck(("CMD", "true"), interval_s=1.0, timeout_s=1.0)
DATA = (Mount("volume", "data", "/data"),)
SHAPES: tuple[dict[str, Any], ...] = (
    {"replicas": 2},
    {"replicas": 3},
    {"replicas": 3, "healthcheck": CHECK},
    {"replicas": 4, "update": UpdateConfig(2)},
    {"replicas": 3, "update": UpdateConfig(1, "start-first")},
    {"replicas": 2, "port": 80},
    {"replicas": 3, "port": 80, "healthcheck": CHECK},
    {"replicas": 1},
    {"replicas": 1, "environment": {"KEY": "1"}},
    {"replicas": 1, "mounts": DATA, "drain": "interrupt"},
    {"replicas": 3, "quorum": "etcd"},
    {"replicas": 3, "memory_mb": 300},
    {"mode": "global"},
    {"mode": "global", "port": 81, "healthcheck": CHECK},
)
RARE: tuple[dict[str, Any], ...] = (
    {"replicas": 1, "mounts": DATA},
    {"replicas": 2, "drain": "refuse"},
    {"replicas": 1, "drain": "interrupt"},
)
BY_OPS = "by=dev@desk\nrun=20270101-000000-cordon-0001\nreason=disk\nsince=0\n"
WINDOW = Window((4,), 8 * 60 + 3, 12 * 3600, "UTC")
"""Opens on a Friday three minutes after `conduct.NOW_S`."""
OTHER = a_project(Service("cache", IMAGES[2], replicas=2), name="other")


@dataclass
class Case:
    """A rollout: the cluster as it stands, what is asked, and what must be so afterwards.

    `wanted` are the projects that run when it is done, `before` those that ran before. `targets` are rebooted once.
    `broken` is an image that never gets well; `closed`: the window opens only after the first try.
    """

    seed: int
    cluster: WatchedCluster
    intent: Intent
    verb: str
    subject: str
    before: tuple[Project, ...]
    wanted: tuple[Project, ...]
    bounds: Bounds
    targets: frozenset[str] = frozenset()
    drained: frozenset[str] = frozenset()
    cordoned: frozenset[str] = frozenset()
    broken: str = ""
    closed: bool = False
    random: Random = field(default_factory=Random)

    @property
    def on_hosts(self) -> bool:
        """Whether the verb is about hosts, and changes no project."""
        return self.before == self.wanted


def make_case(seed: int) -> Case:
    """Return the case of a seed; its plan may be impossible."""
    random = Random(seed)  # noqa: S311 - the same cases for the same seed
    inventory = _inventory(random)
    cluster = WatchedCluster(inventory, IMAGES)
    other = (OTHER,) if random.random() < 0.3 else ()
    for project in other:
        put(cluster, project)
    old = _project(random)
    while not put(cluster, old):  # it fits nowhere
        old = _project(random)
    cordoned = _past(random, cluster)
    kind = random.choices(("apply", "rollback", "scale", "drain", "reboot", "run"), (30, 8, 6, 14, 28, 14))[0]
    make = {"drain": _drain, "reboot": _reboot, "run": _steps}.get(kind)
    case = (
        make(random, cluster, seed, (*other, old))
        if make
        else _deploy(random, cluster, seed, kind, old, other)
    )
    case.cordoned = cordoned - (case.drained if kind == "drain" else frozenset())
    return case


def put(cluster: WatchedCluster, project: Project) -> bool:
    """Apply a project before the watch begins; return whether that was possible."""
    found = plan_for(cluster, project)
    return not found.blocked and not found.unplaced and carry_out(cluster, found).ok


def plan_for(cluster: WatchedCluster, project: Project) -> Plan:
    """Return the plan that applies a project."""
    images = tuple(sorted({service.image for service in project.services}))
    return plan_apply(cluster.inventory, project, cluster.look(cluster.inventory.hosts, LookRequest(images)))


def _inventory(random: Random) -> Inventory:
    count = random.choice((3, 3, 4, 4, 5, 6))
    zones = random.choice((("",), ("a", "b"), ("a", "b", "c")))
    hosts: list[Host | str] = [
        a_host(f"h{n + 1}", zone=zones[n % len(zones)], memory_mb=random.choice((None, 1000)))
        for n in range(count)
    ]
    hooks = (Hook("lb out", "operator"), Hook("flush")) if random.random() < 0.2 else ()
    policy = Policy(
        max_unavailable=random.choice((Limit(1), Limit(1), Limit(2), Limit(None, 40))),
        max_unavailable_per_domain=random.choice((None, None, Limit(1))),
        before=hooks,
        after=hooks[:1],
    )
    return an_inventory(hosts, policy=policy)


def _project(random: Random) -> Project:
    names = random.choice((("web",), ("api", "web"), ("api", "web"), ("api", "db", "job", "web")))
    return a_project(*(_service(random, name) for name in names))


def _service(random: Random, name: str) -> Service:
    shape = random.choice(RARE if random.random() < 0.04 else SHAPES)
    return a_service(name, image=random.choice(IMAGES[:2]), **shape)


def _past(random: Random, cluster: WatchedCluster) -> frozenset[str]:
    """Add what others have left on the hosts; return the hosts that somebody has cordoned."""
    names = list(cluster.hosts)
    for name in random.sample(names, random.choice((0, 1, 2))):
        cluster.hosts[name].add_foreign_unit("clusterctl-backup.service")
        cluster.hosts[name].containers["database"] = Container("somebody/else:3")
        cluster.hosts[name].failed.add("old.service")
    cordoned = frozenset(random.sample(names, 1) if random.random() < 0.15 else ())
    for name in cordoned:
        cluster.hosts[name].markers["cordoned"] = BY_OPS
    return cordoned


# --- verbs on services --------------------------------------------------------------------------


def _deploy(
    random: Random, cluster: WatchedCluster, seed: int, kind: str, old: Project, other: tuple[Project, ...]
) -> Case:
    new, broken = _changed(random, old), ""
    intent: Intent = ApplyIntent(new)
    before, wanted = (*other, old), (*other, new)
    if kind == "rollback":
        if put(cluster, new):
            before, wanted, intent = wanted, before, RollbackIntent(old.name)
    elif kind == "scale":
        many = [service for service in old.services if service.mode == "replicated"] or [a_service("web")]
        one = random.choice(many)
        replicas = max(1, one.replicas + random.choice((-1, 1, 2)))
        services = tuple(replace(s, replicas=replicas) if s.name == one.name else s for s in old.services)
        wanted = (*other, replace(old, services=services))
        intent = ScaleIntent(old.name, one.name, replicas)
    elif random.random() < 0.25:
        broken = _break(random, old, new)
        back = random.random() < 0.5
        services = tuple(
            replace(s, update=replace(s.update, failure_action="rollback" if back else "pause"))
            for s in new.services
        )
        new = replace(new, services=services)
        intent = ApplyIntent(new)
        wanted = (*other, new)
    bounds = _bounds(cluster, before, wanted)
    subject = f"{old.name}/{intent.service}" if isinstance(intent, ScaleIntent) else old.name
    case = Case(seed, cluster, intent, kind, subject, before, wanted, bounds, random=random)
    case.broken = broken
    return case


def _changed(random: Random, old: Project) -> Project:
    services = [_service_changed(random, service) for service in old.services]
    if len(services) > 1 and random.random() < 0.15:
        services.pop(random.randrange(len(services)))
    if random.random() < 0.15:
        services.append(a_service("more", replicas=2))
    return replace(old, services=tuple(services))


def _service_changed(random: Random, service: Service) -> Service:
    found = service
    if random.random() < 0.6:
        found = replace(found, image=IMAGES[1] if service.image == IMAGES[0] else IMAGES[0])
    if random.random() < 0.3:
        found = replace(found, environment={"KEY": random.choice("23")})
    if service.mode == "replicated" and not service.quorum and not service.mounts and random.random() < 0.2:
        found = replace(found, replicas=max(1, service.replicas + random.choice((-1, 1))))
    return found


def _break(random: Random, old: Project, new: Project) -> str:
    """Return the image that never gets well, one that only the new version uses."""
    fresh = sorted({s.image for s in new.services} - {s.image for s in old.services})
    return random.choice(fresh) if fresh else ""


# --- verbs on hosts -----------------------------------------------------------------------------


def _some(random: Random, cluster: WatchedCluster) -> tuple[str, ...]:
    names = cluster.inventory.names
    if random.random() < 0.4:
        return names
    chosen = set(random.sample(names, random.randint(1, len(names))))
    return tuple(name for name in names if name in chosen)


def _limit(random: Random) -> Limit | None:
    return random.choice((None, None, Limit(1), Limit(2)))


def _drain(random: Random, cluster: WatchedCluster, seed: int, projects: tuple[Project, ...]) -> Case:
    hosts = tuple(sorted(random.sample(cluster.inventory.names, random.choice((1, 1, 1, 2)))))
    intent = DrainIntent(hosts, max_unavailable=_limit(random))
    bounds = _bounds(cluster, projects, projects, intent.max_unavailable)
    case = Case(seed, cluster, intent, "drain", ",".join(hosts), projects, projects, bounds, random=random)
    case.drained = frozenset(hosts)
    return case


def _reboot(random: Random, cluster: WatchedCluster, seed: int, projects: tuple[Project, ...]) -> Case:
    hosts = _some(random, cluster)
    canary = random.choice(hosts) if random.random() < 0.2 else ""
    closed = random.random() < 0.06
    rolling = Rolling(
        _limit(random), per_zone=random.random() < 0.2, canary=canary, windows=(WINDOW,) if closed else None
    )
    bounds = _bounds(cluster, projects, projects, rolling.max_unavailable)
    intent = RebootIntent(hosts, rolling)
    case = Case(seed, cluster, intent, "reboot", ",".join(hosts), projects, projects, bounds, random=random)
    case.targets, case.closed = frozenset(hosts), closed
    return case


STEPS: tuple[tuple[PlaybookStep, ...], ...] = (
    (PlaybookStep("drain"), PlaybookStep("reboot"), PlaybookStep("verify"), PlaybookStep("uncordon")),
    (
        PlaybookStep("exec", {"command": "prepare"}),
        PlaybookStep("drain"),
        PlaybookStep("copy", {"dest": "/etc/motd"}, content=b"hello\n"),
        PlaybookStep("exec", {"command": "act", "unless": "done"}),
        PlaybookStep("uncordon"),
    ),
    (PlaybookStep("reboot"), PlaybookStep("gate", {"command": "ask"}), PlaybookStep("uncordon")),
    (
        PlaybookStep("exec", {"command": "hello"}),
        PlaybookStep("wait", {"seconds": "5"}),
        PlaybookStep("verify"),
    ),
)


def _steps(random: Random, cluster: WatchedCluster, seed: int, projects: tuple[Project, ...]) -> Case:
    hosts, steps = _some(random, cluster), random.choice(STEPS)
    serial = random.choice(((Limit(1),), (Limit(1), Limit(2)), (Limit(1), Limit(None, 50))))
    rolling = Rolling(_limit(random))
    bounds = _bounds(cluster, projects, projects, rolling.max_unavailable)
    intent = StepsIntent("work", hosts, steps, serial, rolling=rolling)
    case = Case(seed, cluster, intent, "run", "work", projects, projects, bounds, random=random)
    case.targets = frozenset(hosts) if any(step.verb == "reboot" for step in steps) else frozenset()
    return case


# --- what must hold -----------------------------------------------------------------------------


def _bounds(
    cluster: WatchedCluster,
    before: tuple[Project, ...],
    wanted: tuple[Project, ...],
    limit: Limit | None = None,
) -> Bounds:
    """Return the bounds by the promises' own words, worked out anew."""
    policy, well = cluster.inventory.policy, cluster.well()
    later = {(p.name, s.name): s for p in wanted for s in p.services}
    floors = {}
    for project in before:
        for service in project.services:
            key = (project.name, service.name)
            new = later.get(key)
            if new and service.mode == "replicated" and service.quorum == new.quorum:
                least = min(service.replicas, new.replicas) - max(_out(service), _out(new))
                if least > 0 and len(well.get(key, ())) >= service.replicas:
                    floors[key] = least
    hosts = cluster.inventory.hosts
    domains = {host.name: host.labels.get("zone", host.name) for host in hosts}
    per_domain = policy.max_unavailable_per_domain
    return Bounds(
        floors,
        (limit or policy.max_unavailable).of(len(hosts)),
        per_domain.of(2) if per_domain else len(hosts),
        domains,
    )


def _out(service: Service) -> int:
    if service.quorum:
        return 1
    return service.update.parallelism or service.replicas
