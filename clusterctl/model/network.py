"""Networks of containers on one host: docker's bridges. There is none across hosts (README, "Absent on purpose")."""

from __future__ import annotations

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, order=True)
class Network:
    """A bridge of a project by its key in the playbook, or one that somebody else has made (`external`).

    `name` empty: docker's name is made from project and key. `pools` are subnet, gateway and range of addresses.
    """

    key: str
    name: str = ""
    external: bool = False
    internal: bool = False
    ipv6: bool = False
    options: Pairs = ()
    pools: tuple[tuple[str, str, str], ...] = ()
    labels: Pairs = ()

    @property
    def is_plain(self) -> bool:
        """Whether nothing is said of it, so that docker's defaults hold."""
        return self == Network(self.key)


@dataclass(frozen=True, slots=True, order=True)
class NetworkUse:
    """A service in a network: by which names others find it there besides its own, with which addresses."""

    network: Network
    aliases: tuple[str, ...] = ()
    ipv4: str = ""
    ipv6: str = ""


DEFAULT = NetworkUse(Network("default"))
"""Where a service is that names no network, as in Compose."""
