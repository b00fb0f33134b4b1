"""What is said of a lock: how long ago, who has it, and the error for whoever does not get it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusterctl.errors import ClusterctlError, IdentityError, LockedError, RemoteError
from clusterctl.model.snapshot import Unreachable
from clusterctl.operations.lock_seat import Opened
from clusterctl.remote.lock_holder import Busy, Holder


def majority_of(hosts: Sequence[str]) -> int:
    """Return how many of the configured lock hosts are more than half."""
    return len(hosts) // 2 + 1


def ago(seconds: float) -> str:
    """Return how long ago, in words: "45 s", "2 min", "3 h", "2 d"."""
    for unit, size, least in (("d", 86_400, 172_800), ("h", 3_600, 7_200), ("min", 60, 60)):
        if seconds >= least:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def explain(hosts: Sequence[str], answers: Mapping[str, Opened]) -> ClusterctlError:
    """Return the error for answers that make no majority."""
    busy = [answer for answer in answers.values() if isinstance(answer, Busy)]
    failed = [answer for answer in answers.values() if isinstance(answer, Unreachable)]
    details = [f"{name}  {_detail(answers[name])}" for name in hosts if name in answers]
    need = majority_of(hosts)
    others = len(hosts) - len(failed)
    if busy and others >= need:
        return locked([answer.holder for answer in busy], details)
    if any(failure.is_identity for failure in failed):
        return IdentityError(
            "cannot take the lock: a lock host was not let in, or did not let us in",
            details=details,
            next_step="check the keys, known_hosts or sudo there. Nothing was changed.",
        )
    return RemoteError(
        f"cannot take the lock: {need} of {len(hosts)} lock hosts must answer",
        details=details,
        next_step="bring them back, or name other hosts in policy.lock_hosts. Nothing was changed.",
    )


def locked(holders: Sequence[Holder | None], details: Sequence[str]) -> LockedError:
    """Return the error that tells who is at work, for whoever comes second."""
    known = sorted((holder for holder in holders if holder), key=lambda holder: -holder.epoch)
    who = f"{known[0].by} is at work ({known[0].command}), since {ago(known[0].age_s)}" if known else ""
    return LockedError(
        f"locked: {who or 'somebody is just taking the lock'}",
        details=details,
        next_step="wait, and see who it is: clusterctl lock status. If you are sure that it is gone: "
        "clusterctl lock release --force --reason TEXT. Nothing was changed.",
    )


def _detail(answer: Opened) -> str:
    if isinstance(answer, Unreachable):
        return f"{answer.rung}: {answer.reason}"
    if isinstance(answer, Busy):
        return f"held by {told(answer.holder)}"
    return "was free"


def told(holder: Holder | None) -> str:
    """Return a holder as one line."""
    if holder is None:
        return "somebody who has not signed yet"
    return f"{holder.by}: {holder.command}, run {holder.run}, since {ago(holder.age_s)}"
