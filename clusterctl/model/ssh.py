"""How a host is reached and who we are there: the options of ssh_config(5) that we honour."""

from __future__ import annotations

from dataclasses import dataclass

ASKED = "-"


@dataclass(frozen=True, slots=True)
class Hop:
    """An SSH server on the way to a host; `name` is that of a host of the inventory, or its address."""

    name: str
    address: str
    port: int = 22
    user: str = ""


@dataclass(frozen=True, slots=True)
class SshSettings:
    """How hosts are reached. Paths are as written (relative ones belong to the inventory's folder).

    Hosts with the same options share one object. `identity_agent`: a socket, `none`, or empty for SSH_AUTH_SOCK.
    `host_key_alias`: the name under which known_hosts keeps the host. Passwords stand in files, never here; the file ASKED
    is the person at the terminal.
    """

    user: str = ""
    port: int = 22
    identity_files: tuple[str, ...] = ()
    known_hosts: tuple[str, ...] = ()
    connect_timeout_s: float = 10.0
    command_timeout_s: float = 60.0
    jumps: tuple[Hop, ...] = ()
    certificate_files: tuple[str, ...] = ()
    identities_only: bool = False
    identity_agent: str = ""
    host_key_alias: str = ""
    password_file: str = ""
    sudo_password_file: str = ""


DEFAULTS = SshSettings()
