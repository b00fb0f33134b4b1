"""What can be done to a lab's host from outside: the faults of faults.md, and their opposites.

Each says what it did; asked for what is already so, it changes nothing and says that.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING

from clusterctl.errors import InputError, LabError
from clusterctl.lab.hosts import container_of, own_address
from clusterctl.lab.inside import run_inside
from clusterctl.lab.layout import HostInfo, object_name

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_UNITS_S = 120.0  # systemd itself gives a unit 90 s to stop

Fault = Callable[["DockerClient", str, HostInfo], str]


def _kill(engine: DockerClient, lab: str, host: HostInfo) -> str:
    if host.state in {"exited", "created"}:
        return "was down already"
    container_of(engine, lab, host.host).kill()
    return "killed; stays down until started"


def _start(engine: DockerClient, lab: str, host: HostInfo) -> str:
    if host.state in {"running", "cut", "paused"}:
        return f"was {host.state} already"
    container_of(engine, lab, host.host).start()
    return "started"


def _pause(engine: DockerClient, lab: str, host: HostInfo) -> str:
    if host.state == "paused":
        return "was paused already"
    container_of(engine, lab, host.host).pause()
    return "paused: TCP connects, nothing answers"


def _unpause(engine: DockerClient, lab: str, host: HostInfo) -> str:
    if host.state != "paused":
        return "was not paused"
    container_of(engine, lab, host.host).unpause()
    return "goes on"


def _cut(engine: DockerClient, lab: str, host: HostInfo) -> str:
    container = container_of(engine, lab, host.host)
    if not _connected(container, lab):
        return "was cut off already"
    engine.networks.get(object_name(lab)).disconnect(container)
    return "cut off from the network"


def _heal(engine: DockerClient, lab: str, host: HostInfo) -> str:
    container = container_of(engine, lab, host.host)
    if _connected(container, lab):
        return "was connected already"
    engine.networks.get(object_name(lab)).connect(
        container, aliases=[host.host], ipv4_address=own_address(container)
    )
    return "connected again under its old address"


def _connected(container: Container, lab: str) -> bool:
    return object_name(lab) in container.attrs["NetworkSettings"]["Networks"]


def _cut_operator(engine: DockerClient, lab: str, host: HostInfo) -> str:
    container = container_of(engine, lab, host.host)
    rule = _from_operator(container, lab)
    code, output = _sh(container, f"iptables -w 5 -C {rule} && exit 100; iptables -w 5 -I {rule}")
    if code not in {0, 100}:
        raise LabError(f"iptables on {host.host} did not take the rule", details=output.splitlines()[-4:])
    if code:
        return "dropped what comes from this machine already"
    return "drops what comes from this machine; other hosts reach it"


def _heal_operator(engine: DockerClient, lab: str, host: HostInfo) -> str:
    container = container_of(engine, lab, host.host)
    code, _ = _sh(container, f"iptables -w 5 -D {_from_operator(container, lab)}")
    return (
        "let in what comes from this machine already"
        if code
        else "lets in what comes from this machine again"
    )


def _from_operator(container: Container, lab: str) -> str:
    """Return the rule for what comes from this machine: its address in the lab is that of the gateway."""
    return f"INPUT -s {container.attrs['NetworkSettings']['Networks'][object_name(lab)]['Gateway']} -j DROP"


def _sh(container: Container, command: str) -> tuple[int, str]:
    return run_inside(container, ["sh", "-c", command], tries=3)


def _systemctl(verb: str, *units: str) -> Fault:
    def fault(engine: DockerClient, lab: str, host: HostInfo) -> str:
        container = container_of(engine, lab, host.host)
        code, output = run_inside(container, ["systemctl", verb, *units], _UNITS_S, tries=3)
        if code:
            raise LabError(
                f"systemctl {verb} {' '.join(units)} failed on {host.host} with exit code {code}",
                details=output.splitlines()[-4:],
            )
        return f"systemctl {verb} {' '.join(units)}: done"

    return fault


def _signal(unit: str, signal: str, words: str) -> Fault:
    def fault(engine: DockerClient, lab: str, host: HostInfo) -> str:
        container = container_of(engine, lab, host.host)
        command = ["systemctl", "kill", "--kill-who=main", f"--signal={signal}", unit]
        code, output = run_inside(container, command, tries=3)
        if code:
            raise LabError(f"{unit} of {host.host} got no {signal}", details=output.splitlines()[-4:])
        return words

    return fault


def _signal_systemd(signal: str, words: str) -> Fault:
    def fault(engine: DockerClient, lab: str, host: HostInfo) -> str:
        # From outside: a process cannot stop the first one of its own namespace (pid_namespaces(7)).
        container_of(engine, lab, host.host).kill(signal=signal)
        return words

    return fault


FAULTS: dict[str, Fault] = {
    "kill": _kill,
    "start": _start,
    "pause": _pause,
    "unpause": _unpause,
    "cut": _cut,
    "heal": _heal,
    "cut-operator": _cut_operator,
    "heal-operator": _heal_operator,
    "stop-docker": _systemctl("stop", "docker.socket", "docker.service"),
    "start-docker": _systemctl("start", "docker.socket", "docker.service"),
    "hang-docker": _signal("docker.service", "STOP", "dockerd hangs: its socket is open, nothing answers"),
    "wake-docker": _signal("docker.service", "CONT", "dockerd goes on"),
    "hang-containerd": _signal(
        "containerd.service", "STOP", "containerd hangs: docker starts and stops nothing"
    ),
    "wake-containerd": _signal("containerd.service", "CONT", "containerd goes on"),
    "hang-systemd": _signal_systemd(
        "SIGSTOP", "systemd hangs: what runs goes on, nothing is started or stopped"
    ),
    "wake-systemd": _signal_systemd("SIGCONT", "systemd goes on"),
    "stop-sshd": _systemctl("stop", "ssh.service"),
    "start-sshd": _systemctl("start", "ssh.service"),
}


def find_fault(kind: str) -> Fault:
    """Return the fault of that name; otherwise an error that lists them."""
    if kind in FAULTS:
        return FAULTS[kind]
    close = difflib.get_close_matches(kind, FAULTS, n=1)
    raise InputError(
        f"there is no fault {kind}",
        details=[f"faults: {', '.join(FAULTS)}"],
        next_step=f"did you mean {close[0]}?" if close else "",
    )
