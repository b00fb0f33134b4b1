"""A whole fleet in memory behind the same seam as SSH (`operations.fleet.Fleet`).

It does on dictionaries what `remote/shell/apply.sh` does on hosts, in the same order and under the same
conditions; a container is what the unit's own Exec line says, read by an independent parser. Every
elementary effect is counted, and `crash_after` ends the operator between any two of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.plan import ApplyUnit, Batch, PullImage, RemoveManifest, RemoveUnit, Step, WriteManifest
from clusterctl.model.report import Event, StepResult
from clusterctl.model.snapshot import (
    ContainerFact,
    HostFacts,
    ImageFact,
    LookRequest,
    PortUse,
    Resolved,
    Snapshot,
    UnitFact,
    Unreachable,
)
from clusterctl.operations.fleet import Emit
from tests.builders import digest_of, facts_of
from tests.planning.exec_line import read_exec_line


class KilledError(Exception):
    """The operator died here (kill -9)."""


@dataclass(frozen=True)
class Container:
    """What docker runs: made by a unit, or by somebody else."""

    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[PortUse, ...] = ()
    volumes: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    env_file: str = ""
    environment: str = ""
    checked: bool = False
    health: str = ""


@dataclass
class FakeHost:
    """The files, units, containers and images of one host."""

    files: dict[str, str] = field(default_factory=dict)
    loaded: dict[str, str] = field(default_factory=dict)
    active: dict[str, str] = field(default_factory=dict)
    enabled: set[str] = field(default_factory=set)
    env: dict[str, str] = field(default_factory=dict)
    previous: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    volumes: set[str] = field(default_factory=set)
    manifests: dict[str, str] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)
    listeners: set[int] = field(default_factory=set)
    cluster: str = ""
    docker: bool = True
    unreachable: Unreachable | None = None
    locked_by: str = ""

    def add_foreign_unit(self, name: str, text: str = "[Service]\nExecStart=/bin/true\n") -> None:
        """Add a running unit that somebody else wrote."""
        self.files[name] = self.loaded[name] = text
        self.active[name] = "active"


class FakeCluster:
    """Hosts of an inventory, a registry, and switches for what can go wrong."""

    def __init__(self, inventory: Inventory, images: Iterable[str] = ("registry:5000/web:1",)) -> None:
        self.inventory = inventory
        self.hosts = {host.name: FakeHost() for host in inventory.hosts}
        self.registry: dict[str, str] = {image: digest_of(image) for image in images}
        self.registry_answers = True
        self.broken_images: set[str] = set()
        self.failing_pulls: set[str] = set()
        self.crash_after: int | None = None
        self.effects = 0
        self.looks: list[LookRequest] = []
        self.performed: list[Batch] = []

    # --- looking ---------------------------------------------------------------------------------

    def look(self, hosts: Sequence[Host], request: LookRequest) -> Snapshot:
        """Return what each host answers; nothing changes."""
        self.looks.append(request)
        return Snapshot({host.name: self._answer(host, request) for host in hosts})

    def see(self) -> Snapshot:
        """Return a look at all hosts, without asking for images."""
        return Snapshot({host.name: self._answer(host, LookRequest()) for host in self.inventory.hosts})

    def _answer(self, host: Host, request: LookRequest) -> HostFacts | Unreachable:
        fake = self.hosts[host.name]
        if fake.unreachable:
            return fake.unreachable
        used = {use for container in fake.containers.values() for use in container.ports}
        return facts_of(
            host,
            cluster=fake.cluster,
            units=tuple(_unit_fact(fake, name) for name in sorted(fake.files)),
            docker_version="20.10.24" if fake.docker else "",
            docker_error="" if fake.docker else "Cannot connect to the Docker daemon",
            containers=_container_facts(fake) if fake.docker else None,
            images=tuple(_image_fact(image) for image in sorted(fake.images)) if fake.docker else None,
            volumes=tuple(sorted(fake.volumes)) if fake.docker else None,
            ports=tuple(sorted(used | {PortUse(port, "tcp") for port in fake.listeners})),
            env_digests={name: _sha(text) for name, text in sorted(fake.env.items())},
            markers=dict(fake.markers),
            manifests=dict(sorted(fake.manifests.items())),
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

    def perform(self, batch: Batch, emit: Emit) -> tuple[StepResult, ...]:
        """Do a batch, host after host, and return a result for every step in the batch's order."""
        self.performed.append(batch)
        results: dict[int, StepResult] = {}
        for name in batch.hosts:
            mine = {number: step for number, step in enumerate(batch.steps) if step.host == name}
            found = _HostWork(self, name).run(mine)
            failed = [result for result in found.values() if result.status == "failed"]
            emit(Event("host-end", failed[0].detail if failed else "done", name, failed=bool(failed)))
            results |= found
        return tuple(results[number] for number in range(len(batch.steps)))

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
        ours = {unit: text for unit, text in fake.files.items() if _argv(text)}
        for text in ours.values():
            fake.containers.pop(_container_name(text), None)
        fake.loaded = dict(fake.files)
        for unit, text in ours.items():
            fake.active[unit] = "inactive"
            if unit in fake.enabled:
                started = _HostWork(self, name).start(text)
                fake.active[unit] = "active" if started else "failed"


