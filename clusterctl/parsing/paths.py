"""Paths on hosts and in containers, and which paths of a host are the system's (bad-input row 18).

Paths are compared as text: what a link on the host points to is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from clusterctl.parsing.words import Expected, Unfit

SYSTEM_PATHS = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/systemd",
    "/var/run",
    "/var/spool/cron",
)

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029:,\"\\]")
LONGEST_PATH = 1024


def parse_absolute_path(text: str) -> str:
    """Return an absolute path without empty parts, `.` or a slash at the end; `..` is refused."""
    if not text.startswith("/"):
        raise Expected("an absolute path")
    if len(text) > LONGEST_PATH or _FORBIDDEN.search(text):
        raise Unfit("a path may not hold control characters, ':', ',', '\"' or a backslash")
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise Unfit('a path may not hold ".."')
    return "/" + "/".join(parts)


def parse_path_beside(text: str) -> str:
    """Return the path of a file that lies in the playbook's folder or below."""
    if not text or len(text) > LONGEST_PATH or _FORBIDDEN.search(text):
        raise Expected("the path of a file beside the playbook")
    if text.startswith(("/", "~")) or ".." in text.split("/"):
        raise Unfit("the file must lie in the playbook's folder or below")
    return text


def may_bind(path: str, allowed: Iterable[str]) -> str:
    """Return why a host's path may not be mounted, or nothing; `path` is as `parse_absolute_path` gives it."""
    if any(_is_in(path, root) for root in allowed):
        return ""
    if path.endswith("/docker.sock"):
        return "gives the container the whole host"
    if any(_is_in(path, system) or _is_in(system, path) for system in SYSTEM_PATHS):
        return "belongs to the system"
    return ""


def _is_in(path: str, root: str) -> bool:
    return root in {"/", path} or path.startswith(f"{root}/")
