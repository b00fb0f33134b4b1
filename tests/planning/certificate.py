"""What is the most that could be placed? Answered by a solver (OR-Tools, CP-SAT) and proven, for small fleets.

The hard rules stand here once more, written from the documentation and not from the planners: what both get wrong in the
same way is not found, what one of them gets wrong is. The instances of one service are alike, so numbers of them are
placed, not each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ortools.sat.python import cp_model

from clusterctl.model.host import Host
from clusterctl.model.placement import Instance
from clusterctl.model.service import Service
from tests.planning.full_fleets import FullFleet

Kind = tuple[str, str]  # project, service
Expression = Any  # of the solver's; its annotations have numpy's numbers in them, too
LIMIT_S = 60.0
"""No fleet of these tests needs a tenth of it; what is not proven until then is an error, never a pass."""


@dataclass(frozen=True)
class Proof:
    """The proven best: how many of each priority have a place, the highest first."""

    placed: tuple[tuple[int, int], ...]

    @property
    def total(self) -> int:
        """How many have a place in all."""
        return sum(number for _, number in self.placed)


@dataclass
class Question:
    """What was on lost hosts (`displaced`), and what stands on the others (`standing`).

    With `may_evict`, whatever has no data and is not held by its policy may stand elsewhere on the way; it never goes
    without a place.
    """

    services: Mapping[Kind, Service]
    hosts: tuple[Host, ...]
    displaced: Counter[Kind]
    standing: Counter[tuple[Kind, str]]
    may_evict: bool = False
    comes: dict[tuple[Kind, str], cp_model.IntVar] = field(default_factory=dict)
    stays: dict[tuple[Kind, str], Expression] = field(default_factory=dict)


def ask(fleet: FullFleet, before: Mapping[Instance, str], *, may_evict: bool = False) -> Proof:
    """Return the best that can be done for what stood `before` on hosts that do not answer now."""
    living = tuple(
        h for h in fleet.cluster.inventory.hosts if fleet.cluster.hosts[h.name].unreachable is None
    )
    names = {host.name for host in living}
    services = {_kind(instance): fleet.service_of(instance) for instance in before}
    gone = [i for i, host in before.items() if host not in names and goes(services[_kind(i)])]
    question = Question(
        services,
        living,
        Counter(_kind(i) for i in gone),
        Counter((_kind(i), host) for i, host in before.items() if host in names),
        may_evict,
    )
    return _solve(question)


def broken_rules(fleet: FullFleet, places: Mapping[Instance, str]) -> list[str]:
    """Return the hard rules that placements break, in words: none, it is hoped."""
    found = []
    for host in fleet.cluster.inventory.hosts:
        here = [fleet.service_of(i) for i, name in places.items() if name == host.name]
        kinds = [(i.project, fleet.service_of(i)) for i, name in places.items() if name == host.name]
        found += [f"{host.name}: {s.name} may not be here" for s in here if not _allowed(s, host)]
        if sum(_memory(s) for s in here) > (host.capacity.memory_bytes or 0):
            found.append(f"{host.name}: memory")
        if sum(_millicpus(s) for s in here) > 1000 * (host.capacity.cpus or 0):
            found.append(f"{host.name}: cpus")
        claims = Counter(claim for project, s in kinds for claim in _claims(project, s))
        found += [f"{host.name}: {claim} twice" for claim, number in claims.items() if number > 1]
    return found


# --- the rules -------------------------------------------------------------------------------------


def _kind(instance: Instance) -> Kind:
    return instance.project, instance.service


def goes(service: Service) -> bool:
    """Whether a service's instances are started elsewhere when their host is lost."""
    return service.mode == "replicated" and service.drain != "refuse" and not _writes(service)


def _may_be_evicted(service: Service) -> bool:
    return service.mode == "replicated" and service.drain == "move" and not _writes(service)


def _writes(service: Service) -> tuple[str, ...]:
    return tuple(m.source for m in service.mounts if m.kind == "volume" and not m.read_only)


def _allowed(service: Service, host: Host) -> bool:
    for rule in service.constraints:
        value = host.name if rule.key == "node.hostname" else host.labels.get(rule.key[len("node.labels.") :])
        if (rule.operator == "==") != (value == rule.value):
            return False
    return True


def _claims(project: str, service: Service) -> Iterable[str]:
    """Yield what only one instance on a host may have."""
    for port in service.ports:
        if port.published is not None:
            yield f"port {port.published}/{port.protocol}"
    for volume in _writes(service):
        yield f"volume {project}/{volume}"


def _memory(service: Service) -> int:
    return service.reservations.memory_bytes or 0


def _millicpus(service: Service) -> int:
    return round(1000 * (service.reservations.cpus or 0))


# --- the model -------------------------------------------------------------------------------------


def _solve(question: Question) -> Proof:
    model = cp_model.CpModel()
    _add_variables(question, model)
    for host in question.hosts:
        _add_host(question, model, host)
    levels = sorted({question.services[kind].priority for kind in question.displaced}, reverse=True)
    placed = []
    for level in levels:
        kinds = {k for k in question.displaced if question.services[k].priority == level}
        arrived = sum(_arrivals(question, kinds)) - sum(_departures(question, kinds))
        best = _most(model, arrived)
        model.add(arrived == best)
        placed.append((level, best))
    return Proof(tuple(placed))


def _add_variables(question: Question, model: cp_model.CpModel) -> None:
    for kind, service in question.services.items():
        movable = question.may_evict and _may_be_evicted(service)
        mine = {host: n for (other, host), n in question.standing.items() if other == kind}
        most = question.displaced[kind] + (sum(mine.values()) if movable else 0)
        for host in question.hosts:
            key = kind, host.name
            number = question.standing[key]
            question.stays[key] = model.new_int_var(0, number, "") if movable and number else number
            if most and _allowed(service, host):
                question.comes[key] = model.new_int_var(0, most, "")
        if most:
            coming, leaving = sum(_arrivals(question, {kind})), sum(_departures(question, {kind}))
            model.add(coming >= leaving)
            model.add(coming <= leaving + question.displaced[kind])


def _add_host(question: Question, model: cp_model.CpModel, host: Host) -> None:
    def total(weights: Mapping[Kind, int]) -> Expression:
        return sum(
            weight * (question.stays[kind, host.name] + question.comes.get((kind, host.name), 0))
            for kind, weight in weights.items()
        )

    services = question.services
    model.add(total({k: _memory(s) for k, s in services.items()}) <= (host.capacity.memory_bytes or 0))
    model.add(total({k: _millicpus(s) for k, s in services.items()}) <= int(1000 * (host.capacity.cpus or 0)))
    claims: dict[str, dict[Kind, int]] = {}
    for kind, service in services.items():
        for claim in _claims(kind[0], service):
            claims.setdefault(claim, {})[kind] = 1
    for weights in claims.values():
        model.add(total(weights) <= 1)


def _arrivals(question: Question, kinds: set[Kind]) -> list[cp_model.IntVar]:
    return [variable for (kind, _), variable in question.comes.items() if kind in kinds]


def _departures(question: Question, kinds: set[Kind]) -> list[Expression]:
    return [question.standing[key] - stays for key, stays in question.stays.items() if key[0] in kinds]


def _most(model: cp_model.CpModel, what: Expression) -> int:
    """Return the proven largest value of an expression."""
    model.maximize(what)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = LIMIT_S
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    assert status == cp_model.OPTIMAL, solver.status_name(status)
    return round(solver.objective_value)
