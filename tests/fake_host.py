"""One host in memory: its files, units, containers, images, and what it says of them in a look."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from clusterctl.model.health import Sign
from clusterctl.model.snapshot import (
    ContainerFact,
    ImageFact,
    PortUse,
    UnitFact,
    Unreachable,
)
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
    binds: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
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
    unit_files: dict[str, str] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    previous: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    volumes: set[str] = field(default_factory=set)
    manifests: dict[str, str] = field(default_factory=dict)
    history: dict[str, str] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    epoch: int = 0
    listeners: set[int] = field(default_factory=set)
    cluster: str = ""
    docker: bool = True
    unreachable: Unreachable | None = None
    sign: Sign = "nothing"  # what peers find of it while it is unreachable
    locked_by: str = ""
    boots: int = 0
    failed: set[str] = field(default_factory=set)
    permits: set[str] = field(default_factory=set)
    copied: dict[str, tuple[bytes, int, str]] = field(default_factory=dict)
    never_goes_down: bool = False
    never_returns: bool = False

    def boot_id(self, name: str) -> str:
        """Return the id of the host's present boot; the first is that of `builders.facts_of`."""
        return f"boot-{name}-{self.boots}" if self.boots else f"boot-{name}"

    def add_foreign_unit(self, name: str, text: str = "[Service]\nExecStart=/bin/true\n") -> None:
        """Add a running unit that somebody else wrote."""
        self.files[name] = self.loaded[name] = text
        self.active[name] = "active"


def waits_for_leave(fake: FakeHost, unit: str) -> bool:
    """Whether a unit is one of a singleton that nobody has let start since the last boot."""
    return "ConditionPathExists=" in fake.files[unit] and unit not in fake.permits


@lru_cache(maxsize=8192)
def argv_of(text: str) -> tuple[str, ...]:
    """Return the words by which docker makes the unit's container, if there is one."""
    lines = [
        line.partition("=")[2]
        for line in text.splitlines()
        if line.startswith(("ExecStart=", "ExecStartPre="))
    ]
    found = (read_exec_line(line) for line in lines if line.startswith("/usr/bin/docker"))
    return next((tuple(words) for words in found if words[1] in {"run", "create"}), ())


def _values(text: str, option: str) -> list[str]:
    return [word.removeprefix(option + "=") for word in argv_of(text) if word.startswith(option + "=")]


def container_name(text: str) -> str:
    """Return the name of the container that a unit runs."""
    return _values(text, "--name")[0]


@lru_cache(maxsize=8192)
def container_of(text: str) -> Container:
    """Return the container that a unit's Exec line makes."""
    checked = bool(_values(text, "--health-cmd"))
    mounts = [value for value in _values(text, "--mount") if value.startswith("type=volume,")]
    return Container(
        image=next(word for word in argv_of(text) if "@sha256:" in word and not word.startswith("-")),
        labels=dict(label.split("=", 1) for label in _values(text, "--label")),
        ports=tuple(_published(value) for value in _values(text, "--publish") if ":" in value),
        volumes=tuple(_source(mount) for mount in mounts),
        writes=tuple(_source(mount) for mount in mounts if not mount.endswith(",readonly")),
        env_file="".join(_values(text, "--env-file")),
        binds=tuple(
            _source(mount) for mount in _values(text, "--mount") if "/etc/clusterctl/files/" in mount
        ),
        networks=_networks(text),
        checked=checked,
        health="healthy" if checked else "",
    )


def _networks(text: str) -> tuple[str, ...]:
    lines = [line.removeprefix("Networks=") for line in text.splitlines() if line.startswith("Networks=")]
    return tuple(" ".join(lines).split())


def label_of(text: str, network: str) -> str:
    """Return the label under which a unit makes a network."""
    line = next(line for line in text.splitlines() if " network create " in line and network in line)
    return str(re.findall(rf"io\.clusterctl\.network=([0-9a-f]+)[^;]*?{re.escape(network)} ", line)[0])


def _source(mount: str) -> str:
    return next(part for part in mount.split(",") if part.startswith("source=")).removeprefix("source=")


def _published(value: str) -> PortUse:
    rest, _, protocol = value.partition("/")
    return PortUse(int(rest.split(":")[-2]), protocol)


def unit_fact(fake: FakeHost, name: str) -> UnitFact:
    """Return what a host says of a unit."""
    state = fake.active.get(name, "inactive")
    subs = {"active": "running", "inactive": "dead", "failed": "failed"}
    text = fake.files[name]
    return UnitFact(
        name,
        text[:65_536],
        load="loaded",
        active=state,
        sub=subs[state],
        result="exit-code" if state == "failed" else "success",
        enabled="enabled" if name in fake.enabled else "disabled",
        since_s=fake.since.get(name, 1_799_999_000),
        need_reload=name in fake.loaded and fake.loaded[name] != text,
        digest=sha(text) if len(text) > 65_536 else "",
    )


def container_facts(fake: FakeHost) -> tuple[ContainerFact, ...]:
    """Return what a host's docker says of its containers."""
    return tuple(
        ContainerFact(
            id=sha(name),
            name=name,
            image=container.image,
            image_id=sha(container.image),
            state="running",
            health=container.health,
            labels=dict(container.labels),
            ports=container.ports,
        )
        for name, container in sorted(fake.containers.items())
    )


def image_fact(image: str) -> ImageFact:
    """Return a pulled image."""
    repository, _, digest = image.partition("@")
    return ImageFact(sha(image), repository, "", digest)


@lru_cache(maxsize=8192)
def sha(text: str) -> str:
    """Return the digest of a text as hosts work it out."""
    return hashlib.sha256(text.encode()).hexdigest()
