"""How a service may be rolled: how many at once, how many must stay, what failures are tolerated.

Reads `update_config`, `x-canary`, `x-quorum` and `depends_on` together with how the service stands now. The
order that follows from it is worked out in `waves`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clusterctl.model.service import Project, Service

EVERY_FAILURE = -1
"""The tolerance of `failure_action: continue`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a service stands before anything is done.

    `wanted` instances on hosts that were looked at, `well` ones that do their work (those to be removed too), `done`
    ones that run already what is wanted. `silent` are on hosts left out on purpose: whoever left them out
    answers for them, except that a quorum takes none on trust.
    """

    wanted: int = 0
    well: int = 0
    done: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True)
class Crew:
    """A service to be rolled: `size` at once, `floor` of it always well (I1), `canary` of it first."""

    service: Service
    size: int
    floor: int
    tolerance: int
    canary: int
    standing: Standing

    @property
    def gate(self) -> tuple[str, ...]:
        """The command that must succeed after the canary."""
        return self.service.canary.gate if self.service.canary else ()

    @property
    def starts_after(self) -> tuple[str, ...]:
        """The services that are started before this one."""
        return tuple(dependency.service for dependency in self.service.depends_on)

    @property
    def rolls_after(self) -> tuple[str, ...]:
        """The services that are new and healthy before this one is replaced."""
        wanted = self.service.depends_on
        return tuple(one.service for one in wanted if one.condition == "service_healthy")


def crews_of(project: Project, standings: Mapping[str, Standing]) -> dict[str, Crew]:
    """Return the crew of every service of a project, in the project's order."""
    return {
        service.name: _crew(service, standings.get(service.name, Standing())) for service in project.services
    }


def quorum_out(crews: Iterable[Crew], elsewhere: Mapping[str, int]) -> Counter[str]:
    """Return how many members of each quorum are not well; `elsewhere` are those of other projects."""
    found: Counter[str] = Counter()
    for crew in crews:
        name, standing = crew.service.quorum, crew.standing
        if name:
            found[name] += max(0, standing.wanted - standing.well) + standing.silent
    for name in found:
        found[name] += elsewhere.get(name, 0)
    return found


def _crew(service: Service, standing: Standing) -> Crew:
    total = standing.wanted + standing.silent
    size = 1 if service.quorum else service.update.at_once(total)
    canary = max(0, service.canary.instances - standing.done) if service.canary else 0
    return Crew(service, size, max(0, standing.wanted - size), _tolerance(service, total), canary, standing)


def _tolerance(service: Service, total: int) -> int:
    """Return how many instances may fail before it stops; a share rounds down."""
    if service.update.failure_action == "continue":
        return EVERY_FAILURE
    return int(service.update.max_failure_ratio * total + 1e-9)
