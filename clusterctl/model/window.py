"""A maintenance window: when hosts may be taken out. Whether one is open is decided in `planning.windows`."""

from __future__ import annotations

from dataclasses import dataclass

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Window:
    """Opens at `start_minute` (of the day, local time of `zone`) on `days` (0 is Monday), for `length_s` elapsed seconds."""

    days: tuple[int, ...]
    start_minute: int
    length_s: int
    zone: str

    def __str__(self) -> str:
        days = ",".join(WEEKDAYS[day] for day in self.days)
        hours, minutes = divmod(self.length_s // 60, 60)
        length = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes or not hours else "")
        return f"{days} {self.start_minute // 60:02}:{self.start_minute % 60:02} {length} {self.zone}"
