"""How the timers of the operator's machine are, read from what systemctl prints. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

TIMER_PROPERTIES = "UnitFileState,ActiveState,NeedDaemonReload"
SERVICE_PROPERTIES = "ActiveState,NeedDaemonReload,Result,ExecMainStatus,ExecMainStartTimestampMonotonic"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job. Times are epoch seconds, None where nobody knows; `last_result` is in words."""

    job: str
    installed: bool
    active: bool
    last_run_s: int | None
    last_result: str
    next_run_s: int | None
    failed: bool

    @property
    def is_well(self) -> bool:
        """Whether it is there, runs by itself, and did not fail last time."""
        return self.installed and self.active and not self.failed

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def parse_show(text: str) -> dict[str, str]:
    """Return the properties that `systemctl show` printed."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: value for key, equals, value in pairs if equals}


def parse_timers(text: str, timer: str) -> tuple[int | None, int | None]:
    """Return when a timer ran last and runs next, from `systemctl list-timers -o json` (microseconds)."""
    try:
        rows = [row for row in json.loads(text) if row["unit"] == timer]
        return _seconds(rows[0].get("last")), _seconds(rows[0].get("next"))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None, None


def status_of(
    job: str,
    timer: Mapping[str, str],
    service: Mapping[str, str],
    times: tuple[int | None, int | None],
    *,
    installed: bool,
) -> JobStatus:
    """Return how a job is."""
    active = timer.get("ActiveState") == "active" and timer.get("UnitFileState") == "enabled"
    failed = service.get("Result", "success") != "success"
    return JobStatus(job, installed, active, times[0], _result(service), times[1], failed)


def status_of_heartbeat(job: str, text: str, at_s: int | None) -> JobStatus:
    """Return how a job of cron is: it keeps no record, so only a heartbeat tells (`operations.heartbeat`)."""
    code = text.split()[2] if len(text.split()) == 3 else ""
    result = f"exit {code}" if code else "-"
    return JobStatus(
        job,
        installed=True,
        active=True,
        last_run_s=at_s,
        last_result=result,
        next_run_s=None,
        failed=code not in {"", "0"},
    )


def _result(service: Mapping[str, str]) -> str:
    if service.get("ActiveState") in {"activating", "active", "deactivating"}:
        return "runs now"
    if service.get("ExecMainStartTimestampMonotonic", "0") in {"", "0"}:
        return "not yet"
    code = f"exit {service.get('ExecMainStatus', '?')}"
    result = service.get("Result", "")
    return code if result == "success" else f"failed: {code if result == 'exit-code' else result}"


def _seconds(value: object) -> int | None:
    return value // 1_000_000 if isinstance(value, int) and value > 0 else None
