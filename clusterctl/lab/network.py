"""The network of a lab: a bridge with a subnet that nothing else uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusterctl.errors import LabError
from clusterctl.lab.layout import LABEL, choose_subnet, gateway_address, object_name

if TYPE_CHECKING:
    from docker import DockerClient

_ATTEMPTS = 5


def ensure_network(engine: DockerClient, lab: str) -> str:
    """Return the subnet of a lab, making its network when there is none."""
    for network in engine.api.networks(filters={"label": f"{LABEL}={lab}"}):
        return _subnets(network)[0]
    return _make_network(engine, lab)


def _make_network(engine: DockerClient, lab: str) -> str:
    """Make it on a subnet that the engine takes.

    Two labs that start at the same time choose the same one, and the engine, which refuses the second, does not list
    the first before it is done: what was refused once is not asked for again.
    """
    from docker.errors import APIError
    from docker.types import IPAMConfig, IPAMPool

    refused: list[str] = []
    for _ in range(_ATTEMPTS):
        listed = [each for network in engine.api.networks() for each in _subnets(network)]
        subnet = choose_subnet([*listed, *refused])
        pool = IPAMPool(subnet=subnet, gateway=gateway_address(subnet))
        try:
            engine.api.create_network(
                object_name(lab),
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[pool]),
                check_duplicate=True,
                labels={LABEL: lab},
            )
        except APIError as error:
            if "overlap" not in str(error.explanation):
                raise
            refused.append(subnet)
        else:
            return subnet
    raise LabError("no subnet was free for the lab's network", next_step="run this again")


def _subnets(network: dict[str, Any]) -> list[str]:
    return [each["Subnet"] for each in (network["IPAM"]["Config"] or []) if "Subnet" in each]
