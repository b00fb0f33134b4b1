"""OpenSSH certificates (PROTOCOL.certkeys): which key is in one, and whether it may stand for a host now.

cryptography takes them apart and checks the authority's signature; who may be trusted with which name, and when, is
checked here, since paramiko checks neither.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

MARK = "-cert-v01@openssh.com"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate: the blob of the key in it, and of the authority that signed it; times are Unix seconds."""

    key_blob: bytes
    authority_blob: bytes
    for_hosts: bool
    principals: tuple[str, ...]
    after_s: int
    before_s: int
    critical: tuple[str, ...]
    signed: bool


def read_certificate(kind: str, blob: bytes) -> Certificate | None:
    """Return what a certificate says, or None where the blob is none; `signed`: the authority's signature holds."""
    if not kind.endswith(MARK):
        return None
    try:
        found = load_ssh_public_identity(kind.encode() + b" " + base64.b64encode(blob))
        if not isinstance(found, SSHCertificate):
            return None
        return Certificate(
            _blob(found.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)),
            _blob(found.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)),
            found.type == SSHCertificateType.HOST,
            tuple(name.decode("utf-8", "replace") for name in found.valid_principals),
            found.valid_after,
            found.valid_before,
            tuple(name.decode("utf-8", "replace") for name in found.critical_options),
            _is_signed(found),
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def why_not_for_host(certificate: Certificate, name: str, now_s: float) -> str:
    """Return why a certificate may not stand for a host of that name now, or nothing."""
    names = ", ".join(certificate.principals) or "no name"
    reasons = (
        (not certificate.signed, "its signature is wrong"),
        (not certificate.for_hosts, "it is made for users, not for hosts"),
        (certificate.critical, f"it has options that are not known: {', '.join(certificate.critical)}"),
        (now_s < certificate.after_s, f"it is valid from {_day(certificate.after_s)} on"),
        (now_s >= certificate.before_s, f"it expired on {_day(certificate.before_s)}"),
        (
            name.lower() not in {one.lower() for one in certificate.principals},
            f"it is made for {names}, not for {name}",
        ),
    )
    return next((reason for wrong, reason in reasons if wrong), "")


def _is_signed(found: SSHCertificate) -> bool:
    try:
        found.verify_cert_signature()
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _blob(text: bytes) -> bytes:
    return base64.b64decode(text.split(b" ")[1])


def _day(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"
