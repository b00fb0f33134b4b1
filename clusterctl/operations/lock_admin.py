"""Looking at the lock of a cluster, and taking it from whoever holds it by force.

Taking and holding it is `operations.lock`. What is done on one host is `remote.lock_look`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clusterctl.errors import IdentityError, RemoteError
from clusterctl.model.host import Host
from clusterctl.model.snapshot import Unreachable
from clusterctl.operations.lock_words import majority_of, told
from clusterctl.operations.ssh_fleet import SshFleet
from clusterctl.planning.epochs import doubt_epochs
from clusterctl.remote.lock_look import FREE_S, LOOK_S, HostLock, free_lock, look_at_lock

Looks = Mapping[str, HostLock | Unreachable]


@dataclass(frozen=True, slots=True)
class Freed:
    """What a release by force did: the holder it ended on each host (or why not), and the new epoch."""

    hosts: Looks
    epoch: int


def lock_hosts_of(fleet: SshFleet) -> tuple[Host, ...]:
    """Return the lock hosts of a cluster."""
    return tuple(fleet.inventory.host(name) for name in fleet.inventory.lock_hosts)


def look_at_locks(fleet: SshFleet, hosts: Sequence[Host]) -> Looks:
    """Return what hosts say of the lock, in parallel; changes nothing."""
    deadline_s = fleet.inventory.longest_connect_s + LOOK_S
    return fleet.ask(hosts, look_at_lock, deadline_s)


def release_by_force(fleet: SshFleet, by: str, reason: str) -> Freed:
    """End whoever holds the lock, and make every number given out so far an old one.

    The new epoch is above the highest that any host of the cluster has seen, so that lock hosts that were
    set up anew catch up. Raises RemoteError or IdentityError without a majority of the lock hosts.
    """
    seen = _believed(look_at_locks(fleet, fleet.inventory.hosts))
    _demand_majority(fleet, seen, "nothing was changed")
    epoch = 1 + max(answer.epoch for answer in seen.values() if isinstance(answer, HostLock))
    words = f"lock released by force by {by}: {reason}"
    freed = fleet.ask(
        lock_hosts_of(fleet),
        lambda connection: free_lock(connection, epoch, words),
        fleet.inventory.longest_connect_s + FREE_S,
    )
    _demand_majority(fleet, {name: _raised(answer, epoch) for name, answer in freed.items()}, "try again")
    return Freed(freed, epoch)


def _believed(answers: Looks) -> Looks:
    """Return the answers; a host that names an epoch that cannot be true has given none."""
    epochs = {name: answer.epoch for name, answer in answers.items() if isinstance(answer, HostLock)}
    doubted = {name: Unreachable(name, "answer", why) for name, why in doubt_epochs(epochs).items()}
    return {**answers, **doubted}


def _raised(answer: HostLock | Unreachable, epoch: int) -> HostLock | Unreachable:
    """Return the answer, as a failure where the host did not take the epoch."""
    if isinstance(answer, HostLock) and answer.epoch < epoch:
        return Unreachable(answer.host, "answer", f"does not take epoch {epoch}, and has seen {answer.epoch}")
    return answer


def _demand_majority(fleet: SshFleet, answers: Looks, then: str) -> None:
    hosts = fleet.inventory.lock_hosts
    failed = [answer for name in hosts if isinstance(answer := answers[name], Unreachable)]
    need = majority_of(hosts)
    if len(hosts) - len(failed) >= need:
        return
    error = IdentityError if any(failure.is_identity for failure in failed) else RemoteError
    ended = [
        f"{name}  ended {told(answer.holder)}"
        for name, answer in answers.items()
        if then == "try again" and isinstance(answer, HostLock) and answer.holder
    ]
    raise error(
        f"cannot release the lock: {need} of {len(hosts)} lock hosts must answer",
        details=[f"{failure.host}  {failure.rung}: {failure.reason}" for failure in failed] + ended,
        next_step=f"bring them back, or name other hosts in policy.lock_hosts; {then}.",
    )
