"""Whether a maintenance window is open, and long enough for what is about to begin.

Windows are weekly, in the local time of a zone. A window's end is its start and so many *elapsed* seconds,
so that a change of the clocks neither lengthens nor shortens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from clusterctl.model.window import Window


def why_closed(windows: Sequence[Window], now_s: float, needs_s: float) -> str:
    """Return why nothing that takes up to `needs_s` may begin at `now_s` (epoch seconds), or ""."""
    if not windows:
        return ""
    left = max(seconds_left(window, now_s) for window in windows)
    if left >= needs_s and left > 0:
        return ""
    named = ", ".join(str(window) for window in windows)
    if left > 0:
        return (
            f"window {named}: {left / 60:.0f} minutes are left, and this may take {needs_s / 60:.0f} at worst"
        )
    return f"window {named}: not open now"


def seconds_left(window: Window, now_s: float) -> float:
    """Return the elapsed seconds until the window closes; 0 where it is not open."""
    zone = ZoneInfo(window.zone)
    now = datetime.fromtimestamp(now_s, zone)
    days_back = window.length_s // 86_400 + 2
    starts = (_start(window, zone, now - timedelta(days=back)) for back in range(-1, days_back))
    lefts = (start + window.length_s - now_s for start in starts if start is not None and start <= now_s)
    return max([0.0, *lefts])


def _start(window: Window, zone: ZoneInfo, day: datetime) -> float | None:
    """Return when the window of a day opens (a local time that is skipped counts as if clocks had not moved)."""
    if day.weekday() not in window.days:
        return None
    hour, minute = divmod(window.start_minute, 60)
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
    return local.astimezone(UTC).timestamp()
