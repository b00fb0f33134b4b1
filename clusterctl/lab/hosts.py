"""The containers of a lab as its hosts: looked at, made, started, removed.

Everything there is to know about a lab is in the labels of its containers; the state folder can be
written again from them, but for the user's private key.
"""

from __future__ import annotations

import io
import socket
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusterctl.lab.capabilities import Rights
from clusterctl.lab.keys import KeyPair, make_key
from clusterctl.lab.layout import (
    LABEL,
    HostInfo,
    host_address,
    host_name,
    in_order,
    object_name,
    zone_of,
)
from clusterctl.lab.texts import SSH_PORT

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

ROLE = f"{LABEL}.role"
_HOST = f"{LABEL}.host"
_ADDRESS = f"{LABEL}.address"
_PORT = f"{LABEL}.port"
_ZONE = f"{LABEL}.zone"
_KEY = f"{LABEL}.hostkey"
_OPS_ID = 1000
_LOOPBACK = "127.0.0.1"
_TMPFS = ("/run", "/run/lock", "/tmp")  # noqa: S108 # the host's own
_UNCONFINED = ("seccomp=unconfined", "apparmor=unconfined")
_ALL_DEVICES = "a *:* rwm"
_OPEN_OPTIONS = (*(f"--security-opt={each}" for each in _UNCONFINED), f"--device-cgroup-rule={_ALL_DEVICES}")


@dataclass(frozen=True, slots=True)
class Site:
    """What all hosts of a lab have in common; `published` when they are reached by ports, not addresses."""

    lab: str
    image: str
    subnet: str
    rights: Rights
    published: bool
    user_key: str


def containers_of(engine: DockerClient, lab: str, role: str = "") -> list[dict[str, Any]]:
    """Return the engine's summaries of a lab's containers, running or not."""
    labels = [f"{LABEL}={lab}", *([f"{ROLE}={role}"] if role else [])]
    found: list[dict[str, Any]] = engine.api.containers(all=True, filters={"label": labels})
    return found


def observe_hosts(engine: DockerClient, lab: str) -> tuple[HostInfo, ...]:
    """Return the hosts of a lab as the engine sees them, in order."""
    return tuple(in_order(_host_info(each) for each in containers_of(engine, lab, "host")))


def _host_info(summary: dict[str, Any]) -> HostInfo:
    labels, state = summary["Labels"], summary["State"]
    networks = summary["NetworkSettings"]["Networks"]
    if state == "running" and object_name(labels[LABEL]) not in networks:
        state = "cut"
    port = int(labels[_PORT])
    address = labels[_ADDRESS] if port == SSH_PORT else _LOOPBACK
    return HostInfo(labels[_HOST], address, port, state, labels[_ZONE], labels[_KEY])


def make_host(engine: DockerClient, site: Site, number: int) -> None:
    """Make and start host `number`; it finds the others and registry.lab by the DNS of the lab's network."""
    key = make_key()
    host, address = host_name(number), host_address(site.subnet, number)
    name = object_name(site.lab, host)
    port = free_port() if site.published else SSH_PORT
    labels = {
        LABEL: site.lab,
        ROLE: "host",
        _HOST: host,
        _ZONE: zone_of(number),
        _KEY: key.public,
        _ADDRESS: address,
        _PORT: str(port),
    }
    _create(engine, site, number, {"name": name, "labels": labels}, port)
    container = engine.containers.get(name)
    container.put_archive("/", _key_files(key, site.user_key))
    container.start()


def free_port() -> int:
    """Return a TCP port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _create(engine: DockerClient, site: Site, number: int, identity: dict[str, Any], port: int) -> None:
    host = host_name(number)
    volume = object_name(site.lab, f"{host}-docker")
    engine.volumes.create(volume, labels={LABEL: site.lab})
    engine.api.create_container(
        site.image,
        name=identity["name"],
        labels=identity["labels"],
        hostname=host,
        stop_signal="SIGRTMIN+3",
        volumes=["/var/lib/docker"],
        ports=[SSH_PORT],
        networking_config=attachment(engine, site.lab, host, host_address(site.subnet, number)),
        host_config=engine.api.create_host_config(
            **_rights(site.rights),
            cgroupns="private",
            network_mode=object_name(site.lab),
            binds={volume: {"bind": "/var/lib/docker", "mode": "rw"}},
            port_bindings={SSH_PORT: (_LOOPBACK, port)} if site.published else {},
            tmpfs=dict.fromkeys(_TMPFS, ""),
            restart_policy={"Name": "always"},
        ),
    )


def run_options(rights: Rights) -> list[str]:
    """Return the words between `docker run` and the image that make a host of it, for other tools than this one.

    Its docker's volume has no name and goes with the container (`docker rm -v`); who may come in is told by
    LAB_SSH_KEY in its environment (`image/lab-init`).
    """
    granted = [f"--cap-add={name}" for name in rights.capabilities]
    return [
        *(["--privileged"] if rights.privileged else [*granted, *_OPEN_OPTIONS]),
        *("--cgroupns=private", "--stop-signal=SIGRTMIN+3", "--restart=unless-stopped"),
        *(f"--tmpfs={path}" for path in _TMPFS),
        "--volume=/var/lib/docker",
    ]


def _rights(rights: Rights) -> dict[str, Any]:
    if rights.privileged:
        return {"privileged": True}
    return {
        "cap_add": list(rights.capabilities),
        "security_opt": list(_UNCONFINED),
        "device_cgroup_rules": [_ALL_DEVICES],
    }


def attachment(engine: DockerClient, lab: str, alias: str, address: str) -> Any:
    """Return the engine's form of: in the lab's network, under this alias and address."""
    endpoint = engine.api.create_endpoint_config(aliases=[alias], ipv4_address=address)
    return {"EndpointsConfig": {object_name(lab): endpoint}}


def _key_files(key: KeyPair, user_key: str) -> bytes:
    """Return the tar of what makes this host itself: its key, and who may come in."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content, mode, owner in (
            ("etc/ssh/ssh_host_ed25519_key", key.private, 0o600, 0),
            ("etc/ssh/ssh_host_ed25519_key.pub", key.public.encode() + b"\n", 0o644, 0),
            ("home/ops/.ssh/authorized_keys", user_key.encode() + b"\n", 0o600, _OPS_ID),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(content), mode, owner, owner
            tar.addfile(entry, io.BytesIO(content))
    return data.getvalue()


def container_of(engine: DockerClient, lab: str, part: str) -> Container:
    """Return the container of a host, or of the registry."""
    return engine.containers.get(object_name(lab, part))


def own_address(container: Container) -> str:
    """Return the address of a host in the lab's network, connected or not."""
    return str(container.labels[_ADDRESS])
