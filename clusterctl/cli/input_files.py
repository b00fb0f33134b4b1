"""Files that the operator names, on the command line or in a playbook; how they are read is `remote.named_file`."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from clusterctl.errors import InputError, Mistake

LONGEST_PATH = 200
"""How much of a path that cannot be read is shown."""


def read_file(path: str, what: str) -> bytes:
    """Return the bytes of a file; raises InputError that says what to do when it cannot be read."""
    from clusterctl.remote.named_file import read_named

    try:
        return read_named(path)
    except OSError as error:
        message = f"cannot read the {what}: {error.strerror or error}"
        raise InputError(
            message, mistakes=[Mistake(_shown(path), 0, message)], next_step=f"{_hint(path, what)}."
        ) from None


def _shown(path: str) -> str:
    """Return a path as it is named in a message: in quotes where it is empty, its middle left out where it is long."""
    cut = len(path) > LONGEST_PATH
    return f"{path[: LONGEST_PATH // 2]}...{path[-LONGEST_PATH // 2 :]}" if cut else path or '""'


def _hint(path: str, what: str) -> str:
    if path == "-":
        return "to read it from stdin, give /dev/stdin"
    return "give one with -i FILE or CLUSTERCTL_INVENTORY" if what == "inventory" else "check the path"


def read_beside(folder: Path, name: str) -> str:
    """Return the text of a file named by a playbook; raises as `read_bytes_beside`, and UnicodeDecodeError."""
    return read_bytes_beside(folder, name).decode("utf-8")


def read_bytes_beside(folder: Path, name: str) -> bytes:
    """Return a file named by a playbook; it must lie in the playbook's folder or below (bad-input row 22).

    Raises OSError, whose `strerror` says why.
    """
    from clusterctl.remote.named_file import read_named

    try:
        root = folder.resolve()
        path = (root / name).resolve()
    except RuntimeError:  # what pathlib says of a circle of links
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
    if not path.is_relative_to(root):
        raise PermissionError(errno.EACCES, "it lies outside the playbook's folder")
    return read_named(path)
