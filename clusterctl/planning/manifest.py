"""The manifest: the canonical desired state of a project as last applied, kept on every host.

It lets failover, drain and rebalance work from an inventory and a key alone. Every copy is the same;
where copies differ the highest generation wins. It holds environment values: mode 0600 on hosts,
never shown.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterctl.model.service import Project
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.spec import canonical

API_VERSION = "clusterctl/v1"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest read back: `services` by name as plain values, `placements` by instance name."""

    cluster: str
    project: str
    generation: int
    services: Mapping[str, Mapping[str, Any]]
    pinned: Mapping[str, str]
    placements: Mapping[str, str]

    @property
    def content(self) -> str:
        """Everything but the generation: equal content needs no new generation."""
        return canonical(
            [self.cluster, self.project, dict(self.services), dict(self.pinned), dict(self.placements)]
        )


def make_manifest(
    cluster: str, project: Project, generation: int, pinned: Mapping[str, str], placements: Mapping[str, str]
) -> Manifest:
    """Return the manifest of a project with its images pinned and its instances placed."""
    services = {
        service.name: json.loads(canonical(dataclasses.asdict(service))) for service in project.services
    }
    return Manifest(cluster, project.name, generation, services, dict(pinned), dict(placements))


def render_manifest(manifest: Manifest) -> str:
    """Return the manifest as one line of canonical JSON, its own digest last."""
    body = {"apiVersion": API_VERSION, "kind": "Manifest", **dataclasses.asdict(manifest)}
    text = canonical(body)
    return canonical({"manifest": body, "digest": digest(text)}) + "\n"


def digest(text: str) -> str:
    """Return the sha256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def parse_manifest(text: str) -> Manifest | None:
    """Return the manifest, or None if the text is torn, edited or of another version."""
    try:
        outer = json.loads(text)
        body = outer["manifest"]
        if outer["digest"] != digest(canonical(body)) or body["apiVersion"] != API_VERSION:
            return None
        return Manifest(*(body[field.name] for field in dataclasses.fields(Manifest)))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def latest_manifest(snapshot: Snapshot, cluster: str, project: str) -> Manifest | None:
    """Return the manifest of the highest generation any host holds (ties by content)."""
    found = [parse_manifest(facts.manifests.get(project, "")) for facts in snapshot.seen]
    ours = [manifest for manifest in found if manifest and manifest.cluster == cluster]
    return max(ours, key=lambda manifest: (manifest.generation, manifest.content), default=None)
