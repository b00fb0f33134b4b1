"""Fence agents of Debian against the lab's own engine: data moves when, and only when, its host is proven off."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterctl.lab.layout import object_name
from tests.e2e.fleet import LabFleet, service, write_playbook
from tests.e2e.test_failover import Witness, homes

ENGINE = "/var/run/docker.sock"


@pytest.fixture(scope="session")
def agents() -> None:
    """Have fence-agents on this machine."""
    if shutil.which("fence_docker", path=f"{os.environ['PATH']}:/usr/sbin"):
        return
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("fence_docker is not installed, and only root on Debian may install it (issue 4)")
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "fence-agents"]
    subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    )


@pytest.fixture
def engine_port(tmp_path: Path) -> Iterator[int]:
    """Give a TLS port of this machine behind which the engine is: fence_docker knows no other way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path / "engine.pem"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, context), daemon=True).start()
        yield int(server.getsockname()[1])


def _certificate(path: Path) -> Path:
    """Write a key and a certificate for it, good for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))
    return path


def _serve(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        try:
            client = context.wrap_socket(plain, server_side=True)
        except OSError:
            continue
        engine = socket.socket(socket.AF_UNIX)
        engine.connect(ENGINE)
        for source, sink in ((client, engine), (engine, client)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.close()


def inventory_with(fleet: LabFleet, name: str, *devices: Mapping[str, object]) -> str:
    """Return the lab's inventory, each host with these devices."""
    path = Path(fleet.inventory).with_name(f"{name}.yaml")
    text, times = re.subn(
        r"(?m)^(\s+h\d: \{)",
        lambda found: f"{found[1]}fence: {json.dumps(devices)}, ",
        Path(fleet.inventory).read_text(),
    )
    assert times == len(fleet.hosts), text
    path.write_text(text)
    return str(path)


def docker_device(fleet: LabFleet, port: int) -> Mapping[str, object]:
    plug = object_name(fleet.name, "{host}")
    return {
        "agent": "fence_docker",
        "parameters": {
            "ip": "127.0.0.1",
            "ipport": port,
            "plug": plug,
            "ssl_insecure": 1,
            "api_version": "1.41",
        },
    }


def a_database(fleet: LabFleet, project: str, folder: Path) -> str:
    """Apply one instance with a volume; return its host."""
    path = write_playbook(folder, project, db=service(replicas=1, volumes=["data:/data"]))
    path.write_text(path.read_text().rstrip().removesuffix("}") + ', "volumes": {"data": {}}}')
    fleet.apply(path)
    (home,) = homes(fleet, f"{project}-").values()
    return home


def lose(fleet: LabFleet, inventory: str, state: Path, host: str) -> None:
    """Cut a host off the network, and look until it is lost: its services run on."""
    fleet.fault("cut", host)
    end = time.monotonic() + 180
    while time.monotonic() < end:
        look = fleet.cli(
            "health", host, "--record", "--period", "30s", inventory=inventory, CLUSTERCTL_STATE=str(state)
        )
        if look.stdout.startswith(f"{host} is lost"):
            return
    raise AssertionError(look.stdout)


@pytest.mark.usefixtures("agents")
def test_data_moves_when_its_host_is_proven_off(
    fleet: LabFleet, project: str, tmp_path: Path, engine_port: int
) -> None:
    """Faults row 51: devices that fail, are dead or slow hold the data; then the true device moves it; never two copies."""
    home = a_database(fleet, project, tmp_path)
    true = docker_device(fleet, engine_port)
    inventory = inventory_with(fleet, "fenced", true)
    asked = fleet.cli("fence", "status", inventory=inventory)
    assert asked.code == 0, asked.stdout + asked.stderr
    assert asked.stdout.count("Status: ON") == len(fleet.hosts)

    with Witness(fleet, f"{project}-db-1") as witness:
        lose(fleet, inventory, tmp_path, home)
        odd_devices: dict[str, Mapping[str, object]] = {
            "failing": {"agent": "fence_dummy", "parameters": {"type": "fail", "power_timeout": 2}},
            "dead": {
                "agent": "fence_docker",
                "parameters": {"ip": "127.0.0.1", "ipport": 1, "plug": "x", "ssl_insecure": 1},
            },
            "slow": {"agent": "fence_dummy", "parameters": {"random_sleep_range": 90}, "timeout": "500ms"},
        }
        for name, device in odd_devices.items():
            odd = inventory_with(fleet, name, device)
            held = fleet.cli(
                "failover", "--yes", "--period", "30s", inventory=odd, CLUSTERCTL_STATE=str(tmp_path)
            )
            assert held.code == 1, held.stdout + held.stderr
            assert "fenced" in held.stdout, held.stdout
        assert witness.places == {home}

        both = inventory_with(
            fleet, "both", {"agent": "fence_dummy", "parameters": {"type": "fail", "power_timeout": 2}}, true
        )
        moved = fleet.cli(
            "failover", "--yes", "--period", "30s", inventory=both, CLUSTERCTL_STATE=str(tmp_path)
        )
        assert moved.code == 0, moved.stdout + moved.stderr
        (new,) = homes(fleet, f"{project}-", home).values()

    assert new != home
    assert witness.twice == []
    assert witness.looks > 20
    off = fleet.cli("fence", "status", home, inventory=inventory)
    assert "Status: OFF" in off.stdout
    assert fleet.cli("fence", "on", home, "--yes", inventory=inventory).code == 0
