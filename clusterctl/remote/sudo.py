"""Whether sudo turned us away. It is asked once, never again: a retry can lock an account."""

from __future__ import annotations

from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.text import printable


def sudo_refusal(answer: CommandResult) -> Unreachable | None:
    """Return the refusal of an answer whose script never began, or None if it was not sudo's doing."""
    lines = answer.stderr.decode("utf-8", "backslashreplace").splitlines()
    said = [line for line in lines if line.startswith("sudo:")]
    if answer.exit_code == 0 or not said:
        return None
    return Unreachable(answer.host, "sudo", printable(said[0]))
