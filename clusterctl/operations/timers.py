"""Timers of systemd on the operator's machine: installed as they should be, looked at, and taken away.

Only what is ours is touched. Where there is no systemd: `crontab`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from clusterctl.errors import ClusterctlError, InputError, RefusedError
from clusterctl.planning.timer_status import (
    SERVICE_PROPERTIES,
    TIMER_PROPERTIES,
    JobStatus,
    parse_show,
    parse_timers,
    status_of,
)
from clusterctl.planning.timers import (
    JOBS,
    Job,
    is_ours,
    render_units,
    service_name,
    timer_name,
)
from clusterctl.remote.program import Ended

Env = Mapping[str, str]


class Machine(Protocol):
    """Where timers are installed (`remote.machine`)."""

    def read(self, path: str) -> str | None:
        """Return a file's text, None where there is none."""
        ...

    def write(self, path: str, text: str) -> None:
        """Replace a file as a whole."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file."""
        ...

    def call(self, argv: Sequence[str], stdin: str = "") -> Ended:
        """Run a program."""
        ...


@dataclass(frozen=True)
class SystemdTimers:
    """Timers of systemd in `folder`: of the machine, or (`system` is false) of the user. All methods raise ClusterctlError."""

    machine: Machine
    cluster: str
    folder: str
    system: bool

    def texts(self, jobs: Sequence[Job], env: Env) -> dict[str, str]:
        """Return what would be written: path -> text."""
        units = [render_units(self.cluster, job, env, system=self.system) for job in jobs]
        return {self._path(name): text for files in units for name, text in files.items()}

    def install(self, jobs: Sequence[Job], env: Env) -> list[str]:
        """Have exactly these jobs; return what was changed, in words."""
        for job in jobs:
            if job.calendar:
                self._check_calendar(job.calendar)
        wanted, found = self.texts(jobs, env), self._found()
        written = [path for path, text in wanted.items() if found.get(path) != text]
        for path in written:
            self.machine.write(path, wanted[path])
        changed = [f"wrote {path}" for path in written]
        changed += self._remove([path for path in found if path not in wanted])
        if changed:
            self._systemctl("daemon-reload")
        for job in jobs:
            names = (timer_name(self.cluster, job.name), service_name(self.cluster, job.name))
            changed += self._start(job.name, anew=any(self._path(name) in written for name in names))
        return changed

    def remove(self) -> list[str]:
        """Take all our timers away; return what was changed, in words."""
        changed = self._remove(list(self._found()))
        if changed:
            self._systemctl("daemon-reload")
        return changed

    def status(self) -> list[JobStatus]:
        """Return how the jobs are; failover is always among them, the others where any file of theirs is there."""
        found = []
        for job in JOBS:
            timer, service = timer_name(self.cluster, job), service_name(self.cluster, job)
            texts = [self.machine.read(self._path(name)) for name in (timer, service)]
            if job != "failover" and not any(texts):
                continue
            ours = [text is not None and is_ours(text, self.cluster) for text in texts]
            listed = self._systemctl("list-timers", "--all", "--output=json", timer, may_fail=True)
            found.append(
                status_of(
                    job,
                    self._show(timer, TIMER_PROPERTIES),
                    self._show(service, SERVICE_PROPERTIES),
                    parse_timers(listed, timer),
                    installed=all(ours),
                )
            )
        return found

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def _found(self) -> dict[str, str]:
        """Return the files of all jobs that are there: path -> text; raises RefusedError for one that is not ours."""
        names = [name(self.cluster, job) for job in JOBS for name in (timer_name, service_name)]
        texts = {path: self.machine.read(path) for path in map(self._path, names)}
        found = {path: text for path, text in texts.items() if text is not None}
        foreign = [path for path, text in found.items() if not is_ours(text, self.cluster)]
        if foreign:
            raise RefusedError(
                f"{foreign[0]} is not ours, or was edited",
                next_step="move it away, and what you changed into a drop-in; then run the same command again. "
                "Nothing was changed.",
            )
        return found

    def _remove(self, paths: Sequence[str]) -> list[str]:
        """Stop timers and take files away; a run that goes on comes to its end."""
        for path in paths:
            name = path.rpartition("/")[2]
            if name.endswith(".timer"):
                self._systemctl("disable", "--now", name)
            self.machine.remove(path)
            # What failed last would be listed as failed for ever.
            self._systemctl("reset-failed", name, may_fail=True)
        return [f"removed {path}" for path in paths]

    def _start(self, job: str, *, anew: bool) -> list[str]:
        """Have a timer enabled and active; one whose files are new begins anew."""
        name = timer_name(self.cluster, job)
        state = self._show(name, TIMER_PROPERTIES)
        service = self._show(service_name(self.cluster, job), SERVICE_PROPERTIES)
        changed = []
        if "yes" in {each.get("NeedDaemonReload") for each in (state, service)}:
            # An install that was killed had written them, but told nobody.
            self._systemctl("daemon-reload")
            anew = True
        if state.get("UnitFileState") != "enabled":
            self._systemctl("enable", name)
            changed.append(f"enabled {name}")
        if anew or state.get("ActiveState") != "active":
            self._systemctl("restart", name)
            changed.append(f"started {name}")
        return changed

    def _check_calendar(self, calendar: str) -> None:
        ended = self.machine.call(["systemd-analyze", "calendar", "--", calendar])
        if ended.code == 1:
            raise InputError(
                f"--rebalance: systemd does not know {calendar!r}: {ended.words}",
                next_step="man systemd.time. Nothing was changed.",
            )

    def _show(self, name: str, properties: str) -> dict[str, str]:
        return parse_show(self._systemctl("show", name, f"--property={properties}"))

    def _systemctl(self, *words: str, may_fail: bool = False) -> str:
        argv = ["systemctl", *([] if self.system else ["--user"]), "--no-pager", *words]
        ended = self.machine.call(argv)
        if ended.code != 0 and not may_fail:
            raise ClusterctlError(
                f"{' '.join(argv)}: {ended.words or f'exit code {ended.code}'}",
                next_step="mend that, or use --crontab; then run the same command again.",
            )
        return ended.stdout
