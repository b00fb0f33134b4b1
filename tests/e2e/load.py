"""A balancer in front of the lab's hosts and clients that keep their connections: who notices what we do.

The balancer is haproxy from Debian, in a container of its own on the lab's network; its health checks are
its only knowledge of the hosts.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
from typing import Any, Self

from docker.errors import APIError

from clusterctl import lab
from clusterctl.errors import LabError
from clusterctl.lab import engine as engines
from clusterctl.lab.host_image import DATA, reference
from clusterctl.lab.layout import LABEL
from tests.e2e.fleet import LabFleet, wait_until
from tests.e2e.watching import Watching

# How often the tests of random moments kill the tool; from ten on they take the whole fleet (`make kills`).
KILLS = int(os.environ.get("CLUSTERCTL_KILLS", "2"))
WHOLE_FLEET = 10
MOST_SECONDS = 900
MOST_REQUESTS = 60_000


class Balancer:
    """haproxy before one port of all hosts; gone at the end."""

    def __init__(self, fleet: LabFleet, port: int) -> None:
        backends = " ".join(f"{address}:{port}" for address in fleet.addresses.values())
        self._engine = engines.connect()
        network = lab.host_container(fleet.name, fleet.hosts[0]).attrs["NetworkSettings"]["Networks"]
        self._container: Any = self._engine.containers.run(
            reference(),
            ["/bin/sh", "-c", (DATA / "haproxy").read_text("ascii")],
            detach=True,
            name=f"clusterctl-{fleet.name}-balancer",
            network=next(iter(network)),
            environment={"BACKENDS": backends, "PORT": "8080"},
            labels={LABEL: fleet.name},
        )
        self._container.reload()
        (found,) = self._container.attrs["NetworkSettings"]["Networks"].values()
        self.address = str(found["IPAddress"])

    def __enter__(self) -> Self:
        wait_until(self._answers, 20, "the balancer has a server")
        return self

    def __exit__(self, *_: object) -> None:
        self._container.remove(force=True)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.address, 8080, timeout=2)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Clients:
    """Clients with keep-alive, each asking 20 times a second until the end; what failed is kept."""

    def __init__(self, address: str, count: int = 4) -> None:
        self._address = address
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        self._guard = threading.Lock()
        self.requests = 0
        self.failures: list[str] = []
        self.versions: set[str] = set()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=15)

    @property
    def figures(self) -> str:
        """The figures, in words."""
        return f"{self.requests} requests, {len(self.failures)} failed"

    def _run(self) -> None:
        end = time.monotonic() + MOST_SECONDS
        connection = http.client.HTTPConnection(self._address, 8080, timeout=15)
        while not self._stop.wait(0.05) and time.monotonic() < end and self.requests < MOST_REQUESTS:
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                body = answer.read().decode()
                problem = "" if answer.status == http.client.OK else f"status {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                problem, body = f"{type(error).__name__}: {error}", ""
                connection.close()
            with self._guard:
                self.requests += 1
                if problem:
                    self.failures.append(f"{time.strftime('%H:%M:%S')} {problem}")
                elif len(body.split()) > 1:
                    self.versions.add(body.split()[1])
        connection.close()


class HostWatch(Watching):
    """Asks every host from outside, through the lab's own engine, whether it is up, and keeps what it saw.

    A look that gave no answer in time says nothing about the host: it is kept in `unanswered`, not in `out`.
    """

    def __init__(self, fleet: LabFleet) -> None:
        super().__init__(every_s=0.2)
        self._fleet = fleet
        self.looks = 0
        self.most_out: dict[str, str] = {}
        self.out: set[str] = set()
        self.unanswered: list[str] = []

    def look(self) -> None:
        """Ask each host once."""
        down = {host: why for host in self._fleet.hosts if (why := self._why_out(host))}
        self.looks += 1
        if len(down) > len(self.most_out):
            self.most_out = {host: f"{time.strftime('%H:%M:%S')} {why}" for host, why in down.items()}
        self.out |= set(down)

    def _why_out(self, host: str) -> str:
        """Return why a host is out: its docker is not active, or its container does not run; "" if it is up."""
        try:
            said = self._fleet.inside(host, "systemctl", "is-active", "docker.service", within_s=5).split()
        except LabError as error:
            self.unanswered.append(f"{time.strftime('%H:%M:%S')} {error}")
            return ""
        except APIError as error:
            return str(error.explanation)
        return "" if "active" in said else f"docker is {' '.join(said)}"


def boot_ids(fleet: LabFleet) -> dict[str, str]:
    """Return host -> boot id, read on the hosts."""
    return {host: fleet.ssh(host, "cat /proc/sys/kernel/random/boot_id").strip() for host in fleet.hosts}
