"""The first whole path on real hosts: apply, apply again, change, prune, reboot."""

from __future__ import annotations

from pathlib import Path

import paramiko

from tests.e2e.fleet import Asking, LabFleet, service, wait_until, write_playbook

FOREIGN_UNIT = "clusterctl-of-somebody-else.service"


def test_three_services(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Nine instances get healthy; then only what changed is changed, and nothing foreign ever (I3, I12)."""
    fleet.inside(
        "h1",
        "sh",
        "-c",
        f"printf '[Service]\\nExecStart=/bin/sleep 1d\\n' >/etc/systemd/system/{FOREIGN_UNIT}",
    )
    fleet.inside("h1", "systemctl", "daemon-reload")
    fleet.inside("h1", "systemctl", "start", FOREIGN_UNIT)
    fleet.inside("h2", "docker", "run", "-d", "--name", "foreign", "registry.lab:5000/hello:1.0")
    foreign = _foreign(fleet)
    services = {"web": service(port=8080), "api": service(env={"GREETING": "one"}), "worker": service()}

    fleet.apply(write_playbook(tmp_path, project, **services))

    first = fleet.all_containers(f"{project}-")
    assert sorted(first) == [
        f"{project}-{name}-{slot}" for name in ("api", "web", "worker") for slot in (1, 2, 3)
    ]
    assert all("(healthy)" in item["status"] for item in first.values())
    assert {item["host"] for item in first.values()} == set(fleet.hosts)

    since = fleet.clock()
    again = fleet.apply(write_playbook(tmp_path, project, **services))
    assert again.stdout == f"{project}: nothing to change (9 instances)\n"
    assert fleet.sshd_counts(since) == dict.fromkeys(fleet.hosts, (1, 1))
    assert _changed(first, fleet.all_containers(f"{project}-")) == set()

    services["api"] = service(env={"GREETING": "two"})
    changed = fleet.apply(write_playbook(tmp_path, project, **services))
    second = fleet.all_containers(f"{project}-")
    assert "environment: ~GREETING" in changed.stdout
    assert "two" not in changed.stdout + changed.stderr
    assert _changed(first, second) == {f"{project}-api-{slot}" for slot in (1, 2, 3)}

    del services["worker"]
    fleet.apply(write_playbook(tmp_path, project, **services))
    third = fleet.all_containers(f"{project}-")
    assert set(second) - set(third) == {f"{project}-worker-{slot}" for slot in (1, 2, 3)}
    assert _changed(third, second) == set()

    fleet.cli("delete", project, "--yes")
    assert fleet.all_containers(f"{project}-") == {}
    assert _foreign(fleet) == foreign
    fleet.inside("h1", "sh", "-c", f"systemctl stop {FOREIGN_UNIT}; rm /etc/systemd/system/{FOREIGN_UNIT}")
    fleet.inside("h2", "docker", "rm", "-f", "foreign")


def test_reboot_by_hand(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """A host that reboots brings its units back healthy without us and without the registry."""
    fleet.apply(write_playbook(tmp_path, project, web=service(port=8081, replicas=5)))
    before = fleet.ssh("h3", "cat /proc/sys/kernel/random/boot_id")
    registry = _registry(fleet)
    registry.stop(timeout=1)

    fleet.ssh("h3", "systemctl reboot")

    wait_until(lambda: _boot_id(fleet, "h3") not in {"", before}, 60, "h3 has a new boot id")
    name = f"{project}-web-3"
    wait_until(
        lambda: "(healthy)" in fleet.containers("h3").get(name, {}).get("status", ""), 60, f"{name} healthy"
    )
    assert fleet.ssh("h3", f"systemctl is-active clusterctl-{name}").strip() == "active"
    registry.start()
    assert fleet.apply(write_playbook(tmp_path, project, web=service(port=8081, replicas=5))).stdout == (
        f"{project}: nothing to change (5 instances)\n"
    )


def test_broken_version(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """A version that dies stops at the first batch and is undone there; the rest answers all the while."""
    fleet.apply(write_playbook(tmp_path, project, web=service(port=8082, replicas=5)))
    before = fleet.all_containers(f"{project}-")

    version = write_playbook(tmp_path, project, web=service("hello:broken", port=8082, replicas=5))
    with Asking(fleet, 8082, [host for host in fleet.hosts if host != "h1"]) as asking:
        broken = fleet.cli("apply", str(version), "--yes")

    after = fleet.all_containers(f"{project}-")
    assert broken.code == 1
    assert "hello: version broken was told to fail" in broken.stderr
    assert f"the previous version of {project}-web-1 runs again on h1" in broken.stderr
    assert f"not touched: {project}-web-2, {project}-web-3, {project}-web-4, {project}-web-5" in broken.stderr
    assert _changed(before, after) == {f"{project}-web-1"}
    assert all(fleet.get(host, 8082).startswith("hello 1.0") for host in fleet.hosts)
    assert asking.answered > 50
    assert asking.failures == []

    fleet.apply(write_playbook(tmp_path, project, web=service("hello:1.1", port=8082, replicas=5)))
    assert all(fleet.get(host, 8082).startswith("hello 1.1") for host in fleet.hosts)


def test_start_first(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """start-first never has fewer instances than before; the surge instance is gone at the end."""
    update = {"replicas": 2, "update_config": {"order": "start-first", "parallelism": 1}}
    fleet.apply(write_playbook(tmp_path, project, web=service(deploy=update)))

    answer = fleet.apply(write_playbook(tmp_path, project, web=service("hello:1.1", deploy=update)))

    assert f"+ surge   {project}-web-3" in answer.stdout
    assert sorted(fleet.all_containers(f"{project}-")) == [f"{project}-web-1", f"{project}-web-2"]


def _registry(fleet: LabFleet):  # type: ignore[no-untyped-def]
    import docker

    return docker.from_env().containers.get(f"clusterctl-{fleet.name}-registry")


def _boot_id(fleet: LabFleet, host: str) -> str:
    try:
        return fleet.ssh(host, "cat /proc/sys/kernel/random/boot_id")
    except (OSError, EOFError, paramiko.SSHException):
        return ""


def _foreign(fleet: LabFleet) -> tuple[str, str, str]:
    unit = fleet.inside("h1", "sh", "-c", f"sha256sum /etc/systemd/system/{FOREIGN_UNIT}")
    process = fleet.inside("h1", "systemctl", "show", "-p", "MainPID", FOREIGN_UNIT)
    return (
        unit,
        process,
        fleet.inside("h2", "docker", "inspect", "-f", "{{.Id}} {{.State.StartedAt}}", "foreign"),
    )


def _changed(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> set[str]:
    return {name for name in old if old[name]["id"] != new.get(name, {}).get("id")}
