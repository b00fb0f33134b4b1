"""The exclusive right to change a cluster: held by a majority of its lock hosts, and numbered.

Which hosts must agree, how long to try, and what to say when they do not; how one host keeps its lock is
`remote.lock`. Why a lock of this kind, and what it cannot do: docs/adr/0012 and docs/lock.md.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from clusterctl.errors import LockedError
from clusterctl.model.snapshot import Unreachable
from clusterctl.operations.failures import note
from clusterctl.operations.lock_seat import Opened, Seat, Session
from clusterctl.operations.lock_words import ago, explain, majority_of
from clusterctl.operations.rights import Claim, Right
from clusterctl.operations.ssh_fleet import SshFleet
from clusterctl.operations.together import ask_together
from clusterctl.planning.epochs import doubt_epochs
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.lock import take_lock
from clusterctl.remote.lock_holder import Busy

# Together with the look before it a second operator is refused within 10 s (faults row 38).
PATIENCE_S = 4.0
JITTER_S = (1.0, 2.5)
# How long a host may take beyond its connection, and how long a majority waits for the rest.
ANSWER_S = 10.0
GRACE_S = 0.5
RELEASE_S = 5.0
# A pause of this machine after which the lock hosts have let go (they do after 28 s of silence).
STILL_S = 25.0
TICK_S = 1.0


@dataclass(frozen=True)
class MajorityLock:
    """The lock on hosts. `open` takes it on one of them, within `deadline_s`."""

    hosts: tuple[str, ...]
    open: Callable[[str, Claim], Opened]
    deadline_s: float = 20.0
    pause: Callable[[float], object] = time.sleep

    def acquire(self, claim: Claim) -> Right:
        """Return the right, numbered higher than any before it.

        Raises LockedError with holder, command and age when others keep it; RemoteError or IdentityError
        naming each host when too few answer. Nothing is held then.
        """
        end = time.monotonic() + PATIENCE_S
        while True:
            answers = self._try(claim)
            right = self._right(claim, answers)
            if right is not None:
                return right
            problem = explain(self.hosts, answers)
            pause_s = random.uniform(*JITTER_S)  # noqa: S311 - no secret
            if not isinstance(problem, LockedError) or time.monotonic() + pause_s > end:
                raise problem
            self.pause(pause_s)

    def _try(self, claim: Claim) -> dict[str, Opened]:
        """Ask every host for its lock at once, until a majority is there or cannot be."""
        need = majority_of(self.hosts)

        def decided(answers: Mapping[str, Opened]) -> bool:
            held = len(_sessions(answers)) - len(_doubted(answers))
            return held >= need or len(answers) - held > len(self.hosts) - need

        answers = ask_together(
            self.hosts,
            lambda host: self.open(host, claim),
            decided,
            deadline_s=self.deadline_s,
            grace_s=GRACE_S,
            late=_close,
        )
        for name, why in _doubted(answers).items():
            _close(answers[name])
            answers[name] = Unreachable(name, "answer", why)
        return answers

    def _right(self, claim: Claim, answers: dict[str, Opened]) -> HeldRight | None:
        """Return the right if a majority is held and has taken the number; else give back what is held."""
        sessions = _sessions(answers)
        right = HeldRight(
            self.hosts,
            {name: Seat(name, partial(self._again, claim), sessions.get(name)) for name in self.hosts},
        )
        try:
            if len(sessions) >= majority_of(self.hosts):
                refused = right.number(1 + max(session.epoch for session in sessions.values()))
                if not refused:
                    right.watch()
                    return right
                answers.update(refused)
        except BaseException:
            right.release()
            raise
        right.release()
        return None

    def _again(self, claim: Claim, host: str) -> Opened:
        return self.open(host, claim)


def _sessions(answers: Mapping[str, Opened]) -> dict[str, Session]:
    return {name: answer for name, answer in answers.items() if not isinstance(answer, Busy | Unreachable)}


def _doubted(answers: Mapping[str, Opened]) -> dict[str, str]:
    """Return the hosts that hold the lock for us and name an epoch that cannot be true, and why."""
    return doubt_epochs({name: session.epoch for name, session in _sessions(answers).items()})


def _close(answer: Opened) -> None:
    """Let go of a lock that came too late to count."""
    if not isinstance(answer, Busy | Unreachable):
        answer.close()


class HeldRight:
    """The right, held. A lock host that comes back is asked again, as long as nobody else was there meanwhile.

    That is safe: whoever was, has written a higher epoch to a majority, and any majority of ours meets it.
    """

    def __init__(self, hosts: Sequence[str], seats: Mapping[str, Seat]) -> None:
        self.epoch = 0
        self._hosts, self._seats = tuple(hosts), seats
        self._over = threading.Event()
        self._seen_s = _clock()
        self._stood_still_s = 0.0

    def number(self, epoch: int) -> dict[str, Unreachable]:
        """Write the number to the hosts that are held; return those that did not take it, if too few did."""
        self.epoch = epoch
        held = [name for name, seat in self._seats.items() if seat.session is not None]
        answers = ask_together(
            held, lambda name: self._seats[name].number(epoch), lambda _: False, deadline_s=ANSWER_S + 1
        )
        refused = {name: why for name in held if (why := answers.get(name, "no answer within 10 s"))}
        if len(held) - len(refused) >= majority_of(self._hosts):
            return {}
        return {name: Unreachable(name, "answer", why) for name, why in refused.items()}

    def watch(self) -> None:
        """Notice from now on when this machine stands still."""
        self._seen_s = _clock()
        threading.Thread(target=self._tick, name="clusterctl-lock-clock", daemon=True).start()

    def prove(self) -> str:
        """Return why a majority does not hold the lock for us any more, or ""."""
        self._notice()
        if self._stood_still_s:
            return (
                f"the lock is lost: this machine stood still for {ago(self._stood_still_s)}, and was given up"
            )
        need = majority_of(self._hosts)

        def decided(answers: Mapping[str, str]) -> bool:
            held = sum(not why for why in answers.values())
            return held >= need or len(answers) - held > len(self._hosts) - need

        answers = ask_together(
            self._hosts,
            lambda name: self._seats[name].prove(self.epoch),
            decided,
            deadline_s=ANSWER_S,
            grace_s=GRACE_S,
        )
        if sum(not why for why in answers.values()) >= need:
            return ""
        lost = [
            f"{name}: {answers.get(name, 'no answer in time')}"
            for name in self._hosts
            if answers.get(name, "-")
        ]
        return f"the lock is lost: {need} of {len(self._hosts)} lock hosts must hold it ({'; '.join(lost)})"

    def release(self) -> None:
        """Give the right back, within 5 s; never raises."""
        self._over.set()
        ask_together(
            self._hosts, lambda name: self._seats[name].leave(), lambda _: False, deadline_s=RELEASE_S
        )

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            self._notice()

    def _notice(self) -> None:
        now_s = _clock()
        if now_s - self._seen_s > STILL_S:
            self._stood_still_s = max(self._stood_still_s, now_s - self._seen_s)
        self._seen_s = now_s


def _clock() -> float:
    """Return seconds that go on while this machine sleeps, where there is such a clock (Linux)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def lock_of(fleet: SshFleet) -> MajorityLock:
    """Return the lock of a cluster behind SSH."""
    dialer = fleet.dialer()

    def take(host: str, claim: Claim) -> Opened:
        words = {"run": claim.run, "by": claim.by, "command": claim.command}
        answer: Opened
        try:
            answer = take_lock(dialer.dial(fleet.target(fleet.inventory.host(host))), words)
        except HostFailure as failure:
            answer = failure.unreachable
        note(fleet.failures, {host: answer})
        return answer

    return MajorityLock(fleet.inventory.lock_hosts, take, fleet.inventory.longest_connect_s + ANSWER_S)
