"""What is known of a run while it goes on, as one value: folded from events, rendered by `progress`.

Nothing is shown here, and no clock is read: times come with the events. A board is never changed, only
replaced, so that one thread may show it while another hears the next event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from clusterctl.model.placement import Instance
from clusterctl.model.plan import Batch, Plan
from clusterctl.model.report import Event, StepResult
from clusterctl.model.step import (
    OPERATOR,
    ApplyUnit,
    CopyFile,
    Fence,
    PullImage,
    Reboot,
    RecordRun,
    RemoveManifest,
    RemoveUnit,
    RunCommand,
    SetMarker,
    Step,
    StopUnit,
    Verify,
    WriteManifest,
)

HERE = "here"
"""How the operator's own machine is named where hosts are listed."""
RECORDS = (WriteManifest, RemoveManifest, RecordRun)
"""Steps that only write down what is so; they do not count when hosts are counted."""
Place = tuple[Instance, str]


@dataclass(frozen=True, slots=True)
class HostLine:
    """One host in the batch under way."""

    host: str
    phase: str
    since_s: float
    word: str
    state: Literal["at work", "done", "failed"] = "at work"
    ended_s: float = 0.0

    def elapsed_s(self, now_s: float) -> float:
        """Return how long it is at work, or was."""
        return max(0.0, (now_s if self.state == "at work" else self.ended_s) - self.since_s)


