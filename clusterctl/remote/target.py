"""Where a host is, as SSH needs it. Defaults and inventory forms are resolved before (cli)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One host to be reached; `host` is its name in the inventory, `address` what the network knows.

    `via` is the SSH server through which it is reached, which may have one before it.
    """

    host: str
    address: str
    port: int
    user: str
    via: Target | None = None

    @property
    def known_as(self) -> str:
        """The name under which known_hosts keeps the host (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"
