"""Host keys to be trusted: what a server offers beside what known_hosts has, and adding lines to that file.

Two that add at once do not harm each other: the file is locked, read again, and written once. A known host's key is
never replaced.
"""

from __future__ import annotations

import base64
import fcntl
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import paramiko

from clusterctl.errors import InputError
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.host_key import check_host_key
from clusterctl.remote.known_hosts import HostKey, KnownHosts
from clusterctl.remote.target import Target

State = Literal["new", "known", "changed"]


@dataclass(frozen=True, slots=True)
class Offered:
    """A host's key as its server offers it: `name` is that of known_hosts; `changed` is also revoked or expired."""

    host: str
    name: str
    key: HostKey
    state: State
    problem: str = ""


def judge(offered: paramiko.PKey, hosts: KnownHosts, target: Target) -> Offered:
    """Return what a key is to known_hosts."""
    key = HostKey(offered.get_name(), offered.asbytes())
    try:
        check_host_key(offered, hosts, target)
    except HostFailure as failure:
        reason = failure.unreachable.reason
        state: State = "new" if reason.startswith("unknown host key") else "changed"
        return Offered(target.host, target.known_as, key, state, reason)
    return Offered(target.host, target.known_as, key, "known")


def add_host_keys(path: str, wanted: Sequence[Offered]) -> tuple[Offered, ...]:
    """Append keys to a known_hosts file and return those that were added; raises InputError where it cannot be written.

    What somebody else has added meanwhile is left as it is. Names are hashed where the file has hashed ones.
    """
    try:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            text = _read_all(file.fileno()).decode("utf-8", "replace")
            known = KnownHosts((path,))
            known.read(text.splitlines())
            missing = [
                one for one in wanted if not known.keys_of(one.name) and not known.is_revoked(one.key.blob)
            ]
            hashed = any(line.startswith("|1|") for line in text.splitlines())
            lines = "".join(_line(one, hashed=hashed) for one in missing)
            if lines:
                data = ("\n" if text and not text.endswith("\n") else "") + lines
                os.write(file.fileno(), data.encode())
                os.fsync(file.fileno())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}",
            next_step="name another known_hosts in the inventory.",
        ) from None
    return tuple(missing)


def _read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _line(one: Offered, *, hashed: bool) -> str:
    name = _hashed(one.name) if hashed else one.name
    return f"{name} {one.key.kind} {base64.b64encode(one.key.blob).decode()}\n"


def _hashed(name: str) -> str:
    """Return a name as HashKnownHosts writes it (sshd(8))."""
    salt = secrets.token_bytes(20)
    digest = hmac.digest(salt, name.lower().encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
