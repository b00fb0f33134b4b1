"""Names that were seen last, for shells to complete: kept under XDG_CACHE_HOME, one file an inventory.

Written by verbs that look; read by `completing`. A file that is missing, old or damaged is as good as none: then
the inventory is read, but not its sources, which may be programs.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusterctl.model.inventory import Inventory

_MOST = 20_000
_FORMAT = 1


@dataclass(frozen=True)
class Names:
    """Names of one cluster; labels as `key=value`, services as `project/service`."""

    hosts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


def remember(path: str, inventory: Inventory, **seen: Iterable[str]) -> None:
    """Keep the names of an inventory, and what a look has seen; never fails: it is a convenience."""
    try:
        place, before = _place(path), _kept(path)
        new = asdict(_names_of(inventory)) | {
            kind: getattr(before, kind) for kind in ("projects", "services", "instances", "runs")
        }
        new |= {kind: sorted(set(words))[:_MOST] for kind, words in seen.items()}
        body = {"format": _FORMAT, "of": _mark(path), "names": new}
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = place.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(body), encoding="utf-8")
        part.replace(place)
    except (OSError, ValueError, RuntimeError):
        return


def recall(path: str) -> Names:
    """Return the names that are known for an inventory's file; none where it cannot be read."""
    kept = _kept(path)
    if kept.hosts and _is_fresh(path):
        return kept
    inventory = _read(path)
    return _merged(_names_of(inventory), kept) if inventory else kept


def _merged(new: Names, kept: Names) -> Names:
    return Names(new.hosts, new.groups, new.labels, kept.projects, kept.services, kept.instances, kept.runs)


def _read(path: str) -> Inventory | None:
    from clusterctl.errors import InputError
    from clusterctl.parsing.inventory.file import parse_inventory
    from clusterctl.remote.named_file import read_named

    try:
        return parse_inventory(read_named(path, most_s=1.0), path)
    except (OSError, ValueError, InputError):
        return None


def _names_of(inventory: Inventory) -> Names:
    return Names(
        tuple(host.name for host in inventory.hosts),
        tuple(sorted(inventory.groups)),
        tuple(sorted({f"{key}={value}" for host in inventory.hosts for key, value in host.labels.items()})),
    )


def _place(path: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    digest = hashlib.sha256(os.fsencode(Path(path).absolute())).hexdigest()[:16]
    return Path(root).absolute() / "clusterctl" / f"names-{digest}.json"


def _mark(path: str) -> list[int]:
    """Return what changes when the inventory's file does."""
    found = Path(path).stat()
    return [found.st_mtime_ns, found.st_size]


def _is_fresh(path: str) -> bool:
    try:
        return bool(json.loads(_place(path).read_bytes())["of"] == _mark(path))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return False


def _kept(path: str) -> Names:
    try:
        body = json.loads(_place(path).read_bytes())
        if body["format"] != _FORMAT:
            return Names()
        return Names(**{one.name: tuple(map(str, body["names"][one.name])) for one in fields(Names)})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return Names()
