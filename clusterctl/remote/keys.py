"""Who we are and whom we trust: the user's keys and the known host keys, loaded once for a whole run.

A key is used from its file where that is possible, else from the agent. Nothing here asks for a
passphrase: cron has nobody to answer, and `ssh-add` asks once for all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm

from clusterctl.errors import IdentityError, InputError
from clusterctl.remote.known_hosts import KnownHosts

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
# sshd's MaxAuthTries is 6: with more keys the server would hang up before the right one.
MAX_KEYS = 5


@dataclass(frozen=True, slots=True)
class Credentials:
    """Keys to show and host keys to expect. `notes` are worth telling, but stop nothing."""

    keys: tuple[paramiko.PKey, ...]
    known_hosts: KnownHosts
    notes: tuple[str, ...] = ()


class _SharedAgent(paramiko.Agent):
    """The agent speaks one request at a time over one socket; many threads ask it to sign."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        super().__init__()

    def _send_message(self, msg: Any) -> Any:
        with self._lock:
            return super()._send_message(msg)  # type: ignore[misc]


def load_credentials(
    identity_files: Sequence[str] = (), known_hosts: Sequence[str] = (), *, allow_agent: bool = True
) -> Credentials:
    """Return keys and known hosts; empty sequences mean ssh's own defaults. Paths are absolute.

    Raises InputError for a file that is named but not there or not a key, IdentityError where no
    usable key is left.
    """
    notes: list[str] = []
    keys = _load_keys(identity_files, notes)
    locked = [path for path, key in keys.items() if key is None]
    usable = [key for key in keys.values() if key is not None]
    if allow_agent and (locked or not usable or not identity_files):
        usable += _agent_keys(usable)
    if not usable:
        raise _no_key(identity_files, locked)
    return Credentials(tuple(usable[:MAX_KEYS]), _load_known_hosts(known_hosts), tuple(notes))


def _load_keys(identity_files: Sequence[str], notes: list[str]) -> dict[str, paramiko.PKey | None]:
    """Return path -> key; None where a passphrase protects it."""
    if identity_files:
        return {path: _load_key(Path(path), notes) for path in identity_files}
    found: dict[str, paramiko.PKey | None] = {}
    for path in [folder / name for folder in _ssh_folder() for name in DEFAULT_KEYS]:
        if path.is_file():
            try:
                found[str(path)] = _load_key(path, notes)
            except InputError as error:
                notes.append(error.message)
    return found


def _ssh_folder() -> tuple[Path, ...]:
    """Return the user's ~/.ssh; none where the user has no home folder, as in some containers."""
    try:
        return (Path.home() / ".ssh",)
    except RuntimeError:
        return ()


def _load_key(path: Path, notes: list[str]) -> paramiko.PKey | None:
    try:
        mode = path.stat().st_mode
        key = paramiko.PKey.from_path(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such key file", next_step="name an existing identity_file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (TypeError, paramiko.PasswordRequiredException):
        return None
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException) as error:
        raise InputError(f"{path}: is not a private key that can be used: {error}") from None
    if mode & 0o077:
        notes.append(f"{path}: others may read this key (mode {mode & 0o777:04o}); chmod 600 it")
    return key


def _agent_keys(known: Sequence[paramiko.PKey]) -> list[paramiko.PKey]:
    if not os.environ.get("SSH_AUTH_SOCK"):
        return []
    try:
        offered = _SharedAgent().get_keys()
    except (OSError, paramiko.SSHException):
        return []
    have = {key.asbytes() for key in known}
    return [key for key in offered if key.asbytes() not in have]


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


def _load_known_hosts(paths: Sequence[str]) -> KnownHosts:
    named = bool(paths)
    files = [Path(path) for path in paths] or [
        *(folder / "known_hosts" for folder in _ssh_folder()),
        Path("/etc/ssh/ssh_known_hosts"),
    ]
    known = KnownHosts(tuple(str(path) for path in files))
    for path in files:
        try:
            known.read(path.read_text("utf-8", "replace").splitlines())
        except FileNotFoundError:
            if named:
                raise InputError(f"{path}: no such known_hosts file") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return known
