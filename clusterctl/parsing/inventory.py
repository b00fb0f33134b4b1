"""The inventory file as a model value.

Hosts are read in `inventory_hosts`, groups in `inventory_groups`, the policy in `inventory_policy`. Every
mistake of the file is listed at once; nothing is looked up and no file is opened.
"""

from __future__ import annotations

from clusterctl.model.inventory import Inventory, Policy, SshSettings
from clusterctl.parsing.cursor import Cursor, open_root
from clusterctl.parsing.inventory_groups import read_groups
from clusterctl.parsing.inventory_hosts import read_hosts
from clusterctl.parsing.inventory_policy import read_policy
from clusterctl.parsing.inventory_ssh import read_ssh
from clusterctl.parsing.names import parse_service_name
from clusterctl.parsing.scalars import as_text

KEYS = ("cluster", "ssh", "policy", "hosts", "groups")


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
    ssh = read_ssh(keys["ssh"]) if "ssh" in keys else SshSettings()
    if "hosts" not in keys:
        root.mistake('"hosts" is missing: at least one host is needed', 1)
    hosts = read_hosts(keys["hosts"], ssh) if "hosts" in keys else ()
    names = {host.name for host in hosts}
    policy = read_policy(keys["policy"], names) if "policy" in keys else Policy()
    groups = read_groups(keys["groups"], hosts) if "groups" in keys else {}
    return Inventory(cluster, hosts, groups, ssh, policy)
