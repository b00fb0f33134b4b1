"""The command lines that timers on this machine run: whole paths, and all that the environment would say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clusterctl.cli.maintenance import seconds
from clusterctl.errors import InputError
from clusterctl.planning.timers import Job, check_calendar

LEAST_S = 10
_KEPT_ENV = ("CLUSTERCTL_STATE", "XDG_STATE_HOME")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The jobs as they were asked for, in the words of the options of `timer install`."""

    inventory: str
    every: str
    deadline: str
    rebalance: str
    textfile: str
    heartbeat: str
    notify: list[str]
    notify_command: list[str]

    def jobs(self) -> list[Job]:
        """Return the jobs: failover, and the others that were asked for; raises InputError."""
        told = _told(self.notify, self.notify_command)
        deadline_s = seconds("--deadline", self.deadline)
        every_s = seconds("--every", self.every)
        if every_s < LEAST_S or deadline_s < LEAST_S:
            raise InputError(
                "--every and --deadline are 10s or more", next_step="clusterctl timer install --help"
            )
        return list(self._jobs(told, every_s, deadline_s))

    def _jobs(self, told: tuple[str, ...], every_s: int, deadline_s: int) -> Iterator[Job]:
        base = (*_program(), "-i", _whole(self.inventory), "--deadline", self.deadline, "--quiet")
        acting = (*base, "--yes", "--busy-ok")
        beat = ("--heartbeat", _whole(self.heartbeat)) if self.heartbeat else ()
        yield Job(
            "failover", (*acting, "failover", "--period", self.every, *beat, *told), deadline_s, every_s
        )
        if self.textfile:
            words = (*base, "health", "--period", self.every, "--textfile", _whole(self.textfile))
            yield Job("health", words, deadline_s, every_s, fine=(1, 4, 6))
        if self.rebalance:
            words = (*acting, "rebalance", *told)
            yield Job("rebalance", words, deadline_s, calendar=check_calendar(self.rebalance))


def kept_environment() -> dict[str, str]:
    """Return the variables of ours that the jobs have too."""
    return {key: _whole(os.environ[key]) for key in _KEPT_ENV if os.environ.get(key)}


def _whole(path: str) -> str:
    return str(Path(path).absolute())


def _told(notify: list[str], notify_command: list[str]) -> tuple[str, ...]:
    """Return the options for news; raises InputError. A URL would stand in the unit, and on the command line (I9)."""
    from clusterctl.cli.cron import read_urls
    from clusterctl.operations.notify import channels

    bare = [word for word in notify if not word.startswith("@")]
    if bare:
        raise InputError(
            "--notify: a URL that may hold a secret would be readable for all in the timer",
            next_step="write it to a file of mode 0600 and give --notify @FILE.",
        )
    channels(read_urls(notify), notify_command)
    files = (("--notify", f"@{_whole(word[1:])}") for word in notify)
    commands = (("--notify-command", command) for command in notify_command)
    return tuple(word for pair in (*files, *commands) for word in pair)


def _program() -> tuple[str, ...]:
    """Return how this clusterctl is started by its absolute path, whatever PATH and folder are."""
    script = Path(sys.executable).parent / "clusterctl"
    if script.is_file() and os.access(script, os.X_OK):
        return (str(script),)
    return (sys.executable, "-P", "-m", "clusterctl")
