"""Runtime keys as options of docker run, what an old docker is refused for, and what the plan shows of it."""

from __future__ import annotations

import pytest

from clusterctl.model.placement import Instance
from clusterctl.model.runtime import Cgroup, Logging, Names, Namespaces, Runtime
from clusterctl.model.service import HealthCheck, Mount, Service, Volume
from clusterctl.model.snapshot import ImageFact, Resolved
from clusterctl.model.step import PullImage
from clusterctl.planning.container import docker_run
from clusterctl.planning.deploy import plan_apply
from clusterctl.planning.docker_options import too_old
from clusterctl.planning.images import pin_images
from tests.builders import DIGEST, PINNED, a_project, a_service, a_snapshot, an_inventory, facts_of


def options(service: Service) -> list[str]:
    words = docker_run(service, PINNED, Instance("shop", "web", 1), "sha256:1", "/run/x.cid")
    plain = docker_run(a_service(), PINNED, Instance("shop", "web", 1), "sha256:1", "/run/x.cid")
    return [word for word in words[: words.index(PINNED)] if word not in plain]


def test_every_runtime_key_is_an_option() -> None:
    runtime = Runtime(
        privileged=True,
        devices=("/dev/fuse:/dev/fuse:rwm",),
        device_cgroup_rules=("c 1:3 rwm",),
        gpus="device=a,b;driver=x",
        security_opt=("no-new-privileges=true",),
        group_add=("audio",),
        sysctls={"net.b": "2", "net.a": "1"},
        ulimits=("nofile=1:2",),
        shm_size_bytes=64,
        working_dir="/srv",
        platform="linux/amd64",
        runtime="runc",
        storage_opt={"size": "1"},
        stdin_open=True,
        tty=True,
        expose=("80/tcp",),
        annotations={"a": "b"},
        cgroup=Cgroup(
            "x.slice", 512, 25, 50, "0-1", 7, -1, 0, -5, oom_kill_disable=True, io=("blkio-weight=300",)
        ),
        names=Names(
            "front", "example.com", "02:00:00:00:00:01", ("db:10.0.0.5",), ("1.1.1.1",), ("a",), ("ndots:2",)
        ),
        namespaces=Namespaces("private", "none", "host", "host", ""),
    )

    assert options(a_service(runtime=runtime)) == [
        "--hostname=front",
        "--memory-reservation=7b",
        "--privileged",
        "--device=/dev/fuse:/dev/fuse:rwm",
        "--device-cgroup-rule=c 1:3 rwm",
        '--gpus="device=a,b",driver=x',
        "--runtime=runc",
        "--platform=linux/amd64",
        "--security-opt=no-new-privileges=true",
        "--group-add=audio",
        "--sysctl=net.a=1",
        "--sysctl=net.b=2",
        "--ulimit=nofile=1:2",
        "--shm-size=64",
        "--workdir=/srv",
        "--storage-opt=size=1",
        "--interactive",
        "--tty",
        "--expose=80/tcp",
        "--annotation=a=b",
        "--cgroup-parent=x.slice",
        "--cpu-shares=512",
        "--cpu-quota=25",
        "--cpu-period=50",
        "--cpuset-cpus=0-1",
        "--memory-swap=-1",
        "--oom-score-adj=-5",
        "--memory-swappiness=0",
        "--oom-kill-disable",
        "--blkio-weight=300",
        "--domainname=example.com",
        "--mac-address=02:00:00:00:00:01",
        "--add-host=db:10.0.0.5",
        "--dns=1.1.1.1",
        "--dns-search=a",
        "--dns-option=ndots:2",
        "--cgroupns=private",
        "--ipc=none",
        "--pid=host",
        "--userns=host",
    ]


def test_lines_go_where_the_playbook_says() -> None:
    kept = Runtime(logging=Logging("local", {"max-size": "10m"}))
    tagged = Runtime(logging=Logging("", {"labels": "team"}))

    assert options(a_service(runtime=kept)) == ["--log-driver=local", "--log-opt=max-size=10m"]
    assert options(a_service(runtime=tagged)) == ["--log-opt=labels=team"]


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        (
            Mount(
                "volume",
                "data",
                "/d",
                nocopy=True,
                subpath="a",
                volume=Volume(driver_opts=(("type", "nfs"),)),
            ),
            (
                "--mount=type=volume,source=shop_data,target=/d,volume-nocopy=true,volume-subpath=a,"
                "volume-driver=local,volume-opt=type=nfs"
            ),
        ),
        (
            Mount("volume", "data", "/d", volume=Volume("x", labels=(("a", "b,c"),))),
            '--mount=type=volume,source=x,target=/d,"volume-label=a=b,c"',
        ),
        (
            Mount("volume", "data", "/d", volume=Volume(external=True)),
            "--mount=type=volume,source=data,target=/d",
        ),
        (
            Mount("bind", "/a", "/b", propagation="rslave"),
            "--mount=type=bind,source=/a,target=/b,bind-propagation=rslave",
        ),
        (
            Mount("bind", "/a", "/b", read_only=True, selinux="Z", propagation="rslave"),
            "--volume=/a:/b:ro,Z,rslave",
        ),
        (Mount("bind", "/a", "/b", create_host_path=True), "--volume=/a:/b"),
    ],
)
def test_a_mount_is_one_option(mount: Mount, expected: str) -> None:
    assert options(a_service(mounts=(mount,))) == [expected]


