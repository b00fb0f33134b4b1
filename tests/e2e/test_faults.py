"""Faults that a first path must survive; each test names its row of the fault matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paramiko
import pytest

from tests.e2e.fleet import LabFleet, service, wait_until, write_playbook

UNITS = "/etc/systemd/system"


def test_sshd_stopped(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 12: a host without sshd is an unmanaged path, not a stopped service; apply goes on only when told."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=5)))
    before = fleet.all_containers(f"{project}-")
    fleet.fault("stop-sshd", "h2")
    changed = write_playbook(tmp_path, project, web=service(replicas=5, env={"GREETING": "new"}))

    seen = fleet.cli("ps")
    refused = fleet.cli("apply", str(changed), "--yes")

    assert seen.code == 1
    assert "h2: connect: " in seen.stderr
    assert "what runs there is unknown, not stopped" in seen.stderr
    assert refused.code == 1
    assert f"error: cannot apply {project}: what runs on some hosts is unknown" in refused.stderr
    assert "--ignore-host h2. Nothing was changed." in refused.stderr
    assert _ids(fleet.all_containers(f"{project}-")) == _ids(before)
    going_on = fleet.cli("apply", str(changed), "--yes", "--ignore-host", "h2")
    assert going_on.code == 0, going_on.stderr
    after = fleet.all_containers(f"{project}-")
    assert {name for name in before if before[name]["id"] == after[name]["id"]} == {f"{project}-web-2"}
    fleet.heal_all()
    fleet.apply(changed)


def test_docker_stopped(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 15: a host whose docker is stopped is degraded; nothing there is touched, docker is not restarted."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=5)))
    fleet.fault("stop-docker", "h4")
    unit = fleet.inside("h4", "sha256sum", f"{UNITS}/clusterctl-{project}-web-4.service")
    changed = write_playbook(tmp_path, project, web=service(replicas=5, env={"GREETING": "new"}))

    refused = fleet.cli("apply", str(changed), "--yes")

    assert refused.code == 1
    assert f"{project}-web-4: cannot replace it: docker does not answer: " in refused.stderr
    assert fleet.inside("h4", "sha256sum", f"{UNITS}/clusterctl-{project}-web-4.service") == unit
    assert fleet.inside("h4", "systemctl", "is-active", "docker").strip() == "inactive"
    fleet.heal_all()
    name = f"{project}-web-4"
    wait_until(
        lambda: "(healthy)" in fleet.containers("h4").get(name, {}).get("status", ""),
        30,
        "it comes with docker",
    )
    fleet.apply(changed)
    assert len(fleet.all_containers(f"{project}-")) == 5


def test_image_missing(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 19: a wrong tag is found before anything is stopped."""
    fleet.apply(write_playbook(tmp_path, project, web=service()))
    before = fleet.all_containers(f"{project}-")

    refused = fleet.cli(
        "apply", str(write_playbook(tmp_path, project, web=service("hello:nowhere"))), "--yes"
    )

    assert refused.code == 1
    assert "image registry.lab:5000/hello:nowhere of service web: " in refused.stderr
    assert _ids(fleet.all_containers(f"{project}-")) == _ids(before)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("hello:broken", "the container ended before it was healthy"),
        ("hello:unhealthy", "last health check: exit 1: "),
    ],
)
def test_never_healthy(fleet: LabFleet, project: str, tmp_path: Path, image: str, why: str) -> None:
    """Row 22: a version that dies, or never gets healthy, ends at its first instance and is undone there."""
    fleet.apply(write_playbook(tmp_path, project, web=service()))
    before = fleet.all_containers(f"{project}-")

    failed = fleet.cli("apply", str(write_playbook(tmp_path, project, web=service(image))), "--yes")

    after = fleet.all_containers(f"{project}-")
    assert failed.code == 1
    assert f"the previous version of {project}-web-1 runs again" in failed.stderr
    assert why in failed.stderr
    assert {item["image"] for item in after.values()} == {item["image"] for item in before.values()}
    assert {name for name in before if before[name]["id"] != after[name]["id"]} == {f"{project}-web-1"}


