"""What a batch does on one host: its script over one connection; then, where it is rebooted, the wait.

Which steps there are is decided in planning, how a script is made in `remote.script`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from clusterctl.model.fence import Fenced
from clusterctl.model.report import Event, StepResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.model.step import Fence, Reboot, RunCommand, Step
from clusterctl.model.update_step import ApplyUpdates
from clusterctl.remote.answer import parse_answer
from clusterctl.remote.dialer import Dialer
from clusterctl.remote.frame import new_nonce
from clusterctl.remote.local import run_local
from clusterctl.remote.reboot import ASK_S, NotBack, await_boot
from clusterctl.remote.script import build_script, parse_results
from clusterctl.remote.ssh import Connection, root_shell

Answer = tuple[StepResult, ...] | Unreachable


class HostWork:
    """What `perform` does on one host. `tell` hears phases, in the host's thread; `spare` are new connections."""

    def __init__(
        self,
        steps: Mapping[str, Sequence[Step]],
        cluster: str,
        holder: str,
        epoch: int,
        dialer: Dialer,
        tell: Callable[[Event], None],
    ) -> None:
        self._steps, self._dialer, self._tell = steps, dialer, tell
        self._nonce = new_nonce()
        self._scripts = {
            name: build_script(mine, self._nonce, cluster, holder, epoch) for name, mine in steps.items()
        }
        self.spare: list[Connection] = []
        self.longest_s = max(
            script.deadline_s + _waiting_s(steps[name], dialer) for name, script in self._scripts.items()
        )

    def __call__(self, connection: Connection) -> Answer:
        """Do one host's steps."""
        target = connection.target
        script, steps = self._scripts[target.host], self._steps[target.host]
        answer = connection.run(script.text, root_shell(target.user), script.deadline_s)
        frame = parse_answer(target.host, answer, self._nonce)
        if isinstance(frame, Unreachable) and frame.rung in {"sudo", "exec"}:
            return frame
        results = parse_results(steps, answer, self._nonce)
        if any(isinstance(step, ApplyUpdates) for step in steps):
            connection.close()  # only a new login proves that the update lets anybody in
        reboot = _reboot_of(steps)
        if reboot is None or results[-1].status != "changed":
            return results
        return (*results[:-1], self._rebooted(connection, reboot, results[-1]))

    def _rebooted(self, connection: Connection, step: Reboot, ordered: StepResult) -> StepResult:
        host = step.host
        self._tell(Event("host-phase", "reboot ordered", host))
        connection.close()
        try:
            back = await_boot(
                self._dialer,
                connection.target,
                step.boot_id,
                step.deadline_s,
                lambda text: self._tell(Event("host-phase", text, host)),
            )
        except NotBack as failure:
            return StepResult(step, "failed", failure.reason, unreachable=failure.last)
        self.spare.append(back)
        return replace(ordered, detail="rebooted")


def run_here(steps: Sequence[Step], fence: Callable[[str], Fenced] | None = None) -> tuple[StepResult, ...]:
    """Run the operator's own commands, one after the other; after a failure, no more about the same host.

    `fence` makes certain that a host is off.
    """
    results: list[StepResult] = []
    failed: set[str] = set()
    for step in steps:
        if not isinstance(step, RunCommand | Fence):
            raise TypeError(f"{type(step).__name__} is not done by the operator")
        if step.about in failed:
            results.append(StepResult(step, "skipped", "not begun, because a step before it failed"))
            continue
        results.append(run_local(step) if isinstance(step, RunCommand) else _fence(step, fence))
        if results[-1].status == "failed":
            failed.add(step.about)
    return tuple(results)


def _fence(step: Fence, fence: Callable[[str], Fenced] | None) -> StepResult:
    if fence is None:
        return StepResult(step, "failed", "there is nothing here that could fence")
    fenced = fence(step.about)
    return StepResult(step, "changed" if fenced.certain else "failed", f"{step.about}: {fenced.words}")


def results_of(steps: Sequence[Step], answer: Answer) -> tuple[StepResult, ...]:
    """Return a result for every step, also where the host could not be asked."""
    if isinstance(answer, Unreachable):
        return tuple(StepResult(step, "failed", answer.reason, unreachable=answer) for step in steps)
    return answer


def host_event(host: str, answer: Answer) -> Event:
    """Return how one host ended, for people."""
    if isinstance(answer, Unreachable):
        return Event("host-end", answer.reason, host, failed=True)
    failed = [result for result in answer if result.status == "failed"]
    if failed:
        return Event("host-end", failed[0].detail, host, failed=True, results=answer)
    changed = sum(result.status == "changed" for result in answer)
    return Event("host-end", f"{changed} done" if changed else "already so", host, results=answer)


def _reboot_of(steps: Sequence[Step]) -> Reboot | None:
    """Return the step that ends a host's batch with a reboot; raises ValueError where something comes after it."""
    if any(isinstance(step, Reboot) for step in steps[:-1]):
        raise ValueError("a reboot is the last step of its host in a batch")
    last = steps[-1]
    return last if isinstance(last, Reboot) else None


def _waiting_s(steps: Sequence[Step], dialer: Dialer) -> float:
    reboot = _reboot_of(steps)
    return reboot.deadline_s + dialer.connect_timeout_s + ASK_S if reboot else 0.0
