"""Files of keys and certificates, read: what each holds, or why it cannot be used. Which of them are shown: `keys`."""

from __future__ import annotations

import stat
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm

from clusterctl.errors import InputError
from clusterctl.remote.named_file import read_named

_ANOTHER_CERTIFICATE = "name an existing certificate_file, as ssh-keygen -s writes it"


def load_key(path: Path, notes: list[str]) -> paramiko.PKey | None:
    """Return a private key, None where only an agent can use it; raises InputError. `notes`: what is odd about it is added."""
    if path.suffix == ".pub" and public_blob(str(path)):
        return None
    try:
        mode = path.stat().st_mode
        if stat.S_ISFIFO(mode):  # paramiko reads it twice, and would wait for ever
            raise InputError(
                f"{path}: is a pipe", next_step="name a file as identity_file, or ssh-add the key"
            )
        key = paramiko.PKey.from_path(path)
    except FileNotFoundError:
        if public_blob(str(path)):
            return None  # only an agent holds it
        raise InputError(f"{path}: no such key file", next_step="name an existing identity_file") from None
    except OSError as error:
        raise unreadable(path, error) from None
    except (TypeError, paramiko.PasswordRequiredException):
        return None
    except paramiko.pkey.UnknownKeyType:
        raise _useless(path, "it is of a kind that SSH has not") from None
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException) as error:
        raise _useless(path, str(error)) from None
    if mode & 0o077:
        notes.append(f"{path}: others may read this key (mode {mode & 0o777:04o}); chmod 600 it")
    return key


def load_certificate(path: str) -> tuple[str, paramiko.pkey.PublicBlob]:
    """Return a certificate with its path; raises InputError."""
    try:
        return path, _blob_in(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such certificate file", next_step=_ANOTHER_CERTIFICATE) from None
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, IndexError, UnicodeError, paramiko.SSHException):
        message = f"{path}: is not a certificate that can be used"
        raise InputError(message, next_step=_ANOTHER_CERTIFICATE) from None


def public_blob(path: str) -> bytes | None:
    """Return the public half that lies beside a private key, for an agent that holds the private one."""
    name = path if path.endswith(".pub") else f"{path}.pub"
    try:
        return bytes(_blob_in(name).key_blob)
    except (OSError, ValueError, IndexError, UnicodeError, paramiko.SSHException):
        return None


def _blob_in(path: str) -> paramiko.pkey.PublicBlob:
    return paramiko.pkey.PublicBlob.from_string(read_named(path).decode())


def _useless(path: Path, why: str) -> InputError:
    return InputError(
        f"{path}: is not a private key that can be used: {why}",
        next_step="name another identity_file, or see: ssh-keygen -yf",
    )


def unreadable(path: str | Path, error: OSError) -> InputError:
    """Return why a file that was named cannot be read, and what to do."""
    step = f"let this user read it, or name another: ls -l {path}"
    return InputError(f"{path}: cannot be read: {error.strerror}", next_step=step)
