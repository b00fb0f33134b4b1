"""Why a plan cannot be carried out, as the error a person meets: what is in the way, and what to do next."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from clusterctl.errors import ClusterctlError, IdentityError, LockedError, RefusedError, RemoteError
from clusterctl.model.plan import Blocked, Plan
from clusterctl.model.snapshot import Snapshot


def demand_possible(plan: Plan) -> None:
    """Raise the error that says why a plan cannot be carried out, if it cannot."""
    if plan.blocked:
        raise _blocked_error(plan)
    if plan.unplaced:
        raise _unplaced_error(plan)


def demand_newest(snapshot: Snapshot, epoch: int) -> None:
    """Raise LockedError where a host has seen a higher epoch than ours: somebody has taken over since (I7)."""
    newer = [facts for facts in snapshot.seen if facts.epoch > epoch]
    if epoch and newer:
        raise LockedError(
            f"somebody else has taken over: epoch {newer[0].epoch} was seen, and ours is {epoch}",
            details=[f"{facts.host}  epoch {facts.epoch}" for facts in newer],
            next_step="run the same command again; a host that says so each time, and alone, is left out by "
            f"--ignore-host {newer[0].host}. Nothing was changed.",
        )


def _blocked_error(plan: Plan) -> ClusterctlError:
    kinds = {block.kind for block in plan.blocked}
    details = [f"{block.host}  {block.reason}" if block.host else block.reason for block in plan.blocked]
    if "identity" in kinds:
        return IdentityError(
            f"cannot {plan.verb} {plan.subject}: a host was not let in, or did not let us in",
            details=details,
            next_step="check the keys, known_hosts or sudo there. Nothing was changed.",
        )
    if "busy" in kinds:
        return LockedError(
            f"cannot {plan.verb} {plan.subject}: somebody else is at work",
            details=details,
            next_step="wait for it to end, then run the same command again. Nothing was changed.",
        )
    if "unreachable" in kinds:
        return _unreachable_error(plan, plan.blocked, details)
    if "newer" in kinds or kinds <= {"edited", "replaced"}:
        return _state_error(plan, kinds, details)
    if kinds == {"image"}:
        return RemoteError(
            f"cannot {plan.verb} {plan.subject}: an image cannot be had",
            details=details,
            next_step="check the image's name and tag, and that the registry answers the hosts. Nothing was changed.",
        )
    return RefusedError(
        f"cannot {plan.verb} {plan.subject}",
        details=details,
        next_step="mend what is named above, then run the same command again. Nothing was changed.",
    )


def _state_error(plan: Plan, kinds: Collection[str], details: list[str]) -> RefusedError:
    """Return why what hosts have kept must not be written over."""
    if "newer" in kinds:
        return RefusedError(
            f"cannot {plan.verb} {plan.subject}: a newer clusterctl was at work, and this one would drop what it wrote",
            details=details,
            next_step="use the newest clusterctl that anybody uses for this cluster. Nothing was changed.",
        )
    return _edited_error(plan, details) if "replaced" not in kinds else _replaced_error(plan, details)


def _edited_error(plan: Plan, details: list[str]) -> RefusedError:
    again = "the same command" if plan.verb in {"apply", "rollback", "delete"} else "an apply of the project"
    return RefusedError(
        f"cannot {plan.verb} {plan.subject}: a unit was edited by somebody else",
        details=details,
        next_step=f"clusterctl diff shows what it was; what is to stay belongs in the playbook; then {again} "
        "with --overwrite. Nothing was changed.",
    )


def _replaced_error(plan: Plan, details: list[str]) -> RefusedError:
    return RefusedError(
        f"cannot {plan.verb} {plan.subject}: a host is not the machine that it was",
        details=details,
        next_step="bring the old one back, or begin anew there: clusterctl apply --overwrite. Nothing was changed.",
    )


def _unreachable_error(plan: Plan, blocked: Sequence[Blocked], details: list[str]) -> RemoteError:
    names = " ".join(f"--ignore-host {block.host}" for block in blocked if block.kind == "unreachable")
    return RemoteError(
        f"cannot {plan.verb} {plan.subject}: what runs on some hosts is unknown",
        details=details,
        next_step=f"bring the hosts back, or go on without them: {names}. Nothing was changed.",
    )


def _unplaced_error(plan: Plan) -> RefusedError:
    first, *more = plan.unplaced
    details = [f"{refusal.host}  {refusal.reason}" for refusal in first.refusals] or ["no host answered"]
    if more:
        details.append(
            f"(and {len(more)} more instances: {', '.join(str(item.instance) for item in more[:5])})"
        )
    return RefusedError(
        f"no host can take {first.instance} (needs {first.needs})",
        details=details,
        next_step="make room on a host, or ask for less. Nothing was changed.",
    )
