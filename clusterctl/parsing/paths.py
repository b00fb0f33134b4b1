"""Paths on hosts, in containers and beside a playbook, as text; which are the system's is `model.privilege`."""

from __future__ import annotations

import re

from clusterctl.parsing.words import Expected, Unfit

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
