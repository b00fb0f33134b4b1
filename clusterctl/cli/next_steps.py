"""What to do about hosts that did not answer, told once where a verb ends, whichever verb it was.

The failures are noted wherever hosts are contacted (`operations.failures`); a verb only says what its answer lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clusterctl.cli.console import say
from clusterctl.model.snapshot import Unreachable


def say_next_steps(failed: Iterable[Unreachable]) -> None:
    """Say on stderr what to do, one line for each kind of failure."""
    for line in next_steps(failed):
        say(f"next: {line}")


def next_steps(failed: Iterable[Unreachable]) -> list[str]:
    """Return a line for each kind of failure: the hosts, and what to do; of a jump host that failed, once for all."""
    kinds: dict[tuple[str, str], list[Unreachable]] = {}
    for answer in failed:
        kinds.setdefault((answer.via, answer.kind or answer.next_step or answer.rung), []).append(answer)
    return [_line(answers) for answers in kinds.values()]


def _line(answers: Sequence[Unreachable]) -> str:
    first, names = answers[0], _fold(answers)
    if first.via:
        return f"jump host {first.via} (to {names}): {first.advice}"
    others = [answer for answer in answers if answer.advice != first.advice]
    if not others:
        return f"{names}: {first.advice}"
    same = [answer for answer in answers if answer.advice == first.advice]
    return f"{_fold(same)}: {first.advice}; likewise {_fold(others)}"


def _fold(answers: Sequence[Unreachable]) -> str:
    from clusterctl.parsing.selector import fold

    return fold([answer.host for answer in answers])
