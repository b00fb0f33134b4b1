"""Hosts whose docker, containerd, systemd or disk does not do its part; each test names its row of the fault matrix."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest
import yaml

from tests.e2e.fleet import Answer, LabFleet, service, wait_until, write_playbook

UNITS = "/etc/systemd/system"
DOCKER = "/var/lib/docker"


@pytest.fixture
def new(fleet: LabFleet, project: str, tmp_path: Path) -> Iterator[Path]:
    """Apply a project of five, one on each host, and return its next version, which waits between two hosts."""
    fleet.apply(version(tmp_path, project, "old"))
    yield version(tmp_path, project, "new")
    fleet.heal_all()


def version(folder: Path, project: str, greeting: str) -> Path:
    web = service(replicas=5, env={"GREETING": greeting})
    web["deploy"]["update_config"]["delay"] = "3s"
    return write_playbook(folder, project, web=web)


def running(fleet: LabFleet, project: str) -> dict[str, str]:
    return {name: found["id"] for name, found in fleet.all_containers(f"{project}-").items()}


def apply_until(fleet: LabFleet, playbook: Path, then: Callable[[], object]) -> Answer:
    """Apply, and do something while the run waits after its first host."""
    process = fleet.start("apply", str(playbook), "--yes", "-o", "jsonl")
    assert process.stdout
    assert process.stderr
    seen = []
    for line in process.stdout:
        seen.append(json.loads(line))
        if seen[-1].get("event") == "wait":
            then()
            break
    rest, errors = process.stdout.read(), process.stderr.read()
    return Answer(process.wait(300), rest.decode(), errors.decode())


# --- what hangs ----------------------------------------------------------------------------------


def test_a_dockerd_that_hangs_is_unknown(fleet: LabFleet, project: str, new: Path) -> None:
    """Row 16: the deadline is kept, nothing is taken for stopped, nothing is changed."""
    before = running(fleet, project)
    fleet.fault("hang-docker", "h4")

    seen = fleet.cli("ps", "-o", "json", timeout=60)
    refused = fleet.cli("apply", str(new), "--yes", timeout=60)

    fleet.heal_all()
    mine = {item["name"]: item for item in seen.document["instances"] if item["project"] == project}
    assert (mine[f"{project}-web-4"]["state"], mine[f"{project}-web-4"]["health"]) == ("running", "unknown")
    assert refused.code == 1
    words = "cannot replace it: docker does not answer: docker did not answer within 20 s"
    assert f"  h4  {project}-web-4: {words}\n" in refused.stderr
    assert running(fleet, project) == before


def test_a_containerd_that_hangs(fleet: LabFleet, project: str, new: Path) -> None:
    """Row 17: dockerd answers while nothing can be started; in the look, and between two hosts of a run."""
    before = running(fleet, project)
    fleet.fault("hang-containerd", "h2")

    refused = fleet.cli("apply", str(new), "--yes", timeout=60)

    assert refused.code == 1
    assert "docker info did not answer within 20 s: dockerd or containerd hangs" in refused.stderr
    fleet.fault("wake-containerd", "h2")
    wait_until(lambda: healthy(fleet, "h2", f"{project}-web-2"), 30, "its health check goes on")
    stopped = apply_until(fleet, new, lambda: fleet.fault("hang-containerd", "h2"))
    fleet.heal_all()
    assert stopped.code == 1
    words = "docker does not answer within 20 s: dockerd or containerd hangs, or is stopped"
    assert f"{project}-web-2: {words}; {project}-web-2 was not touched\n" in stopped.stderr
    assert changed(before, running(fleet, project)) == {f"{project}-web-1"}


def test_a_systemd_that_hangs(fleet: LabFleet, project: str, new: Path) -> None:
    """Row 18: in the look, and between two hosts of a run, of which no other one is begun then."""
    before = running(fleet, project)
    fleet.fault("hang-systemd", "h2")

    refused = fleet.cli("apply", str(new), "--yes", timeout=60)

    assert refused.code == 1
    assert f"  h2  {project}-web-2: cannot replace it: systemd does not answer\n" in refused.stderr
    fleet.fault("wake-systemd", "h2")
    stopped = apply_until(fleet, new, lambda: fleet.fault("hang-systemd", "h2"))
    fleet.heal_all()
    assert stopped.code == 1
    words = "systemd does not answer within 10 s"
    assert f"{project}-web-2: {words}; {project}-web-2 was not touched\n" in stopped.stderr
    assert changed(before, running(fleet, project)) == {f"{project}-web-1"}


def healthy(fleet: LabFleet, host: str, name: str) -> bool:
    return "(healthy)" in fleet.containers(host).get(name, {}).get("status", "")


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert set(before) == set(after)
    return {name for name in before if before[name] != after[name]}


# --- what is full --------------------------------------------------------------------------------


@contextmanager
def small(fleet: LabFleet, host: str, place: str, options: str) -> Iterator[None]:
    """Put a small file system with a copy of what is there over a folder."""
    fleet.inside(host, "mkdir", "-p", "/mnt/small")
    fleet.inside(host, "mount", "-t", "tmpfs", "-o", options, "tmpfs", "/mnt/small")
    try:
        assert "/mnt/small is a mountpoint" in fleet.inside(host, "mountpoint", "/mnt/small")
        fleet.inside(host, "cp", "-a", f"{place}/.", "/mnt/small")
        fleet.inside(host, "mount", "--bind", "/mnt/small", place)
        try:
            yield
        finally:
            fleet.inside(host, "umount", place)
    finally:
        fleet.inside(host, "umount", "/mnt/small")


def test_no_inodes_are_left(fleet: LabFleet, project: str, new: Path) -> None:
    """Row 28: as with a full disk, the old unit is whole and runs, and the apply says why."""
    unit = f"{UNITS}/clusterctl-{project}-web-1.service"
    host = next(name for name in fleet.hosts if f"{project}-web-1" in fleet.containers(name))
    before = (running(fleet, project), fleet.inside(host, "sha256sum", unit))

    with small(fleet, host, UNITS, "size=8m,nr_inodes=2000"):
        fill = f"cd {UNITS}; seq -f fill.%g 2500 | timeout 20 xargs touch 2>/dev/null; df --output=iavail ."
        full = fleet.inside(host, "sh", "-c", fill)
        failed = fleet.cli("apply", str(new), "--yes")
        kept = fleet.inside(host, "sha256sum", unit)
    fleet.inside(host, "systemctl", "daemon-reload")

    assert full.split()[-1] == "0", full
    assert failed.code == 1
    assert "cannot write the unit: " in failed.stderr
    assert "No space left on device" in failed.stderr
    assert (running(fleet, project), kept) == before


def test_no_room_for_images(fleet: LabFleet, new: Path) -> None:
    """Row 27: known before anything is stopped; no image, volume or container of anybody is removed to make room."""
    host = "h5"
    with docker_on_a_small_disk(fleet, host):
        fleet.inside(host, "docker", "volume", "create", "others")
        before = fleet.inside(host, "docker", "system", "df", "-v", "--format", "json")
        inventory = Path(fleet.inventory).with_name("small.yaml")
        wanted = yaml.safe_load(Path(fleet.inventory).read_text())
        wanted["policy"] = {**wanted["policy"], "min_free_disk": ["0%", "400m"]}
        inventory.write_text(json.dumps(wanted))

        refused = fleet.cli("apply", str(new), "--yes", inventory=str(inventory))

        after = fleet.inside(host, "docker", "system", "df", "-v", "--format", "json")
    assert refused.code == 4, refused.stderr
    assert "disk nearly full: less than 400 MiB free for docker" in refused.stderr
    assert after == before


@contextmanager
def docker_on_a_small_disk(fleet: LabFleet, host: str) -> Iterator[None]:
    """Give a host's docker 300 MB, empty at first; afterwards it has its own folder again."""
    fleet.inside(host, "systemctl", "stop", "docker.socket", "docker")
    fleet.inside(host, "mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", DOCKER)
    try:
        assert f"{DOCKER} is a mountpoint" in fleet.inside(host, "mountpoint", DOCKER)
        fleet.inside(host, "systemctl", "start", "docker.socket", "docker")
        yield
    finally:
        fleet.inside(host, "systemctl", "stop", "docker.socket", "docker")
        fleet.inside(host, "umount", DOCKER)
        fleet.inside(host, "systemctl", "start", "docker.socket", "docker")


