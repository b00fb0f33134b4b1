"""Lines in the crontab of the operator's machine: as `timers`, where there is no systemd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clusterctl.errors import ClusterctlError
from clusterctl.operations.timers import Env, Machine
from clusterctl.planning.timer_status import JobStatus, status_of_heartbeat
from clusterctl.planning.timers import Job, commands_of, find_block, render_crontab, splice


@dataclass(frozen=True)
class CrontabTimers:
    """Lines in the user's crontab, between two marks. All methods raise ClusterctlError."""

    machine: Machine
    cluster: str

    def texts(self, jobs: Sequence[Job], env: Env) -> dict[str, str]:
        """Return what would be written."""
        return {"crontab": render_crontab(self.cluster, jobs, env)}

    def install(self, jobs: Sequence[Job], env: Env) -> list[str]:
        """Have exactly these jobs; return what was changed, in words."""
        return self._put(render_crontab(self.cluster, jobs, env), "wrote the crontab")

    def remove(self) -> list[str]:
        """Take our lines out; return what was changed, in words."""
        return self._put("", "took our lines out of the crontab")

    def status(self) -> list[JobStatus]:
        """Return how the jobs are; of runs only a heartbeat is known."""
        commands = commands_of(find_block(self._read(), self.cluster))
        found = [self._status(job, words) for job, words in commands.items()]
        if "failover" not in commands:
            found.insert(
                0,
                JobStatus(
                    "failover",
                    installed=False,
                    active=False,
                    last_run_s=None,
                    last_result="-",
                    next_run_s=None,
                    failed=False,
                ),
            )
        return found

    def _status(self, job: str, words: Sequence[str]) -> JobStatus:
        text = ""
        if "--heartbeat" in words[:-1]:
            text = self.machine.read(words[words.index("--heartbeat") + 1]) or ""
        return status_of_heartbeat(job, text, _epoch_s(text))

    def _put(self, block: str, words: str) -> list[str]:
        before = self._read()
        after = splice(before, self.cluster, block)
        if after == before:
            return []
        ended = self.machine.call(["crontab", "-"], after)
        if ended.code != 0:
            raise ClusterctlError(f"crontab: {ended.words}", next_step="mend that. Nothing was changed.")
        return [words]

    def _read(self) -> str:
        """Return the crontab; what cannot be read is never taken for an empty one."""
        ended = self.machine.call(["crontab", "-l"])
        if ended.code == 0:
            return ended.stdout
        if ended.code is not None and ("no crontab for" in ended.words or "No such file" in ended.words):
            return ""
        raise ClusterctlError(
            f"the crontab cannot be read: {ended.words}", next_step="install cron. Nothing was changed."
        )


def _epoch_s(heartbeat: str) -> int | None:
    try:
        return int(datetime.fromisoformat(heartbeat.split(maxsplit=1)[0]).timestamp())
    except (ValueError, IndexError):
        return None
