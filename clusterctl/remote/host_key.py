"""Whether a server is who it should be: its key, or a certificate of an authority that known_hosts trusts for it."""

from __future__ import annotations

import time

import paramiko

from clusterctl.remote.certificate import Certificate, read_certificate, why_not_for_host
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.known_hosts import HostKey, KnownHosts, fingerprint
from clusterctl.remote.target import Target


def check_host_key(offered: paramiko.PKey, hosts: KnownHosts, target: Target) -> None:
    """Return if the host may be trusted; raises HostFailure (rung `host-key`) before anything was sent."""
    key, name = HostKey(offered.get_name(), offered.asbytes()), target.known_as
    blob = offered.public_blob
    certificate = None if blob is None else read_certificate(blob.key_type, blob.key_blob)
    revoked = [key.blob, certificate.authority_blob] if certificate else [key.blob]
    if any(hosts.is_revoked(one) for one in revoked):
        problem = f"host key {key.print} is revoked in known_hosts; nothing was sent"
        raise HostFailure(target.host, "host-key", problem, next_step=_ASK)
    known = hosts.keys_of(name)
    sort = ""
    why = _why_not(certificate, hosts, name, target) if certificate else ""
    if key in known or (certificate and not why):
        return
    if why and certificate and hosts.has_authority(name, certificate.authority_blob):
        problem = f"host certificate of {key.print} refused: {why}; nothing was sent"
        step = "have the host's certificate made anew: ssh-keygen -s CA -h -n NAMES KEY.pub"
    elif known:
        prints = ", ".join(sorted(f"{old.kind} {old.print}" for old in known))
        problem = f"host key changed: known {prints}, offered {key.kind} {key.print}; nothing was sent"
        sort = "host key changed"
        step = (
            f"{_ASK}; if it was made anew: ssh-keygen -R '{name}', then clusterctl hosts trust {target.host}"
        )
    else:
        where = " or ".join(hosts.files)
        problem = f"unknown host key {key.kind} {key.print}: {name} is not in {where}"
        step = "clusterctl hosts trust"
    raise HostFailure(target.host, "host-key", problem, next_step=step, kind=sort)


_ASK = "ask whoever runs the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"


def _why_not(certificate: Certificate, hosts: KnownHosts, name: str, target: Target) -> str:
    """Return why a certificate does not count, or nothing; its names are those of ssh: the alias, else the address."""
    if not hosts.has_authority(name, certificate.authority_blob):
        return f"its authority {fingerprint(certificate.authority_blob)} is not known"
    plain = target.ssh.host_key_alias if target.ssh and target.ssh.host_key_alias else target.address
    return why_not_for_host(certificate, plain, time.time())
