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
    """Two labs that start at the same time may choose the same subnet: the engine refuses the second."""
    from docker.errors import APIError
    from docker.types import IPAMConfig, IPAMPool

    for _ in range(_ATTEMPTS):
        subnet = choose_subnet(each for network in engine.api.networks() for each in _subnets(network))
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
        else:
            return subnet
    raise LabError("no subnet was free for the lab's network", next_step="run this again")


def _subnets(network: dict[str, Any]) -> list[str]:
    return [each["Subnet"] for each in (network["IPAM"]["Config"] or []) if "Subnet" in each]
