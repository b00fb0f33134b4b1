"""The registry of a lab: docker-registry in a container of the host image, hosts call it registry.lab:5000."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING

from clusterctl.errors import LabError
from clusterctl.lab.hosts import ROLE, attachment, containers_of, free_port
from clusterctl.lab.layout import LABEL, REGISTRY_NAME, object_name, registry_address

if TYPE_CHECKING:
    from docker import DockerClient

PART = "registry"
_PUSH = f"{LABEL}.push"
_PORT = 5000
_STORAGE = "/var/lib/docker-registry"
_WAIT_S = 30.0


def registry_push(engine: DockerClient, lab: str) -> str:
    """Return the address that this machine pushes to, "" while there is no registry."""
    for each in containers_of(engine, lab, PART):
        return str(each["Labels"][_PUSH])
    return ""


def ensure_registry(engine: DockerClient, lab: str, image: str, subnet: str) -> str:
    """Make or start the registry, wait until it answers; return the address that this machine pushes to."""
    if not registry_push(engine, lab):
        _make_registry(engine, lab, image, subnet)
    engine.containers.get(object_name(lab, PART)).start()
    push = registry_push(engine, lab)
    _await_answer(push)
    return push


def _make_registry(engine: DockerClient, lab: str, image: str, subnet: str) -> None:
    port = free_port()
    volume = object_name(lab, PART)
    engine.volumes.create(volume, labels={LABEL: lab})
    engine.api.create_container(
        image,
        command=["docker-registry", "serve", "/etc/docker/registry/lab.yml"],
        name=object_name(lab, PART),
        hostname=PART,
        labels={LABEL: lab, ROLE: PART, _PUSH: f"127.0.0.1:{port}"},
        environment={"OTEL_TRACES_EXPORTER": "none"},
        stop_signal="SIGTERM",
        volumes=[_STORAGE],
        ports=[_PORT],
        networking_config=attachment(engine, lab, REGISTRY_NAME, registry_address(subnet)),
        host_config=engine.api.create_host_config(
            network_mode=object_name(lab),
            binds={volume: {"bind": _STORAGE, "mode": "rw"}},
            port_bindings={_PORT: ("127.0.0.1", port)},
            restart_policy={"Name": "always"},
        ),
    )


def _await_answer(push: str) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not _answers(push):
        if time.monotonic() > deadline:
            raise LabError(
                f"the lab's registry at {push} does not answer within {_WAIT_S:.0f} s",
                next_step="read its messages with docker logs, or begin again: clusterctl lab down",
            )
        time.sleep(0.05)


def _answers(push: str) -> bool:
    connection = http.client.HTTPConnection(push, timeout=2)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
