"""Hosts that are not the machine they were: they hold no mark of the cluster, and have the place of instances (faults row 54).

A host is marked when it is first changed (`/etc/clusterctl/cluster`). Where a manifest has instances on a host without the mark,
that host was replaced or wiped, and its volumes are gone: nothing is started there unless told to (`--overwrite`, ADR 0021).
"""

from __future__ import annotations

from collections import defaultdict

from clusterctl.model.names import natural
from clusterctl.model.plan import Blocked
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.manifest import Manifest

MOST_NAMED = 3


def find_replaced(snapshot: Snapshot, manifest: Manifest | None) -> dict[str, str]:
    """Return host -> words, for each host that has lost its mark and with it what a manifest has there."""
    if manifest is None:
        return {}
    blank = {facts.host for facts in snapshot.seen if not facts.cluster}
    lost: dict[str, list[str]] = defaultdict(list)
    for instance, host in sorted(manifest.placements.items(), key=lambda item: natural(item[0])):
        if host in blank:
            lost[host].append(instance)
    return {host: _words(names) for host, names in lost.items()}


def refuse_replaced(snapshot: Snapshot, manifest: Manifest | None) -> list[Blocked]:
    """Return why nothing may be started on hosts that are not the machines they were."""
    return [Blocked("replaced", host, words) for host, words in find_replaced(snapshot, manifest).items()]


def _words(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (
        f"holds no mark of this cluster, and {', '.join(names[:MOST_NAMED])}{more} had their place there: "
        "it was replaced or wiped, and what they kept in volumes is gone"
    )
