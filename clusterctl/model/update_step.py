"""Steps of an update of a host's operating system: one effect on one host each, with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from clusterctl.model.packages import PackageChange


@dataclass(frozen=True, slots=True)
class StageUpdates:
    """Download what an update needs and keep the packages it replaces, so that it can be undone."""

    host: str
    driver: str
    run: str
    changes: tuple[PackageChange, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ApplyUpdates:
    """Update the host's packages as staged; taken back on the spot when the host is worse than before.

    Success is the package manager's exit code and its database and the state of all units; what
    `failed_before` names was failed already.
    """

    host: str
    driver: str
    run: str
    changes: tuple[PackageChange, ...]
    failed_before: tuple[str, ...]
    timeout_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class ArmUndo:
    """Have the host itself undo the run's update `delay_s` after its next boot, unless committed by then."""

    host: str
    driver: str
    run: str
    delay_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class CommitUpdates:
    """The update stays: disarm the host's own undo. Fails when the host has undone it already."""

    host: str
    driver: str
    run: str
    reason: str


@dataclass(frozen=True, slots=True)
class UndoUpdates:
    """Put back what the run's update replaced, remember the versions as bad, and disarm the undo."""

    host: str
    driver: str
    run: str
    timeout_s: int
    reason: str
