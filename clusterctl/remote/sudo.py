"""A shell as root where sudo asks for a password (ADR 0022).

sudo is given a random prompt. The password is sent only in answer to it, once; stdin follows only when root's
command has said that it is there. So the password can never be read by a shell, nor the script by sudo.
"""

from __future__ import annotations

import secrets
import time

import paramiko

from clusterctl.remote.failure import HostFailure
from clusterctl.remote.secret import Secret
from clusterctl.remote.target import Target
from clusterctl.remote.text import first_line

WAIT_S = 30.0
# A lecture and a message of the day fit; more is no conversation.
MOST_BYTES = 64 * 1024


def become_root(
    channel: paramiko.Channel, words: str, password: Secret, target: Target, limit_s: float | None
) -> None:
    """Start a command of root (`words`, as a shell reads them), which may read stdin; raises HostFailure (rung `sudo`)."""
    prompt, there = secrets.token_hex(16), secrets.token_hex(16)
    where = (target.address, target.port, target.user)
    if password.was_refused(where):
        raise _refused(target, "sudo refused the password before; it is not tried again")
    deadline = time.monotonic() + min(limit_s or WAIT_S, WAIT_S)
    channel.exec_command(f'sudo -S -p {prompt} -- /bin/sh -c \'echo {there} >&2; exec "$0" "$@"\' {words}')
    said, sent = b"", False
    while there.encode() not in said:
        asked = said.count(prompt.encode())
        if asked > int(sent):
            if sent:
                password.refuse(where)
                channel.close()
                raise _refused(target, f"sudo refused the password of {target.user}")
            channel.sendall(f"{password.reveal()}\n".encode())
            sent = True
        part = _more(channel, deadline)
        said += part
        if not part or len(said) > MOST_BYTES:
            channel.close()
            if sent:
                password.refuse(where)
            raise _ended(target, said.replace(prompt.encode(), b""))


def _more(channel: paramiko.Channel, deadline: float) -> bytes:
    """Return what sudo says next; nothing at its end, or when the time is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        return b""
    channel.settimeout(left)
    try:
        return channel.recv_stderr(4096)
    except TimeoutError:
        return b""
    finally:
        channel.settimeout(None)


def _ended(target: Target, said: bytes) -> HostFailure:
    lines = said.split(b"\n")
    refusals = [
        line
        for line in lines
        if line.startswith((b"sudo:", b"Sorry, user ")) or b"is not in the sudoers" in line
    ]
    reason = first_line(refusals[-1] if refusals else said) or "sudo said nothing, and no shell came"
    return _refused(target, reason)


def _refused(target: Target, reason: str) -> HostFailure:
    step = f"check the password of {target.user}, and its rights there: sudo -l -U {target.user}"
    return HostFailure(target.host, "sudo", reason, next_step=step, kind="sudo")
