"""Where passwords come from: a file that only its owner may read, or the person at the terminal. Nothing else."""

from __future__ import annotations

import getpass
import stat
from pathlib import Path

from clusterctl.errors import InputError
from clusterctl.model.ssh import ASKED
from clusterctl.remote.named_file import read_named
from clusterctl.remote.secret import Secret

LONGEST = 1024


def password_of(
    path: str, what: str, known: dict[tuple[str, str], Secret], *, may_ask: bool
) -> Secret | None:
    """Return the password in a file, or the one that is asked for (once a run); None without a path.

    Raises InputError for a file that others may read or that is no password, and where there is nobody to ask.
    """
    if not path:
        return None
    if (path, what) not in known:
        known[path, what] = _asked(what, may_ask=may_ask) if path == ASKED else _read(path, what)
    return known[path, what]


def _asked(what: str, *, may_ask: bool) -> Secret:
    if not may_ask:
        raise InputError(
            f"there is nobody to ask for the {what}",
            next_step="from cron: ssh.password_file or ssh.sudo_password_file. Nothing was contacted.",
        )
    return _checked(getpass.getpass(f"{what}: "), what)


def _read(path: str, what: str) -> Secret:
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
        if mode & 0o077:
            raise InputError(
                f"{path}: others may read the {what} (mode {mode:04o})",
                next_step=f"chmod 600 {path}. Nothing was contacted.",
            )
        data = read_named(path)
    except OSError as error:
        raise InputError(f"{path}: the {what} cannot be read: {error.strerror}") from None
    try:
        return _checked(data.decode("utf-8").removesuffix("\n").removesuffix("\r"), f"{what} in {path}")
    except UnicodeDecodeError:
        raise InputError(f"{path}: the {what} is not text") from None


def _checked(text: str, what: str) -> Secret:
    if not text or len(text) > LONGEST or any(char in text for char in "\n\r\0"):
        raise InputError(f"the {what} is empty, too long, or more than one line")
    return Secret(text)
