"""The SSH client that refuses: our algorithms, our host keys, our user keys, and nothing else.

The order is fixed: the host key is checked before anything of ours is sent. `ssh` puts this client
into fabric's Connection, whose own would trust every host key it meets.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import paramiko

from clusterctl.remote.certificate import MARK
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.host_key import check_host_key
from clusterctl.remote.keys import Credentials
from clusterctl.remote.login import log_in
from clusterctl.remote.target import Target
from clusterctl.remote.text import first_line
from clusterctl.remote.wire import Wire, in_seconds, open_socket

KEEPALIVE_S = 15
_WEAK = "let sshd there offer curve25519-sha256, ssh-ed25519, aes128-ctr or aes128-gcm, hmac-sha2-256; weak ones stay off"

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
    _kinds: tuple[str, ...] = ()
    mismatch = ""

    def _parse_kex_init(self, m: paramiko.Message) -> None:
        """Note in which part of the server's offer there is nothing that we would use."""
        offer = self._really_parse_kex_init(paramiko.Message(m.get_remainder()))  # type: ignore[attr-defined]
        ours = {
            ("key exchange", "KexAlgorithms"): ("kex_algo_list", self.preferred_kex),
            ("host key", "HostKeyAlgorithms"): ("server_key_algo_list", self.preferred_keys),
            ("cipher", "Ciphers"): ("server_encrypt_algo_list", self.preferred_ciphers),
            ("MAC", "MACs"): ("server_mac_algo_list", self.preferred_macs),
        }
        for (what, option), (name, wanted) in ours.items():
            if not set(offer[name]) & set(wanted):
                self.mismatch = first_line(
                    f"no {what} in common: the server offers only {', '.join(offer[name])}; it is too weak or too "
                    f"new. sshd_config there: {option}",
                    600,
                )
                break
        super()._parse_kex_init(m)  # type: ignore[misc]

    def prefer(self, wanted: Callable[[str], bool]) -> None:
        """Ask for host keys of the wanted kinds first."""
        self._kinds = tuple(sorted(super().preferred_keys, key=lambda kind: not wanted(kind)))

    @property
    def preferred_keys(self) -> Sequence[str]:
        """The kinds of host keys, in the order asked for; certificates among them."""
        return self._kinds or super().preferred_keys


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
            check_host_key(transport.get_remote_server_key(), self.credentials.known_hosts, self.target)
            self._log_in(transport)
        except BaseException:
            wire.abort()
            self.close()
            wire.close()
            raise
        wire.watch.allowance, wire.watch.deadline = None, None
        transport.set_keepalive(KEEPALIVE_S)

    def peek(self) -> paramiko.PKey:
        """Return the key that the server offers, without logging in; raises HostFailure."""
        wire = self._open_wire(self.target, self.timeout_s)
        transport = StrictTransport(wire)  # type: ignore[arg-type]  # any socket-like object
        try:
            self._handshake(transport, wire)
            return transport.get_remote_server_key()
        finally:
            wire.abort()
            transport.close()
            wire.close()

    def set_deadline(self, deadline: float | None) -> None:
        """Let the connection break at `deadline` (monotonic seconds), or never."""
        if self.wire is not None:
            self.wire.watch.deadline = deadline

    def abort(self) -> None:
        """Break the connection at once, from any thread."""
        if self.wire is not None:
            self.wire.abort()

    def _handshake(self, transport: StrictTransport, wire: Wire) -> None:
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = self.timeout_s
        hosts, name = self.credentials.known_hosts, self.target.known_as
        known = {key.kind for key in hosts.keys_of(name)}
        certified = hosts.has_authority(name)
        transport.prefer(lambda kind: kind.endswith(MARK) if certified else _blob_type(kind) in known)
        try:
            transport.start_client(timeout=self.timeout_s + 1)
        except (EOFError, OSError, paramiko.SSHException) as error:
            raise self._handshake_failure(transport, wire, error) from None
        if not transport.initial_kex_done:
            raise HostFailure(self.target.host, "banner", self._late("key exchange did not end"))

    def _handshake_failure(self, transport: StrictTransport, wire: Wire, error: Exception) -> HostFailure:
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
        if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
            return HostFailure(
                self.target.host, "banner", transport.mismatch or first_line(str(error)), next_step=_WEAK
            )
        return HostFailure(
            self.target.host,
            "banner",
            f"SSH handshake failed: {first_line(str(error)) or 'the server hung up'}",
        )

    def _log_in(self, transport: paramiko.Transport) -> None:
        try:
            log_in(transport, self.target, self.credentials)
        except (HostFailure, EOFError, OSError, paramiko.SSHException) as failure:
            if self.wire is not None and time.monotonic() >= (self.wire.watch.deadline or math.inf):
                raise HostFailure(self.target.host, "auth", self._late("login did not end")) from None
            if isinstance(failure, HostFailure):
                raise
            reason = "the server hung up while we logged in"
            raise HostFailure(self.target.host, "auth", reason) from None

    def _late(self, what: str) -> str:
        return f"{what} within {in_seconds(self.timeout_s)}"


def _blob_type(algorithm: str) -> str:
    """Return the key type behind a signature algorithm (RFC 8332: rsa-sha2-* use ssh-rsa keys)."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm
