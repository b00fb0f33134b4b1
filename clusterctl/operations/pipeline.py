"""The one path of every verb that changes something.

observe -> plan -> confirm -> observe and plan again (compare with `==`) -> execute -> report.
What is planned is the planner's, how it is shown and approved is the caller's. On each host a change
runs under that host's own lock (`remote/shell/apply.sh`); the second look waits for a change under way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clusterctl.errors import ClusterctlError, IdentityError, LockedError, RefusedError, RemoteError
from clusterctl.model.host import Host
from clusterctl.model.plan import Blocked, Plan
from clusterctl.model.report import Event, Report
from clusterctl.model.snapshot import LookRequest, Snapshot
from clusterctl.operations.execute import Stopped, execute
from clusterctl.operations.fleet import Emit, Fleet

SETTLE_S = 120
TRIES = 3

Planner = Callable[[Snapshot], Plan]
Approve = Callable[[Plan], bool]


@dataclass(frozen=True)
class Pipeline:
    """A planner and the hosts it plans for. `images` are resolved by the hosts during the look."""

    fleet: Fleet
    hosts: Sequence[Host]
    planner: Planner
    emit: Emit
    images: tuple[str, ...] = ()

    def propose(self) -> Plan:
        """Look and plan; change nothing."""
        return self._plan(settle_s=0)

    def carry_out(self, approve: Approve, stopped: Stopped) -> Report | None:
        """Plan, have it approved, look again, and do it; None when it was not approved.

        Raises what `demand_possible` raises, and RefusedError when the hosts do not hold still.
        """
        plan = self._plan(settle_s=SETTLE_S)
        for _ in range(TRIES):
            demand_possible(plan)
            if plan.is_empty:
                return Report(plan)
            if not approve(plan):
                return None
            again = self._plan(settle_s=SETTLE_S)
            if again == plan:
                return execute(self.fleet, plan, self.emit, stopped)
            self.emit(Event("note", "the hosts have changed since the plan was shown; here is the new plan"))
            plan = again
        raise RefusedError(
            "the hosts change faster than they can be planned for",
            next_step="find out who else is changing them, then run the same command again. Nothing was changed.",
        )

    def _plan(self, settle_s: int) -> Plan:
        self.emit(Event("look", f"looking at {len(self.hosts)} hosts"))
        request = LookRequest(self.images, settle_s)
        return self.planner(self.fleet.look(self.hosts, request))


def demand_possible(plan: Plan) -> None:
    """Raise the error that says why a plan cannot be carried out, if it cannot."""
    if plan.blocked:
        raise _blocked_error(plan)
    if plan.unplaced:
        raise _unplaced_error(plan)


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
