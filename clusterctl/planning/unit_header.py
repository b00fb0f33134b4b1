"""The header by which a unit is known again: whose it is, what it was made from, and a digest of the whole text."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from clusterctl.model.placement import Instance
from clusterctl.model.service import LONGEST_STOP_S

_SECTION = "[X-Clusterctl]"
_MOST_CPUS = 100_000


@dataclass(frozen=True)
class Header:
    """The `[X-Clusterctl]` section of a unit: whose it is and what it was made from.

    `failed_on`: the host on which the instance had failed for good before it was started here.
    """

    cluster: str
    project: str
    service: str
    slot: int
    generation: int
    spec: str
    image: str
    pinned: str
    host_ports: tuple[str, ...] = ()
    cpus: float = 0.0
    memory_bytes: int = 0
    volumes: tuple[str, ...] = ()
    stop_s: int = 10
    singleton: bool = False
    failed_on: str = ""
    networks: tuple[str, ...] = ()

    @property
    def is_bound(self) -> bool:
        """Whether a second copy would do harm: it has data, or may run only once."""
        return bool(self.volumes) or self.singleton

    @cached_property
    def instance(self) -> Instance:
        """The instance the unit runs."""
        return Instance(self.project, self.service, self.slot)


def render_header(header: Header) -> list[str]:
    """Return the lines of the section that says what a unit was made from."""
    return [
        _SECTION,
        f"Cluster={header.cluster}",
        f"Project={header.project}",
        f"Service={header.service}",
        f"Slot={header.slot}",
        f"Generation={header.generation}",
        f"Spec={header.spec}",
        f"Image={header.image}",
        f"Pinned={header.pinned}",
        f"HostPorts={' '.join(header.host_ports)}",
        f"Cpus={header.cpus:g}",
        f"Memory={header.memory_bytes}",
        f"Volumes={' '.join(header.volumes)}",
        f"StopSeconds={header.stop_s}",
        *(["Singleton=yes"] if header.singleton else []),
        *([f"FailedOn={header.failed_on}"] if header.failed_on else []),
        *([f"Networks={' '.join(header.networks)}"] if header.networks else []),
    ]


@lru_cache(maxsize=16_384)
def parse_header(text: str) -> Header | None:
    """Return the header of a unit of ours, or None where there is none that can be read: then it is foreign."""
    _, found, section = text.rpartition(_SECTION + "\n")
    if not found:
        return None
    values = dict(line.split("=", 1) for line in section.splitlines() if "=" in line)
    try:
        return Header(
            cluster=values["Cluster"],
            project=values["Project"],
            service=values["Service"],
            slot=_whole(values["Slot"]),
            generation=_whole(values["Generation"]),
            spec=values["Spec"],
            image=values["Image"],
            pinned=values["Pinned"],
            host_ports=tuple(map(_port, values.get("HostPorts", "").split())),
            cpus=_cpus(values.get("Cpus", "0")),
            memory_bytes=_whole(values.get("Memory", "0")),
            volumes=tuple(values.get("Volumes", "").split()),
            stop_s=min(_whole(values.get("StopSeconds", "10")), LONGEST_STOP_S),
            singleton=values.get("Singleton") == "yes",
            failed_on=values.get("FailedOn", ""),
            networks=tuple(values.get("Networks", "").split()),
        )
    except (KeyError, ValueError):
        return None


def is_intact(text: str) -> bool:
    """Whether a unit's last line is the digest of all before it, so that nobody edited or cut it."""
    body, _, last = text.rstrip("\n").rpartition("\n")
    return last == f"Digest=sha256:{hashlib.sha256((body + chr(10)).encode()).hexdigest()}"


def _port(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,5}/[a-z]{3,4}", text):
        raise ValueError(text)
    return text


def _cpus(text: str) -> float:
    cpus = float(text)
    if not 0 <= cpus <= _MOST_CPUS:  # nor what is no number
        raise ValueError(text)
    return cpus


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError(text)
    return int(text)


def file_digest(text: str) -> str:
    """Return the sha256 of a unit file as `sha256sum` prints it."""
    return hashlib.sha256(text.encode()).hexdigest()
