"""The folder of a lab on this machine: key, known_hosts, inventory. What runs is known by the engine alone."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from clusterctl.lab import texts
from clusterctl.lab.layout import LabInfo

KEY = "id_ed25519"
KNOWN_HOSTS = "known_hosts"
INVENTORY = "inventory.yaml"


def state_root() -> Path:
    """Folder of everything clusterctl keeps on this machine (CLUSTERCTL_STATE, or XDG's state folder)."""
    if own := os.environ.get("CLUSTERCTL_STATE"):
        return Path(own).absolute()
    xdg = os.environ.get("XDG_STATE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".local" / "state").absolute() / "clusterctl"


def folder(lab: str) -> Path:
    """Folder of one lab; it need not exist."""
    return state_root() / "labs" / lab


def inventory_path(lab: str) -> Path:
    """Where the inventory of a lab is."""
    return folder(lab) / INVENTORY


def make_folder(lab: str) -> Path:
    """Make the folder of a lab, for its owner only."""
    path = folder(lab)
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def remove_folder(lab: str) -> None:
    """Remove the folder of a lab, if there is one."""
    if folder(lab).exists():
        shutil.rmtree(folder(lab))


def write(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Replace a file as a whole, so that a reader never sees half of it."""
    temporary = path.with_name(f".{path.name}.new")
    data = content.encode() if isinstance(content, str) else content
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
    temporary.replace(path)


def write_files(info: LabInfo) -> None:
    """Write inventory and known_hosts of a lab."""
    write(folder(info.name) / KNOWN_HOSTS, texts.render_known_hosts(info.hosts), mode=0o644)
    write(info.inventory, texts.render_inventory(info.name, info.hosts), mode=0o644)


@contextmanager
def exclusively(what: str) -> Iterator[None]:
    """Hold the right to change a lab, or whatever else is named: a second `lab up` waits for the first."""
    locks = state_root() / "labs"
    locks.mkdir(parents=True, exist_ok=True)
    path = locks / f".{what}.lock"
    with _lock(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _lock(path: Path) -> IO[bytes]:
    """Return the locked file; its last owner removed it, so it may no longer be the one of that name."""
    while True:
        file = path.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        file.close()
