"""What a plan would write over what lies on the hosts: unified diffs of units; of environments names only (I9).

Pure. Which plan it is, of a playbook or of what was applied last, is the caller's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clusterctl.model.names import natural
from clusterctl.model.placement import Instance
from clusterctl.model.plan import Plan
from clusterctl.model.snapshot import HostFacts, Snapshot
from clusterctl.model.step import ApplyUnit, RemoveUnit
from clusterctl.planning.container import env_path
from clusterctl.planning.generations import latest_manifest
from clusterctl.planning.spec import environment_digest
from clusterctl.planning.unit_header import file_digest

FOLDER = "/etc/systemd/system"
NOTHING = "/dev/null"
CONTEXT_LINES = 3


@dataclass(frozen=True, slots=True)
class UnitDiff:
    """How the files of one instance on one host differ: `lines` of a unified diff, with its two head lines."""

    host: str
    instance: Instance
    lines: tuple[str, ...]


def diff_units(plan: Plan, snapshot: Snapshot, cluster: str) -> tuple[UnitDiff, ...]:
    """Return what the plan would change in files, by instance and host; restarts and starts change none."""
    seen = {facts.host: facts for facts in snapshot.seen}
    found = []
    for step in (step for batch in plan.batches for step in batch.steps):
        if isinstance(step, ApplyUnit) and step.action == "replace":
            lines = [*_unit(seen[step.host], step.instance, step.unit_text)]
            lines += _environment(snapshot, cluster, seen[step.host], step)
        elif isinstance(step, RemoveUnit):
            lines = [*_unit(seen[step.host], step.instance, "")]
        else:
            continue
        if lines:
            found.append(UnitDiff(step.host, step.instance, tuple(lines)))
    return tuple(sorted(found, key=lambda one: (one.instance, natural(one.host))))


def _unit(facts: HostFacts, instance: Instance, wanted: str) -> Iterator[str]:
    present = next((fact.text for fact in facts.units if fact.name == instance.unit), None)
    path = f"{facts.host}:{FOLDER}/{instance.unit}"
    yield from difflib.unified_diff(
        (present or "").splitlines(),
        wanted.splitlines(),
        path if present is not None else NOTHING,
        path if wanted else NOTHING,
        n=CONTEXT_LINES,
        lineterm="",
    )


def _environment(snapshot: Snapshot, cluster: str, facts: HostFacts, step: ApplyUnit) -> Iterator[str]:
    """Yield which names come, go and change; what is on a host is known by its digest only."""
    wanted = dict(line.split("=", 1) for line in step.environment.splitlines())
    found = facts.env_digests.get(step.instance.name)
    if found == file_digest(step.environment) or (found is None and not wanted):
        return
    known = _applied(snapshot, cluster, step.instance, found)
    path = f"{facts.host}:{env_path(step.instance)}"
    yield f"--- {path if found is not None else NOTHING}"
    yield f"+++ {path if wanted else NOTHING}"
    yield "@@ names only: values are never shown @@"
    if found is not None and known is None:
        yield "-(not as it was applied, or of an older generation: its names are not known)"
    for name in sorted({*(known or {}), *wanted}):
        if name not in wanted:
            yield f"-{name}"
        elif known is None or name not in known:
            yield f"+{name}"
        elif known[name] != wanted[name]:
            yield f"!{name} changed"


def _applied(
    snapshot: Snapshot, cluster: str, instance: Instance, found: str | None
) -> Mapping[str, str] | None:
    """Return the environment that lies on a host, where the newest manifest knows it."""
    if found is None:
        return None
    manifest = latest_manifest(snapshot, cluster, instance.project)
    service = manifest.as_project.service(instance.service) if manifest else None
    return service.environment if service and environment_digest(service) == found else None
