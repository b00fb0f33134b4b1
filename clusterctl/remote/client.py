"""The SSH client that refuses: our algorithms, our host keys, our user keys, and nothing else.

The order is fixed: the host key is checked before anything of ours is sent. `ssh` puts this client
into fabric's Connection, whose own would trust every host key it meets.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import paramiko

from clusterctl.remote.failure import HostFailure
from clusterctl.remote.keys import Credentials
from clusterctl.remote.known_hosts import HostKey, fingerprint
from clusterctl.remote.target import Target
from clusterctl.remote.text import first_line
from clusterctl.remote.wire import Wire, open_socket

KEEPALIVE_S = 15

OpenWire = Callable[[Target, float], Wire]
"""Opens a wire to a host within so many seconds; raises HostFailure."""


class StrictTransport(paramiko.Transport):
    """Only algorithms that are both sound and quick: no finite fields, CBC, SHA-1 or MD5."""

    _preferred_kex = tuple(
        name
        for name in ("mlkem768x25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")
        if name in paramiko.Transport._kex_info  # type: ignore[attr-defined]  # noqa: SLF001
    )
    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
    )
    _preferred_macs = (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    )


class StrictClient(paramiko.SSHClient):
    """An SSH client that knows its host's keys beforehand and cannot learn new ones."""

    def __init__(
        self, target: Target, credentials: Credentials, timeout_s: float, open_wire: OpenWire = open_socket
    ) -> None:
        super().__init__()
        self.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.target, self.credentials, self.timeout_s = target, credentials, timeout_s
        self._open_wire = open_wire
        self.wire: Wire | None = None

    def connect(self, *_: Any, **__: Any) -> None:
        """Connect, check the host key, log in. What fabric passes is known already."""
        self.wire = wire = self._open_wire(self.target, self.timeout_s)
        try:
            self._transport = transport = StrictTransport(wire)  # type: ignore[arg-type]  # any socket-like object
            self._handshake(transport, wire)
            self._check_host_key(transport)
            self._log_in(transport)
        except BaseException:
            wire.abort()
            self.close()
            wire.close()
            raise
        wire.watch.allowance, wire.watch.deadline = None, None
        transport.set_keepalive(KEEPALIVE_S)

    def set_deadline(self, deadline: float | None) -> None:
        """Let the connection break at `deadline` (monotonic seconds), or never."""
        if self.wire is not None:
            self.wire.watch.deadline = deadline

    def abort(self) -> None:
        """Break the connection at once, from any thread."""
        if self.wire is not None:
            self.wire.abort()

    def _handshake(self, transport: paramiko.Transport, wire: Wire) -> None:
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = self.timeout_s
        known = {key.kind for key in self.credentials.known_hosts.keys_of(self.target.known_as)}
        options = transport.get_security_options()
        options.key_types = sorted(options.key_types, key=lambda name: _blob_type(name) not in known)
        try:
            transport.start_client(timeout=self.timeout_s + 1)
        except (EOFError, OSError, paramiko.SSHException) as error:
            raise self._handshake_failure(transport, wire, error) from None
        if not transport.initial_kex_done:
            raise HostFailure(self.target.host, "banner", self._late("key exchange did not end"))

    def _handshake_failure(self, transport: paramiko.Transport, wire: Wire, error: Exception) -> HostFailure:
        watch = wire.watch
        said = first_line(watch.first_bytes) if not watch.first_bytes.startswith(b"SSH-") else ""
        over = watch.deadline is not None and time.monotonic() >= watch.deadline
        if watch.allowance is not None and watch.allowance < 0:
            return HostFailure(self.target.host, "banner", "the server floods us before logging us in")
        if not transport.remote_version:
            if over:
                return HostFailure(self.target.host, "banner", self._late("no SSH banner"))
            reason = "the server hung up before its SSH banner" + (f", saying: {said}" if said else "")
            return HostFailure(self.target.host, "banner", reason, transient=True)
        if over:
            return HostFailure(self.target.host, "banner", self._late("key exchange did not end"))
        return HostFailure(self.target.host, "banner", f"SSH handshake failed: {first_line(str(error))}")

    def _check_host_key(self, transport: paramiko.Transport) -> None:
        offered = transport.get_remote_server_key()
        key = HostKey(offered.get_name(), offered.asbytes())
        hosts = self.credentials.known_hosts
        known = hosts.keys_of(self.target.known_as)
        if hosts.is_revoked(key.blob):
            problem = f"host key {key.print} is revoked in known_hosts; nothing was sent"
        elif key in known:
            return
        elif known:
            prints = ", ".join(sorted(f"{old.kind} {old.print}" for old in known))
            problem = f"host key changed: known {prints}, offered {key.kind} {key.print}; nothing was sent"
        else:
            where = " or ".join(hosts.files)
            problem = f"unknown host key {key.kind} {key.print}: {self.target.known_as} is not in {where}"
        raise HostFailure(self.target.host, "host-key", problem)

    def _log_in(self, transport: paramiko.Transport) -> None:
        tried: list[str] = []
        for key in self.credentials.keys:
            tried.append(fingerprint(key.asbytes()))
            try:
                if not transport.auth_publickey(self.target.user, key):
                    return
                problem = "the server asks for more than a key"
            except paramiko.BadAuthenticationType as error:
                raise self._refused(tried, f"; the server takes {', '.join(error.allowed_types)}") from None
            except (EOFError, OSError, paramiko.SSHException):
                problem = ""
            if not transport.is_active():
                break
        if time.monotonic() >= (self.wire.watch.deadline or 0 if self.wire else 0):
            raise HostFailure(self.target.host, "auth", self._late("login did not end"))
        raise self._refused(tried, f"; {problem}" if problem else "")

    def _refused(self, tried: list[str], more: str) -> HostFailure:
        reason = f"user key refused for {self.target.user} (tried {', '.join(tried)}){more}"
        return HostFailure(self.target.host, "auth", first_line(reason, 600))

    def _late(self, what: str) -> str:
        return f"{what} within {self.timeout_s:g} s"


def _blob_type(algorithm: str) -> str:
    """Return the key type behind a signature algorithm (RFC 8332: rsa-sha2-* use ssh-rsa keys)."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm
