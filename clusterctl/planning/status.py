"""Services at a glance: how many are wanted (the manifest's word), how many are healthy, and where."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from clusterctl.model.names import natural
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.generations import latest_manifest
from clusterctl.planning.manifest import Manifest
from clusterctl.planning.observed import Observed, observe_units


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service. `wanted` is None where no host holds a manifest of its project."""

    project: str
    service: str
    wanted: int | None
    healthy: int
    image: str
    generation: int
    hosts: tuple[str, ...]
    notes: str

    @property
    def is_well(self) -> bool:
        """Whether as many as wanted are healthy."""
        return self.wanted is not None and self.healthy >= self.wanted

    def document(self) -> dict[str, Any]:
        """Return the service as plain values."""
        return {
            "project": self.project,
            "service": self.service,
            "wanted": self.wanted,
            "healthy": self.healthy,
            "image": self.image,
            "generation": self.generation,
            "hosts": list(self.hosts),
            "notes": self.notes,
        }


def summarise(snapshot: Snapshot, cluster: str) -> tuple[ServiceStatus, ...]:
    """Return all services that run or should run, by project and name."""
    by_service: dict[tuple[str, str], list[Observed]] = defaultdict(list)
    for unit in observe_units(snapshot, cluster):
        by_service[unit.header.project, unit.header.service].append(unit)
    projects = {name for facts in snapshot.seen for name in facts.manifests} | {key[0] for key in by_service}
    found: list[ServiceStatus] = []
    for project in sorted(projects):
        manifest = latest_manifest(snapshot, cluster, project)
        mine = {service for owner, service in by_service if owner == project}
        names = sorted(mine | set(manifest.services if manifest else ()))
        found += [_summarise(project, name, by_service[project, name], manifest) for name in names]
    return tuple(found)


def _summarise(project: str, service: str, units: list[Observed], manifest: Manifest | None) -> ServiceStatus:
    known = manifest.services.get(service) if manifest else None
    prefix = f"{project}-{service}-"
    placed = [name for name in manifest.placements if _is_slot(name, prefix)] if manifest and known else []
    images = sorted({unit.header.image for unit in units}) or [str(known["image"]) if known else ""]
    return ServiceStatus(
        project=project,
        service=service,
        wanted=len(placed) if known is not None else None,
        healthy=sum(unit.is_well for unit in units),
        image=" ".join(images),
        generation=max([unit.header.generation for unit in units], default=0),
        hosts=tuple(sorted({unit.host for unit in units}, key=natural)),
        notes="; ".join(_notes(units)),
    )


def _is_slot(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name.removeprefix(prefix).isdigit()


def _notes(units: list[Observed]) -> list[str]:
    unwell = [f"{unit.instance} on {unit.host}: {unit.condition}" for unit in units if not unit.is_well]
    drift = [
        f"{unit.instance} on {unit.host}: drift" for unit in units if unit.fact.drop_ins or not unit.intact
    ]
    return unwell + drift
