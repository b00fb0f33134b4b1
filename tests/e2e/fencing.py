"""Fence agents of Debian against the lab's own engine: what tests need to have hosts that can be fenced."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import socket
import ssl
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clusterctl.lab import packages
from clusterctl.lab.layout import object_name
from tests.e2e.fleet import LabFleet

ENGINE = "/var/run/docker.sock"


@pytest.fixture(scope="session")
def agents() -> None:
    """Have fence-agents on this machine."""
    if not install_agents():
        pytest.skip("fence_docker is not installed, and only root on Debian may install it (issue 4)")


def install_agents() -> bool:
    """Have fence-agents on this machine; false where only root on Debian may install them."""
    with (Path(tempfile.gettempdir()) / "clusterctl-tests-apt.lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if shutil.which("fence_docker", path=f"{os.environ['PATH']}:/usr/sbin"):
            return True
        if not packages.may_install():
            return False
        packages.install(["fence-agents"], lambda line: print(line, file=sys.stderr))  # noqa: T201
        return True


@pytest.fixture
def engine_port(tmp_path: Path) -> Iterator[int]:
    """Give a TLS port of this machine behind which the engine is."""
    with engine_proxy(tmp_path) as port:
        yield port


@contextlib.contextmanager
def engine_proxy(folder: Path) -> Iterator[int]:
    """Give a TLS port of this machine behind which the engine is: fence_docker knows no other way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder / "engine.pem"))
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


def inventory_with(
    fleet: LabFleet, name: str, *devices: Mapping[str, object], hosts: Collection[str] = ()
) -> str:
    """Return the lab's inventory, each host (or these) with these devices."""
    chosen = hosts or fleet.hosts
    path = Path(fleet.inventory).with_name(f"{name}.yaml")
    text, times = re.subn(
        rf"(?m)^(\s+(?:{'|'.join(chosen)}): \{{)",
        lambda found: f"{found[1]}fence: {json.dumps(devices)}, ",
        Path(fleet.inventory).read_text(),
    )
    assert times == len(chosen), text
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
