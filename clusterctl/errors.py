"""The one exception tree, and the exit code each branch ends in.

::

    ClusterctlError            1  a step or a host failed
    ├── InputError             2  wrong usage, inventory or playbook; nothing was contacted
    ├── RefusedError           4  a guard said no (placement, limit, foreign unit)
    ├── LockedError            5  somebody else is changing the same host
    ├── IdentityError          6  host key, user key or sudo refused
    ├── RemoteError            1  a host answered wrongly or not at all
    └── LabError               1  the lab could not be built or is not there

The codes are those of PROMISES ("Exit codes"). A host's failure is normally a *value*
(`model.snapshot.Unreachable`, `model.report.HostResult`); an exception ends the whole verb.

An error reads: *what happened*; then lines of detail; then *what to do next*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_INPUT = 2
EXIT_PENDING = 3
EXIT_REFUSED = 4
EXIT_LOCKED = 5
EXIT_IDENTITY = 6
EXIT_INTERRUPTED = 130


class ClusterctlError(Exception):
    """Whatever ends a verb; shown as message, details and next step, without a trace."""

    exit_code = EXIT_FAILED

    def __init__(self, message: str, *, details: Sequence[str] = (), next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.next_step = next_step


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong in a file: where, and what; `line` counts from 1, 0 means the whole file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class InputError(ClusterctlError):
    """Wrong usage, or a file with mistakes, all of them listed at once."""

    exit_code = EXIT_INPUT

    def __init__(
        self,
        message: str,
        *,
        mistakes: Sequence[Mistake] = (),
        details: Sequence[str] = (),
        next_step: str = "",
    ) -> None:
        super().__init__(message, details=details, next_step=next_step)
        self.mistakes = tuple(sorted(mistakes))


class RefusedError(ClusterctlError):
    """A guard refused: no placement, a foreign unit, a limit."""

    exit_code = EXIT_REFUSED


class LockedError(ClusterctlError):
    """Somebody else is changing the same host."""

    exit_code = EXIT_LOCKED


class IdentityError(ClusterctlError):
    """A host key, a user key or sudo was refused."""

    exit_code = EXIT_IDENTITY


class RemoteError(ClusterctlError):
    """A host answered wrongly or not at all."""


class JournalError(ClusterctlError):
    """The operator's journal cannot be written or read."""


class LabError(ClusterctlError):
    """The lab could not be built, or is not there."""
