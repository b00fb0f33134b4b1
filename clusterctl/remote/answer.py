"""From the raw result of a script to its frame: whether it ran at all, as root, to its end.

What the sections say is read by `facts` (a look) and by `script` (steps).
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.frame import Frame, parse_frame
from clusterctl.remote.text import first_line

MAX_JSON_BYTES = 1024 * 1024


_SUDO = "let the user run sudo without a password, or give it: --ask-sudo-pass, or ssh.sudo_password_file"


class BadAnswerError(Exception):
    """A host's answer breaks the rules; the host counts as unknown, and the reason says why."""


def parse_answer(host: str, result: CommandResult, nonce: str) -> Frame | Unreachable:
    """Return the frame of a script's answer, or why there is none."""
    frame = parse_frame(result.stdout, nonce)
    if result.truncated:
        size = max(len(result.stdout), len(result.stderr)) // (1024 * 1024)
        return Unreachable(host, "answer", f"the answer is longer than {size} MiB; it was cut and not used")
    if not frame.began:
        return _not_begun(host, result)
    if not frame.complete:
        return Unreachable(host, "answer", f"the answer is torn (exit code {result.exit_code})")
    return frame


def _not_begun(host: str, result: CommandResult) -> Unreachable:
    """Explain why not even the first line of the script was run: sudo, or the login shell."""
    lines = result.stderr[: 64 * 1024].split(b"\n")
    refusals = [line for line in lines if line.startswith((b"sudo:", b"Sorry, user "))]
    if refusals:
        # The last one decides: "unable to resolve host" is only said in passing.
        return Unreachable(host, "sudo", first_line(refusals[-1]), next_step=_SUDO)
    said = first_line(result.stderr) or first_line(result.stdout) or "it said nothing"
    if result.exit_code == 127 and "sudo" in said:
        return Unreachable(
            host,
            "sudo",
            f"sudo is not installed: {said}",
            next_step="apt-get install sudo there, or log in as root",
        )
    reason = f"the script did not start (exit code {result.exit_code}): {said}"
    step = f"does the user have a shell there? clusterctl ssh {host}"
    return Unreachable(host, "exec", reason, next_step=step, kind="shell")


def strict_json(text: str) -> Any:
    """Return what a JSON text holds; raises BadAnswerError if it is too long, too deep, or has NaN."""

    def refuse(word: str) -> NoReturn:
        raise BadAnswerError(f"JSON with {word}")

    if len(text) > MAX_JSON_BYTES:
        raise BadAnswerError(f"JSON of {len(text)} bytes in one line")
    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise BadAnswerError(f"not JSON: {text[:60]!r}") from None
