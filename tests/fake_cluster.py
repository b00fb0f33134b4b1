"""A whole fleet in memory behind the same seam as SSH (`operations.fleet.Fleet`).

It does on dictionaries what the scripts of `remote/shell` do on hosts, in the same order and under the same
conditions; a container is what the unit's own Exec line says, read by an independent parser. Every
elementary effect is counted, and `crash_after` ends the operator between any two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from clusterctl.model.health import Opinion
from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import Batch
from clusterctl.model.report import Event, StepResult
from clusterctl.model.snapshot import (
    HostFacts,
    LookRequest,
    PortUse,
    Resolved,
    Snapshot,
    Unreachable,
)
from clusterctl.model.step import OPERATOR, Fence, RunCommand
from clusterctl.operations.failures import Failures, note
from clusterctl.operations.fleet import Emit
from tests import fake_steps
from tests.builders import digest_of, facts_of
from tests.fake_host import (
    FakeHost,
    KilledError,
    argv_of,
    container_facts,
    container_name,
    image_fact,
    sha,
    unit_fact,
    waits_for_leave,
)
from tests.fake_work import HostWork


class FakeCluster:
    """Hosts of an inventory, a registry, and switches for what can go wrong."""

    def __init__(self, inventory: Inventory, images: Iterable[str] = ("registry:5000/web:1",)) -> None:
        self.inventory = inventory
        self.hosts = {host.name: FakeHost() for host in inventory.hosts}
        self.registry: dict[str, str] = {image: digest_of(image) for image in images}
        self.registry_answers = True
        self.broken_images: set[str] = set()
        self.failing_pulls: set[str] = set()
        self.failing_commands: set[str] = set()
        self.broken_fences: set[str] = set()
        self.fenced: list[str] = []
        self.commands: list[tuple[str, str]] = []
        self.clock_s = 1_800_000_000
        self.crash_after: int | None = None
        self.effects = 0
        self.looks: list[LookRequest] = []
        self.performed: list[Batch] = []
        self.failures: Failures = {}

    # --- looking ---------------------------------------------------------------------------------

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Return what each host answers; nothing changes."""
        self.looks.append(request)
        answers = {host.name: self._answer(host, request) for host in hosts}
        note(self.failures, answers)
        return Snapshot(answers)

    def see(self) -> Snapshot:
        """Return a look at all hosts, without asking for images."""
        return Snapshot({host.name: self._answer(host, LookRequest()) for host in self.inventory.hosts})

    def close(self) -> None:
        """End connections: there are none."""

    def ask_peers(
        self, asked: Mapping[str, Sequence[str]], services: Mapping[str, Sequence[int]]
    ) -> tuple[Opinion, ...]:
        """Return what peers find of hosts: a banner, or what the fake says while it is unreachable."""
        del services
        return tuple(
            Opinion(peer, name, "banner" if self.hosts[name].unreachable is None else self.hosts[name].sign)
            for peer, names in asked.items()
            for name in names
        )

    def _answer(self, host: Host, request: LookRequest) -> HostFacts | Unreachable:
        fake = self.hosts[host.name]
        if fake.unreachable:
            return fake.unreachable
        fake.epoch = max(fake.epoch, request.claim_epoch)
        used = {use for container in fake.containers.values() for use in container.ports}
        return facts_of(
            host,
            cluster=fake.cluster,
            boot_id=fake.boot_id(host.name),
            failed_units=fake_steps.failed_units(fake),
            units=tuple(unit_fact(fake, name) for name in sorted(fake.files)),
            docker_version="20.10.24" if fake.docker else "",
            docker_error="" if fake.docker else "Cannot connect to the Docker daemon",
            containers=container_facts(fake) if fake.docker else None,
            images=tuple(image_fact(image) for image in sorted(fake.images)) if fake.docker else None,
            volumes=tuple(sorted(fake.volumes)) if fake.docker else None,
            networks=dict(fake.networks) if fake.docker else None,
            ports=tuple(sorted(used | {PortUse(port, "tcp") for port in fake.listeners})),
            env_digests={name: sha(text) for name, text in sorted(fake.env.items())},
            markers=dict(fake.markers),
            clock_s=self.clock_s,
            manifests=dict(sorted(fake.manifests.items())),
            history=dict(sorted(fake.history.items())) if request.history else {},
            runs={
                run: text if run == request.run else text.partition("\n")[0] + "\n"
                for run, text in sorted(fake.runs.items())
            },
            epoch=fake.epoch,
            resolved={image: self._resolve(fake, image) for image in request.images},
        )

    def _resolve(self, fake: FakeHost, image: str) -> Resolved:
        if not fake.docker:
            return Resolved(error="docker does not answer, so the registry was not asked")
        if not self.registry_answers:
            return Resolved(error="dial tcp 10.0.0.9:5000: connect: connection refused")
        digest = self.registry.get(image)
        return Resolved(digest) if digest else Resolved(error=f"manifest unknown: {image}")

    # --- changing --------------------------------------------------------------------------------

    def perform(self, batch: Batch, emit: Emit, epoch: int) -> tuple[StepResult, ...]:
        """Do a batch, host after host, and return a result for every step in the batch's order."""
        self.performed.append(batch)
        self.clock_s += 1
        results: dict[int, StepResult] = {}
        for name in batch.hosts:
            mine = {number: step for number, step in enumerate(batch.steps) if step.host == name}
            found = (
                fake_steps.run_here(self, mine) if name == OPERATOR else HostWork(self, name).run(mine, epoch)
            )
            failed = [result for result in found.values() if result.status == "failed"]
            note(self.failures, {} if name == OPERATOR else {name: tuple(found.values())})
            emit(Event("host-end", failed[0].detail if failed else "done", name, failed=bool(failed)))
            results |= found
        return tuple(results[number] for number in range(len(batch.steps)))

    def command(self, step: RunCommand) -> StepResult:
        """Run a command, which fails if it is one of `failing_commands`."""
        self.effect()
        self.commands.append((step.host, step.command))
        if step.command in self.failing_commands:
            return StepResult(step, "failed", "exit code 1")
        return StepResult(step, "changed")

    def fence(self, step: Fence) -> StepResult:
        """Cut a host off from everything, unless its device is one of `broken_fences`."""
        self.effect()
        if step.about in self.broken_fences:
            return StepResult(step, "failed", f"{step.about}: its fence device does not prove that it is off")
        self.fenced.append(step.about)
        self.hosts[step.about].active.clear()
        self.hosts[step.about].containers.clear()
        return StepResult(step, "changed", f"{step.about}: off")

    def effect(self) -> None:
        """Count one elementary effect, just before it happens; here the operator may die."""
        if self.crash_after is not None and self.effects >= self.crash_after:
            raise KilledError
        self.effects += 1

    def is_broken(self, image: str) -> bool:
        """Whether containers of a pinned image never get healthy."""
        return any(image.endswith(f"@{self.registry.get(broken)}") for broken in self.broken_images)

    def reboot(self, name: str) -> None:
        """Stop everything on a host and start what is enabled, as systemd does at boot."""
        fake = self.hosts[name]
        fake.boots += 1
        fake.permits.clear()
        ours = {unit: text for unit, text in fake.files.items() if argv_of(text)}
        for text in ours.values():
            fake.containers.pop(container_name(text), None)
        fake.loaded = dict(fake.files)
        for unit, text in ours.items():
            fake.active[unit] = "inactive"
            if unit in fake.enabled and not waits_for_leave(fake, unit):
                started = HostWork(self, name).start(text)
                fake.active[unit] = "active" if started else "failed"
