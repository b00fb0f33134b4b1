"""Private files in the operator's state folder: made 0600 in folders 0700, never through a link, and on disk.

Every function raises JournalError, which names the path and says what to do: nothing is changed on a host that
cannot be written down here.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clusterctl.errors import JournalError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC
LARGEST_BYTES = 256 * 1024 * 1024


@contextmanager
def told(path: Path, what: str) -> Iterator[None]:
    """Turn an OSError into the error a person meets."""
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"cannot {what} {path}: {error.strerror or error}",
            next_step="make room or mend the rights there, or choose another folder with XDG_STATE_HOME; "
            "then run the same command again.",
        ) from None


def open_folder(root: Path, *names: str) -> int:
    """Return a descriptor of root/names..., made where it is missing; each of `names` is ours alone (0700)."""
    path = root
    with told(root, "make the folder"):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    for name in names:
        path /= name
        try:
            with told(path, "use the folder"):
                inner = _inner_folder(folder, name)
        finally:
            os.close(folder)
        folder = inner
    return folder


def _inner_folder(folder: int, name: str) -> int:
    try:
        os.mkdir(name, 0o700, dir_fd=folder)
        os.fsync(folder)
    except FileExistsError:
        pass
    inner = os.open(name, _FOLDER, dir_fd=folder)
    try:
        if stat.S_IMODE(os.fstat(inner).st_mode) != 0o700:
            os.fchmod(inner, 0o700)
    except OSError:
        os.close(inner)
        raise
    return inner


def create(folder: int, name: str) -> int:
    """Return a descriptor to append to a new file; raises FileExistsError where there is one, and OSError."""
    made = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=folder)
    os.fsync(folder)
    return made


def open_shared(folder: int, name: str) -> int:
    """Return a descriptor to read and append to a file, made where it is missing; raises OSError."""
    found = os.open(name, os.O_RDWR | os.O_APPEND | os.O_CREAT | _FILE, 0o600, dir_fd=folder)
    os.fsync(folder)
    return found


def append(file: int, data: bytes) -> None:
    """Write all of it and have it on the disk; raises OSError."""
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)


def replace(folder: int, name: str, data: bytes) -> None:
    """Replace a file as a whole, and have it on the disk; raises OSError."""
    temporary = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
    file = create(folder, temporary)
    try:
        append(file, data)
    finally:
        os.close(file)
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def read(folder: int, name: str) -> bytes:
    """Return what is in a file; raises OSError, for a link and a file that is too large too."""
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NONBLOCK | _FILE, dir_fd=folder), "rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise OSError(f"larger than {LARGEST_BYTES // 1024**2} MiB")
    return data
