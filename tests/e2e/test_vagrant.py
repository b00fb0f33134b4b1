"""The Vagrantfile of this folder with the real vagrant: its machines are hosts like any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException

from clusterctl.errors import LabError
from clusterctl.lab.engine import connect
from clusterctl.lab.inside import run_inside
from clusterctl.lab.layout import REGISTRY_NAME, object_name
from tests.e2e.fleet import LabFleet, wait_until

ROOT = Path(__file__).parents[2]
SUBNET = "192.168.57"
NETWORK = f"vagrant_network_{SUBNET}.0/24"
HOSTS = ("h1", "h2", "h3")

pytestmark = pytest.mark.skipif(
    shutil.which("vagrant") is None,
    reason="issue 5: no vagrant here; `python -m tests.e2e.tools` installs it",
)


class Machines:
    """A folder with the Vagrantfile, and vagrant as a person types it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = connect()
        self.env = {
            "VAGRANT_HOME": str(folder / "home"),
            "VAGRANT_CHECKPOINT_DISABLE": "1",
            "VAGRANT_DEFAULT_PROVIDER": "docker",
            "NETWORK": SUBNET,
            "CLUSTERCTL": str(Path(sys.executable).parent / "clusterctl"),
        }
        shutil.copy(ROOT / "Vagrantfile", folder)

    def vagrant(self, *args: str, within_s: float = 120) -> str:
        """Run vagrant and demand that it succeeds; what it printed."""
        done = subprocess.run(
            ["vagrant", *args],
            cwd=self.folder,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within_s,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def container(self, host: str) -> Any:
        """Return the engine's container of a machine."""
        path = self.folder / ".vagrant" / "machines" / host / "docker" / "id"
        return self.engine.containers.get(path.read_text())

    def inside(self, host: str, *command: str) -> str:
        """Run a command in a machine without SSH; nothing while it does not run."""
        with suppress(DockerException, LabError):
            return run_inside(self.container(host), command, tries=3)[1]
        return ""

    def boot_id(self, host: str) -> str:
        """Return what changes at each boot."""
        return self.inside(host, "cat", "/proc/sys/kernel/random/boot_id")

    def volumes(self) -> set[str]:
        """Return the names of the volumes that the machines have."""
        mounts = [mount for host in HOSTS for mount in self.container(host).attrs["Mounts"]]
        return {mount["Name"] for mount in mounts if mount["Type"] == "volume"}

    def write_inventory(self, name: str, **more: Any) -> str:
        """Write an inventory whose source is vagrant; host keys are those that the machines have."""
        known = []
        for number, host in enumerate(HOSTS):
            key = self.inside(host, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").strip()
            port = self.container(host).attrs["NetworkSettings"]["Ports"]["22/tcp"][0]["HostPort"]
            known += [f"{SUBNET}.{11 + number} {key}\n", f"[127.0.0.1]:{port} {key}\n"]
        (self.folder / "known_hosts").write_text("".join(known))
        inventory = {
            "cluster": "vagrant",
            "ssh": {"known_hosts": "known_hosts"},
            "policy": {"min_free_disk": "1%"},
            "sources": [{"vagrant": "."}],
            **more,
        }
        path = self.folder / name
        path.write_text(json.dumps(inventory))
        return str(path)


@pytest.fixture
def machines(fleet: LabFleet, tmp_path: Path) -> Iterator[Machines]:
    """Return the machines, up, with the lab's registry among them; destroyed afterwards."""
    machines = Machines(tmp_path)
    _remove_what_is_left(machines.engine)
    registry = object_name(fleet.name, "registry")
    try:
        machines.vagrant("up")
        machines.engine.networks.get(NETWORK).connect(registry, aliases=[REGISTRY_NAME])
        yield machines
    finally:
        for network in machines.engine.networks.list(names=[NETWORK]):
            network.disconnect(registry, force=True)
        machines.vagrant("destroy", "-f")


def _remove_what_is_left(engine: Any) -> None:
    """Remove what an interrupted session left: its machines have the addresses."""
    for container in engine.containers.list(all=True, filters={"network": NETWORK}):
        container.remove(v=True, force=True)


def _healthy(machines: Machines, host: str) -> list[str]:
    return machines.inside(
        host, "docker", "ps", "--filter", "health=healthy", "--format", "{{.Names}}"
    ).split()


def test_vagrant_machines(fleet: LabFleet, machines: Machines) -> None:
    """Up, apply, reload: the reloaded machine's instances come back by themselves. Destroyed, nothing is left."""
    ports = machines.write_inventory("ports.yaml")
    addresses = {"h[1-3]": {"address": f"{SUBNET}.[11-13]", "port": 22}}
    inventory = machines.write_inventory("inventory.yaml", hosts=addresses)
    volumes = machines.volumes()

    found = fleet.cli("hosts", "-o", "json", inventory=ports, timeout=120, **machines.env)
    applied = fleet.cli(
        "apply", str(ROOT / "playbooks/hello.yaml"), "--yes", inventory=inventory, timeout=120, **machines.env
    )

    assert found.code == 0, found.stderr
    assert [(each["host"], each["address"]) for each in found.document["hosts"]] == [
        (host, "127.0.0.1") for host in HOSTS
    ]
    assert applied.code == 0, applied.stdout + applied.stderr
    ran = {host: _healthy(machines, host) for host in HOSTS}
    assert sorted(ran.values()) == [["hello-web-1"], ["hello-web-2"], ["hello-web-3"]]

    boot = machines.boot_id("h2")
    machines.vagrant("reload", "h2")

    assert machines.boot_id("h2") != boot
    wait_until(lambda: _healthy(machines, "h2") == ran["h2"], 60, "the reloaded machine runs what it ran")
    status = fleet.cli("status", inventory=inventory, timeout=120, **machines.env)
    assert status.code == 0, status.stdout + status.stderr
    assert "hello/web  3       3 " in status.stdout, status.stdout

    boot = machines.boot_id("h3")
    machines.inside("h3", "systemctl", "reboot", "--no-block")
    wait_until(
        lambda: machines.boot_id("h3") not in {boot, ""}, 60, "a machine that reboots by itself is back"
    )
    wait_until(lambda: _healthy(machines, "h3") == ran["h3"], 60, "and runs what it ran")

    for network in machines.engine.networks.list(names=[NETWORK]):
        network.disconnect(object_name(fleet.name, "registry"), force=True)
    machines.vagrant("destroy", "-f")

    assert not machines.engine.networks.list(names=[NETWORK])
    assert not volumes & {volume.name for volume in machines.engine.volumes.list()}
    assert "not created" in machines.vagrant("status")
