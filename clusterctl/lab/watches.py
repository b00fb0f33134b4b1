"""The kernel's limit of inotify instances, which all labs of a machine share: where few are left, systemd of a host hangs."""

from __future__ import annotations

import os
from pathlib import Path

from clusterctl.lab.talk import Say

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
MANY = 1024


def ensure_watches(say: Say, place: Path = LIMIT) -> None:
    """Raise the limit until the next boot, and say so, where it is one that few hosts exhaust and we may (root)."""
    limit = read_limit(place)
    if not _is_scarce(limit) or os.geteuid() != 0:
        return
    try:
        place.write_text(f"{MANY}\n", "ascii")
    except OSError as error:
        say(f"fs.inotify.max_user_instances stays {limit}: {error.strerror or error}")
    else:
        say(
            f"fs.inotify.max_user_instances is {MANY} until the next boot, was {limit}: hosts of labs need them"
        )


def scarce_watches(limit: str) -> list[str]:
    """Return a hint where the limit is one that few hosts exhaust."""
    if not _is_scarce(limit):
        return []
    known = f"all labs of this machine share {limit} inotify instances, a host takes about 9"
    return [f"{known}: fewer hosts, or sysctl fs.inotify.max_user_instances={MANY}"]


def read_limit(place: Path = LIMIT) -> str:
    """Return the limit as the kernel writes it, "" where it cannot be read."""
    try:
        return place.read_text("ascii").strip()
    except OSError:
        return ""


def _is_scarce(limit: str) -> bool:
    return limit.isdecimal() and int(limit) < MANY
