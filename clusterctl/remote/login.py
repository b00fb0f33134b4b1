"""Logging in: certificates and keys, then a password where one was given; what was refused, in words.

A password is sent as `password`, or in answer to the one question without echo of `keyboard-interactive`, which is
how many OpenSSH servers ask for it. It is sent at most once to a host that refused it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import paramiko

from clusterctl.remote.certificate import read_certificate
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.keys import Credentials
from clusterctl.remote.known_hosts import fingerprint
from clusterctl.remote.secret import Secret
from clusterctl.remote.target import Target
from clusterctl.remote.text import first_line

_PASSWORDS = frozenset({"password", "keyboard-interactive"})


class _Unasked(Exception):  # noqa: N818 - what happened, not an error of ours
    """The server asks for something else than one password."""


def log_in(transport: paramiko.Transport, target: Target, credentials: Credentials) -> None:
    """Log in; raises HostFailure (rung `auth`) with all that was tried. A late server is the caller's to explain."""
    tried, more, allowed = _show_keys(transport, target, credentials)
    if allowed is None:
        return
    password = credentials.password
    if password is None or not transport.is_active():
        raise _refused(target, tried, more)
    allowed = allowed or _methods(transport, target.user)
    if allowed is None:
        return
    if not _PASSWORDS & set(allowed):
        raise _refused(target, tried, f"; the server takes no password, but {', '.join(allowed)}")
    where = (target.address, target.port, target.user)
    if password.was_refused(where):
        raise _password_refused(target, "was refused before; it is not tried again")
    try:
        done = _send_password(transport, target.user, password, allowed)
    except _Unasked:
        raise _password_refused(target, "is not enough: the server asks for something else as well") from None
    except paramiko.AuthenticationException:
        if not transport.is_active():
            raise
        password.refuse(where)
        raise _password_refused(target, "was refused") from None
    if not done:
        raise _password_refused(target, "is not enough: the server asks for something else as well")


def _show_keys(
    transport: paramiko.Transport, target: Target, credentials: Credentials
) -> tuple[list[str], str, list[str] | None]:
    """Return the prints of what was shown, what there is to add, and which methods are left: None when logged in."""
    tried: list[str] = []
    for key in credentials.keys:
        tried.append(_name(key))
        try:
            left = transport.auth_publickey(target.user, key)
        except paramiko.BadAuthenticationType as error:
            return tried, f"; the server takes {', '.join(error.allowed_types)}", error.allowed_types
        except (EOFError, OSError, paramiko.SSHException):
            if not transport.is_active():  # no answer to this key: it was not refused
                if len(tried) == 1:
                    raise
                return tried[:-1], "; then the server hung up", []
            continue
        if not left:
            return tried, "", None
        return tried, "; the server asks for more than a key", left
    return tried, "", []


def _methods(transport: paramiko.Transport, user: str) -> list[str] | None:
    """Ask which methods the server takes, so that no password is sent to one that takes none; None: it let us in."""
    try:
        transport.auth_none(user)
    except paramiko.BadAuthenticationType as error:
        return list(error.allowed_types)
    return None


def _send_password(
    transport: paramiko.Transport, user: str, password: Secret, allowed: Sequence[str]
) -> bool:
    """Return whether we are in; raises paramiko's exceptions, and _Unasked."""
    if "password" in allowed:
        return not transport.auth_password(user, password.reveal(), fallback=False)
    sent: list[bool] = []

    def answer(_title: str, _words: str, fields: Sequence[tuple[str, bool]]) -> list[str]:
        if not fields:
            return []
        if len(fields) > 1 or fields[0][1] or sent:
            sent.append(False)
            return ["" for _ in fields]
        sent.append(True)
        return [password.reveal()]

    try:
        left = transport.auth_interactive(user, answer)
    except paramiko.AuthenticationException:
        if False in sent and True not in sent:
            raise _Unasked from None
        raise
    return not left


def _name(key: paramiko.PKey) -> str:
    """Return how a key is named in messages: its print, and of a certificate what there is to know."""
    blob = key.public_blob
    kind, data = (blob.key_type, blob.key_blob) if blob is not None else (key.get_name(), key.asbytes())
    certificate = read_certificate(kind, data)
    if certificate is None:
        return fingerprint(key.asbytes())
    names = ",".join(certificate.principals) or "no name"
    late = "" if time.time() < certificate.before_s else " that has expired"
    return f"{fingerprint(certificate.key_blob)} with a certificate for {names}{late}"


def _refused(target: Target, tried: list[str], more: str) -> HostFailure:
    if not tried:
        reason = f"no key to show for {target.user}{more}"
    else:
        reason = f"user key refused for {target.user} (tried {', '.join(tried)}){more}"
    step = f"ssh-copy-id -p {target.port} {target.user}@{target.address}, or name another user or key"
    return HostFailure(target.host, "auth", first_line(reason, 900), next_step=step, kind="user key")


def _password_refused(target: Target, what: str) -> HostFailure:
    step = "try it by hand, once: clusterctl ssh " + target.host
    return HostFailure(
        target.host, "auth", f"the password of {target.user} {what}", next_step=step, kind="password"
    )
