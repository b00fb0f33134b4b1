"""An observer of a lab that shares no code with the tool: on each host a loop asks its dockerd, each second.

The loops are started through the engine, so that they need neither network nor sshd. A host that is frozen keeps what it
had when it was last heard; one that is down runs nothing. A dockerd that does not answer says nothing about its
containers: they are counted as they were, as long as anything that it had started is there.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any, Self

from docker.errors import APIError, NotFound

from clusterctl import lab
from clusterctl.errors import LabError
from clusterctl.lab import engine as engines
from clusterctl.lab.inside import NO_CLOCK
from tests.e2e.fleet import LabFleet
from tests.e2e.watching import Watching

TAG = "lab-observer"
LOOP = f"""# {TAG}
n=0
while [ "$n" -lt 7200 ]; do
  n=$((n + 1))
  curl -s -m 4 --unix-socket /var/run/docker.sock http://docker/containers/json ||
    if pgrep -f containerd-shim >/dev/null; then echo unknown; else echo '[]'; fi
  sleep 1
done
"""


class Observer(Watching):
    """Where the containers of a project run, from its first look on.

    `twice`: moments at which one of the `once` names ran on two hosts: one of them had it before and after the other one
    said so. `since[name, host]`: when it was first
    seen healthy there (monotonic seconds). `hosts`: what runs on each host now. `down_at[host]`: when it was first
    seen down.
    """

    def __init__(self, fleet: LabFleet, prefix: str, once: Collection[str] = ()) -> None:
        super().__init__(every_s=1.0)
        self._fleet, self._prefix, self._once = fleet, prefix, tuple(once)
        self._heard: dict[str, Mapping[str, bool]] = {host: {} for host in fleet.hosts}
        self._heard_at = dict.fromkeys(fleet.hosts, 0.0)
        self._guard = threading.Lock()
        self._over = threading.Event()
        self.hosts: dict[str, frozenset[str]] = {host: frozenset() for host in fleet.hosts}
        self.looks = 0
        self.twice: list[str] = []
        self.since: dict[tuple[str, str], float] = {}
        self.down_at: dict[str, float] = {}

    def __enter__(self) -> Self:
        for host in self._fleet.hosts:
            threading.Thread(target=self._listen, args=(host,), daemon=True).start()
        return super().__enter__()

    def __exit__(self, kind: object, *rest: object) -> None:
        self._over.set()
        for host in self._fleet.hosts:
            with suppress(LabError, APIError):
                self._fleet.inside(host, "pkill", "-f", TAG, within_s=10)
        super().__exit__(kind, *rest)

    def look(self) -> None:
        """Put together what the hosts have said last."""
        states = self._states()
        found = {host: self._heard[host] if states[host] != "exited" else {} for host in self._fleet.hosts}
        now = time.monotonic()
        for host, names in found.items():
            if states[host] == "exited":
                self._heard[host] = {}
                self.down_at.setdefault(host, now)
            self.hosts[host] = frozenset(names)
            for name, healthy in names.items():
                if healthy:
                    self.since.setdefault((name, host), now)
        self.looks += 1
        frozen = {host for host, state in states.items() if state == "paused"}
        for name in self._once:
            homes = {host for host, names in found.items() if name in names}
            if len(homes) > 1 and homes & frozen:
                self.twice.append(
                    f"{time.strftime('%H:%M:%S')} {name} on {sorted(homes)}, one of them frozen"
                )

    def homes(self) -> dict[str, tuple[str, ...]]:
        """Return the hosts of each instance now."""
        found: dict[str, list[str]] = defaultdict(list)
        for host, names in self.hosts.items():
            for name in names:
                found[name].append(host)
        return {name: tuple(hosts) for name, hosts in sorted(found.items())}

    def moved(self, before: Mapping[str, tuple[str, ...]]) -> set[str]:
        """Return the instances that were ever seen on a host where they had not been."""
        return {name for name, host in self.since if host not in before.get(name, ())}

    def healthy_elsewhere_s(self, name: str, old: Collection[str]) -> float:
        """Return when an instance was first seen healthy on none of its old hosts; raises ValueError."""
        return min(at for (one, host), at in self.since.items() if one == name and host not in old)

    def _states(self) -> dict[str, str]:
        """Return what the engine says of each host: running, paused or exited."""
        found = dict.fromkeys(self._fleet.hosts, "exited")
        names = {f"/clusterctl-{self._fleet.name}-{host}": host for host in self._fleet.hosts}
        for one in engines.connect().api.containers(all=True):
            host = names.get(one["Names"][0])
            if host:
                found[host] = one["State"] if one["State"] in {"running", "paused"} else "exited"
        return found

    def _listen(self, host: str) -> None:
        """Hear what a host says, start its loop again when it has come up again."""
        while not self._over.wait(0.3):
            with suppress(APIError, NotFound, OSError, ValueError):
                container = lab.host_container(self._fleet.name, host)
                if container.status == "running":
                    for line in _lines(container):
                        self.hear(host, line)
                    # The loop ends only with its host.
                    self._heard[host] = {}

    def hear(self, host: str, line: str) -> None:
        """Take in what a host says: its containers as docker lists them, or that they are unknown."""
        before, heard_at, now = self._heard[host], self._heard_at[host], time.monotonic()
        if line.startswith("["):
            listed: list[dict[str, Any]] = json.loads(line)
            named = {one["Names"][0].lstrip("/"): "(healthy)" in one["Status"] for one in listed}
            self._heard[host] = {n: healthy for n, healthy in named.items() if n.startswith(self._prefix)}
        else:
            self._heard[host] = dict.fromkeys(before, False)
        self._heard_at[host] = now
        with self._guard:
            for name in self._once:
                if name in before and name in self._heard[host]:
                    self._compare(name, host, heard_at, now)

    def _compare(self, name: str, host: str, since_s: float, until_s: float) -> None:
        """Note another host that said in between that it runs what `host` ran before and after."""
        for other, at_s in self._heard_at.items():
            if other != host and since_s < at_s < until_s and name in self._heard[other]:
                self.twice.append(f"{time.strftime('%H:%M:%S')} {name} on {host} and {other}")


def _lines(container: Any) -> Iterator[str]:
    _, stream = container.exec_run([*NO_CLOCK, "sh", "-c", LOOP], stream=True)
    rest = ""
    for chunk in stream:
        *whole, rest = (rest + chunk.decode("utf-8", "replace")).split("\n")
        yield from whole
