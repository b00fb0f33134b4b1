"""Who we are and whom we trust: the user's keys and the known host keys, loaded once for a whole run.

A key is used from its file where that is possible, else from the agent; a `.pub` file names a key
that only the agent holds. Nothing here asks for a
passphrase: cron has nobody to answer, and `ssh-add` asks once for all. A certificate is shown before the bare key
it belongs to, as ssh does. Hosts with the same options share their credentials (`Keyring`).
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import paramiko

from clusterctl.errors import IdentityError, InputError
from clusterctl.model.ssh import SshSettings
from clusterctl.remote.agent import agent_keys
from clusterctl.remote.certificate import read_certificate
from clusterctl.remote.key_files import load_certificate, load_key, public_blob, unreadable
from clusterctl.remote.known_hosts import KnownHosts
from clusterctl.remote.named_file import read_named
from clusterctl.remote.secret import Secret
from clusterctl.remote.target import Target

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
# sshd's MaxAuthTries is 6: with more keys the server would hang up before the right one.
MAX_KEYS = 5


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys to show and host keys to expect. `notes` are worth telling, but stop nothing."""

    keys: tuple[paramiko.PKey, ...]
    known_hosts: KnownHosts
    notes: tuple[str, ...] = ()
    password: Secret | None = None
    sudo_password: Secret | None = None

    def of(self, _target: Target) -> Credentials:
        """Return these: one set for all hosts."""
        return self


class Keys(Protocol):
    """Who has the credentials for each host: `Credentials` for all, or a `Keyring`."""

    def of(self, target: Target, /) -> Credentials:
        """Return the credentials for a host."""
        ...


