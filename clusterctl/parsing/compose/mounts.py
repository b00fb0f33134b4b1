"""`volumes` and `tmpfs`: named volumes, paths of the host, and memory; what a host must not give away."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from clusterctl.model.service import Mount
from clusterctl.parsing.compose.top import demand_declared
from clusterctl.parsing.compose.walk import Context, Key, read_section, text_by, value_of
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.names import parse_volume_name
from clusterctl.parsing.paths import parse_absolute_path
from clusterctl.parsing.scalars import as_text, flag_of, one_of, parse_some_size
from clusterctl.parsing.words import Expected, Unfit, quoted

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")

_LONG = "services.*.volumes[]"
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
    """Return a mount from `SOURCE:TARGET[:OPTIONS]`, options such as `ro,z`."""
    parts = text.split(":")
    if not text or len(parts) > 3:
        raise Expected("a mount such as data:/var/lib/data or /srv/web:/web:ro")
    if len(parts) == 1:
        raise Unfit("a volume without a name is not supported: name it, NAME:/path")
    kind, source = parse_source(parts[0])
    mount = Mount(kind, source, parse_target(parts[1]))
    for option in parts[2].split(",") if len(parts) == 3 else ():
        mount = _with_option(mount, option)
    return mount


def _with_option(mount: Mount, option: str) -> Mount:
    if option in {"ro", "rw"}:
        return replace(mount, read_only=option == "ro")
    if option in {"z", "Z"}:
        return replace(mount, selinux=option)
    if option == "nocopy" and mount.kind == "volume":
        return replace(mount, nocopy=True)
    if option in PROPAGATIONS and mount.kind == "bind":
        return replace(mount, propagation=option)
    if option in {"cached", "delegated", "consistent"}:
        return mount
    raise Expected("ro or rw after the second colon", "z, Z, nocopy and rshared with its kin are known too")


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
    keys = read_section(cursor, _LONG, context)
    kind, target = keys.get("type"), keys.get("target")
    source_kind, source = keys.get("source") or (kind, "")
    for key in ("type", "target") if kind == "tmpfs" else ("type", "source", "target"):
        if cursor.value.get(key) is None:
            cursor.mistake(f'"{key}" is missing')
    strangers = [
        key for key in ("bind", "tmpfs", "volume") if key != kind and cursor.value.get(key) is not None
    ]
    if kind and strangers:
        cursor.mistake(f"{strangers[0]}: does not go with type {kind}")
    if kind == "tmpfs" and target:
        return _tmpfs(str(target), keys.get("tmpfs") or {}, read_only=bool(keys.get("read_only")))
    if kind and kind != source_kind:
        cursor.mistake(f"type {kind} does not go with source {quoted(source)}")
    if not (kind and source and target):
        return None
    options = {**(keys.get("bind") or {}), **(keys.get("volume") or {})}
    return Mount(kind, source, target, bool(keys.get("read_only")), **options)


def _tmpfs(target: str, options: Mapping[str, Any], *, read_only: bool) -> str:
    words = [*(["ro"] if read_only else []), *(f"{name}={value}" for name, value in sorted(options.items()))]
    return f"{target}:{','.join(words)}" if words else target


def _options_of(section: str, **names: str) -> Callable[[Cursor, Context], dict[str, Any]]:
    """Return a reader of the options of one kind of mount, as fields of `Mount`."""

    def read(cursor: Cursor, context: Context) -> dict[str, Any]:
        keys = read_section(cursor, f"{_LONG}.{section}", context)
        return {field: keys[key] for key, field in names.items() if keys.get(key) is not None}

    return read


def parse_tmpfs_mode(text: str) -> str:
    """Return rights in octal, without the mark of YAML 1.2."""
    if not re.fullmatch(r"(?:0o?)?[0-7]{3,4}", text):
        raise Expected("rights in octal such as 1777")
    return text.removeprefix("0o")


def parse_subpath(text: str) -> str:
    """Return a path inside a volume."""
    return parse_absolute_path(f"/{text}").removeprefix("/")


def _check_source(place: Cursor, mount: Mount, context: Context) -> None:
    """Note a volume that is not declared; which paths of the host may be mounted is the policy's."""
    if mount.kind == "volume":
        demand_declared(place, "volume", mount.source, context.volumes)


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


def read_ignored(_cursor: Cursor, _context: Context) -> None:
    """Take a key that means nothing on Linux, as Compose does."""


MOUNT_KEYS: Mapping[str, Key] = {
    "services.*.tmpfs": Key(read_tmpfs),
    "services.*.volumes": Key(read_mounts, "named, bind, tmpfs; system paths: policy.allow.host_paths"),
    f"{_LONG}.bind": Key(
        _options_of("bind", create_host_path="create_host_path", propagation="propagation", selinux="selinux")
    ),
    f"{_LONG}.bind.create_host_path": Key(value_of(flag_of), "false if left out: a path must be on the host"),
    f"{_LONG}.bind.propagation": Key(value_of(one_of(*PROPAGATIONS))),
    f"{_LONG}.bind.selinux": Key(value_of(one_of("z", "Z"))),
    f"{_LONG}.consistency": Key(read_ignored, "means nothing on Linux"),
    f"{_LONG}.read_only": Key(value_of(flag_of)),
    f"{_LONG}.source": Key(text_by(parse_source)),
    f"{_LONG}.target": Key(text_by(parse_target)),
    f"{_LONG}.tmpfs": Key(_options_of("tmpfs", size="size", mode="mode")),
    f"{_LONG}.tmpfs.mode": Key(text_by(parse_tmpfs_mode)),
    f"{_LONG}.tmpfs.size": Key(text_by(parse_some_size)),
    f"{_LONG}.type": Key(value_of(one_of("volume", "bind", "tmpfs"))),
    f"{_LONG}.volume": Key(_options_of("volume", nocopy="nocopy", subpath="subpath")),
    f"{_LONG}.volume.nocopy": Key(value_of(flag_of)),
    f"{_LONG}.volume.subpath": Key(text_by(parse_subpath), "docker 26 and later"),
}
"""The rows of these keys for the table in `compose.keys`."""
