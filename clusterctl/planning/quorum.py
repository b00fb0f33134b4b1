"""Members of a quorum (`x-quorum`) that run in other projects, as far as the hosts know them."""

from __future__ import annotations

from collections import Counter

from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.generations import latest_manifest
from clusterctl.planning.manifest import project_of
from clusterctl.planning.observed import observe_units


def quorum_elsewhere(
    snapshot: Snapshot, cluster: str, project: str, groups: frozenset[str]
) -> dict[str, int]:
    """Return how many members of each group are not well in projects other than this one."""
    if not groups:
        return {}
    well = {unit.instance.name for unit in observe_units(snapshot, cluster) if unit.is_well}
    found: Counter[str] = Counter()
    for name in sorted({name for facts in snapshot.seen for name in facts.manifests} - {project}):
        manifest = latest_manifest(snapshot, cluster, name)
        for service in project_of(manifest).services if manifest else ():
            if service.quorum in groups and manifest:
                prefix = f"{name}-{service.name}-"
                mine = [one for one in manifest.placements if one.rpartition("-")[0] + "-" == prefix]
                found[service.quorum] += sum(one not in well for one in mine)
    return dict(found)
