"""The steps by which the manifests on all hosts say where instances are after a move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusterctl.model.plan import Batch
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import WriteManifest
from clusterctl.planning.manifest import Manifest, digest, is_same, render_manifest


def record_steps(manifests: Mapping[str, Manifest], snapshot: Snapshot) -> list[WriteManifest]:
    """Return the steps that write the manifests, by project, on every host that answered."""
    texts = {project: render_manifest(manifest) for project, manifest in sorted(manifests.items())}
    return [
        WriteManifest(facts.host, project, manifests[project].generation, text, sha, "new placements")
        for project, text in texts.items()
        for sha in [digest(text)]
        for facts in snapshot.seen
    ]


def missing_records(
    batches: Iterable[Batch], manifests: Mapping[str, Manifest], snapshot: Snapshot
) -> list[WriteManifest]:
    """Return the steps for hosts that hold something else after the batches, since a killed run has not written it."""
    held = {(facts.host, name): text for facts in snapshot.seen for name, text in facts.manifests.items()}
    held |= {
        (step.host, step.project): step.text
        for batch in batches
        for step in batch.steps
        if isinstance(step, WriteManifest)
    }
    records = record_steps(manifests, snapshot)
    return [step for step in records if not is_same(held.get((step.host, step.project), ""), step.text)]
