"""Where the hosts of an inventory are: address, user, options, and the jump hosts on the way."""

from __future__ import annotations

from collections.abc import Iterable

from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.remote.target import Target


def target_of(inventory: Inventory, host: Host, default_user: str) -> Target:
    """Return where a host of an inventory is, with the way to it and the options of each on it."""
    user, via = inventory.ssh.user or default_user, None
    for hop in host.jumps:
        ssh = inventory.ssh_of(hop.name)
        via = Target(hop.name, hop.address, hop.port, hop.user or user, via, ssh)
    return Target(host.name, host.address, host.port, host.user or user, via, host.ssh)


def with_jump_hosts(targets: Iterable[Target]) -> dict[str, Target]:
    """Return targets by name, before each of them the jump hosts on the way to it, the first one first."""
    found: dict[str, Target] = {}
    for target in targets:
        way: Target | None = target
        chain = []
        while way is not None:
            chain.append(way)
            way = way.via
        found |= {one.host: one for one in reversed(chain) if one.host not in found}
    return found
