"""How long a run and its hosts take, measured from its events; no clock is read here."""

from __future__ import annotations

from dataclasses import dataclass, field

from clusterctl.model.report import Event

_SLOWEST = 3


@dataclass
class Stopwatch:
    """How long hosts were at work, in seconds, over all batches; and when the first batch began."""

    began_s: float | None = None
    ended_s: float = 0.0
    hosts_s: dict[str, float] = field(default_factory=dict)
    _since_s: dict[str, float] = field(default_factory=dict)

    def hear(self, event: Event, now_s: float) -> None:
        """Take an event."""
        self.ended_s = now_s
        if event.kind == "batch":
            self.began_s = now_s if self.began_s is None else self.began_s
            self._since_s = dict.fromkeys(filter(None, event.hosts), now_s)
        elif event.kind == "host-start" and event.host:
            self._since_s[event.host] = now_s
        elif event.kind == "host-end":
            self._stop(event.host, now_s)
        elif event.kind == "batch-end":
            for name in tuple(self._since_s):
                self._stop(name, now_s)

    def _stop(self, host: str, now_s: float) -> None:
        since_s = self._since_s.pop(host, None)
        if since_s is not None:
            self.hosts_s[host] = self.hosts_s.get(host, 0.0) + now_s - since_s

    @property
    def total_s(self) -> float:
        """Seconds from the first batch to the last event."""
        return 0.0 if self.began_s is None else self.ended_s - self.began_s

    @property
    def slowest(self) -> tuple[tuple[str, float], ...]:
        """The slowest hosts with their seconds, slowest first."""
        ranked = sorted(self.hosts_s.items(), key=lambda item: (-item[1], item[0]))
        return tuple(ranked[:_SLOWEST])
