"""The manifest: the canonical desired state of a project as last applied, kept on every host.

It lets rollback, failover, drain and rebalance work from an inventory and a key alone. Every copy is the
same; where copies differ the highest generation wins, then the highest revision (`generations` says which count). A generation is what runs
(services and pins); a revision of it is where: placements alone use up no generation of rollback. It holds
environment values: mode 0600 on hosts, never shown. What has its default is not written (ADR 0030).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from clusterctl.errors import InputError
from clusterctl.model.placement import Instance
from clusterctl.model.service import Project, Service
from clusterctl.planning.plain import NewerError, from_plain, without_defaults
from clusterctl.planning.spec import canonical

API_VERSION = "clusterctl/v1"


@dataclass(frozen=True)
class Manifest:
    """A manifest read back: `services` by name as plain values, `placements` by instance name."""

    cluster: str
    project: str
    generation: int
    services: Mapping[str, Mapping[str, Any]]
    pinned: Mapping[str, str]
    placements: Mapping[str, str]
    revision: int = 0
    volumes: tuple[str, ...] = ()

    @cached_property
    def content(self) -> str:
        """What runs, not where: equal content needs no new generation."""
        return canonical([self.cluster, self.project, self.services, self.pinned, self.volumes])

    @cached_property
    def order(self) -> tuple[int, int, str]:
        """What decides between two manifests of a project: the greater one counts."""
        return self.generation, self.revision, canonical([self.content, self.placements])

    @cached_property
    def as_project(self) -> Project:
        """The project it was made from; raises NotPlainError."""
        services = tuple(from_plain(Service, self.services[name]) for name in sorted(self.services))
        return Project(self.project, services, tuple(self.volumes))


_MOST_REPLICAS = 10_000
_LARGEST_NUMBER = 10**15
LARGEST_BYTES = 3 * 1024 * 1024
"""Of four of them, and all else that a host tells, a look takes 16 MiB (`remote.facts`)."""


def make_manifest(
    cluster: str,
    project: Project,
    generation: int,
    pinned: Mapping[str, str],
    placements: Mapping[str, str],
    *,
    revision: int = 0,
) -> Manifest:
    """Return the manifest of a project with its images pinned and its instances placed."""
    services = {service.name: _kept(without_defaults(service)) for service in project.services}
    return Manifest(
        cluster,
        project.name,
        generation,
        services,
        dict(pinned),
        dict(placements),
        revision,
        tuple(sorted(project.volumes)),
    )


def project_of(manifest: Manifest) -> Project:
    """Return the project a manifest was made from; what an older release did not write has its default."""
    return manifest.as_project


def instances_of(manifest: Manifest, project: Project) -> tuple[tuple[Instance, Service], ...]:
    """Return the instances that a manifest places, each with its service; `project` is what `project_of` made of it."""
    services = {f"{project.name}-{service.name}": service for service in project.services}
    found = []
    for name in sorted(manifest.placements):
        stem, _, slot = name.rpartition("-")
        if stem in services and slot.isdecimal():
            found.append((Instance(project.name, services[stem].name, int(slot)), services[stem]))
    return tuple(found)


def render_manifest(manifest: Manifest) -> str:
    """Return the manifest as one line of canonical JSON, its own digest last; raises InputError when hosts could not tell it."""
    body = {"apiVersion": API_VERSION, "kind": "Manifest", **without_defaults(manifest)}
    text = canonical(body)
    whole = canonical({"manifest": body, "digest": digest(text)}) + "\n"
    if len(whole.encode()) > LARGEST_BYTES:
        raise InputError(
            f"project {manifest.project} is larger than {LARGEST_BYTES // 1024**2} MiB, with its environment",
            details=[
                "each host keeps it, with three generations before it, and tells all of them in one look"
            ],
            next_step="put large values into files that are mounted, or make two projects of it. Nothing was changed.",
        )
    return whole


def digest(text: str) -> str:
    """Return the sha256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


# What a text that no release of ours wrote raises when it is read.
_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@lru_cache(maxsize=256)
def parse_manifest(text: str) -> Manifest | None:
    """Return the manifest, or None if the text is torn, edited or of another version."""
    try:
        return _read(_body_of(text))
    except _NOT_OURS:
        return None


@lru_cache(maxsize=256)
def why_unreadable(text: str) -> str:
    """Return why this release cannot read a manifest that came whole, or "": also of one that is torn or edited."""
    try:
        body = _body_of(text)
    except _NOT_OURS:
        return ""
    try:
        _read(body)
    except NewerError as error:
        return str(error)
    except _NOT_OURS:
        return "it holds values that no field of this release takes"
    return ""


def is_same(held: str, wanted: str) -> bool:
    """Whether a host's text is the wanted manifest, perhaps as an older release wrote it."""
    return held == wanted or (bool(held) and parse_manifest(held) == parse_manifest(wanted))


def _body_of(text: str) -> dict[str, Any]:
    """Return what a manifest says; raises where its digest does not hold."""
    outer = json.loads(text)
    body = outer["manifest"]
    if not isinstance(body, dict) or outer["digest"] != digest(canonical(body)):
        raise ValueError("torn or edited")
    return body


def _read(body: Mapping[str, Any]) -> Manifest:
    """Return the manifest, in the form that this release writes; raises one of `_NOT_OURS`."""
    if body.get("apiVersion") != API_VERSION:
        raise NewerError(f"its form is not {API_VERSION}")
    values = {name: value for name, value in body.items() if name not in {"apiVersion", "kind"}}
    unknown = sorted(set(values) - {field.name for field in dataclasses.fields(Manifest)})
    if unknown:
        raise NewerError(f"Manifest has no field {unknown[0][:60]}")
    found = Manifest(**values)
    found = dataclasses.replace(found, volumes=tuple(found.volumes))
    _demand_types(found)
    services = {name: _kept(plain) for name, plain in found.services.items()}
    return dataclasses.replace(found, services=services)


def _kept(plain: Any) -> Mapping[str, Any]:
    """Return a plain service as this release writes it: without defaults, and 1 as 1.0 where that is meant."""
    kept: Mapping[str, Any] = without_defaults(from_plain(Service, plain))
    return kept


def _demand_types(manifest: Manifest) -> None:
    """Raise TypeError or ValueError for what no manifest of ours holds: a host can write any digest."""
    texts = (manifest.cluster, manifest.project, *manifest.volumes)
    numbers = (manifest.generation, manifest.revision)
    names = (manifest.pinned, manifest.placements)
    fits = all(type(text) is str for text in texts) and isinstance(manifest.services, dict)
    counted = all(type(number) is int and 0 <= number <= _LARGEST_NUMBER for number in numbers)
    named = all(
        isinstance(each, dict) and all(type(value) is str for value in each.values()) for each in names
    )
    if not fits or not counted or not named:
        raise TypeError("not a manifest of ours")
    if any(service.replicas > _MOST_REPLICAS for service in manifest.as_project.services):
        raise ValueError("more replicas than a playbook may ask for")
