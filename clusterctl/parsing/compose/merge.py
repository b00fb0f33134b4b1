"""One Compose file over another: what is written twice becomes one (Compose Specification, section "Merge").

Mappings are merged key by key, lists are appended, other values are replaced. Lists that are mappings in another form
(`environment`, `labels`) are merged by name; ports, volumes, configs and secrets by what they are in the container.
`!reset` takes a value away, `!override` puts its own in place of what was there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clusterctl.parsing.yaml_core import Entry, Value

_REPLACED = frozenset({"services.*.command", "services.*.entrypoint", "services.*.healthcheck.test"})
_NAMED = frozenset(
    {
        *(f"services.*.{key}" for key in ("annotations", "environment", "labels", "sysctls")),
        "services.*.deploy.labels",
        *(f"{kind}.*.labels" for kind in ("networks", "volumes", "configs", "secrets")),
        *("networks.*.driver_opts", "volumes.*.driver_opts"),
    }
)
_LISTED = frozenset({"services.*.depends_on", "services.*.networks"})
"""Mappings, or lists of names that mean a mapping to nothing more."""
_TAGS = frozenset({"reset", "override"})
_COMMON = ("services", "networks", "volumes", "configs", "secrets")


def merge(base: Value, over: Value, path: str = "") -> Value:
    """Return `base` with `over` laid over it; `path` is where, with `*` for names."""
    if over.mark == "override" or _is_replaced(base, over, path):
        return bare(over)
    if over.kind == "null" and base.kind in {"map", "list"}:
        return base
    if path in _NAMED or path in _LISTED:
        base, over = _as_map(base, path), _as_map(over, path)
    if base.kind == "map" and over.kind == "map":
        return replace(base, entries=_merge_entries(base, over, path), line=over.line)
    if "list" in {base.kind, over.kind}:
        return replace(over, kind="list", text="", data=None, items=_merge_items(base, over, path))
    return bare(over)


def _is_replaced(base: Value, over: Value, path: str) -> bool:
    """Say whether a value is replaced whole; the options of a log driver mean nothing to another one."""
    if path == "services.*.logging":
        return _field(base, "driver") != _field(over, "driver")
    return path in _REPLACED and over.kind != "null"


def _items(value: Value) -> tuple[Value, ...]:
    if value.kind == "list":
        return value.items
    return () if value.kind == "null" else (value,)


def _merge_items(base: Value, over: Value, path: str) -> tuple[Value, ...]:
    """Return the items of both; a text alone stands for a list of one (`dns`, `env_file`)."""
    items = [*_items(base), *map(bare, _items(over))]
    if path not in _UNIQUE:
        return tuple(items)
    return tuple({_UNIQUE[path](item): item for item in items}.values())


def bare(value: Value) -> Value:
    """Return a value without the tags of a merge, and without what they take away."""
    if value.kind == "map":
        entries = (entry for entry in value.entries if entry.value.mark != "reset")
        kept = tuple(replace(entry, value=bare(entry.value)) for entry in entries)
        return replace(value, entries=kept, mark="" if value.mark in _TAGS else value.mark)
    if value.kind == "list":
        kept_items = tuple(bare(item) for item in value.items if item.mark != "reset")
        return replace(value, items=kept_items, mark="")
    return replace(value, mark="") if value.mark in _TAGS else value


def _merge_entries(base: Value, over: Value, path: str) -> tuple[Entry, ...]:
    found = {entry.key: entry for entry in base.entries}
    for entry in over.entries:
        below = _below(path, entry.key)
        if entry.value.mark == "reset":
            found.pop(entry.key, None)
        elif entry.key in found:
            merged = merge(found[entry.key].value, entry.value, below)
            found[entry.key] = Entry(entry.key, entry.line, merged)
        else:
            found[entry.key] = replace(entry, value=bare(entry.value))
    return tuple(found.values())


def _below(path: str, key: str) -> str:
    if path in _COMMON:
        return f"{path}.*"
    return f"{path}.{key}" if path else key


def _as_map(value: Value, path: str) -> Value:
    """Return a list of `NAME=VALUE`, or of names, as the mapping that it stands for."""
    if value.kind != "list" or any(item.kind in {"list", "map"} for item in value.items):
        return value
    entries = {}
    for item in value.items:
        name, mark, text = item.text.partition("=") if path in _NAMED else (item.text, "", "")
        meant = Value("str", item.line, text, text) if mark else _nothing(item, path)
        entries[name] = Entry(name, item.line, meant)
    return replace(value, kind="map", items=(), entries=tuple(entries.values()))


def _nothing(item: Value, path: str) -> Value:
    """Return what a name alone in a list means in the form of a mapping."""
    if path != "services.*.depends_on":
        return Value("null", item.line)
    started = Value("str", item.line, "service_started", "service_started")
    return Value("map", item.line, entries=(Entry("condition", item.line, started),))


# --- what is the same thing ----------------------------------------------------------------------


def _field(item: Value, *names: str) -> str:
    return next((found.text for name in names if (found := item.get(name)) is not None), "")


def _port(item: Value) -> object:
    """Return what makes a port the same: address, published port, target, protocol."""
    if item.kind == "map":
        found = (_field(item, "host_ip"), _field(item, "published"), _field(item, "target"))
        return (*found, _field(item, "protocol") or "tcp")
    text, _, protocol = item.text.partition("/")
    head, _, target = text.rpartition(":")
    address, _, published = head.rpartition(":")
    return address, published, target, protocol or "tcp"


def _mount(item: Value) -> object:
    """Return what makes a volume the same: its place in the container."""
    if item.kind == "map":
        return _field(item, "target").rstrip("/")
    parts = item.text.split(":")
    return (parts[1] if len(parts) > 1 else parts[0]).rstrip("/")


def _grant(folder: str) -> Callable[[Value], object]:
    """Return what says whether configs or secrets are the same: their place in the container."""

    def identify(item: Value) -> object:
        target = _field(item, "target", "source") if item.kind == "map" else item.text
        return target if target.startswith("/") else f"{folder}{target}"

    return identify


_UNIQUE: dict[str, Callable[[Value], object]] = {
    "services.*.ports": _port,
    "services.*.volumes": _mount,
    "services.*.configs": _grant("/"),
    "services.*.secrets": _grant("/run/secrets/"),
}