class _HostWork:
    """One script on one host: what stands in `payload` at once, then all units together."""

    def __init__(self, cluster: FakeCluster, name: str) -> None:
        self._cluster = cluster
        self._fake = cluster.hosts[name]

    def run(self, steps: Mapping[int, Step]) -> dict[int, StepResult]:
        fake, cluster = self._fake, self._cluster.inventory.cluster
        if fake.unreachable:
            gone = fake.unreachable
            return {n: StepResult(s, "failed", gone.reason, unreachable=gone) for n, s in steps.items()}
        if fake.locked_by:
            return {
                n: StepResult(s, "failed", f"locked: {fake.locked_by}", locked=True) for n, s in steps.items()
            }
        if fake.cluster not in {"", cluster}:
            reason = f"refused by the host: this host belongs to cluster {fake.cluster}, not {cluster}"
            return {n: StepResult(s, "failed", reason) for n, s in steps.items()}
        fake.cluster = cluster
        results = {n: self._at_once(s) for n, s in steps.items() if not isinstance(s, ApplyUnit)}
        units = {n: s for n, s in steps.items() if isinstance(s, ApplyUnit)}
        return results | self._units(units)

    def _at_once(self, step: Step) -> StepResult:
        match step:
            case PullImage():
                return self._pull(step)
            case RemoveUnit():
                return self._drop(step)
            case WriteManifest():
                return self._manifest(step, step.text)
            case RemoveManifest():
                return self._manifest(step, "")
            case _:
                raise TypeError(step)

    def _pull(self, step: PullImage) -> StepResult:
        if not self._fake.docker:
            return StepResult(
                step, "failed", f"docker pull {step.image}: Cannot connect to the Docker daemon"
            )
        if step.image in self._fake.images:
            return StepResult(step, "unchanged")
        known = any(step.image.endswith(f"@{digest}") for digest in self._cluster.registry.values())
        if not self._cluster.registry_answers or not known or step.image in self._cluster.failing_pulls:
            return StepResult(step, "failed", f"docker pull {step.image}: not found")
        self._cluster.effect()
        self._fake.images.add(step.image)
        return StepResult(step, "changed")

    def _manifest(self, step: WriteManifest | RemoveManifest, text: str) -> StepResult:
        if self._fake.manifests.get(step.project, "") == text:
            return StepResult(step, "unchanged")
        self._cluster.effect()
        if text:
            self._fake.manifests[step.project] = text
        else:
            self._fake.manifests.pop(step.project)
        return StepResult(step, "changed")

    def _drop(self, step: RemoveUnit) -> StepResult:
        fake, unit = self._fake, step.instance.unit
        if unit not in fake.files:
            return StepResult(step, "unchanged")
        if _sha(fake.files[unit]) != step.replaces:
            return StepResult(step, "failed", f"{unit} has changed since the plan was made")
        self._cluster.effect()
        fake.enabled.discard(unit)
        self._stop(unit)
        self._keep(unit, step.instance.name)
        self._cluster.effect()
        del fake.files[unit]
        self._cluster.effect()
        fake.env.pop(step.instance.name, None)
        self._cluster.effect()
        fake.loaded.pop(unit, None)
        fake.active.pop(unit, None)
        return StepResult(step, "changed")

    def _units(self, steps: Mapping[int, ApplyUnit]) -> dict[int, StepResult]:
        results: dict[int, StepResult] = {}
        for number, step in steps.items():
            refusal = self._refusal(step)
            if refusal:
                results[number] = StepResult(step, "failed", refusal)
            elif step.action == "replace":
                self._install(step)
        go = {number: step for number, step in steps.items() if number not in results}
        for step in go.values():
            self._cluster.effect()
            self._fake.enabled.add(step.instance.unit)
        if go:
            self._reload()
        for action in ("replace", "restart", "start"):
            for step in go.values():
                if step.action == action:
                    self._systemctl(step.instance.unit, action)
        return results | {number: self._verdict(step) for number, step in go.items()}

    def _refusal(self, step: ApplyUnit) -> str:
        present = self._fake.files.get(step.instance.unit)
        if ("" if present is None else _sha(present)) != step.replaces:
            return f"{step.instance.unit} has changed since the plan was made"
        if _sha(step.unit_text) != step.unit_digest:
            return "the unit did not arrive whole"
        image = container_of(step.unit_text).image
        if step.action != "enable" and (not self._fake.docker or image not in self._fake.images):
            return f"image {image} is not on the host"
        return ""

    def _install(self, step: ApplyUnit) -> None:
        fake, unit, name = self._fake, step.instance.unit, step.instance.name
        if unit in fake.files:
            self._keep(unit, name)
        self._cluster.effect()
        fake.env[name] = step.environment
        self._cluster.effect()
        fake.files[unit] = step.unit_text

    def _keep(self, unit: str, name: str) -> None:
        self._cluster.effect()
        self._fake.previous[unit] = (self._fake.files[unit], self._fake.env.get(name))

    def _reload(self) -> None:
        self._cluster.effect()
        self._fake.loaded = dict(self._fake.files)

    def _systemctl(self, unit: str, action: str) -> bool:
        if action == "start" and self._fake.active.get(unit) == "active":
            return True
        self._stop(unit)
        self._cluster.effect()
        well = self.start(self._fake.loaded[unit])
        self._fake.active[unit] = "active" if well else "failed"
        return well

    def _stop(self, unit: str) -> None:
        self._cluster.effect()
        name = _container_name(self._fake.files[unit])
        if "io.clusterctl.instance" in self._fake.containers.get(name, Container("")).labels:
            del self._fake.containers[name]
        self._fake.active[unit] = "inactive"

    def start(self, text: str) -> bool:
        """Run a unit's container, if its ports are free and its image is here; say whether it got well."""
        fake, container, name = self._fake, container_of(text), _container_name(text)
        taken = fake.listeners | {use.port for other in fake.containers.values() for use in other.ports}
        if not fake.docker or container.image not in fake.images or name in fake.containers:
            return False
        if taken & {use.port for use in container.ports} or self._cluster.is_broken(container.image):
            return False
        fake.volumes |= set(container.volumes)
        environment = fake.env[name] if container.env_file else ""
        fake.containers[name] = replace(container, environment=environment)
        return True

    def _verdict(self, step: ApplyUnit) -> StepResult:
        unit, fake = step.instance.unit, self._fake
        if fake.active.get(unit) == "active" and fake.files.get(unit) == step.unit_text:
            return StepResult(step, "changed")
        if step.action != "replace":
            return StepResult(
                step, "failed", f"{unit} is {fake.active.get(unit)} after systemctl {step.action}"
            )
        log = ("the last words of the container",)
        back = self._put_back(step)
        return StepResult(step, "failed", f"{unit} did not become healthy", log, restored=back)

    def _put_back(self, step: ApplyUnit) -> bool:
        fake, unit, name = self._fake, step.instance.unit, step.instance.name
        self._stop(unit)
        if not step.replaces:
            self._cluster.effect()
            fake.enabled.discard(unit)
            fake.active[unit] = "failed"
            return False
        text, env = fake.previous[unit]
        self._cluster.effect()
        fake.files[unit] = text
        if env is not None:
            self._cluster.effect()
            fake.env[name] = env
        self._reload()
        return self._systemctl(unit, "start")


