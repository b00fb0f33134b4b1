from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterctl.model.intent import (
    AbortIntent,
    ApplyIntent,
    CordonIntent,
    DeleteIntent,
    DrainIntent,
    FailoverIntent,
    Intent,
    MoveIntent,
    PlaybookStep,
    RebalanceIntent,
    RebootIntent,
    RestartIntent,
    RollbackIntent,
    Rolling,
    ScaleIntent,
    StepsIntent,
    UpdateIntent,
)
from clusterctl.model.limit import Limit
from clusterctl.model.network import Network, NetworkUse
from clusterctl.model.run import RunSummary
from clusterctl.model.runtime import Cgroup, Logging, Names, Namespaces, Runtime
from clusterctl.model.service import (
    Canary,
    Constraint,
    Dependency,
    File,
    HealthCheck,
    Mount,
    Port,
    Project,
    Resources,
    RestartPolicy,
    Service,
    ServiceHook,
    UpdateConfig,
)
from clusterctl.model.window import Window
from clusterctl.planning.plain import NotPlainError, from_plain, to_line, to_plain
from tests.builders import a_project
from tests.conduct import a_summary
from tests.planning.worlds import projects

FULL = Service(
    name="web",
    image="registry:5000/web:1",
    command=("serve", "--port", "8080"),
    entrypoint=("/bin/sh",),
    environment={"TOKEN": "s3cret", "EMPTY": "", "UMLAUT": "ä\n"},
    ports=(Port(8080, 80, "udp", "10.0.0.1"), Port(9090)),
    mounts=(Mount("volume", "data", "/data", read_only=True),),
    healthcheck=HealthCheck(("CMD", "true"), 1.5, 2.0, 5, 0.25),
    labels={"a": "b"},
    user="1000",
    init=True,
    tmpfs=("/tmp",),
    read_only=True,
    cap_add=("NET_ADMIN",),
    cap_drop=("ALL",),
    stop_signal="SIGINT",
    stop_grace_period_s=3.5,
    limits=Resources(0.5, 1024),
    reservations=Resources(None, 512),
    mode="global",
    replicas=7,
    constraints=(Constraint("node.labels.zone", "!=", "a"),),
    restart=RestartPolicy("on-failure", 1.0, 3, 60.0),
    update=UpdateConfig(2, "start-first", 0.0, 1.0, 2.0, 0.5, "rollback"),
    rollback=UpdateConfig(parallelism_percent=50.0),
    canary=Canary(2, 5.0, ("curl", "-f")),
    drain="refuse",
    quorum="etcd",
    depends_on=(Dependency("db", "service_healthy"),),
    priority=5,
    singleton=True,
    runtime=Runtime(
        devices=("/dev/fuse:/dev/fuse:rwm",),
        sysctls={"net.core.somaxconn": "1"},
        logging=Logging("local", {"max-size": "1m"}),
        cgroup=Cgroup(memory_swappiness=0),
        names=Names(hostname="front"),
        namespaces=Namespaces(ipc="none"),
    ),
    network_mode="host",
    pull_policy="never",
    deploy_labels={"team": "shop"},
    networks=(NetworkUse(Network("back", options=(("a", "b"),), pools=(("10.1.0.0/24", "", ""),)), ("b",)),),
    post_start=(ServiceHook(("true",), "1000"),),
    pre_stop=(ServiceHook(("sync",), privileged=True),),
    files=(File("secret", "token", "/run/secrets/token", "s3cret", mode=0o400),),
    preferences=("rack",),
    max_per_host=2,
    strategy="pack",
)
PROJECT = Project("shop", (FULL,), ("data",))
WINDOW = Window((5, 6), 120, 10_800, "Europe/Amsterdam")
ROLLING = Rolling(Limit(None, 25.0), True, (WINDOW,), "h1", 20, 900)
INTENTS: list[Intent] = [
    ApplyIntent(PROJECT),
    DeleteIntent("shop"),
    RollbackIntent("shop", 4),
    ScaleIntent("shop", "web", 3),
    RestartIntent("shop", "web", {"h1": 1_800_000_000}),
    MoveIntent("shop-web-1", "h2"),
    CordonIntent(("h1",), False, "disk"),
    DrainIntent(("h1", "h2"), 60),
    RebootIntent(("h1",), ROLLING, True, 86_400, {"h1": "boot-h1"}),
    UpdateIntent(("h1",), ROLLING, True, "always", True, True, 60, {"h1": "boot-h1"}, {"h1": ("x.service",)}),
    StepsIntent(
        "rolling",
        ("h1", "h2"),
        (
            PlaybookStep("copy", {"to": "/etc/motd"}, 5.0, b"\x00\xff\n"),
            PlaybookStep("apply", {}, project=PROJECT),
        ),
        (Limit(1), Limit(None, 10.0)),
        1,
        "continue",
        Rolling(),
        {"h1": "boot-h1"},
    ),
    FailoverIntent(("h1", "h2"), ("h1",), ("h3",), ("shop-web-1",), 3),
    RebalanceIntent(3, 20.0, 60, {"h1": 1_800_000_000}),
    AbortIntent("20270115-080000-apply-0001", updates=True),
]