@dataclass(frozen=True, slots=True)
class Board:
    """A run so far. `hosts` are those of the batch under way, or of the last one."""

    plan: Plan | None = None
    began_s: float = 0.0
    number: int = 0
    of: int = 0
    batches_done: int = 0
    title: str = ""
    batch_since_s: float = 0.0
    hosts: Mapping[str, HostLine] = field(default_factory=dict)
    finished: frozenset[Place] = frozenset()
    waiting: str = ""
    until_s: float = 0.0

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1: batches, and of the one under way the hosts that have ended."""
        if not self.of:
            return 0.0
        ended = sum(line.state != "at work" for line in self.hosts.values())
        part = ended / len(self.hosts) if self.hosts and self.number > self.batches_done else 0.0
        return min(1.0, (self.batches_done + part) / self.of)

    @property
    def hosts_done(self) -> tuple[int, int]:
        """How many hosts are through with all that is planned for them, and of how many."""
        lasts = last_batches(self.plan.batches) if self.plan else {}
        return sum(last <= self.batches_done for last in lasts.values()), len(lasts)

    @property
    def instances_done(self) -> tuple[int, int]:
        """How many instances are as planned, and of how many."""
        changes = self.plan.changes if self.plan else ()
        places = {(change.instance, change.host) for change in changes if change.kind != "interrupt"}
        return len(places & self.finished), len(places)


def heard(board: Board, event: Event, now_s: float) -> Board:
    """Return the board after an event."""
    match event.kind:
        case "plan":
            return Board(plan=event.plan, began_s=board.began_s or now_s, of=event.of)
        case "batch":
            return _begin_batch(board, event, now_s)
        case "host-start" | "host-phase" | "host-end":
            return _host(board, event, now_s)
        case "batch-end":
            return _end_batch(board, event, now_s)
        case "wait" | "look":
            return replace(board, waiting=event.text, until_s=event.until_s)
        case _:
            return board


def _begin_batch(board: Board, event: Event, now_s: float) -> Board:
    if event.number <= board.batches_done:  # another plan, as when the fleet is taken back
        board = Board(began_s=board.began_s)
    title = event.batch.title if event.batch else event.text
    words = _words(event.batch) if event.batch else {}
    lines = {name: HostLine(name, title, now_s, words.get(name, "")) for name in event.hosts}
    return replace(
        board,
        began_s=board.began_s or now_s,
        number=event.number,
        of=event.of,
        title=title,
        batch_since_s=now_s,
        hosts=lines,
        waiting="",
        until_s=0.0,
    )


def _host(board: Board, event: Event, now_s: float) -> Board:
    line = board.hosts.get(event.host) or HostLine(event.host, board.title, now_s, "")
    if event.kind == "host-start":
        line = replace(line, since_s=now_s, phase=event.text or line.phase)
    elif event.kind == "host-phase":
        line = replace(line, phase=event.text)
    else:
        state: Literal["done", "failed"] = "failed" if event.failed else "done"
        line = replace(line, phase=state, word=event.text, state=state, ended_s=now_s)
    return replace(board, hosts={**board.hosts, event.host: line}, waiting="", until_s=0.0)


def _end_batch(board: Board, event: Event, now_s: float) -> Board:
    failed = {result.step.host for result in event.results if result.status == "failed"}
    lines = {name: _ended(line, failed, now_s) for name, line in board.hosts.items()}
    finished = board.finished | {place for result in event.results for place in places_of(result)}
    return replace(board, hosts=lines, finished=finished, batches_done=event.number)


def _ended(line: HostLine, failed: set[str], now_s: float) -> HostLine:
    if line.state != "at work":
        return line
    state: Literal["done", "failed"] = "failed" if line.host in failed else "done"
    return replace(line, phase=state, state=state, ended_s=now_s)


def places_of(result: StepResult) -> Iterator[Place]:
    """Yield the instance and host that a step has brought to where it should be, if it is such a step."""
    if isinstance(result.step, ApplyUnit | RemoveUnit) and result.status in {"changed", "unchanged"}:
        yield result.step.instance, result.step.host


def last_batches(batches: tuple[Batch, ...]) -> dict[str, int]:
    """Return the number of the batch after which nothing more is planned for a host itself.

    Where hosts are taken out (`opens`) those are the hosts that count: they are done when their wave is.
    """
    if any(batch.opens for batch in batches):
        return _last_of_waves(batches)
    lasts: dict[str, int] = {}
    for number, batch in enumerate(batches, start=1):
        counted = [step.host for step in batch.steps if not isinstance(step, RECORDS)]
        lasts.update({name: number for name in counted if name != OPERATOR})
    return lasts


def _last_of_waves(batches: tuple[Batch, ...]) -> dict[str, int]:
    lasts: dict[str, int] = {}
    wave: tuple[str, ...] = ()
    for number, batch in enumerate(batches, start=1):
        wave = batch.opens or wave
        lasts.update(dict.fromkeys(wave, number))
    return lasts


def _words(batch: Batch) -> dict[str, str]:
    """Return for each host what is about to be done there, and for how long it may take."""
    found: dict[str, list[str]] = {}
    for step in batch.steps:
        words = words_of(step)
        if words:
            found.setdefault(step.host, []).append(words)
    return {name: "; ".join(dict.fromkeys(words)) for name, words in found.items()}


_WORDS: Mapping[type, Any] = {
    PullImage: lambda step: f"pull {step.image.partition('@')[0]}",
    ApplyUnit: lambda step: f"{step.instance} to be healthy within {step.gate_s} s",
    RemoveUnit: lambda step: f"stop {step.instance} within {step.stop_s} s",
    StopUnit: lambda step: f"stop {step.instance} within {step.stop_s} s",
    Reboot: lambda step: f"back within {step.deadline_s} s ({step.reason})",
    Verify: lambda step: f"well within {step.settle_s} s, and for {step.soak_s} s",
    RunCommand: lambda step: f"{step.reason}: within {step.timeout_s:g} s",
    Fence: lambda step: f"make certain that {step.about} is off, within {step.timeout_s:g} s",
    CopyFile: lambda step: f"write {step.path}",
    SetMarker: lambda step: f"mark as {step.marker}",
}


def words_of(step: Step) -> str:
    """Return in words what a step is about to do, and what it waits for; "" where that is not worth telling."""
    told = _WORDS.get(type(step))
    return str(told(step)) if told else step.reason
