"""The inventory file as a model value.

Hosts are read in `inventory_hosts`, groups in `inventory_groups`, the policy in `inventory_policy`. Every
mistake of the file is listed at once; nothing is looked up and no file is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from clusterctl.model.inventory import Inventory, Policy, SshSettings
from clusterctl.parsing.cursor import Cursor, open_root
from clusterctl.parsing.inventory_groups import read_groups
from clusterctl.parsing.inventory_hosts import read_hosts
from clusterctl.parsing.inventory_jumps import parse_jumps
from clusterctl.parsing.inventory_policy import read_policy
from clusterctl.parsing.names import parse_port, parse_service_name, parse_user
from clusterctl.parsing.scalars import as_text, parse_line, parse_some_duration

KEYS = ("cluster", "ssh", "policy", "hosts", "groups")

_SSH: dict[str, tuple[str, Callable[[str], Any]]] = {
    "user": ("user", parse_user),
    "port": ("port", parse_port),
    "identity_file": ("identity_file", parse_line),
    "known_hosts": ("known_hosts", parse_line),
    "connect_timeout": ("connect_timeout_s", parse_some_duration),
    "jump": ("jumps", parse_jumps),
    "command_timeout": ("command_timeout_s", parse_some_duration),
}


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
    if "hosts" not in keys:
        root.mistake('"hosts" is missing: at least one host is needed', 1)
    hosts = read_hosts(keys["hosts"], ssh) if "hosts" in keys else ()
    names = {host.name for host in hosts}
    policy = read_policy(keys["policy"], names) if "policy" in keys else Policy()
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