def through_json(value: Any) -> Any:
    return json.loads(to_line(to_plain(value)))


@pytest.mark.parametrize("intent", INTENTS, ids=lambda intent: type(intent).__name__)
def test_an_intent_is_read_back(intent: Intent) -> None:
    assert from_plain(type(intent), through_json(intent)) == intent


def test_every_kind_of_intent_is_among_them() -> None:
    assert {type(intent) for intent in INTENTS} == set(Intent.__args__)


def test_every_field_of_a_service_is_away_from_its_default() -> None:
    plain = Service("web", "registry:5000/web:1")
    same = [f.name for f in dataclasses.fields(Service) if getattr(FULL, f.name) == getattr(plain, f.name)]

    assert same == ["name", "image"]


@settings(deadline=None, max_examples=25)
@given(projects())
def test_any_project_is_read_back(project: Project) -> None:
    assert from_plain(Project, through_json(project)) == project


@given(st.binary())
def test_any_bytes_are_read_back(content: bytes) -> None:
    step = PlaybookStep("copy", {}, content=content)

    assert from_plain(PlaybookStep, through_json(step)) == step


def test_what_an_older_release_did_not_write_has_its_default() -> None:
    plain = through_json(ApplyIntent(a_project()))
    for service in plain["project"]["services"]:
        del service["canary"], service["quorum"]

    assert from_plain(ApplyIntent, plain) == ApplyIntent(a_project())


def test_what_a_newer_release_wrote_beyond_is_refused() -> None:
    plain = {**through_json(a_summary()), "priority": 3}

    with pytest.raises(NotPlainError, match="RunSummary has no field priority"):
        from_plain(RunSummary, plain)


def test_a_field_that_must_be_there_is_missed() -> None:
    plain = through_json(a_summary())
    del plain["verb"]

    with pytest.raises(NotPlainError, match="verb"):
        from_plain(RunSummary, plain)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", 3),
        ("id", None),
        ("started_s", "1800000000"),
        ("started_s", True),
        ("started_s", 1.5),
        ("state", "finished"),
        ("state", []),
        ("batches", "1"),
    ],
)
def test_a_value_of_another_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(NotPlainError):
        from_plain(RunSummary, {**through_json(a_summary()), field: value})


@pytest.mark.parametrize("plain", [None, [], "x", 3, True])
def test_what_is_no_object_is_no_value(plain: object) -> None:
    with pytest.raises(NotPlainError):
        from_plain(RunSummary, plain)


@pytest.mark.parametrize("content", ["***", "YQ", "ä", 3])
def test_bytes_that_are_no_base64_are_refused(content: object) -> None:
    plain = {**through_json(PlaybookStep("copy", {})), "content": content}

    with pytest.raises(NotPlainError):
        from_plain(PlaybookStep, plain)


@pytest.mark.parametrize("hosts", ["h1", {"h1": 1}, [1], [["h1"]]])
def test_a_list_of_something_else_is_refused(hosts: object) -> None:
    with pytest.raises(NotPlainError):
        from_plain(DrainIntent, {"hosts": hosts, "deadline_s": 60})


def test_a_line_is_ascii_and_the_same_for_the_same_value() -> None:
    assert to_line({"b": "ä", "a": 1}) == '{"a":1,"b":"\\u00e4"}'


@pytest.mark.parametrize(
    "number", [10**15 + 1, -(10**16), 10**400, float("inf"), float("-inf"), float("nan")]
)
def test_a_number_beyond_all_use_is_refused(number: float) -> None:
    for kind in (int, float):
        with pytest.raises(NotPlainError, match="expected"):
            from_plain(kind, number)
