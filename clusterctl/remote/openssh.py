"""The command line of the user's own ssh, with our options: the same host, keys and known hosts as ours. Pure.

Jump hosts become nested ProxyCommands: ssh hands options of ours to no jump host of `-J`.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from clusterctl.model.ssh import SshSettings
from clusterctl.remote.target import Target


def ssh_argv(target: Target, words: Sequence[str] = (), forward: str = "") -> list[str]:
    """Return the command; paths in the options of `target` are whole. `forward`: where to connect to instead of a shell."""
    options = _options(target.ssh or SshSettings())
    argv = ["ssh", "-F", "none", *(word for option in options for word in ("-o", option))]
    argv += ["-l", target.user, "-p", str(target.port)]
    if target.via is not None:
        inner = shlex.join(ssh_argv(target.via, forward=f"{_bracketed(target.address)}:{target.port}"))
        argv += ["-o", f"ProxyCommand={inner.replace('%', '%%')}"]
    if forward:
        argv += ["-W", forward]
    return [*argv, target.address, *words]


def _options(ssh: SshSettings) -> list[str]:
    """Return our options as ssh_config(5) has them. Host keys are always checked, and never learned on the way."""
    found = [
        "StrictHostKeyChecking=yes",
        "UpdateHostKeys=no",
        f"ConnectTimeout={max(1, round(ssh.connect_timeout_s))}",
    ]
    if ssh.known_hosts:
        found += [f"UserKnownHostsFile={_quoted(ssh.known_hosts)}", "GlobalKnownHostsFile=none"]
    if ssh.host_key_alias:
        found.append(f"HostKeyAlias={ssh.host_key_alias}")
    found += [f"IdentityFile={_quoted([path])}" for path in ssh.identity_files]
    found += [f"CertificateFile={_quoted([path])}" for path in ssh.certificate_files]
    if ssh.identities_only:
        found.append("IdentitiesOnly=yes")
    if ssh.identity_agent:
        found.append(f"IdentityAgent={_quoted([ssh.identity_agent])}")
    return found


def _quoted(paths: Sequence[str]) -> str:
    """Return paths as a value of ssh_config(5): in quotes where they have blanks, `%` doubled."""
    doubled = [path.replace("%", "%%") for path in paths]
    return " ".join(f'"{path}"' if " " in path or not path else path for path in doubled)


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
