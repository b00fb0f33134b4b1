"""One host's steps of one batch as one script, and its answer as results.

Composes and parses; what each function does on the host is `shell/apply.sh`, which steps there are is
decided in planning. Every name that enters the script is checked here once more and quoted: the script
runs as root.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

from clusterctl.model.plan import ApplyUnit, PullImage, RemoveManifest, RemoveUnit, Step, WriteManifest
from clusterctl.model.report import CommandResult, Status, StepResult
from clusterctl.remote.frame import FRAME_FUNCTION, Section, parse_frame
from clusterctl.remote.text import printable

LOCK_WAIT_S = 120
PULL_S = 900
_SAFE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,200}")
_HEX = re.compile(r"[0-9a-f]{64}")
_IMAGE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,400}@sha256:[0-9a-f]{64}")
_PINNED = re.compile(r"^Pinned=(.*)$", re.MULTILINE)
# No line of a unit, an env file or a manifest begins with a digit.
_MARK = "0"
_STATUSES: dict[str, Status] = {"changed": "changed", "unchanged": "unchanged", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class Script:
    """The text to run as root, and the seconds within which it must have ended."""

    text: str
    deadline_s: float


def build_script(steps: Sequence[Step], nonce: str, cluster: str, holder: str) -> Script:
    """Return the script of one host's steps. `holder` is told to whoever is kept waiting."""
    functions = resources.files("clusterctl.remote").joinpath("shell/apply.sh").read_text()
    payload = "\n".join(_call(number, step, nonce) for number, step in enumerate(steps))
    head = "\n".join(
        f"{name}={shlex.quote(value)}"
        for name, value in (
            ("NONCE", nonce),
            ("CLUSTER", _checked(_SAFE, cluster)),
            ("HOLDER", " ".join(holder.split())),
            ("LOCK_WAIT_S", str(LOCK_WAIT_S)),
        )
    )
    text = f"{head}\n{FRAME_FUNCTION}{functions}\npayload() {{\n{payload}\n}}\nmain </dev/null\n"
    return Script(text, 60.0 + LOCK_WAIT_S + _duration(steps))


def parse_results(steps: Sequence[Step], result: CommandResult, nonce: str) -> tuple[StepResult, ...]:
    """Return one result per step; a step without an answer has failed, its effect unknown."""
    frame = parse_frame(result.stdout, nonce)
    if "locked" in frame.sections:
        holder = printable(frame.sections["locked"].text.strip())
        return tuple(StepResult(step, "failed", f"locked: {holder}", locked=True) for step in steps)
    if "refused" in frame.sections:
        reason = printable(frame.sections["refused"].text.strip())
        return tuple(StepResult(step, "failed", f"refused by the host: {reason}") for step in steps)
    silent = f"the script ended without an answer (exit code {result.exit_code}): {_tail(result.stderr)}"
    return tuple(
        _result(step, frame.sections.get(f"step-{number}"), silent) for number, step in enumerate(steps)
    )


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


def _call(number: int, step: Step, nonce: str) -> str:
    calls: dict[type, Callable[..., str]] = {
        PullImage: _pull,
        ApplyUnit: _apply,
        RemoveUnit: _remove,
        WriteManifest: _write,
        RemoveManifest: _forget,
    }
    return calls[type(step)](number, step, f"{_MARK}END-{nonce}")


def _pull(number: int, step: PullImage, _end: str) -> str:
    return f"pull {number} {shlex.quote(_checked(_IMAGE, step.image))}"


def _apply(number: int, step: ApplyUnit, end: str) -> str:
    name = _checked(_SAFE, step.instance.name)
    replaces = _checked(_HEX, step.replaces) if step.replaces else "-"
    pinned = _PINNED.search(step.unit_text)
    image = shlex.quote(_checked(_IMAGE, pinned.group(1) if pinned else ""))
    digest = _checked(_HEX, step.unit_digest)
    call = f"unit {number} {name} {step.action} {replaces} {digest} {int(step.gate_s)} {image}"
    return f"{call}{_here(step.unit_text, end)}\nenvironment {name}{_here(step.environment, end)}"


def _remove(number: int, step: RemoveUnit, _end: str) -> str:
    return f"drop {number} {_checked(_SAFE, step.instance.name)} {_checked(_HEX, step.replaces)} {int(step.stop_s)}"


def _write(number: int, step: WriteManifest, end: str) -> str:
    return f"manifest {number} {_checked(_SAFE, step.project)}{_here(step.text, end)}"


def _forget(number: int, step: RemoveManifest, _end: str) -> str:
    return f"manifest {number} {_checked(_SAFE, step.project)} </dev/null"


def _here(text: str, end: str) -> str:
    """Return a here-document: bytes pass as they are, nothing is expanded, nothing is in argv (I9).

    dash 0.5.12 loses a byte of a line that begins as the end mark begins and goes on beyond ASCII.
    """
    if "\0" in text or (text and not text.endswith("\n")):
        raise ValueError("a file for a host is text whose last line ends")
    if any(line.startswith(_MARK) and not line.isascii() for line in text.split("\n")):
        raise ValueError(f"a line for a host begins with {_MARK} and is not ASCII")
    return f" <<'{end}'\n{text}{end}"


def _checked(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(f"not fit for a script: {value!r}")
    return value


def _duration(steps: Sequence[Step]) -> float:
    pulls = sum(PULL_S for step in steps if isinstance(step, PullImage))
    stops = sum(step.stop_s for step in steps if isinstance(step, RemoveUnit))
    gates = [step.gate_s for step in steps if isinstance(step, ApplyUnit)]
    # replace, then put back, each within the longest gate; putting back is one unit after the other
    return float(pulls + stops + (2 * max(gates) + sum(gates) + 120 * len(gates) if gates else 0))
