"""Where each value of a host comes from, as it is shown: `inventory.yaml:7`, `~/.ssh/config:12`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.outside import Described


def origins_of(read: Iterable[tuple[tuple[str, ...], Described]]) -> Mapping[str, Mapping[str, str]]:
    """Return by host and key where what counts is written."""
    found: dict[str, Mapping[str, str]] = {}
    for names, described in read:
        shown = _of(described)
        found |= dict.fromkeys(names, shown)
    return found


def _of(described: Described) -> Mapping[str, str]:
    return {
        "name": _where(described.place),
        **{key: _where(place) for key, place in described.keys.items()},
        **{f"labels.{key}": _where(place) for key, place in described.labels.items()},
        **{f"ssh.{key}": _where(place) for key, place in described.ssh.items()},
    }


def _where(place: Cursor) -> str:
    line = place.key_line or place.line
    return f"{place.log.file}:{line}" if line else place.log.file
