"""Where a host is, as SSH needs it. Defaults and inventory forms are resolved before (cli)."""

from __future__ import annotations

from dataclasses import dataclass

from clusterctl.model.ssh import SshSettings


@dataclass(frozen=True, slots=True)
class Target:
    """One host to be reached; `host` is its name in the inventory, `address` what the network knows.

    `via` is the SSH server through which it is reached, which may have one before it. `ssh` are its options, where
    they are not those of whoever connects; hosts with the same ones share the object.
    """

    host: str
    address: str
    port: int
    user: str
    via: Target | None = None
    ssh: SshSettings | None = None

    @property
    def known_as(self) -> str:
        """The name under which known_hosts keeps the host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
        if self.ssh is not None and self.ssh.host_key_alias:
            return self.ssh.host_key_alias
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"
