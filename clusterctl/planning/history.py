"""What was: the generations of projects that hosts have kept. Runs are read in `planning.runs`."""

from __future__ import annotations

from dataclasses import dataclass

from clusterctl.model.names import natural
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.generations import latest_manifest, manifests_of
from clusterctl.planning.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Kept:
    """A generation of a project: its images by service, how many instances, and the hosts that keep it."""

    project: str
    generation: int
    current: bool
    images: dict[str, str]
    instances: int
    hosts: tuple[str, ...]


def generations_of(snapshot: Snapshot, cluster: str, project: str = "") -> tuple[Kept, ...]:
    """Return the generations that hosts keep, of one project or of all; by project, newest first."""
    names = {name for facts in snapshot.seen for name in facts.manifests}
    names |= {key.rpartition("@")[0] for facts in snapshot.seen for key in facts.history}
    chosen = sorted(name for name in names if project in {"", name})
    return tuple(kept for name in chosen for kept in _of_project(snapshot, cluster, name))


def _of_project(snapshot: Snapshot, cluster: str, project: str) -> list[Kept]:
    found = manifests_of(snapshot, cluster, project)
    current = latest_manifest(snapshot, cluster, project)
    return [
        Kept(
            project=project,
            generation=generation,
            current=current is not None and generation == current.generation,
            images={name: _image(manifest, name) for name in sorted(manifest.services)},
            instances=len(manifest.placements),
            hosts=_keepers(snapshot, project, generation, cluster),
        )
        for generation, manifest in sorted(found.items(), reverse=True)
    ]


def _keepers(snapshot: Snapshot, project: str, generation: int, cluster: str) -> tuple[str, ...]:
    hosts = [
        facts.host
        for facts in snapshot.seen
        if generation in manifests_of(Snapshot({facts.host: facts}), cluster, project)
    ]
    return tuple(sorted(hosts, key=natural))


def _image(manifest: Manifest, service: str) -> str:
    return str(manifest.services[service].get("image", ""))
