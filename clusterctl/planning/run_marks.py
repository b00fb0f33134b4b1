"""The markers of hosts as one run reads and writes them: its own, and those of runs that it takes over."""

from __future__ import annotations

from dataclasses import dataclass

from clusterctl.model.run import RunSummary
from clusterctl.model.snapshot import Snapshot
from clusterctl.model.step import ClearMarker, MarkerName, SetMarker
from clusterctl.planning.markers import Marker, parse_marker

_MARKERS: tuple[MarkerName, ...] = ("cordoned", "draining", "updating", "rebooting")


@dataclass(frozen=True, slots=True)
class RunMarks:
    """The markers of hosts that answered, for a run of a verb."""

    snapshot: Snapshot
    run: RunSummary
    verb: str

    def of(self, host: str, name: str) -> Marker | None:
        """Return a marker of a host, or None."""
        text = self.snapshot.facts(host).markers.get(name)
        return None if text is None else parse_marker(text)

    def is_ours(self, host: str) -> bool:
        """Whether an earlier try of this very run has marked the host and not brought it back."""
        found = (self.of(host, name) for name in _MARKERS)
        return any(marker and marker.run == self.run.id for marker in found)

    def is_rebooting(self, host: str) -> bool:
        """Whether an earlier try of this very run may have told the host to reboot."""
        marker = self.of(host, "rebooting")
        return marker is not None and marker.run == self.run.id

    def lets_uncordon(self, host: str) -> bool:
        """Whether nobody cordoned the host but this run, or one that it takes over."""
        marker = self.of(host, "cordoned")
        return marker is None or marker.run == self.run.id or marker.run in self._given_up(host)

    def mark(self, host: str, marker: MarkerName, reason: str) -> SetMarker:
        """Return the step that writes a marker of this run."""
        return SetMarker(host, marker, self.run.id, self.run.by, " ".join(reason.split()))

    def clear(self, host: str, *, uncordon: bool) -> list[ClearMarker]:
        """Return the steps that take the marks of this run off a host, and those of runs that it takes over."""
        names = [name for name in _MARKERS if name != "cordoned" or uncordon]
        steps = [ClearMarker(host, name, self.run.id, "the host is back") for name in names]
        for name in names:
            marker = self.of(host, name)
            if marker and marker.run in self._given_up(host):
                steps.append(ClearMarker(host, name, marker.run, f"what {marker.run} began is done"))
        return steps

    def _given_up(self, host: str) -> set[str]:
        """Return the runs of this very verb that have taken the host out and not brought it back: this one does.

        They are over, since this run has the lock. A host that was drained stays out.
        """
        found = (self.of(host, name) for name in ("rebooting", "updating", "draining"))
        mine = f"-{self.verb}-"
        return {marker.run for marker in found if marker and self.verb != "drain" and mine in marker.run}