@lru_cache(maxsize=8192)
def _argv(text: str) -> tuple[str, ...]:
    """Return the words of the unit's main process, if it is one of docker's."""
    lines = [line.removeprefix("ExecStart=") for line in text.splitlines() if line.startswith("ExecStart=")]
    words = read_exec_line(lines[0]) if lines else []
    return tuple(words) if words[:2] == ["/usr/bin/docker", "run"] else ()


def _values(text: str, option: str) -> list[str]:
    return [word.removeprefix(option + "=") for word in _argv(text) if word.startswith(option + "=")]


def _container_name(text: str) -> str:
    return _values(text, "--name")[0]


@lru_cache(maxsize=8192)
def container_of(text: str) -> Container:
    """Return the container that a unit's Exec line makes."""
    checked = bool(_values(text, "--health-cmd"))
    mounts = [value for value in _values(text, "--mount") if value.startswith("type=volume,")]
    return Container(
        image=next(word for word in _argv(text) if "@sha256:" in word and not word.startswith("-")),
        labels=dict(label.split("=", 1) for label in _values(text, "--label")),
        ports=tuple(_published(value) for value in _values(text, "--publish") if ":" in value),
        volumes=tuple(_source(mount) for mount in mounts),
        writes=tuple(_source(mount) for mount in mounts if not mount.endswith(",readonly")),
        env_file="".join(_values(text, "--env-file")),
        checked=checked,
        health="healthy" if checked else "",
    )