class Keyring:
    """The credentials of each distinct set of options. `load` gives those of one; it raises InputError, IdentityError."""

    def __init__(
        self, load: Callable[[SshSettings], Credentials], wanted: Iterable[SshSettings] = ()
    ) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._sets: dict[SshSettings, Credentials] = {}
        self._load_all(dict.fromkeys(wanted))

    def of(self, target: Target, /) -> Credentials:
        """Return the credentials for a host, by its options."""
        settings = target.ssh or SshSettings()
        with self._lock:
            if settings not in self._sets:
                self._sets[settings] = self._load(settings)
            return self._sets[settings]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth telling of all sets, each once."""
        return tuple(dict.fromkeys(note for found in self._sets.values() for note in found.notes))

    def _load_all(self, wanted: Iterable[SshSettings]) -> None:
        """Load all sets before any host is contacted; what is wrong is told at once."""
        wrong: list[InputError | IdentityError] = []
        for settings in wanted:
            try:
                self._sets[settings] = self._load(settings)
            except (InputError, IdentityError) as error:
                wrong.append(error)
        told = dict.fromkeys(error.message for error in wrong)
        if len(told) > 1:
            raise type(wrong[0])(wrong[0].message, details=list(told)[1:], next_step=wrong[0].next_step)
        if wrong:
            raise wrong[0]


def load_credentials(  # noqa: PLR0913 - one parameter an option of ssh_config(5)
    identity_files: Sequence[str] = (),
    known_hosts: Sequence[str] = (),
    *,
    allow_agent: bool = True,
    certificate_files: Sequence[str] = (),
    identities_only: bool = False,
    agent_socket: str = "",
    password: Secret | None = None,
    sudo_password: Secret | None = None,
    may_miss: bool = False,
) -> Credentials:
    """Return keys and known hosts; empty sequences mean ssh's own defaults. Paths are absolute.

    With `identities_only` the agent serves only the keys that are named. `agent_socket` empty: SSH_AUTH_SOCK.
    With `may_miss` neither a known_hosts that is named nor a key needs to be there.
    Raises InputError for a file that is named but not there or not a key, IdentityError where no usable key is left.
    """
    notes: list[str] = []
    keys = _load_keys(identity_files, notes)
    locked = [path for path, key in keys.items() if key is None]
    usable = [key for key in keys.values() if key is not None]
    if allow_agent and (locked or not usable or not identity_files):
        offered = agent_keys(agent_socket, usable)
        wanted = {blob for path in keys if (blob := public_blob(path))} if identities_only else None
        usable += [key for key in offered if wanted is None or _bare_blob(key) in wanted]
    if not usable and password is None and not may_miss:
        raise _no_key(identity_files, locked)
    usable = _with_certificates(usable, certificate_files)
    known = _load_known_hosts(known_hosts, may_miss=may_miss)
    return Credentials(tuple(usable[:MAX_KEYS]), known, tuple(notes), password, sudo_password)


def _with_certificates(keys: Sequence[paramiko.PKey], files: Sequence[str]) -> list[paramiko.PKey]:
    """Return each key with its certificates before it; raises InputError for a certificate that fits none."""
    shown: list[paramiko.PKey] = []
    certificates = [load_certificate(path) for path in files]
    fits: set[str] = set()
    for key in keys:
        for path, blob in certificates:
            signed = copy.copy(key)
            if _fit(signed, blob):
                fits.add(path)
                shown.append(signed)
        if key.public_blob is not None:
            bare = copy.copy(key)
            bare.public_blob = None
            shown += [key, bare]
        else:
            shown.append(key)
    for path in files:
        if path not in fits:
            raise InputError(
                f"{path}: belongs to none of the keys",
                next_step="name its key as identity_file, or ssh-add it",
            )
    return shown


def _fit(key: paramiko.PKey, blob: paramiko.pkey.PublicBlob) -> bool:
    """Attach a certificate to the key if it was made for it."""
    certificate = read_certificate(blob.key_type, blob.key_blob)
    if certificate is None or certificate.key_blob != key.asbytes():
        return False
    key.public_blob = blob
    return True


def _bare_blob(key: paramiko.PKey) -> bytes:
    """Return the blob of a key, or of the key in a certificate as agents hold it."""
    certificate = read_certificate(key.get_name(), key.asbytes())
    return certificate.key_blob if certificate else key.asbytes()


def _load_keys(identity_files: Sequence[str], notes: list[str]) -> dict[str, paramiko.PKey | None]:
    """Return path -> key; None where a passphrase protects it."""
    if identity_files:
        return {path: load_key(Path(path), notes) for path in identity_files}
    found: dict[str, paramiko.PKey | None] = {}
    for path in [folder / name for folder in _ssh_folder() for name in DEFAULT_KEYS]:
        if path.is_file():
            try:
                found[str(path)] = load_key(path, notes)
            except InputError as error:
                notes.append(error.message)
    return found


def _ssh_folder() -> tuple[Path, ...]:
    """Return the user's ~/.ssh; none where the user has no home folder, as in some containers."""
    try:
        return (Path.home() / ".ssh",)
    except RuntimeError:
        return ()


def _no_key(identity_files: Sequence[str], locked: Sequence[str]) -> IdentityError:
    if locked:
        return IdentityError(
            f"{locked[0]}: is protected by a passphrase, and no agent holds a key. Nothing was contacted.",
            next_step=f"start ssh-agent, then: ssh-add {locked[0]}",
        )
    looked = ", ".join(identity_files) or ", ".join(f"~/.ssh/{name}" for name in DEFAULT_KEYS)
    return IdentityError(
        f"no SSH key to show: neither {looked} nor an agent. Nothing was contacted.",
        next_step="ssh-keygen -t ed25519, or set identity_file in the inventory",
    )


def _load_known_hosts(paths: Sequence[str], *, may_miss: bool) -> KnownHosts:
    named = bool(paths) and not may_miss
    files = [Path(path) for path in paths] or [
        *(folder / "known_hosts" for folder in _ssh_folder()),
        Path("/etc/ssh/ssh_known_hosts"),
    ]
    known = KnownHosts(tuple(str(path) for path in files))
    for path in files:
        try:
            known.read(read_named(path).decode("utf-8", "replace").splitlines())
        except FileNotFoundError:
            if named:
                raise InputError(
                    f"{path}: no such known_hosts file", next_step="clusterctl hosts trust"
                ) from None
        except OSError as error:
            raise unreadable(path, error) from None
    return known
