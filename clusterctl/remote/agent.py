"""The keys of ssh-agent, shared by many threads; its certificates come first."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from typing import Any

import paramiko

from clusterctl.remote.certificate import MARK

NONE = "none"


class _SharedAgent(paramiko.Agent):
    """The agent speaks one request at a time over one socket; many threads ask it to sign."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        # Not paramiko's own start: it reads SSH_AUTH_SOCK alone.
        self._conn: Any = None
        self._keys: Any = ()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        self._connect(connection)  # type: ignore[attr-defined]

    def _send_message(self, msg: Any) -> Any:
        with self._lock:
            return super()._send_message(msg)  # type: ignore[misc]


def agent_keys(path: str, known: Sequence[paramiko.PKey]) -> list[paramiko.PKey]:
    """Return the keys of the agent at a socket (empty: SSH_AUTH_SOCK) that are not among `known`, certificates first."""
    path = path or os.environ.get("SSH_AUTH_SOCK", "")
    if not path or path == NONE:
        return []
    try:
        offered = _SharedAgent(path).get_keys()
    except (OSError, paramiko.SSHException):
        return []
    have = {key.asbytes() for key in known}
    return sorted(
        (key for key in offered if key.asbytes() not in have),
        key=lambda key: not key.get_name().endswith(MARK),
    )
