"""The seam between orders and hosts: what the pipeline needs of a fleet, and the fleet behind SSH.

`tests/fake_cluster.py` is the other implementation: the same logic without hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Batch, Step
from clusterctl.model.report import CommandResult, Event, StepResult
from clusterctl.model.snapshot import HostFacts, LookRequest, Snapshot, Unreachable
from clusterctl.remote.answer import parse_answer
from clusterctl.remote.facts import LOOK_CAP_BYTES, build_look, look_deadline_s, mark_duplicates, parse_look
from clusterctl.remote.fanout import WORKERS, Dialer, fan_out
from clusterctl.remote.frame import new_nonce
from clusterctl.remote.keys import Credentials
from clusterctl.remote.script import build_script, parse_results
from clusterctl.remote.ssh import Connection, root_shell
from clusterctl.remote.target import Target

Emit = Callable[[Event], None]


class Fleet(Protocol):
    """Many hosts that can be looked at and worked on; a host's failure is a value in both."""

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Return what each host answered, by one command on each."""
        ...

    def perform(self, batch: Batch, emit: Emit) -> tuple[StepResult, ...]:
        """Do a batch, hosts in parallel, and return a result for every step in the batch's order."""
        ...


@dataclass(frozen=True)
class SshFleet:
    """The hosts of an inventory, reached by SSH. `holder` is told to whoever we keep waiting."""

    inventory: Inventory
    credentials: Credentials
    default_user: str
    holder: str = "clusterctl"
    workers: int = WORKERS

    def target(self, host: Host) -> Target:
        """Return where a host is, with the inventory's defaults filled in."""
        return Target(
            host.name, host.address, host.port, host.user or self.inventory.ssh.user or self.default_user
        )

    def dialer(self) -> Dialer:
        """Return a dialer with this fleet's keys and time limits."""
        return Dialer(self.credentials, connect_timeout_s=self.inventory.ssh.connect_timeout_s)

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Look at hosts: one connection and one command each."""
        targets = [self.target(host) for host in hosts]
        limit_s = look_deadline_s(request)
        answers = fan_out(
            targets,
            partial(_look, request=request, deadline_s=limit_s),
            self.dialer(),
            workers=self.workers,
            deadline_s=limit_s + self.inventory.ssh.connect_timeout_s,
        )
        return Snapshot(mark_duplicates(answers))

    def perform(self, batch: Batch, emit: Emit) -> tuple[StepResult, ...]:
        """Run one composed script on every host of the batch."""
        steps: dict[str, list[Step]] = {name: [] for name in batch.hosts}
        for step in batch.steps:
            steps[step.host].append(step)
        work = _Work(steps, self.inventory.cluster, self.holder)
        targets = [self.target(self.inventory.host(name)) for name in steps]
        answers = fan_out(
            targets,
            work,
            self.dialer(),
            workers=self.workers,
            deadline_s=work.longest_s + self.inventory.ssh.connect_timeout_s,
            on_done=lambda name, answer: emit(_host_event(name, answer)),
        )
        results = {name: _results(steps[name], answer) for name, answer in answers.items()}
        queues = {name: iter(found) for name, found in results.items()}
        return tuple(next(queues[step.host]) for step in batch.steps)

    def run(
        self,
        hosts: Sequence[Host],
        work: Callable[[Connection], CommandResult],
        deadline_s: float,
    ) -> dict[str, CommandResult | Unreachable]:
        """Run any work on hosts in parallel, as `exec` and `logs` do."""
        targets = [self.target(host) for host in hosts]
        return fan_out(targets, work, self.dialer(), workers=self.workers, deadline_s=deadline_s)


class _Work:
    """What `perform` does on one host: its script over one connection, the answer as results."""

    def __init__(self, steps: Mapping[str, Sequence[Step]], cluster: str, holder: str) -> None:
        self._steps = steps
        self._nonce = new_nonce()
        self._scripts = {
            name: build_script(mine, self._nonce, cluster, holder) for name, mine in steps.items()
        }
        self.longest_s = max(script.deadline_s for script in self._scripts.values())

    def __call__(self, connection: Connection) -> tuple[StepResult, ...] | Unreachable:
        target = connection.target
        script = self._scripts[target.host]
        answer = connection.run(script.text, root_shell(target.user), script.deadline_s)
        frame = parse_answer(target.host, answer, self._nonce)
        if isinstance(frame, Unreachable) and frame.rung in {"sudo", "exec"}:
            return frame
        return parse_results(self._steps[target.host], answer, self._nonce)


def _look(connection: Connection, request: LookRequest, deadline_s: float) -> HostFacts | Unreachable:
    target = connection.target
    nonce = new_nonce()
    answer = connection.run(build_look(request, nonce), root_shell(target.user), deadline_s, LOOK_CAP_BYTES)
    return parse_look(target.host, target.address, answer, nonce)


def _results(steps: Sequence[Step], answer: tuple[StepResult, ...] | Unreachable) -> tuple[StepResult, ...]:
    if isinstance(answer, Unreachable):
        return tuple(StepResult(step, "failed", answer.reason, unreachable=answer) for step in steps)
    return answer


def _host_event(host: str, answer: tuple[StepResult, ...] | Unreachable) -> Event:
    if isinstance(answer, Unreachable):
        return Event("host-end", answer.reason, host, failed=True)
    failed = [result for result in answer if result.status == "failed"]
    if failed:
        return Event("host-end", failed[0].detail, host, failed=True)
    changed = sum(result.status == "changed" for result in answer)
    return Event("host-end", f"{changed} done" if changed else "already so", host)