def test_first_version_broken(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """A first version that never gets healthy is stopped, not left to crash for ever; the good one then starts."""
    failed = fleet.cli(
        "apply", str(write_playbook(tmp_path, project, web=service("hello:broken", replicas=2))), "--yes"
    )

    assert failed.code == 1
    assert {i["state"] for i in _instances(fleet, project)} <= {"failed", "stopped"}
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=2)))
    assert {(i["state"], i["health"]) for i in _instances(fleet, project)} == {("running", "healthy")}


def test_unit_folder_full(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 26: no room for a unit: the old one is whole and runs, the apply says why and ends with 1."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=1)))
    host = _instances(fleet, project)[0]["host"]
    before = fleet.inside(host, "sha256sum", f"{UNITS}/clusterctl-{project}-web-1.service")
    fleet.inside(host, "mkdir", "-p", "/mnt/small")
    fleet.inside(host, "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", "/mnt/small")
    assert "/mnt/small" in fleet.inside(host, "mountpoint", "/mnt/small")
    fleet.inside(host, "cp", "-a", f"{UNITS}/.", "/mnt/small")
    fleet.inside(host, "timeout", "10", "dd", "if=/dev/zero", "of=/mnt/small/fill", "bs=4k", "count=64")
    fleet.inside(host, "mount", "--bind", "/mnt/small", UNITS)

    failed = fleet.cli(
        "apply", str(write_playbook(tmp_path, project, web=service("hello:1.1", replicas=1))), "--yes"
    )

    after = fleet.inside(host, "sha256sum", f"{UNITS}/clusterctl-{project}-web-1.service")
    fleet.inside(host, "umount", UNITS)
    fleet.inside(host, "umount", "/mnt/small")
    fleet.inside(host, "systemctl", "daemon-reload")
    assert failed.code == 1
    assert "cannot write the unit: " in failed.stderr
    assert "No space left on device" in failed.stderr
    assert after == before
    assert fleet.inside(host, "systemctl", "is-active", f"clusterctl-{project}-web-1").strip() == "active"


def test_read_only_filesystem(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 29: a read-only unit folder is a clear error; the instance stays as it was."""
    fleet.apply(write_playbook(tmp_path, project, web=service(replicas=1)))
    host = _instances(fleet, project)[0]["host"]
    fleet.inside(host, "mount", "--bind", UNITS, UNITS)
    fleet.inside(host, "mount", "-o", "remount,ro,bind", UNITS)
    before = _ids(fleet.all_containers(f"{project}-"))

    failed = fleet.cli(
        "apply", str(write_playbook(tmp_path, project, web=service("hello:1.1", replicas=1))), "--yes"
    )

    fleet.inside(host, "umount", UNITS)
    assert failed.code == 1
    assert "Read-only file system" in failed.stderr
    assert _ids(fleet.all_containers(f"{project}-")) == before


def test_foreign_unit_of_the_same_name(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 33: a file that bears our name and not our mark is refused, never overwritten (I3)."""
    unit = f"{UNITS}/clusterctl-{project}-web-1.service"
    for host in fleet.hosts:
        fleet.inside(host, "sh", "-c", f"printf '[Service]\\nExecStart=/bin/true\\n' >{unit}")

    refused = fleet.cli("apply", str(write_playbook(tmp_path, project, web=service(replicas=1))), "--yes")

    kept = [fleet.inside(host, "cat", unit) for host in fleet.hosts]
    for host in fleet.hosts:
        fleet.inside(host, "rm", unit)
    assert refused.code == 4
    assert f"error: no host can take {project}-web-1" in refused.stderr
    assert f"h1  clusterctl-{project}-web-1.service exists and is not ours" in refused.stderr
    assert kept == ["[Service]\nExecStart=/bin/true\n"] * 5


def test_drop_in(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 34: a drop-in beside our unit is reported as drift and left where it is."""
    playbook = write_playbook(tmp_path, project, web=service(replicas=1))
    fleet.apply(playbook)
    host = _instances(fleet, project)[0]["host"]
    folder = f"{UNITS}/clusterctl-{project}-web-1.service.d"
    fleet.inside(host, "mkdir", folder)
    fleet.inside(
        host, "sh", "-c", f"printf '[Service]\\nNice=5\\n' >{folder}/override.conf; systemctl daemon-reload"
    )

    again = fleet.apply(playbook)

    drift = _instances(fleet, project)[0]["drift"]
    fleet.inside(host, "rm", "-r", folder)
    fleet.inside(host, "systemctl", "daemon-reload")
    assert drift == [f"drop-in {folder}/override.conf"]
    assert (
        f"note: {host}: clusterctl-{project}-web-1.service is altered by {folder}/override.conf"
        in again.stdout
    )


def test_edited_unit(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """A unit of ours that somebody edited is drift, refused, and written anew with --overwrite."""
    playbook = write_playbook(tmp_path, project, web=service(replicas=1))
    fleet.apply(playbook)
    host = _instances(fleet, project)[0]["host"]
    fleet.inside(
        host, "sed", "-i", "s/RestartSec=5/RestartSec=6/", f"{UNITS}/clusterctl-{project}-web-1.service"
    )

    seen = _instances(fleet, project)[0]["drift"]
    refused = fleet.cli("apply", str(playbook), "--yes")
    mended = fleet.cli("apply", str(playbook), "--yes", "--overwrite")

    assert seen == ["edited"]
    assert refused.code == 4
    assert f"{host}  clusterctl-{project}-web-1.service is edited by hand" in refused.stderr
    assert "(the unit file was edited or cut by hand)" in mended.stdout
    assert "nothing to change" in fleet.apply(playbook).stdout


def test_host_key_changed(fleet: LabFleet, tmp_path: Path) -> None:
    """Row 44: a changed host key ends before a login is tried, with both prints, and exit 6."""
    inventory = _inventory_with_other_key(fleet, tmp_path, "h1")
    since = fleet.clock()

    refused = fleet.cli("ps", inventory=inventory)

    assert refused.code == 6
    assert "h1: host-key: " in refused.stderr
    assert refused.stderr.count("SHA256:") == 2
    assert fleet.sshd_counts(since)["h1"] == (0, 0)


def test_unknown_host_key(fleet: LabFleet, tmp_path: Path) -> None:
    """Row 45: a host that known_hosts does not know is refused, and not added."""
    inventory = _inventory_with_other_key(fleet, tmp_path, "h1", leave_out=True)
    known = (tmp_path / "known_hosts").read_text()

    refused = fleet.cli("hosts", inventory=inventory)

    assert refused.code == 6
    assert "h1: host-key: unknown host key" in refused.stderr
    assert (tmp_path / "known_hosts").read_text() == known


def test_sudo_asks_for_a_password(fleet: LabFleet, project: str, tmp_path: Path) -> None:
    """Row 46: sudo that wants a password is an identity error, asked once and never again."""
    playbook = write_playbook(tmp_path, project, web=service(replicas=1))
    fleet.inside(
        "h5",
        "sh",
        "-c",
        "cp -p /etc/sudoers.d/ops /root/ops.sudo; echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops",
    )
    since = fleet.clock()

    refused = fleet.cli("apply", str(playbook), "--yes")

    counts = fleet.sshd_counts(since)["h5"]
    fleet.inside("h5", "sh", "-c", "mv /root/ops.sudo /etc/sudoers.d/ops")
    assert refused.code == 6
    assert "h5  sudo: a password is required" in refused.stderr
    assert "Nothing was changed." in refused.stderr
    assert counts == (1, 1)


def _instances(fleet: LabFleet, project: str) -> list[dict[str, Any]]:
    found = fleet.cli("ps", "-o", "json").document["instances"]
    return [item for item in found if item["project"] == project]


def _ids(containers: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: item["id"] for name, item in containers.items()}


def _inventory_with_other_key(fleet: LabFleet, folder: Path, host: str, *, leave_out: bool = False) -> str:
    """Copy the lab's inventory; in its known_hosts a host has another key, or none."""
    source = Path(fleet.inventory).parent
    (folder / "id_ed25519").write_bytes((source / "id_ed25519").read_bytes())
    (folder / "id_ed25519").chmod(0o600)
    other = paramiko.ECDSAKey.generate()
    lines = []
    for line in (source / "known_hosts").read_text().splitlines():
        if line.split(" ")[0].split(",")[0].strip("[]") != fleet.addresses[host]:
            lines.append(line)
        elif not leave_out:
            lines.append(f"{line.split(' ')[0]} {other.get_name()} {other.get_base64()}")
    (folder / "known_hosts").write_text("\n".join(lines) + "\n")
    (folder / "inventory.yaml").write_text(Path(fleet.inventory).read_text())
    return str(folder / "inventory.yaml")
