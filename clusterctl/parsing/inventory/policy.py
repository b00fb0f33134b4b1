"""The `policy:` part of an inventory: free disk, what playbooks may ask for, and how hosts may be taken out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeVar

from clusterctl.model.inventory import Hook, Policy
from clusterctl.parsing.cursor import Cursor
from clusterctl.parsing.inventory.allow import REPLACED, note_replaced, read_allow
from clusterctl.parsing.limits import parse_limit
from clusterctl.parsing.names import parse_label_key
from clusterctl.parsing.scalars import (
    as_text,
    one_of,
    parse_command,
    parse_percent,
    parse_size,
    parse_some_duration,
)
from clusterctl.parsing.windows import parse_window
from clusterctl.parsing.words import Expected, counted, did_you_mean, quoted
from clusterctl.parsing.yaml_core import Value

T = TypeVar("T")

HOOK_KEYS = ("command", "on", "timeout")

STRATEGIES = ("spread", "pack", "headroom")


def _parse_strategy(text: str) -> str:
    if text not in STRATEGIES:
        raise Expected("spread, pack or headroom")
    return text


_LISTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "windows": ("windows", parse_window),
}
_VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "max_unavailable": ("max_unavailable", parse_limit),
    "max_unavailable_per_zone": ("max_unavailable_per_domain", parse_limit),
    "domain": ("domain", parse_label_key),
    "strategy": ("strategy", _parse_strategy),
}
_HOOKS = ("before", "after")
KEYS = ("min_free_disk", "lock_hosts", "allow", *_LISTS, *_VALUES, *_HOOKS)


def read_policy(cursor: Cursor, hosts: Collection[str]) -> Policy:
    """Read the policy; `hosts` are the names that lock hosts may have."""
    keys = cursor.section((*KEYS, *REPLACED))
    fields: dict[str, Any] = {}
    for key, place in keys.items():
        if key in _LISTS:
            field, parser = _LISTS[key]
            fields[field] = _read_list(place, as_text(parser))
        elif key in _VALUES:
            field, parser = _VALUES[key]
            fields[field] = place.read(as_text(parser), None)
        elif key in _HOOKS:
            fields[key] = _read_hooks(place)
        elif key in REPLACED:
            note_replaced(key, place)
        elif key == "allow":
            fields[key] = read_allow(place)
        elif key == "lock_hosts":
            fields[key] = _read_lock_hosts(place, hosts)
    policy = _read_free_disk(keys["min_free_disk"]) if "min_free_disk" in keys else Policy()
    return replace(policy, **{field: value for field, value in fields.items() if value is not None})


def _read_list(cursor: Cursor, parser: Callable[[Value], T]) -> tuple[T, ...]:
    read = (item.read(parser, None) for item in cursor.items())
    return tuple(value for value in read if value is not None)


def _read_lock_hosts(cursor: Cursor, hosts: Collection[str]) -> tuple[str, ...]:
    """Read the names of the lock hosts; a lock needs most of them, so an even number gains nothing."""
    names: list[str] = []
    for item in cursor.items():
        name = item.read(as_text(_parse_name), None)
        if name is not None and name in names:
            item.mistake(f"{quoted(name)} is there twice")
        elif name is not None and name not in hosts:
            item.mistake(f"no host named {quoted(name)}{did_you_mean(name, hosts)}")
        names += [name] if name is not None else []
    count = len(cursor.value.items)
    two_of_two = count == 2 and len(hosts) == 2
    if cursor.value.kind == "list" and count % 2 == 0 and not two_of_two:
        cursor.mistake(f"expected 1, 3 or 5 hosts, got {counted(count, 'host')}: the lock needs most of them")
    return tuple(names)


def _parse_name(text: str) -> str:
    if not text:
        raise Expected("the name of a host")
    return text


def _read_hooks(cursor: Cursor) -> tuple[Hook, ...]:
    """Read one hook or a list of them, each a command or a mapping."""
    read = [_read_hook(item) for item in cursor.items_or_self()]
    return tuple(hook for hook in read if hook is not None)


def _read_hook(cursor: Cursor) -> Hook | None:
    if cursor.value.kind != "map":
        command = cursor.read(as_text(parse_command), None)
        return Hook(command) if command else None
    keys = cursor.section(HOOK_KEYS)
    if "command" not in keys:
        cursor.mistake('"command" is missing', cursor.value.entries[0].line if cursor.value.entries else 0)
        return None
    hook = Hook(keys["command"].read(as_text(parse_command), ""))
    if "on" in keys and keys["on"].read(one_of("host", "operator"), "host") == "operator":
        hook = replace(hook, on="operator")
    if "timeout" in keys:
        hook = replace(hook, timeout_s=keys["timeout"].read(as_text(parse_some_duration), hook.timeout_s))
    return hook


def _read_free_disk(cursor: Cursor) -> Policy:
    """Read a percentage, a size, or both; the one that is not given keeps its default."""
    policy = Policy()
    for item in cursor.items_or_self():
        amount = item.read(as_text(_parse_free_disk), None)
        if isinstance(amount, float):
            policy = replace(policy, min_free_disk_percent=amount)
        elif amount is not None:
            policy = replace(policy, min_free_disk_bytes=amount)
    return policy


def _parse_free_disk(text: str) -> float | int:
    try:
        return parse_percent(text) if text.endswith("%") else parse_size(text)
    except Expected:
        raise Expected("a percentage such as 10% or a size such as 1g") from None
