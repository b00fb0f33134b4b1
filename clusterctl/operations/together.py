"""Asking at the same time: a few hosts of which some answers are enough, and work while something else is watched.

Many hosts and all answers: `remote.fanout`.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def ask_together(
    hosts: Sequence[str],
    ask: Callable[[str], T],
    decided: Callable[[Mapping[str, T]], bool],
    *,
    deadline_s: float,
    grace_s: float = 0.0,
    late: Callable[[T], object] = lambda _: None,
) -> dict[str, T]:
    """Ask each host in a thread of its own; return the answers there are once they decide, or at the deadline.

    Once decided, the others have `grace_s` more. An answer after the end goes to `late`, in its thread.
    A host whose `ask` raises has no answer.
    """
    ended = threading.Event()
    guard = threading.Lock()
    came: queue.SimpleQueue[dict[str, T]] = queue.SimpleQueue()

    def work(host: str) -> None:
        try:
            answer = ask(host)
        except Exception:  # noqa: BLE001 - one host's failure is no answer, and must not stop the others
            came.put({})
            return
        with guard:
            if not ended.is_set():
                came.put({host: answer})
                return
        late(answer)

    for host in hosts:
        threading.Thread(target=work, args=(host,), name=f"clusterctl-{host}", daemon=True).start()
    answers: dict[str, T] = {}
    whole = False
    try:
        _collect(answers, came, len(hosts), decided, (deadline_s, grace_s))
        whole = True
    finally:
        with guard:
            ended.set()
        while not came.empty():
            answers.update(came.get_nowait())
        if not whole:  # interrupted: nobody gets the answers
            for answer in answers.values():
                late(answer)
    return {host: answers[host] for host in hosts if host in answers}


def _collect(
    answers: dict[str, T],
    came: queue.SimpleQueue[dict[str, T]],
    count: int,
    decided: Callable[[Mapping[str, T]], bool],
    patience: tuple[float, float],
) -> None:
    """Take answers as they come, until all are here or the time is over."""
    deadline_s, grace_s = patience
    end = time.monotonic() + deadline_s
    enough = False
    for _ in range(count):
        try:
            answers.update(came.get(timeout=max(0.0, end - time.monotonic())))
        except queue.Empty:
            return
        if not enough and decided(answers):
            enough = True
            end = min(end, time.monotonic() + grace_s)
