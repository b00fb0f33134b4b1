"""What a run that stopped half way takes back at once: the cordon of hosts that it had not begun to take out.

Hosts that were taken out stay as they are, for `resume` or `abort`.
"""

from __future__ import annotations

from clusterctl.model.plan import Batch
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import ClearMarker
from clusterctl.planning.limits import OUT
from clusterctl.planning.markers import parse_marker


def plan_tidy(snapshot: Snapshot, run: str) -> Batch:
    """Return the batch that uncordons the hosts which a run has cordoned and not taken out."""
    steps = tuple(
        ClearMarker(facts.host, "cordoned", run, "the run stopped before this host")
        for facts in snapshot.seen
        if parse_marker(facts.markers.get("cordoned", "")).run == run and not OUT & set(facts.markers)
    )
    return Batch("uncordon the hosts not begun", steps)
