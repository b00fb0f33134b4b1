"""What the facts of a snapshot mean: whose units these are, and how their instances do.

Decides nothing about what should be; that is `deploy` and the other planners.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clusterctl.model.placement import Instance
from clusterctl.model.snapshot import ContainerFact, HostFacts, Snapshot, UnitFact
from clusterctl.planning.container import LABEL
from clusterctl.planning.unit_header import Header, file_digest, is_intact, parse_header

State = Literal["running", "starting", "stopping", "stopped", "failed", "unknown"]
Health = Literal["healthy", "unhealthy", "starting", "none", "unknown"]
_STATES: dict[str, State] = {
    "active": "running",
    "reloading": "running",
    "activating": "starting",
    "deactivating": "stopping",
    "inactive": "stopped",
    "failed": "failed",
}
_HEALTHS: dict[str, Health] = {"healthy": "healthy", "unhealthy": "unhealthy", "starting": "starting"}


@dataclass(frozen=True, slots=True)
class Observed:
    """One of our units on one host, with its container where docker showed one."""

    host: str
    header: Header
    fact: UnitFact
    container: ContainerFact | None
    docker_answers: bool

    @property
    def instance(self) -> Instance:
        """The instance the unit runs."""
        return self.header.instance

    @property
    def file_digest(self) -> str:
        """The sha256 of the unit file on the host."""
        return self.fact.digest or file_digest(self.fact.text)

    @property
    def intact(self) -> bool:
        """Whether the file is as we wrote it, the whole of it."""
        return is_intact(self.fact.text) and self.fact.digest in {"", file_digest(self.fact.text)}

    @property
    def state(self) -> State:
        """What systemd says; a unit that waits to be restarted after a failure has failed."""
        if self.fact.active == "activating" and self.fact.sub == "auto-restart":
            return "failed"
        return _STATES.get(self.fact.active, "unknown")

    @property
    def health(self) -> Health:
        """What docker says of the container; unknown where docker did not answer."""
        if not self.docker_answers:
            return "unknown"
        if self.container is None or self.container.state != "running":
            return "unhealthy" if self.state == "running" else "none"
        return _HEALTHS.get(self.container.health, "none")

    @property
    def condition(self) -> str:
        """State and health in words; of an unhealthy container also what its last health check said."""
        check = self.container.check if self.container and self.health == "unhealthy" else ""
        return f"{self.state}, {self.health}" + (f" ({check})" if check else "")

    @property
    def is_well(self) -> bool:
        """Whether the instance does its work as far as systemd and docker can tell."""
        return self.state == "running" and self.health in {"healthy", "none"}

    @property
    def runs_its_unit(self) -> bool:
        """Whether the running container was made from this very unit (a crash can come between the two)."""
        return self.container is None or self.container.labels.get(f"{LABEL}.spec") == self.header.spec


def observe_units(snapshot: Snapshot, cluster: str) -> tuple[Observed, ...]:
    """Return our units on all hosts that answered, by instance and host."""
    found = [unit for facts in snapshot.seen for unit in units_on(facts, cluster)]
    return tuple(sorted(found, key=lambda unit: (unit.instance, unit.host)))


def units_on(facts: HostFacts, cluster: str) -> Iterable[Observed]:
    """Yield our units on one host: right prefix, readable header, file name and cluster agree."""
    containers = {
        c.labels[f"{LABEL}.instance"]: c for c in facts.containers or () if f"{LABEL}.instance" in c.labels
    }
    for fact in facts.units:
        header = _our_header(fact, cluster)
        if header:
            yield Observed(
                facts.host, header, fact, containers.get(header.instance.name), facts.docker_answers
            )


def _our_header(fact: UnitFact, cluster: str) -> Header | None:
    header = parse_header(fact.text)
    ours = header is not None and header.cluster == cluster and header.instance.unit == fact.name
    return header if ours else None


def foreign_units(facts: HostFacts, cluster: str) -> frozenset[str]:
    """Return the names of unit files that bear our prefix and are not ours: never touched (I3)."""
    return frozenset(fact.name for fact in facts.units if _our_header(fact, cluster) is None)


def foreign_ports(facts: HostFacts) -> frozenset[tuple[int, str]]:
    """Return (port, protocol) pairs that something other than our own containers listens on."""
    ours: set[tuple[int, str]] = set()
    theirs = {(use.port, use.protocol) for use in facts.ports}
    for container in facts.containers or ():
        used = {(use.port, use.protocol) for use in container.ports if container.state == "running"}
        if f"{LABEL}.instance" in container.labels:
            ours |= used
        else:
            theirs |= used
    return frozenset(theirs - ours)


def foreign_containers(facts: HostFacts) -> frozenset[str]:
    """Return the names of containers that are not ours."""
    return frozenset(c.name for c in facts.containers or () if f"{LABEL}.instance" not in c.labels)
