"""One call of a fence agent, on this machine or on a host: parameters on its stdin, an end in time, no secret in what it said.

The contract is that of fence-agents (FenceAgentAPI.md there): `name=value` lines on stdin, then end of file; `off` and `on`
exit 0 when done; `status` exits 0 for on and 2 for off, and prints it.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
from collections.abc import Mapping

from clusterctl.model.fence import Action, AgentAnswer, FenceDevice
from clusterctl.model.report import CommandResult
from clusterctl.model.snapshot import Unreachable
from clusterctl.remote.frame import new_nonce
from clusterctl.remote.script_words import end_mark, here, safe
from clusterctl.remote.text import first_line, printable

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_WORDS = 400
_HIDDEN = "***"
_TOO_LATE = 124
"""timeout(1): the command was ended."""
_NOT_RUN = frozenset({125, 126, 127})
"""timeout(1): it could not begin, or the command could not be run, or was not found."""


def run_agent(device: FenceDevice, action: Action, secrets: Mapping[str, str]) -> AgentAnswer:
    """Run the agent once, for `device.timeout_s` at the most; `secrets` are the values of `device.secrets`."""
    lines = _lines(device, action, secrets)
    try:
        process = subprocess.Popen(
            [device.agent],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": os.pathsep.join(filter(None, (os.environ.get("PATH"), PATH)))},
            start_new_session=True,
        )
    except OSError as error:
        words = f"{device.agent} cannot be run here: {error.strerror} (Debian: apt install fence-agents)"
        return AgentAnswer(device.agent, action, None, words)
    try:
        said, _ = process.communicate(lines.encode(), timeout=device.timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        return AgentAnswer(device.agent, action, None, f"no end within {device.timeout_s:g} s")
    return AgentAnswer(device.agent, action, process.returncode, _words(said, secrets))


def agent_script(device: FenceDevice, action: Action, secrets: Mapping[str, str]) -> str:
    """Return the script that runs the agent once on a host; it is sent on stdin, so nothing of it is in an argv (I9).

    Raises ValueError where a value cannot be in a script.
    """
    limit_s = math.ceil(device.timeout_s)
    text = here(_lines(device, action, secrets), end_mark(new_nonce()))
    return f"PATH={PATH}; export PATH\nexec timeout -k 1 {limit_s} {safe(device.agent)} 2>&1{text}\n"


def agent_answer(
    device: FenceDevice, action: Action, secrets: Mapping[str, str], result: CommandResult | Unreachable
) -> AgentAnswer:
    """Return what came of `agent_script` on the host `device.run_on`."""
    if isinstance(result, Unreachable):
        words = f"{device.run_on} does not run it: {result.rung}: {result.reason}"
        return AgentAnswer(device.agent, action, None, words)
    if result.exit_code == _TOO_LATE:
        return AgentAnswer(device.agent, action, None, f"no end within {device.timeout_s:g} s")
    if result.exit_code in _NOT_RUN:
        words = f"{device.agent} cannot be run on {device.run_on} (Debian: apt install fence-agents)"
        return AgentAnswer(device.agent, action, None, words)
    return AgentAnswer(device.agent, action, result.exit_code, _words(result.stdout, secrets))


def _lines(device: FenceDevice, action: Action, secrets: Mapping[str, str]) -> str:
    given = {**device.parameters, **secrets, "action": action}
    return "".join(f"{name}={value}\n" for name, value in sorted(given.items()))


def _words(said: bytes, secrets: Mapping[str, str]) -> str:
    text = said.decode("utf-8", "backslashreplace")
    for secret in sorted(filter(None, secrets.values()), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    lines = [printable(line.strip()) for line in text.splitlines() if line.strip()]
    return first_line("; ".join(lines[-3:]), _MOST_WORDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the agent and whatever it started; a child that holds its pipe does not keep us."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=1)
