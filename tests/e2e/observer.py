"""An observer of a lab that shares no code with the tool: it asks each host's dockerd, each second, through the engine.

A host that is frozen keeps what it had when it was last seen; one that is down runs nothing. A dockerd that does not
answer says nothing about its containers, so that they are counted as they were.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from docker.errors import APIError

from clusterctl import lab
from clusterctl.errors import LabError
from tests.e2e.fleet import LabFleet
from tests.e2e.watching import Watching

ASK = ("curl", "-sS", "-m", "4", "--unix-socket", "/var/run/docker.sock", "http://docker/containers/json")


class Observer(Watching):
    """Where the containers of a project run, from its first look on.

    `twice`: moments at which one of the `once` names ran on two hosts. `since[name, host]`: when it was first
    seen healthy there (monotonic seconds). `hosts`: what runs on each host now. `down_at[host]`: when it was first
    seen down.
    """

    def __init__(self, fleet: LabFleet, prefix: str, once: Collection[str] = ()) -> None:
        super().__init__(every_s=1.0)
        self._fleet, self._prefix, self._once = fleet, prefix, tuple(once)
        self._threads = ThreadPoolExecutor(len(fleet.hosts))
        self.hosts: dict[str, frozenset[str]] = {host: frozenset() for host in fleet.hosts}
        self.looks = 0
        self.twice: list[str] = []
        self.since: dict[tuple[str, str], float] = {}
        self.down_at: dict[str, float] = {}

    def look(self) -> None:
        """Ask each dockerd once."""
        found = dict(zip(self._fleet.hosts, self._threads.map(self._ask, self._fleet.hosts), strict=True))
        now = time.monotonic()
        for host, names in found.items():
            self.hosts[host] = frozenset(names)
            for name, healthy in names.items():
                if healthy:
                    self.since.setdefault((name, host), now)
        self.looks += 1
        for name in self._once:
            homes = [host for host, names in found.items() if name in names]
            if len(homes) > 1:
                self.twice.append(f"{time.strftime('%H:%M:%S')} {name} on {homes}")

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

    def _ask(self, host: str) -> Mapping[str, bool]:
        """Return the names of the running containers, and which are healthy."""
        before = dict.fromkeys(self.hosts[host], False)
        container = lab.host_container(self._fleet.name, host)
        if container.status == "paused":
            return before
        if container.status != "running":
            self.down_at.setdefault(host, time.monotonic())
            return {}
        try:
            code, output = lab.run_inside(container, ASK, 10)
            listed: list[dict[str, Any]] = json.loads(output) if code == 0 else []
        except (LabError, APIError, ValueError):
            return before
        if code:
            return before if self._runs(container) else {}
        return {
            name: "(healthy)" in one["Status"]
            for one in listed
            for name in [one["Names"][0].lstrip("/")]
            if name.startswith(self._prefix)
        }

    @staticmethod
    def _runs(container: Any) -> bool:
        """Whether anything that dockerd had started may run on: its shims are there."""
        try:
            return lab.run_inside(container, ["pgrep", "-f", "containerd-shim"], 10)[0] == 0
        except (LabError, APIError):
            return True
