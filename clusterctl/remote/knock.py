"""One knock at a host's SSH port: does a server say who it is? A frozen machine completes the handshake and says nothing."""

from __future__ import annotations

import socket

from clusterctl.model.host import Host

WITHIN_S = 3.0


def shows_banner(host: Host, within_s: float = WITHIN_S) -> bool:
    """Return whether a host shows its SSH banner (RFC 4253, 4.2); one behind jump hosts is not asked, and does not."""
    if host.jumps:
        return False
    try:
        with socket.create_connection((host.address, host.port), timeout=within_s) as connection:
            return connection.recv(4).startswith(b"SSH-")
    except OSError:
        return False
