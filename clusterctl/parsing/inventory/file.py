"""The inventory file as a model value.

Hosts are read in `inventory.hosts`, groups in `inventory.groups`, the policy in `inventory.policy`, and what is
described elsewhere in `sources`. Every mistake of all files is listed at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from clusterctl.model.inventory import Inventory, Policy, SshSettings
from clusterctl.parsing.cursor import Cursor, open_root
from clusterctl.parsing.inventory.groups import read_groups
from clusterctl.parsing.inventory.hosts import HostReader
from clusterctl.parsing.inventory.policy import read_policy
from clusterctl.parsing.inventory.sources import Sources, read_sources
from clusterctl.parsing.inventory.ssh import read_ssh
from clusterctl.parsing.names import parse_service_name
from clusterctl.parsing.outside import Described, Note, Outside
from clusterctl.parsing.scalars import as_text

KEYS = ("cluster", "ssh", "policy", "sources", "hosts", "groups")


@dataclass(frozen=True, slots=True)
class Reading:
    """An inventory, what was said about which hosts and where, and notes on what has no effect."""

    inventory: Inventory
    origins: tuple[tuple[tuple[str, ...], Described], ...]
    notes: tuple[Note, ...]


def parse_inventory(data: bytes | str, file: str, outside: Outside | None = None) -> Inventory:
    """Return the inventory in the text; raises InputError with every mistake. `file` is only named.

    `outside` gives the files and programs of its sources.
    """
    return read_inventory(data, file, outside).inventory


def read_inventory(data: bytes | str, file: str, outside: Outside | None = None) -> Reading:
    """Return the inventory in the text and where each of its values comes from; raises InputError."""
    root = open_root(data, file)
    reading = _read(root, outside or Outside())
    root.log.raise_if_any()
    return reading


def _read(root: Cursor, outside: Outside) -> Reading:
    keys = root.section(KEYS)
    cluster = keys["cluster"].read(as_text(parse_service_name), "") if "cluster" in keys else ""
    if "cluster" not in keys:
        root.mistake('"cluster" is missing: the name of the cluster, such as "prod"', 1)
    ssh = read_ssh(keys["ssh"]) if "ssh" in keys else SshSettings()
    sources = read_sources(keys["sources"], outside) if "sources" in keys else Sources()
    if "hosts" not in keys and not sources.hosts:
        found = "the sources have none" if "sources" in keys else "at least one host is needed"
        root.mistake(f'"hosts" is missing: {found}', 1)
    reader = HostReader(ssh, sources)
    hosts = reader.read(keys.get("hosts"), root)
    names = {host.name for host in hosts}
    policy = read_policy(keys["policy"], names) if "policy" in keys else Policy()
    groups = read_groups(keys.get("groups"), hosts, sources.groups)
    inventory = Inventory(cluster, hosts, groups, ssh, policy, reader.outside())
    return Reading(inventory, tuple(reader.origins), tuple(sorted(set(sources.notes))))
