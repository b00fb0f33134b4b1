"""The inventory file as a model value. Hosts are read in `inventory_hosts`, groups in `inventory_groups`.

Every mistake of the file is listed at once; nothing is looked up and no file is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clusterctl.model.inventory import Inventory, Policy, SshSettings
from clusterctl.parsing.capabilities import parse_capability
from clusterctl.parsing.cursor import Cursor, open_root
from clusterctl.parsing.inventory_groups import read_groups
from clusterctl.parsing.inventory_hosts import read_hosts
from clusterctl.parsing.names import parse_port, parse_service_name, parse_user
from clusterctl.parsing.paths import parse_absolute_path
from clusterctl.parsing.scalars import as_text, parse_line, parse_percent, parse_size, parse_some_duration
from clusterctl.parsing.words import Expected

KEYS = ("cluster", "ssh", "policy", "hosts", "groups")

_SSH: dict[str, tuple[str, Callable[[str], Any]]] = {
    "user": ("user", parse_user),
    "port": ("port", parse_port),
    "identity_file": ("identity_file", parse_line),
    "known_hosts": ("known_hosts", parse_line),
    "connect_timeout": ("connect_timeout_s", parse_some_duration),
    "command_timeout": ("command_timeout_s", parse_some_duration),
}
_POLICY = ("min_free_disk", "allow_host_paths", "allow_capabilities")


def parse_inventory(data: bytes | str, file: str) -> Inventory:
    """Return the inventory in the text; raises InputError with every mistake. `file` is only named."""
    root = open_root(data, file)
    inventory = _read(root)
    root.log.raise_if_any()
    return inventory


def _read(root: Cursor) -> Inventory:
    keys = root.section(KEYS)
    cluster = keys["cluster"].read(as_text(parse_service_name), "") if "cluster" in keys else ""
    if "cluster" not in keys:
        root.mistake('"cluster" is missing: the name of the cluster, such as "prod"', 1)
    ssh = _read_ssh(keys["ssh"]) if "ssh" in keys else SshSettings()
    policy = _read_policy(keys["policy"]) if "policy" in keys else Policy()
    if "hosts" not in keys:
        root.mistake('"hosts" is missing: at least one host is needed', 1)
    hosts = read_hosts(keys["hosts"], ssh) if "hosts" in keys else ()
    groups = read_groups(keys["groups"], hosts) if "groups" in keys else {}
    return Inventory(cluster, hosts, groups, ssh, policy)


def _read_ssh(cursor: Cursor) -> SshSettings:
    settings = SshSettings()
    for key, place in cursor.section(_SSH).items():
        field, parser = _SSH[key]
        value = place.read(as_text(parser), None)
        if value is not None:
            settings = replace(settings, **{field: value})
    return settings


def _read_policy(cursor: Cursor) -> Policy:
    keys = cursor.section(_POLICY)
    policy = _read_free_disk(keys["min_free_disk"]) if "min_free_disk" in keys else Policy()
    return replace(
        policy,
        allow_host_paths=_read_list(keys.get("allow_host_paths"), parse_absolute_path),
        allow_capabilities=_read_list(keys.get("allow_capabilities"), parse_capability),
    )


def _read_list(cursor: Cursor | None, parser: Callable[[str], str]) -> tuple[str, ...]:
    read = (item.read(as_text(parser), None) for item in cursor.items()) if cursor else ()
    return tuple(value for value in read if value is not None)


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
