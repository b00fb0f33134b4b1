"""The files that a lab writes for its users, as text. Pure; `state` writes them."""

from __future__ import annotations

from collections.abc import Sequence

from clusterctl.lab.layout import USER, HostInfo

SSH_PORT = 22


def render_inventory(lab: str, hosts: Sequence[HostInfo]) -> str:
    """Return the inventory of a lab; its paths are relative to the file itself."""
    lines = [
        f"cluster: lab-{lab}",
        "ssh:",
        f"  user: {USER}",
        "  identity_file: id_ed25519",
        "  known_hosts: known_hosts",
        "policy:",
        "  min_free_disk: 1%   # lab hosts share the disk of the machine they run on",
        "hosts:",
        *(f"  {each.host}: {_render_host(each)}" for each in hosts),
    ]
    return "\n".join(lines) + "\n"


def _render_host(host: HostInfo) -> str:
    port = "" if host.port == SSH_PORT else f"port: {host.port}, "
    return f"{{address: {host.address}, {port}labels: {{zone: {host.zone}}}}}"


def render_known_hosts(hosts: Sequence[HostInfo]) -> str:
    """Return the known_hosts of a lab: each host's key under the address that SSH is given."""
    return "".join(f"{host_pattern(each)} {each.host_key}\n" for each in hosts)


def host_pattern(host: HostInfo) -> str:
    """Name of a host in known_hosts: other ports than 22 stand behind brackets (sshd(8))."""
    return host.address if host.port == SSH_PORT else f"[{host.address}]:{host.port}"
