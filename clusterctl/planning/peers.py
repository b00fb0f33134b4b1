"""Which hosts are asked whether they can reach the silent ones. Pure: the same round asks the same peers.

Peers stand on a ring, in an order that each round shuffles by a hash, and each silent host has a place on it: the next ones
are asked, so that load and blame go round; those of other failure domains come first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import chain, islice

from clusterctl.model.host import Host
from clusterctl.model.inventory import Inventory
from clusterctl.model.service import Port
from clusterctl.model.snapshot import Snapshot
from clusterctl.planning.generations import latest_manifest
from clusterctl.planning.manifest import instances_of, project_of

ASKED = 3
"""How many peers are asked about each host."""
NEEDED = 2
"""How many of them must have found nothing before a host counts as silent; all, where there are fewer."""


def peers_of(
    inventory: Inventory, silent: Sequence[str], able: Sequence[str], number: int
) -> Mapping[str, tuple[str, ...]]:
    """Return peer -> the hosts that it is asked about; `number` is that of the round."""
    asked: dict[str, list[str]] = {}
    hosts = {host.name: host for host in inventory.hosts}
    domain = inventory.policy.domain
    if not silent:
        return {}
    ring = sorted(able, key=lambda peer: _shuffled(peer, number))
    for name in silent:
        begin = _shuffled(name, number) % max(len(ring), 1)
        others = [peer for peer in chain(islice(ring, begin, None), islice(ring, begin)) if peer != name]
        far = (peer for peer in others if not _shares_domain(hosts[peer], hosts[name], domain))
        near = (peer for peer in others if _shares_domain(hosts[peer], hosts[name], domain))
        for peer in islice(chain(far, near), ASKED):
            asked.setdefault(peer, []).append(name)
    return {peer: tuple(mine) for peer, mine in sorted(asked.items())}


def _shuffled(name: str, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{name} {number}".encode()).digest()[:8])


def _shares_domain(one: Host, other: Host, domain: str) -> bool:
    return domain in one.labels and one.labels[domain] == other.labels.get(domain)


def service_ports(snapshot: Snapshot, cluster: str) -> dict[str, tuple[int, ...]]:
    """Return host -> the TCP ports that services have there, as the manifests place them."""
    found: dict[str, set[int]] = {}
    for name in sorted({name for facts in snapshot.seen for name in facts.manifests}):
        manifest = latest_manifest(snapshot, cluster, name)
        for instance, service in instances_of(manifest, project_of(manifest)) if manifest else ():
            ports = {port.published for port in service.ports if port.published and _is_to_be_reached(port)}
            if manifest and ports:
                found.setdefault(manifest.placements[instance.name], set()).update(ports)
    return {host: tuple(sorted(ports)) for host, ports in found.items()}


def _is_to_be_reached(port: Port) -> bool:
    return port.protocol == "tcp" and not port.host_ip.startswith(("127.", "::1"))
