"""One host's steps of one batch as one script, and its answer as results.

Composes and parses; how each step is called is in `calls`, what is done on the host in `shell/`, which steps
there are is decided in planning. Only the libraries that the steps need are sent.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from clusterctl.model.report import CommandResult, Status, StepResult
from clusterctl.model.step import ApplyUnit, Step
from clusterctl.remote.calls import call_of, units_duration
from clusterctl.remote.frame import FRAME_FUNCTION, Section, parse_frame
from clusterctl.remote.script_words import end_mark, safe
from clusterctl.remote.text import first_line, printable

LOCK_WAIT_S = 120
LARGEST_EPOCH = 10**15 - 1
_STATUSES: dict[str, Status] = {
    "changed": "changed",
    "unchanged": "unchanged",
    "failed": "failed",
    "skipped": "skipped",
}


@dataclass(frozen=True, slots=True)
class Script:
    """The text to run as root, and the seconds within which it must have ended."""

    text: str
    deadline_s: float


def build_script(steps: Sequence[Step], nonce: str, cluster: str, holder: str, epoch: int) -> Script:
    """Return the script of one host's steps. `holder` is told to whoever is kept waiting."""
    if not 0 <= epoch <= LARGEST_EPOCH:
        raise ValueError(f"not an epoch: {epoch}")
    head = "\n".join(
        f"{name}={shlex.quote(value)}"
        for name, value in (
            ("NONCE", nonce),
            ("CLUSTER", safe(cluster)),
            ("HOLDER", " ".join(holder.split())),
            ("EPOCH", str(epoch)),
            ("LOCK_WAIT_S", str(LOCK_WAIT_S)),
        )
    )
    functions = "".join(_library(name) for name in _libraries(steps))
    payload = "\n".join(_payload(steps, end_mark(nonce)))
    text = f"{head}\n{FRAME_FUNCTION}{functions}\n{_words(steps)}\npayload() {{\n{payload}\n}}\nmain </dev/null\n"
    durations = [call_of(step).duration(step) for step in steps]
    units_s = units_duration([step for step in steps if isinstance(step, ApplyUnit)])
    return Script(text, 60.0 + LOCK_WAIT_S + sum(durations) + units_s)


def parse_results(steps: Sequence[Step], result: CommandResult, nonce: str) -> tuple[StepResult, ...]:
    """Return one result per step; a step without an answer has failed, its effect unknown."""
    frame = parse_frame(result.stdout, nonce)
    if "locked" in frame.sections:
        holder = printable(frame.sections["locked"].text.strip())
        return tuple(StepResult(step, "failed", f"locked: {holder}", locked=True) for step in steps)
    if "refused" in frame.sections:
        reason = first_line(frame.sections["refused"].text)
        return tuple(StepResult(step, "failed", f"refused by the host: {reason}") for step in steps)
    silent = f"the script ended without an answer (exit code {result.exit_code}): {_tail(result.stderr)}"
    return tuple(
        _result(step, frame.sections.get(f"step-{number}"), silent) for number, step in enumerate(steps)
    )


def _payload(steps: Sequence[Step], end: str) -> Iterator[str]:
    """Yield the calls in order; staged units are done together, before the next ordered step and at the end."""
    staged = False
    for number, step in enumerate(steps):
        call = call_of(step)
        if staged and call.ordered:
            yield "units"
            staged = False
        staged = staged or isinstance(step, ApplyUnit)
        text = call.render(number, step, end)
        yield f"if ! skipped {number}; then\n{text}\nfi" if call.ordered else text
    if staged:
        yield "units"


def _words(steps: Sequence[Step]) -> str:
    """Return the shell function that says what a step is, for the host's journal."""
    cases = "\n".join(
        f"{number}) printf '%s' {shlex.quote(_plain(call_of(step).says(step)))} ;;"
        for number, step in enumerate(steps)
    )
    return f"what_of() {{\ncase $1 in\n{cases}\nesac\n}}"


def _plain(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]+", " ", text)[:300]


def _libraries(steps: Sequence[Step]) -> dict[str, None]:
    names = (name for step in steps for name in call_of(step).library.split())
    return dict.fromkeys(["base", *names])


@cache
def _library(name: str) -> str:
    return (resources.files("clusterctl.remote") / "shell" / f"{name}.sh").read_text("utf-8")


def _result(step: Step, section: Section | None, silent: str) -> StepResult:
    if section is None:
        return StepResult(step, "failed", silent)
    head, _, rest = section.text.partition("\n")
    detail, _, log = rest.partition("\n")
    word, _, restored = head.partition(" ")
    lines = tuple(printable(line) for line in log.splitlines() if line.strip())
    status = _STATUSES.get(word, "failed")
    return StepResult(step, status, printable(detail), lines, restored=restored.strip() == "1")


def _tail(stderr: bytes) -> str:
    return printable(stderr.decode("utf-8", "backslashreplace").strip())[-300:]