# --- what is another machine ---------------------------------------------------------------------


def test_another_machine_at_the_same_address(
    fleet: LabFleet, project: str, new: Path, tmp_path: Path
) -> None:
    """Row 54: its key is another one; and when that is trusted, nothing is started there anew unasked."""
    with replaced(fleet, "h5", project):
        strange = fleet.cli("apply", str(new), "--yes")
        trusting = known(fleet, tmp_path, "h5")
        refused = fleet.cli("apply", str(new), "--yes", inventory=trusting)
        status = fleet.cli("status", inventory=trusting)
        there = fleet.containers("h5")

    assert strange.code == 6
    assert "h5" in strange.stderr
    assert "host key changed" in strange.stderr
    assert refused.code == 4
    assert f"error: cannot apply {project}: a host is not the machine that it was\n" in refused.stderr
    assert f"  h5  holds no mark of this cluster, and {project}-web-5 had their place there" in refused.stderr
    assert "h5" in status.stdout
    assert not any(name.startswith(project) for name in there)


@contextmanager
def replaced(fleet: LabFleet, host: str, project: str) -> Iterator[None]:
    """Let a host be as a new machine would: other keys, another machine-id, nothing of ours."""
    name = f"clusterctl-{project}-web-5.service"
    fleet.inside(host, "sh", "-c", f"systemctl stop {name}; mkdir -p /root/was; mv {UNITS}/{name} /root/was/")
    fleet.inside(
        host, "sh", "-c", "mv /etc/clusterctl /root/was/; mv /etc/ssh/ssh_host_ed25519_key* /root/was/"
    )
    fleet.inside(host, "sh", "-c", "cp -p /etc/machine-id /root/was/; uuidgen | tr -d - >/etc/machine-id")
    fleet.inside(host, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/etc/ssh/ssh_host_ed25519_key")
    fleet.inside(host, "systemctl", "daemon-reload")
    fleet.inside(host, "systemctl", "restart", "ssh")
    try:
        yield
    finally:
        fleet.inside(host, "sh", "-c", "rm -rf /etc/clusterctl; mv /root/was/clusterctl /etc/")
        fleet.inside(
            host, "sh", "-c", f"mv /root/was/{name} {UNITS}/; cat /root/was/machine-id >/etc/machine-id"
        )
        fleet.inside(host, "sh", "-c", "mv -f /root/was/ssh_host_ed25519_key* /etc/ssh/; rm -r /root/was")
        fleet.inside(host, "systemctl", "daemon-reload")
        fleet.inside(host, "systemctl", "restart", "ssh")
        fleet.inside(host, "systemctl", "start", name)


def known(fleet: LabFleet, folder: Path, host: str) -> str:
    """Return a copy of the inventory that knows the key which the host has now."""
    source = Path(fleet.inventory).parent
    (folder / "id_ed25519").write_bytes((source / "id_ed25519").read_bytes())
    (folder / "id_ed25519").chmod(0o600)
    key = fleet.inside(host, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()
    old = (source / "known_hosts").read_text().splitlines()
    lines = [line for line in old if fleet.addresses[host] not in line.split(" ")[0].split(",")]
    (folder / "known_hosts").write_text("\n".join([*lines, f"{fleet.addresses[host]} {key[0]} {key[1]}", ""]))
    (folder / "inventory.yaml").write_text(Path(fleet.inventory).read_text())
    assert paramiko.HostKeys(str(folder / "known_hosts")).lookup(fleet.addresses[host])
    return str(folder / "inventory.yaml")
