"""The keys we expect hosts to have: known_hosts files, read once per run (sshd(8)).

Unlike paramiko.HostKeys this builds no key objects (45 us a line, `reference/perf.md`), looks names up
in a table, and honours patterns, negation, hashed names, `@revoked` and `@cert-authority`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key as known_hosts has it: its type and its blob."""

    kind: str
    blob: bytes

    @property
    def print(self) -> str:
        """The fingerprint as ssh-keygen -l shows it."""
        return fingerprint(self.blob)


def fingerprint(blob: bytes) -> str:
    """Return `SHA256:...` of a public key blob, as OpenSSH writes it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@dataclass(slots=True)
class KnownHosts:
    """All known keys. `files` are the names for messages."""

    files: tuple[str, ...] = ()
    _named: dict[str, list[HostKey]] = field(default_factory=dict)
    _hashed: list[tuple[bytes, bytes, HostKey]] = field(default_factory=list)
    _patterns: list[tuple[tuple[str, ...], HostKey]] = field(default_factory=list)
    _authorities: KnownHosts | None = None
    _revoked: set[bytes] = field(default_factory=set)

    def read(self, lines: Iterable[str]) -> None:
        """Add the keys of one file; lines that are no keys are passed over, as ssh does."""
        for line in lines:
            self._read_line(line.split())

    def keys_of(self, name: str) -> tuple[HostKey, ...]:
        """Return every key known for `name` (an address, or `[address]:port`)."""
        name = name.lower()
        found = list(self._named.get(name, ()))
        found += [key for salt, digest, key in self._hashed if _hash(salt, name) == digest]
        found += [key for patterns, key in self._patterns if _matches(patterns, name)]
        return tuple(dict.fromkeys(found))

    def has_authority(self, name: str, blob: bytes | None = None) -> bool:
        """Whether an authority (that one, if given) may certify the keys of `name`."""
        found = self._authorities.keys_of(name) if self._authorities else ()
        return any(blob is None or key.blob == blob for key in found)

    def is_revoked(self, blob: bytes) -> bool:
        """Whether the key is marked `@revoked` (for whatever host: a leaked key is leaked)."""
        return blob in self._revoked

    def _read_line(self, words: list[str]) -> None:
        if not words or words[0].startswith("#"):
            return
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) < 3 or marker not in {"", "@revoked", "@cert-authority"}:
            return
        key = _parse_key(words[1], words[2])
        if key is None:
            return
        if marker == "@cert-authority":
            self._authorities = self._authorities or KnownHosts(self.files)
            self._authorities._add(words[0], key)  # noqa: SLF001 - the same kind of table
        elif marker:
            self._revoked.add(key.blob)
        else:
            self._add(words[0], key)

    def _add(self, names: str, key: HostKey) -> None:
        if names.startswith("|1|"):
            parts = names.split("|")
            salt, digest = _decode(parts[2]), _decode(parts[3] if len(parts) == 4 else "")
            if salt and digest:
                self._hashed.append((salt, digest, key))
            return
        listed = tuple(names.lower().split(","))
        if any(sign in names for sign in "*?!"):
            self._patterns.append((listed, key))
            return
        for name in listed:
            self._named.setdefault(name, []).append(key)


def _parse_key(kind: str, text: str) -> HostKey | None:
    blob = _decode(text)
    length = int.from_bytes(blob[:4], "big")
    return HostKey(kind, blob) if blob[4 : 4 + length] == kind.encode() else None


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _hash(salt: bytes, name: str) -> bytes:
    return hmac.digest(salt, name.encode(), "sha1")


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    if any(fnmatchcase(name, _escape(pattern[1:])) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(fnmatchcase(name, _escape(pattern)) for pattern in patterns if not pattern.startswith("!"))


def _escape(pattern: str) -> str:
    return pattern.replace("[", "[[]")
