"""Texts of the timers that run clusterctl on the operator's machine: systemd units, or lines of a crontab. Pure.

Sources: systemd.timer(5), systemd.service(5), crontab(5). The services are not called `clusterctl-*.service`: on a host of
the fleet those are instances.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from clusterctl.errors import InputError, RefusedError
from clusterctl.planning.quoting import plain_value, quote_line, quote_word
from clusterctl.planning.unit_header import is_intact

JobName = Literal["failover", "health", "rebalance"]
JOBS: tuple[JobName, ...] = ("failover", "health", "rebalance")
FIRST_S = 10
SPARE_S = 60
"""systemd ends a run so long after its own deadline: clusterctl has ended by itself then."""
CALENDAR_JITTER_S = 900
_CALENDAR = re.compile(r"[A-Za-z0-9*,.:/~_+ -]+")
_FIVE = re.compile(r"[0-9*,/-]+( [0-9A-Za-z*,/-]+){4}")
_CRON_WORDS = frozenset({"hourly", "daily", "weekly", "monthly"})


@dataclass(frozen=True, slots=True)
class Job:
    """What is run, and when: every so often, or by a calendar. `jitter_s` is the random delay before each run.

    `fine` are exit codes that speak of the fleet, and not of a failure of this job.
    """

    name: JobName
    argv: tuple[str, ...]
    deadline_s: int
    every_s: int = 0
    calendar: str = ""
    fine: tuple[int, ...] = ()

    @property
    def jitter_s(self) -> int:
        """A tenth of the period; a quarter of an hour for what runs by a calendar."""
        return self.every_s // 10 if self.every_s else CALENDAR_JITTER_S


def timer_name(cluster: str, job: str) -> str:
    """Return the name of a timer unit."""
    return f"clusterctl-{cluster}-{job}.timer"


def service_name(cluster: str, job: str) -> str:
    """Return the name of the service that a timer starts."""
    return f"clusterctl.{cluster}.{job}.service"


def render_units(cluster: str, job: Job, env: Mapping[str, str], *, system: bool) -> dict[str, str]:
    """Return the files of a job, by name; `system`: of the machine's manager, else of a user's."""
    name, about = service_name(cluster, job.name), plain_value(f"clusterctl {job.name} of cluster {cluster}")
    online = ["Wants=network-online.target", "After=network-online.target"] if system else []
    service = [
        *("[Unit]", f"Description={about}", *online, "", "[Service]", "Type=oneshot"),
        f"ExecStart={quote_line(list(job.argv))}",
        *(f"Environment={quote_word(f'{key}={value}')}" for key, value in sorted(env.items())),
        *([f"SuccessExitStatus={' '.join(map(str, job.fine))}"] if job.fine else []),
        f"TimeoutStartSec={job.deadline_s + SPARE_S}",
        *("TimeoutStopSec=30", "KillMode=mixed"),
    ]
    timer = ["[Unit]", f"Description={about}, again and again", "", "[Timer]", f"Unit={name}", *_when(job)]
    timer += [f"RandomizedDelaySec={job.jitter_s}", "", "[Install]", "WantedBy=timers.target"]
    return {name: _signed(cluster, service), timer_name(cluster, job.name): _signed(cluster, timer)}


def is_ours(text: str, cluster: str) -> bool:
    """Whether a file is as we wrote it for this cluster: neither foreign nor edited since."""
    return text.startswith(f"{_mark(cluster)}\n") and is_intact(text)


def check_calendar(text: str) -> str:
    """Return a calendar expression that can stand in a unit or a crontab; raises InputError."""
    if not _CALENDAR.fullmatch(text):
        raise InputError(
            f"--rebalance: no calendar: {text!r}", next_step="write it as 'daily' or 'Mon 03:00'."
        )
    return text


def render_crontab(cluster: str, jobs: Sequence[Job], env: Mapping[str, str]) -> str:
    """Return our part of a crontab; raises InputError for times that cron does not know."""
    assigned = "".join(f"{key}={shlex.quote(value)} " for key, value in sorted(env.items()))
    lines = [_begin(cluster)]
    for job in jobs:
        jitter = ["--jitter", f"{job.jitter_s}s"] if job.jitter_s else []
        # What it says of the fleet is in its metrics: only errors are sent by mail.
        silent = " >/dev/null" if job.fine else ""
        command = (assigned + shlex.join([*job.argv, *jitter]) + silent).replace("%", r"\%")
        if "\n" in command:
            raise InputError("a crontab has no line for a command with a line end", next_step="leave it out.")
        lines.append(f"{_cron_when(job)} {command}")
    text = "".join(f"{line}\n" for line in lines)
    return f"{text}{_end(cluster)}{hashlib.sha256(text.encode()).hexdigest()}\n"


def find_block(crontab: str, cluster: str) -> str:
    """Return our part of a crontab, "" where there is none; raises RefusedError where somebody edited it."""
    found = re.search(
        f"^{re.escape(_begin(cluster))}\n.*?^{re.escape(_end(cluster))}(?P<digest>[0-9a-f]+)\n",
        crontab,
        re.DOTALL | re.MULTILINE,
    )
    begun = f"{_begin(cluster)}\n" in crontab
    if found:
        body = found[0][: found[0].rindex(_end(cluster))]
        if hashlib.sha256(body.encode()).hexdigest() == found["digest"]:
            return found[0]
    if begun:
        raise RefusedError(
            f"the lines of cluster {cluster} in the crontab were edited",
            next_step="take them out by hand (crontab -e), then run the same command again. Nothing was changed.",
        )
    return ""


def splice(crontab: str, cluster: str, block: str) -> str:
    """Return a crontab with our part replaced, added, or (with "") taken out; the rest stays as it is."""
    old = find_block(crontab, cluster)
    if old:
        return crontab.replace(old, block)
    gap = "" if not crontab or crontab.endswith("\n") else "\n"
    return crontab + gap + block if block else crontab


def commands_of(block: str) -> dict[str, list[str]]:
    """Return the command words of each job in our part of a crontab."""
    found: dict[str, list[str]] = {}
    for line in block.splitlines()[1:-1]:
        words = shlex.split(line.replace(r"\%", "%"))
        found.update({job: words for job in JOBS if job in words})
    return found


def _signed(cluster: str, lines: Sequence[str]) -> str:
    text = "\n".join([_mark(cluster), *lines, "", "[X-Clusterctl]"]) + "\n"
    return f"{text}Digest=sha256:{hashlib.sha256(text.encode()).hexdigest()}\n"


def _mark(cluster: str) -> str:
    return f"# Made by clusterctl timer install for cluster {cluster}; what you change belongs in a drop-in."


def _when(job: Job) -> list[str]:
    if job.calendar:
        return [f"OnCalendar={job.calendar}", "Persistent=true"]
    return [f"OnActiveSec={FIRST_S}", f"OnUnitActiveSec={job.every_s}", "AccuracySec=1"]


def _cron_when(job: Job) -> str:
    if job.calendar:
        if job.calendar in _CRON_WORDS:
            return f"@{job.calendar}"
        if _FIVE.fullmatch(job.calendar):
            return job.calendar
        raise InputError(
            f"--rebalance: cron does not know {job.calendar!r}",
            next_step="write hourly, daily, weekly, monthly, or five fields: '30 3 * * *'.",
        )
    minutes, seconds = divmod(job.every_s, 60)
    if not seconds and minutes and 60 % minutes == 0:
        return "* * * * *" if minutes == 1 else f"*/{minutes} * * * *" if minutes < 60 else "0 * * * *"
    raise InputError(
        f"--every: cron cannot run something every {job.every_s} s",
        next_step="take a number of minutes that divides an hour: 60s, 2m, 5m.",
    )


def _begin(cluster: str) -> str:
    return f"# clusterctl timer {cluster}: begin (clusterctl timer remove takes it out)"


def _end(cluster: str) -> str:
    return f"# clusterctl timer {cluster}: end sha256:"