def test_the_image_s_own_test_keeps_what_is_not_said() -> None:
    check = HealthCheck((), 5.0, 0.0, 0, 0.0, 1.5)

    assert options(a_service(healthcheck=check)) == [
        "--health-interval=5000ms",
        "--health-start-interval=1500ms",
    ]


@pytest.mark.parametrize(
    ("service", "version", "expected"),
    [
        (
            a_service(healthcheck=HealthCheck(("CMD", "true"), start_interval_s=1.0)),
            "20.10.24+dfsg1",
            "docker 20.10.24+dfsg1 is too old for healthcheck.start_interval, which came with 25.0",
        ),
        (a_service(healthcheck=HealthCheck(("CMD", "true"), start_interval_s=1.0)), "25.0.0", ""),
        (a_service(healthcheck=HealthCheck(("CMD", "true"), start_interval_s=1.0)), "", ""),
        (
            a_service(mounts=(Mount("volume", "data", "/d", subpath="a"),)),
            "25.0.3",
            "docker 25.0.3 is too old for volume.subpath, which came with 26.0",
        ),
        (
            a_service(runtime=Runtime(annotations={"a": "b"})),
            "23.0.1",
            "docker 23.0.1 is too old for annotations, which came with 24.0",
        ),
    ],
)
def test_a_docker_that_is_too_old_is_told_before_anything_starts(
    service: Service, version: str, expected: str
) -> None:
    assert too_old(service, version) == expected


def test_a_host_whose_docker_is_too_old_gets_no_instance() -> None:
    resolved = {"registry:5000/web:1": Resolved(DIGEST)}
    old, new = facts_of("h1", resolved=resolved), facts_of("h2", resolved=resolved, docker_version="25.0.3")
    wanted = a_project(a_service(runtime=Runtime(annotations={"a": "b"})))

    plan = plan_apply(an_inventory(["h1", "h2"]), wanted, a_snapshot(old, new))

    assert [(change.host, change.kind) for change in plan.changes] == [("h2", "create")]


def test_a_volume_that_is_external_must_be_on_the_host() -> None:
    mount = Mount("volume", "old", "/d", volume=Volume("archive", external=True))

    plan = plan_apply(an_inventory(["h1"]), a_project(a_service(mounts=(mount,))), a_snapshot("h1"))

    assert [refusal.reason for refusal in plan.unplaced[0].refusals] == [
        "has no volume archive, which is external: docker volume create archive"
    ]


def test_an_image_that_is_never_pulled_runs_only_where_it_is() -> None:
    held = ImageFact("sha256:" + "9" * 64, "registry:5000/web", "1", DIGEST)
    here, there = facts_of("h1"), facts_of("h2", images=(held,))
    wanted = a_project(a_service(pull_policy="never"))

    plan = plan_apply(an_inventory(["h1", "h2"]), wanted, a_snapshot(here, there))
    nowhere = plan_apply(an_inventory(["h1"]), wanted, a_snapshot(here))

    assert [change.host for change in plan.changes] == ["h2"]
    assert [block.reason for block in nowhere.blocked] == [
        "image registry:5000/web:1 of service web: no host has it, and pull_policy is never"
    ]


def test_a_policy_of_missing_asks_no_registry_where_a_digest_is_known() -> None:
    held = ImageFact("sha256:" + "9" * 64, "registry:5000/web", "1", DIGEST)
    newer = Resolved("sha256:" + "8" * 64)
    look = a_snapshot(facts_of("h1", images=(held,), resolved={"registry:5000/web:1": newer}))

    plan = plan_apply(an_inventory(["h1"]), a_project(a_service(pull_policy="missing")), look)

    assert [step.image for batch in plan.batches for step in batch.steps if isinstance(step, PullImage)] == []
    assert pin_images(a_project(a_service(pull_policy="missing")), look, ()).pinned == {"web": PINNED}


def test_what_a_service_takes_of_its_host_is_in_the_plan() -> None:
    bold = a_service("web", runtime=Runtime(privileged=True), cap_add=("NET_ADMIN", "CHOWN"))

    plan = plan_apply(an_inventory(["h1"]), a_project(bold, a_service("db")), a_snapshot("h1"))

    assert plan.privileges == (
        "web is privileged (policy.allow.privileged)",
        "web has the capability NET_ADMIN (policy.allow.capabilities)",
    )