def _source(mount: str) -> str:
    return next(part for part in mount.split(",") if part.startswith("source=")).removeprefix("source=")


def _published(value: str) -> PortUse:
    rest, _, protocol = value.partition("/")
    return PortUse(int(rest.split(":")[-2]), protocol)


def _unit_fact(fake: FakeHost, name: str) -> UnitFact:
    state = fake.active.get(name, "inactive")
    subs = {"active": "running", "inactive": "dead", "failed": "failed"}
    return UnitFact(
        name,
        fake.files[name],
        load="loaded",
        active=state,
        sub=subs[state],
        result="exit-code" if state == "failed" else "success",
        enabled="enabled" if name in fake.enabled else "disabled",
        since_s=1_799_999_000,
        need_reload=name in fake.loaded and fake.loaded[name] != fake.files[name],
    )


def _container_facts(fake: FakeHost) -> tuple[ContainerFact, ...]:
    return tuple(
        ContainerFact(
            id=_sha(name),
            name=name,
            image=container.image,
            image_id=_sha(container.image),
            state="running",
            health=container.health,
            labels=dict(container.labels),
            ports=container.ports,
        )
        for name, container in sorted(fake.containers.items())
    )


def _image_fact(image: str) -> ImageFact:
    repository, _, digest = image.partition("@")
    return ImageFact(_sha(image), repository, "", digest)


@lru_cache(maxsize=8192)
def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
