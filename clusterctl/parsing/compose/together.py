"""Keys of a service that docker would refuse together, each value being right by itself: memory, mount points, a long stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterctl.model.service import LONGEST_STOP_S, File, Mount, Service
from clusterctl.parsing.cursor import Cursor

_MOUNTS = ("volumes", "tmpfs", "secrets", "configs")


def check_bounds(cursor: Cursor, service: Service) -> None:
    """Note bounds of memory that contradict each other, and a stop that nobody would wait for."""
    memory, cgroup = service.limits.memory_bytes, service.runtime.cgroup
    if cgroup.memory_swap_bytes > 0 and memory is None:
        _note(cursor, "memswap_limit", "docker takes none without mem_limit: it is memory and swap together")
    if memory is not None and 0 < cgroup.memory_swap_bytes < memory:
        _note(cursor, "memswap_limit", "it is memory and swap together, and cannot be below mem_limit")
    if memory is not None and cgroup.memory_reservation_bytes > memory:
        _note(cursor, "mem_reservation", "it cannot be above mem_limit")
    if service.stop_s > LONGEST_STOP_S:
        words = "a stop takes so long, and as long for each command of pre_stop: a day in all is the most"
        _note(cursor, "stop_grace_period", words)


def check_targets(cursor: Cursor, keys: Mapping[str, Any]) -> None:
    """Note a path of the container at which two keys mount something; what one key mounts twice is noted there."""
    seen: dict[str, str] = {}
    for key in _MOUNTS:
        for target in dict.fromkeys(_targets(keys.get(key) or ())):
            if target in seen:
                _note(cursor, key, f"{target} is mounted by {seen[target]}, too; keep one")
            seen.setdefault(target, key)


def _targets(mounts: tuple[Mount | File | str, ...]) -> Iterator[str]:
    return (one.partition(":")[0] if isinstance(one, str) else one.target for one in mounts)


def _note(cursor: Cursor, key: str, words: str) -> None:
    """Note it where the key stands; it is nowhere where another file or a default gives it."""
    line = next((entry.line for entry in cursor.value.entries if entry.key == key), 0)
    cursor.mistake(f"{key}: {words}", line)
