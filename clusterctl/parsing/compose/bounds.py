"""Bounds that the kernel keeps for a container: ulimits, sysctls, swap, processes, storage."""

from __future__ import annotations

import re

from clusterctl.parsing.compose.pairs import read_pairs
from clusterctl.parsing.compose.walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.scalars import parse_some_size, whole_number
from clusterctl.parsing.words import Expected, did_you_mean, quoted

ULIMITS = frozenset(
    [
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ]
)
"""Names of limits as docker takes them (github.com/docker/go-units, ulimit.go)."""
_SYSCTL = re.compile(r"[a-z0-9_-]{1,64}(?:[./][A-Za-z0-9_.-]{1,64})+")
_OWN_SYSCTLS = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
]


def read_ulimits(cursor: Cursor, context: Context) -> tuple[str, ...]:
    """Read `ulimits:` as `NAME=SOFT:HARD`, in the order of the names; -1 is no limit."""
    limits = []
    for name, place in cursor.entries():
        if name not in ULIMITS:
            place.mistake(f"no limit named {quoted(name)}{did_you_mean(name, ULIMITS)}", place.key_line)
            continue
        if place.value.kind == "map":
            keys = read_section(place, "services.*.ulimits.*", context)
            soft, hard = keys.get("soft"), keys.get("hard")
            if soft is None or hard is None:
                place.mistake("soft and hard are needed, or one number for both")
                continue
        else:
            soft = hard = place.read(whole_number(-1), None)
        if soft is None or hard is None:
            continue
        if hard != -1 and (soft > hard or soft == -1):
            place.mistake("the soft limit is above the hard one")
        limits.append(f"{name}={soft}:{hard}")
    return tuple(sorted(limits))


def read_sysctls(cursor: Cursor, _context: Context) -> dict[str, str]:
    """Read `sysctls:`; docker sets only those of the container's own namespaces."""
    found: dict[str, str] = {}
    for place, raw, value in read_pairs(cursor):
        name = raw.replace("/", ".")
        if not _SYSCTL.fullmatch(raw):
            place.mistake(Expected("a kernel parameter such as net.core.somaxconn").got(quoted(raw)))
        elif not name.startswith(("net.", "fs.mqueue.")) and name not in _OWN_SYSCTLS:
            place.mistake(
                f"{name} is the whole host's, and docker does not set it for a container; set it on the host"
            )
        elif not value or not value.isprintable():
            place.mistake(f"{name} needs a value of one line")
        else:
            found[name] = value
    return dict(sorted(found.items()))


def read_storage_opt(cursor: Cursor, context: Context) -> dict[str, str]:
    """Read `storage_opt:`, which only some storage drivers know."""
    keys = read_section(cursor, "services.*.storage_opt", context)
    return {"size": str(keys["size"])} if keys.get("size") else {}


def parse_swap(text: str) -> int:
    """Return bytes of memory and swap together, -1 for no bound."""
    return -1 if text == "-1" else parse_some_size(text)


def parse_pids(text: str) -> int:
    """Return how many processes there may be; -1 is no bound."""
    if text != "-1" and not re.fullmatch(r"[1-9][0-9]{0,9}", text):
        raise Expected("a whole number of at least 1, or -1 for no bound")
    return int(text)
