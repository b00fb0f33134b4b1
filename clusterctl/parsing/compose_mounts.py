"""`volumes` and `tmpfs`: named volumes, paths of the host, and memory; what a host must not give away."""

from __future__ import annotations

import re
from typing import Literal

from clusterctl.model.service import Mount
from clusterctl.parsing.compose_walk import Context, read_section
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_volume_name
from clusterctl.parsing.paths import may_bind, parse_absolute_path
from clusterctl.parsing.scalars import as_text
from clusterctl.parsing.words import Expected, Unfit, did_you_mean, quoted

_TMPFS_OPTIONS = re.compile(r"[a-z]+(?:=[A-Za-z0-9%]+)?(?:,[a-z]+(?:=[A-Za-z0-9%]+)?)*")


def read_mounts(cursor: Cursor, context: Context) -> tuple[Mount | str, ...]:
    """Read `volumes:`; a mount of type tmpfs is given as its path."""
    mounts: dict[str, Mount | str] = {}
    for item in cursor.items():
        mount = (
            _read_long(item, context)
            if item.value.kind == "map"
            else item.read(as_text(parse_short_mount), None)
        )
        if mount is None:
            continue
        target = mount if isinstance(mount, str) else mount.target
        if target in mounts:
            item.mistake(f"{target} is mounted twice")
        if isinstance(mount, Mount):
            _check_source(item, mount, context)
        mounts[target] = mount
    return tuple(mounts.values())


def parse_short_mount(text: str) -> Mount:
    """Return a mount from `SOURCE:TARGET[:ro|rw]`."""
    parts = text.split(":")
    if not text or len(parts) > 3:
        raise Expected("a mount such as data:/var/lib/data or /srv/web:/web:ro")
    if len(parts) == 1:
        raise Unfit("a volume without a name is not supported: name it, NAME:/path")
    if len(parts) == 3 and parts[2] not in {"ro", "rw"}:
        raise Expected("ro or rw after the second colon")
    kind, source = parse_source(parts[0])
    return Mount(kind, source, parse_target(parts[1]), read_only=parts[2:] == ["ro"])


def parse_source(text: str) -> tuple[Literal["bind", "volume"], str]:
    """Return what a source is, and its path or name."""
    if text.startswith("/"):
        return "bind", parse_absolute_path(text)
    if text.startswith((".", "~")):
        raise Unfit("a relative path has no meaning on another host; write an absolute path")
    return "volume", parse_volume_name(text)


def parse_target(text: str) -> str:
    """Return a path in the container."""
    target = parse_absolute_path(text)
    if target == "/":
        raise Unfit("nothing can be mounted over the container's /")
    return target


def _read_long(cursor: Cursor, context: Context) -> Mount | str | None:
    keys = read_section(cursor, "services.*.volumes[]", context)
    kind, target = keys.get("type"), keys.get("target")
    source_kind, source = keys.get("source") or (kind, "")
    for key in ("type", "target") if kind == "tmpfs" else ("type", "source", "target"):
        if cursor.value.get(key) is None:
            cursor.mistake(f'"{key}" is missing')
    if kind == "tmpfs" and target:
        return str(target)
    if kind and kind != source_kind:
        cursor.mistake(f"type {kind} does not go with source {quoted(source)}")
    return Mount(kind, source, target, bool(keys.get("read_only"))) if kind and source and target else None


def _check_source(place: Cursor, mount: Mount, context: Context) -> None:
    """Note a volume that is not declared, and a path that the policy does not allow."""
    if mount.kind == "volume" and mount.source not in context.volumes:
        near = did_you_mean(mount.source, context.volumes)
        place.mistake(f"the volume {quoted(mount.source)} is not declared under the file's volumes:{near}")
    reason = may_bind(mount.source, context.policy.allow_host_paths) if mount.kind == "bind" else ""
    if reason:
        place.mistake(
            f"{mount.source} {reason}; to mount it, list it in the inventory: policy.allow_host_paths"
        )


def read_tmpfs(cursor: Cursor, _context: Context) -> tuple[str, ...]:
    """Read `tmpfs:`, a path or a list of them, each with docker's options after a colon."""
    read = [item.read(as_text(parse_tmpfs), None) for item in cursor.items_or_self()]
    return tuple(path for path in read if path is not None)


def parse_tmpfs(text: str) -> str:
    """Return `PATH` or `PATH:OPTIONS`."""
    path, mark, options = text.partition(":")
    if mark and not _TMPFS_OPTIONS.fullmatch(options):
        raise Expected("a tmpfs such as /run or /run:size=64m,mode=1777")
    return f"{parse_target(path)}{mark}{options}"
