"""What the end-to-end tests use: the command line as a person types it, and eyes of their own on the hosts.

Nothing here calls the tool's code to look at a host: docker and systemd are asked directly.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import paramiko

from clusterctl import lab

CLUSTERCTL = (sys.executable, "-m", "clusterctl")


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.stdout)


class LabFleet:
    """A lab with its hosts; `cli` types, the other methods look."""

    def __init__(self, name: str, count: int) -> None:
        self.name, self._count = name, count
        self.renew()

    def renew(self) -> None:
        """Have a new lab: whatever was done to an earlier one of this name is gone with it."""
        lab.down(self.name)
        info = lab.up(self.name, self._count, _say)
        self.inventory = str(info.inventory)
        self.addresses = {host.host: host.address for host in info.hosts}
        self._hurt = False

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of all hosts."""
        return tuple(self.addresses)

    def start(self, *args: str, inventory: str = "", **env: str) -> subprocess.Popen[bytes]:
        """Start the command line and return at once."""
        return subprocess.Popen(
            [*CLUSTERCTL, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "CLUSTERCTL_INVENTORY": inventory or self.inventory, **env},
        )

    def cli(self, *args: str, inventory: str = "", timeout: float = 300, **env: str) -> Answer:
        """Run the command line to its end; five minutes at the most, unless said otherwise."""
        process = self.start(*args, inventory=inventory, **env)
        out, err = process.communicate(timeout=timeout)
        return Answer(process.returncode, out.decode(), err.decode())

    def apply(self, playbook: Path, **env: str) -> Answer:
        """Apply and demand that it succeeds."""
        answer = self.cli("apply", str(playbook), "--yes", timeout=300, **env)
        assert answer.code == 0, answer.stdout + answer.stderr
        return answer

    def ssh(self, host: str, command: str, *, stdin: str = "") -> str:
        """Run a command as root over a connection of our own; its stdout."""
        folder = Path(self.inventory).parent
        client = paramiko.SSHClient()
        client.load_host_keys(str(folder / "known_hosts"))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            self.addresses[host], username="ops", key_filename=str(folder / "id_ed25519"), timeout=10
        )
        try:
            to, out, _ = client.exec_command(f"sudo -n sh -c {shlex.quote(command)}", timeout=60)
            to.write(stdin)
            to.channel.shutdown_write()
            return out.read().decode()
        finally:
            client.close()

    def inside(self, host: str, *command: str, within_s: float = 60) -> str:
        """Run a command in a host from the lab's own engine: works without network and sshd.

        Where a busy engine loses the output the command is given again, twice at the most: it must bear that.
        """
        return lab.run_inside(lab.host_container(self.name, host), command, within_s, tries=3)[1]

    def containers(self, host: str) -> dict[str, dict[str, str]]:
        """Ask a host's dockerd: name -> id, status (with health), image of each running container."""
        lines = self.inside(host, "docker", "ps", "--no-trunc", "--format", "{{json .}}").splitlines()
        found = [json.loads(line) for line in lines]
        return {
            item["Names"]: {"id": item["ID"], "status": item["Status"], "image": item["Image"]}
            for item in found
        }

    def all_containers(self, prefix: str) -> dict[str, dict[str, str]]:
        """Return the running containers of all hosts whose names begin so, with their host."""
        found = {}
        for host in self.hosts:
            for name, item in self.containers(host).items():
                if name.startswith(prefix):
                    assert name not in found, f"{name} runs twice"
                    found[name] = {**item, "host": host}
        return found

    def all_containers_on(self, hosts: Sequence[str], prefix: str) -> list[str]:
        """Return the names of the running containers on some hosts that begin so."""
        return sorted(name for host in hosts for name in self.containers(host) if name.startswith(prefix))

    def ssh_answers(self) -> list[str]:
        """Return the hosts that let us in and run docker."""
        found = []
        for host in self.hosts:
            with contextlib.suppress(Exception):
                if "active" in self.ssh(host, "systemctl is-active docker").split():
                    found.append(host)
        return found

    def get(self, host: str, port: int, path: str = "/") -> str:
        """Ask a service on a host by HTTP."""
        with urllib.request.urlopen(f"http://{self.addresses[host]}:{port}{path}", timeout=2) as answer:
            return str(answer.read().decode())

    def fault(self, kind: str, host: str) -> None:
        """Inject a fault, as a person does."""
        self._hurt = True
        answer = self.cli("lab", "fault", "--name", self.name, kind, host)
        assert answer.code == 0, answer.stderr

    def heal_all(self) -> None:
        """Bring back what a test's faults left broken."""
        hosts = self.hosts if self._hurt else ()
        self._hurt = False
        for host in hosts:
            container = lab.host_container(self.name, host)
            if container.status == "paused":
                self.fault("unpause", host)
            elif container.status != "running":
                self.fault("start", host)
            self.fault("heal", host)
            self.fault("heal-operator", host)
            self.fault("wake-systemd", host)
            for daemon in ("containerd", "docker"):
                # One that is stopped gets no signal: it is started below.
                self.inside(
                    host, "systemctl", "kill", "--kill-who=main", "--signal=CONT", f"{daemon}.service"
                )
            self._hurt = False
            state = self.inside(host, "systemctl", "is-active", "ssh", "docker").split()
            if state != ["active", "active"]:
                self.inside(host, "systemctl", "start", "ssh", "docker.socket", "docker")

    def sshd_counts(self, since: str) -> dict[str, tuple[int, int]]:
        """Return host -> (logins, commands) since a time on the hosts' clock."""
        counts = {}
        for host in self.hosts:
            lines = self.inside(
                host, "journalctl", "-q", "--no-pager", "-o", "cat", "-t", "sshd", "--since", since
            )
            counts[host] = (lines.count("Accepted publickey"), lines.count("Starting session: command"))
        return counts

    def clock(self) -> str:
        """Return the hosts' time as journalctl takes it; they share this machine's clock."""
        return self.inside(self.hosts[0], "date", "+%Y-%m-%d %H:%M:%S.%N").strip()[:26]


class Asking:
    """Asks a service on hosts all the while, ten times a second each, and keeps what failed."""

    def __init__(self, fleet: LabFleet, port: int, hosts: Sequence[str]) -> None:
        self._fleet, self._port = fleet, port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(host,), daemon=True) for host in hosts]
        self.answered = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _ask(self, host: str) -> None:
        while not self._stop.wait(0.1):
            try:
                self._fleet.get(host, self._port)
                self.answered += 1
            except OSError as error:
                self.failures.append(f"{host}: {error}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def wait_until(condition: Callable[[], bool], within_s: float, what: str) -> None:
    """Wait for a condition; fail with its name when it does not come true in time."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.2)


def service(
    image: str = "hello:1.0",
    *,
    port: int = 0,
    replicas: int = 3,
    env: dict[str, str] | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """Return a service of a playbook with a quick health check."""
    health = ["CMD", "busybox", "wget", "-q", "-O-", "http://127.0.0.1:8080/health"]
    found: dict[str, Any] = {
        "image": f"registry.lab:5000/{image}",
        "environment": env or {},
        "healthcheck": {"test": health, "interval": "1s", "timeout": "2s", "retries": 5},
        "stop_grace_period": "3s",
        "deploy": {"replicas": replicas, "update_config": {"monitor": "0s"}},
    }
    if port:
        found["ports"] = [f"{port}:8080"]
    return {**found, **extra}


def write_playbook(folder: Path, name: str, **services: dict[str, Any]) -> Path:
    """Write a playbook; JSON is YAML."""
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({"name": name, "services": services}, indent=1, ensure_ascii=False), "utf-8")
    return path
