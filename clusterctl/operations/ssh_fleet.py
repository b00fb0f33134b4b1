"""The fleet behind SSH: the hosts of an inventory, looked at and worked on in parallel over shared connections.

What is done on one host in a batch is in `host_work`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

from clusterctl.model.fence import Fenced
from clusterctl.model.health import Opinion
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Batch
from clusterctl.model.report import CommandResult, Event, StepResult
from clusterctl.model.snapshot import HostFacts, LookRequest, Snapshot, Unreachable
from clusterctl.model.step import OPERATOR, Step
from clusterctl.operations.failures import Failures, note
from clusterctl.operations.fleet import Emit
from clusterctl.operations.host_work import HostWork, host_event, results_of, run_here
from clusterctl.operations.targets import target_of, with_jump_hosts
from clusterctl.remote.copy import Copied
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.facts import LOOK_CAP_BYTES, build_look, look_deadline_s, mark_duplicates, parse_look
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.fanout import WORKERS, Lender, fan_out
from clusterctl.remote.frame import new_nonce
from clusterctl.remote.keys import Keys
from clusterctl.remote.peers import PEERS_S, PeerTarget, ask_peer
from clusterctl.remote.pool import ROUSE_S, Pool
from clusterctl.remote.ssh import Connection, root_shell
from clusterctl.remote.target import Target
from clusterctl.remote.trust import Offered

T = TypeVar("T")


@dataclass(frozen=True)
class SshFleet:
    """The hosts of an inventory, reached by SSH. `holder` is told to whoever we keep waiting.

    Looks and batches share connections, which `close` ends. `fence` makes certain that a host is off. Whoever does
    not answer is noted in `failures`, whatever was asked.
    """

    inventory: Inventory
    credentials: Keys
    default_user: str
    holder: str = "clusterctl"
    workers: int = WORKERS
    fence: Callable[[str], Fenced] | None = None
    failures: Failures = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections that were kept open."""
        self._pool.close()
        self._dialer.close()

    def target(self, host: Host) -> Target:
        """Return where a host is, with the inventory's defaults filled in."""
        return target_of(self.inventory, host, self.default_user)

    def scan(self, hosts: Sequence[Host]) -> dict[str, Offered | Unreachable]:
        """Return the key that each host offers, and what known_hosts says of it; no host is logged in to.

        The jump hosts on the way come first: they must be known before what is behind them can be asked.
        """
        targets = with_jump_hosts(self.target(host) for host in hosts)
        with ThreadPoolExecutor(min(self.workers, max(1, len(targets)))) as pool:
            answers = dict(zip(targets, pool.map(self._peek, targets.values()), strict=True))
        note(self.failures, answers)
        return answers

    def _peek(self, target: Target) -> Offered | Unreachable:
        try:
            return self._dialer.peek(target)
        except HostFailure as failure:
            return failure.unreachable

    def ask(
        self,
        hosts: Sequence[Host],
        work: Callable[[Connection], T],
        deadline_s: float,
        on_done: Callable[[str, T | Unreachable], object] | None = None,
        on_look: Callable[[], object] = lambda: None,
        lender: Lender | None = None,
    ) -> dict[str, T | Unreachable]:
        """Do any work on hosts in parallel, as `fan_out` says; the one place from which hosts are contacted so.

        `lender`: whose connections; without it each host gets one of its own.
        """
        answers = fan_out(
            [self.target(host) for host in hosts],
            work,
            lender or self._dialer,
            workers=self.workers,
            deadline_s=deadline_s,
            on_done=on_done,
            on_look=on_look,
        )
        note(self.failures, answers)
        return answers

    def dialer(self) -> Dialer:
        """Return the dialer of this fleet, with its keys and time limits; its connections are the caller's."""
        return self._dialer

    def lender(self) -> Pool:
        """Return the connections that looks and batches share, for short work on a host that needs no login more."""
        return self._pool

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Look at hosts: one command each, and one connection per run."""
        limit_s = look_deadline_s(request)
        answers = self.ask(
            hosts,
            partial(_look, request=request, cluster=self.inventory.cluster, deadline_s=limit_s),
            limit_s + self.connect_s,
            lender=self._pool,
        )
        marked = mark_duplicates(answers)
        note(self.failures, marked)
        return Snapshot(marked)

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        """Run the operator's own commands, then one composed script on every host of the batch."""
        steps: dict[str, list[Step]] = {name: [] for name in batch.hosts}
        for step in batch.steps:
            steps[step.host].append(step)
        here = steps.pop(OPERATOR, [])
        results = {OPERATOR: run_here(here, self.fence)}
        if here:
            emit(host_event(OPERATOR, results[OPERATOR]))
        if steps:
            results |= self._perform(steps, emit, epoch)
        queues = {name: iter(found) for name, found in results.items()}
        return tuple(next(queues[step.host]) for step in batch.steps)

    def _perform(
        self, steps: dict[str, list[Step]], emit: Emit, epoch: int
    ) -> dict[str, tuple[StepResult, ...]]:
        told: SimpleQueue[Event] = SimpleQueue()
        work = HostWork(steps, self.inventory.cluster, self.holder, epoch, self._dialer, told.put)

        def pass_on() -> None:
            while not told.empty():
                emit(told.get())

        answers = self.ask(
            [self.inventory.host(name) for name in steps],
            work,
            work.longest_s + self.connect_s,
            on_done=lambda name, answer: emit(host_event(name, answer)),
            on_look=pass_on,
            lender=self._pool,
        )
        for connection in work.spare:
            self._pool.keep(connection)
        return {name: results_of(steps[name], answer) for name, answer in answers.items()}

    def ask_peers(
        self, asked: Mapping[str, Sequence[str]], services: Mapping[str, Sequence[int]]
    ) -> tuple[Opinion, ...]:
        """Return what each peer finds of the hosts it is asked about, by one command; one that fails cannot tell.

        `services` are TCP ports of those hosts: what they answer is a sign of life as well.
        """
        targets = {
            peer: [
                PeerTarget(name, host.address, host.port, tuple(services.get(name, ())))
                for name in names
                for host in [self.inventory.host(name)]
            ]
            for peer, names in asked.items()
        }
        answers = self.ask(
            [self.inventory.host(peer) for peer in asked],
            lambda connection: ask_peer(connection, targets[connection.target.host]),
            PEERS_S + self.connect_s,
            lender=self._pool,
        )
        return tuple(
            opinion
            for peer, answer in answers.items()
            for opinion in (
                [Opinion(peer, name, "unknown") for name in asked[peer]]
                if isinstance(answer, Unreachable)
                else answer
            )
        )

    def run(
        self,
        hosts: Sequence[Host],
        work: Callable[[Connection], CommandResult],
        deadline_s: float,
    ) -> dict[str, CommandResult | Unreachable]:
        """Run any work on hosts in parallel, as `exec` and `logs` do."""
        return self.ask(hosts, work, deadline_s)

    def copy(
        self,
        hosts: Sequence[Host],
        work: Callable[[Connection], Copied],
        deadline_s: float,
        on_done: Callable[[str, Copied | Unreachable], object],
    ) -> dict[str, Copied | Unreachable]:
        """Copy files to or from hosts in parallel."""
        return self.ask(hosts, work, deadline_s + self.connect_s, on_done)

    @property
    def connect_s(self) -> float:
        """How long it takes at worst until a host can be asked: an idle connection tried, then a new one."""
        return self.inventory.longest_connect_s + ROUSE_S

    @cached_property
    def _dialer(self) -> Dialer:
        return Dialer(self.credentials, connect_timeout_s=self.inventory.longest_connect_s)

    @cached_property
    def _pool(self) -> Pool:
        return Pool(self._dialer)


def _look(
    connection: Connection, request: LookRequest, cluster: str, deadline_s: float
) -> HostFacts | Unreachable:
    target, nonce = connection.target, new_nonce()
    script = build_look(request, nonce, cluster)
    answer = connection.run(script, root_shell(target.user), deadline_s, LOOK_CAP_BYTES)
    return parse_look(target.host, target.address, answer, nonce)
