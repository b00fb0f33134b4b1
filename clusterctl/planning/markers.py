"""Markers on a host: cordoned, draining, updating, rebooting; by whom, of which run, since when, and why.

A marker is a few lines `name=value`, written on the host by `remote/shell/records.sh`. What a marker of a
person or of an older release says in other words is taken as its reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker; `since_s` is epoch seconds on the host's clock, 0 where nobody wrote it."""

    by: str = ""
    run: str = ""
    reason: str = ""
    since_s: int = 0

    def __str__(self) -> str:
        since = f"since {datetime.fromtimestamp(self.since_s, UTC):%Y-%m-%d}" if self.since_s else ""
        by = f"by {self.by}" if self.by else ""
        words = " ".join(word for word in (since, by) if word)
        reason = f"({self.reason})" if self.reason and words else self.reason
        return " ".join(word for word in (words, reason) if word)


def parse_marker(text: str) -> Marker:
    """Return what a marker says; never raises."""
    lines = text.splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    if not {"by", "run"} <= set(values):
        return Marker(reason=" ".join(text.split()))
    since = values.get("since", "")
    since_s = int(since) if since.isdecimal() and len(since) < 12 else 0
    return Marker(values["by"], values["run"], values.get("reason", ""), since_s)
