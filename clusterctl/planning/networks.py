"""The bridges of an instance: their names on a host, and the commands of its unit that make and join them.

A unit makes what it needs before each start, so that a boot or a `docker network prune` costs nothing. A network
never changes: one that is not plain has the digest of what it is in its name. Removal is `remote/shell/networks.sh`.
"""

from __future__ import annotations

import hashlib
import shlex
from functools import lru_cache

from clusterctl.model.network import DEFAULT, Network, NetworkUse
from clusterctl.model.service import Service
from clusterctl.model.snapshot import HostFacts
from clusterctl.planning.spec import canonical

DOCKER = "/usr/bin/docker"
LABEL = "io.clusterctl"
_LOCK = "/run/clusterctl-networks.lock"


def uses_of(service: Service) -> tuple[NetworkUse, ...]:
    """Return the networks of a service, the one with the default route first; none with a `network_mode`."""
    return () if service.network_mode else service.networks or (DEFAULT,)


@lru_cache(maxsize=4096)
def network_name(project: str, network: Network) -> str:
    """Return docker's name of a network: as said, else PROJECT_KEY as Compose names it."""
    if network.name or network.external:
        return network.name or network.key
    plain = f"{project}_{network.key}"
    return plain if network.is_plain else f"{plain}-{network_digest(network)[:8]}"


@lru_cache(maxsize=4096)
def network_digest(network: Network) -> str:
    """Return the digest of what a network is, which its label holds."""
    said = [network.internal, network.ipv6, network.options, network.pools, network.labels]
    return hashlib.sha256(canonical(said).encode()).hexdigest()[:16]


def own_networks(service: Service, project: str) -> tuple[str, ...]:
    """Return the names of the networks that the unit makes."""
    return tuple(network_name(project, use.network) for use in uses_of(service) if not use.network.external)


def network_options(service: Service, project: str) -> list[str]:
    """Return the options of docker run for the first network, or for the mode."""
    if service.network_mode:
        return [f"--network={service.network_mode}"]
    return [
        f"--network={network_name(project, uses_of(service)[0].network)}",
        *_join(service, uses_of(service)[0], "network-"),
    ]


def make_script(service: Service, project: str) -> str:
    """Return the shell script that has the service's own networks on the host, or ""; one unit at a time does it."""
    return _make_all(uses_of(service), project)


@lru_cache(maxsize=4096)
def _make_all(uses: tuple[NetworkUse, ...], project: str) -> str:
    made = [_make(project, use.network) for use in uses if not use.network.external]
    if not made:
        return ""
    return f"exec 9>{_LOCK}; /usr/bin/flock -w 60 9; {'; '.join(made)}"


def join_script(service: Service, project: str, cid: str) -> str:
    """Return the shell script that joins a created container to its other networks, or "" where it has one."""
    others = uses_of(service)[1:]
    return " && ".join(
        shlex.join(
            [DOCKER, "network", "connect", *_join(service, use, ""), network_name(project, use.network)]
        )
        + f" $(cat {cid})"
        for use in others
    )


def may_join(service: Service, project: str, facts: HostFacts) -> str:
    """Return why the networks on a host do not fit, or "": one that is somebody else's, or external and not there."""
    if facts.networks is None:
        return ""
    for use in uses_of(service):
        name = network_name(project, use.network)
        found = facts.networks.get(name)
        if use.network.external:
            if found is None:
                return f"has no network {name}, which is external: docker network create {name}"
        elif found == "":
            return f"a network {name} exists and is not ours"
        elif found not in {None, network_digest(use.network)}:
            return f"the network {name} is there and is another: give the changed one another name"
    return ""


def _make(project: str, network: Network) -> str:
    """Return the command that makes a network unless it is there as wanted; docker refuses a name that is taken."""
    name, digest = network_name(project, network), network_digest(network)
    words = [DOCKER, "network", "create", "--driver=bridge", f"--label={LABEL}.project={project}"]
    words += [f"--label={LABEL}.network={digest}"]
    words += ["--internal"] if network.internal else []
    words += ["--ipv6"] if network.ipv6 else []
    words += [f"--opt={key}={value}" for key, value in network.options]
    for subnet, gateway, ip_range in network.pools:
        words += [f"--subnet={subnet}"]
        words += [f"--gateway={gateway}"] if gateway else []
        words += [f"--ip-range={ip_range}"] if ip_range else []
    words += [f"--label={key}={value}" for key, value in network.labels]
    look = f"""{DOCKER} network inspect --format '{{{{index .Labels "{LABEL}.network"}}}}' {shlex.quote(name)} 2>/dev/null"""
    return f'[ "$({look})" = {digest} ] || {shlex.join([*words, name])} >/dev/null || exit 1'


def _join(service: Service, use: NetworkUse, prefix: str) -> list[str]:
    """Return the options of joining: names by which others find the service (its own name too)."""
    words = [f"--{prefix}alias={alias}" for alias in dict.fromkeys([service.name, *use.aliases])]
    words += [f"--ip={use.ipv4}"] if use.ipv4 else []
    words += [f"--ip6={use.ipv6}"] if use.ipv6 else []
    return words
