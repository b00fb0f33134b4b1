"""Units of ours that somebody else has written in: what says so, and when such a file may be replaced (I3, ADR 0021).

A unit whose digest does not hold is somebody's work: no verb changes or removes it unless told to (`--overwrite`). A file
without any header of ours is foreign, except where a manifest has the instance on that very host: there it was ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from clusterctl.model.plan import Blocked
from clusterctl.model.snapshot import HostFacts, Snapshot, UnitFact
from clusterctl.planning.changes import header_of
from clusterctl.planning.container import LABEL
from clusterctl.planning.generations import latest_manifest
from clusterctl.planning.manifest import Manifest, instances_of, project_of
from clusterctl.planning.observed import Observed, foreign_units
from clusterctl.planning.unit import LARGEST_UNIT_BYTES

CUT = "is cut or replaced by hand: it has no header of ours"
TOO_LARGE = f"larger than any unit of ours ({LARGEST_UNIT_BYTES // 1024} KiB): somebody else wrote in it"
_DIGEST = re.compile(r"^Digest=sha256:[0-9a-f]{64}$", re.MULTILINE)


def how_edited(fact: UnitFact) -> str:
    """Return in words what became of a unit file whose digest does not hold."""
    if is_too_large(fact):
        return TOO_LARGE
    return "edited by hand" if _DIGEST.search(fact.text) else "cut: its last line, the digest, is missing"


def how_cut(fact: UnitFact) -> str:
    """Return in words what became of a unit file that has no header of ours, where a manifest has the instance."""
    return f"is {TOO_LARGE}" if is_too_large(fact) else CUT


def is_too_large(fact: UnitFact) -> bool:
    """Whether a file is larger than what a look tells of it: none of ours is."""
    return len(fact.text.encode()) >= LARGEST_UNIT_BYTES


def find_cut(snapshot: Snapshot, cluster: str, project: str = "") -> tuple[Observed, ...]:
    """Return the units that a manifest (all, or a project's) has on a host and whose file there bears no header of ours.

    Each as a unit with the header that it should have, so that it is not intact.
    """
    foreign = {facts.host: foreign_units(facts, cluster) for facts in snapshot.seen}
    if not any(foreign.values()):
        return ()
    projects = {name for facts in snapshot.seen for name in facts.manifests if project in {"", name}}
    manifests = [latest_manifest(snapshot, cluster, name) for name in sorted(projects)]
    by_host = {facts.host: facts for facts in snapshot.seen}
    return tuple(unit for manifest in manifests if manifest for unit in _cut_of(manifest, by_host, foreign))


def _cut_of(
    manifest: Manifest, by_host: Mapping[str, HostFacts], foreign: Mapping[str, frozenset[str]]
) -> Iterator[Observed]:
    for instance, service in instances_of(manifest, project_of(manifest)):
        home = manifest.placements[instance.name]
        if instance.unit in foreign.get(home, ()):
            facts, pinned = by_host[home], manifest.pinned.get(service.name, "")
            header = header_of(manifest.cluster, instance, service, manifest.generation, pinned)
            fact = next(fact for fact in facts.units if fact.name == instance.unit)
            containers = [
                c for c in facts.containers or () if c.labels.get(f"{LABEL}.instance") == instance.name
            ]
            yield Observed(home, header, fact, next(iter(containers), None), facts.docker_answers)


def refuse_edited(units: Iterable[Observed]) -> list[Blocked]:
    """Return why units may not be replaced or removed: somebody has edited them."""
    return [
        Blocked("edited", unit.host, f"{unit.fact.name} is {how_edited(unit.fact)}")
        for unit in units
        if not unit.intact
    ]


def refuse_cut(units: Iterable[Observed]) -> list[Blocked]:
    """Return why a project may not be planned for: what runs under a file that was cut must not be started twice."""
    return [Blocked("edited", unit.host, f"{unit.fact.name} {how_cut(unit.fact)}") for unit in units]
