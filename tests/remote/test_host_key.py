"""Host certificates: whom known_hosts trusts to say which key a host has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import paramiko
import pytest

from clusterctl.model.ssh import SshSettings
from clusterctl.remote.failure import HostFailure
from clusterctl.remote.host_key import check_host_key
from clusterctl.remote.known_hosts import KnownHosts, fingerprint
from clusterctl.remote.target import Target

HOST = Target("web1", "web1.example.org", 2022, "ops")


def keygen(*words: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *words], check=True, stdout=subprocess.DEVNULL)


def authority(folder: Path, name: str = "ca") -> str:
    """Make an authority and return its public key."""
    keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name))
    return (folder / f"{name}.pub").read_text().strip()


def host_key(folder: Path, *options: str, name: str = "web1.example.org") -> paramiko.PKey:
    """Return a host's key with a certificate for that name."""
    keygen("-t", "ed25519", "-N", "", "-f", str(folder / "host"))
    keygen("-s", str(folder / "ca"), "-I", "host", "-h", "-n", name, *options, str(folder / "host.pub"))
    return paramiko.PKey.from_path(folder / "host")


def known(*lines: str) -> KnownHosts:
    found = KnownHosts(("known",))
    found.read(lines)
    return found


def refusal(key: paramiko.PKey, hosts: KnownHosts, target: Target = HOST) -> str:
    with pytest.raises(HostFailure) as caught:
        check_host_key(key, hosts, target)
    assert caught.value.unreachable.rung == "host-key"
    return caught.value.unreachable.reason


def test_a_certificate_of_a_trusted_authority_stands_for_the_host(tmp_path: Path) -> None:
    hosts = known(f"@cert-authority *.example.org,[*.example.org]:2022 {authority(tmp_path)}")

    check_host_key(host_key(tmp_path), hosts, HOST)


def test_the_name_in_a_certificate_may_be_the_alias(tmp_path: Path) -> None:
    hosts = known(f"@cert-authority web {authority(tmp_path)}")
    target = Target("web1", "192.0.2.1", 22, "ops", None, SshSettings(host_key_alias="web"))

    check_host_key(host_key(tmp_path, name="web"), hosts, target)


@pytest.mark.parametrize(
    ("options", "name", "why"),
    [
        (("-V", "20200101:20200201"), "web1.example.org", "it expired on 2020-0"),
        (("-V", "20900101:20910101"), "web1.example.org", "it is valid from "),
        ((), "other.example.org", "it is made for other.example.org, not for web1.example.org"),
        (("-O", "critical:x=y"), "web1.example.org", "it has options that are not known: x"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused(
    tmp_path: Path, options: tuple[str, ...], name: str, why: str
) -> None:
    hosts = known(f"@cert-authority * {authority(tmp_path)}")
    key = host_key(tmp_path, *options, name=name)

    reason = refusal(key, hosts)

    assert reason.startswith(f"host certificate of {fingerprint(key.asbytes())} refused: {why}")
    assert reason.endswith("; nothing was sent")


def test_a_certificate_for_users_is_none_for_hosts(tmp_path: Path) -> None:
    hosts = known(f"@cert-authority * {authority(tmp_path)}")
    keygen("-t", "ed25519", "-N", "", "-f", str(tmp_path / "host"))
    keygen("-s", str(tmp_path / "ca"), "-I", "x", "-n", "web1.example.org", str(tmp_path / "host.pub"))

    reason = refusal(paramiko.PKey.from_path(tmp_path / "host"), hosts)

    assert "refused: it is made for users, not for hosts" in reason


def test_a_forged_certificate_is_refused(tmp_path: Path) -> None:
    hosts = known(f"@cert-authority * {authority(tmp_path)}")
    key = host_key(tmp_path)
    assert key.public_blob is not None
    blob = bytearray(key.public_blob.key_blob)
    blob[-1] ^= 1
    key.public_blob.key_blob = bytes(blob)

    assert "refused: its signature is wrong" in refusal(key, hosts)


def test_a_certificate_of_a_foreign_authority_leaves_the_host_unknown(tmp_path: Path) -> None:
    authority(tmp_path)
    key = host_key(tmp_path)

    reason = refusal(key, known(f"@cert-authority * {authority(tmp_path, 'other')}"))

    assert reason == (
        f"unknown host key ssh-ed25519 {fingerprint(key.asbytes())}: [web1.example.org]:2022 is not in known"
    )


def test_a_revoked_authority_certifies_nothing(tmp_path: Path) -> None:
    line = authority(tmp_path)
    hosts = known(f"@cert-authority * {line}", f"@revoked * {line}")

    assert refusal(host_key(tmp_path), hosts).endswith("is revoked in known_hosts; nothing was sent")


def test_a_known_key_serves_whatever_its_certificate_says(tmp_path: Path) -> None:
    authority(tmp_path)
    key = host_key(tmp_path, "-V", "20200101:20200201")

    check_host_key(key, known(f"[web1.example.org]:2022 ssh-ed25519 {key.get_base64()}"), HOST)
