from __future__ import annotations

import base64
import hmac

from clusterctl.remote.known_hosts import HostKey, KnownHosts, fingerprint

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIDbrgaITb0YKSlQI8XOwjtpQFgs5cxWVaAAAAAAAAAAA"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
FOUND = (HostKey("ssh-ed25519", base64.b64decode(KEY)),)


def known(text: str) -> KnownHosts:
    hosts = KnownHosts()
    hosts.read(text.splitlines())
    return hosts


def test_names_addresses_and_ports_are_found() -> None:
    hosts = known(f"web1,10.0.0.1 ssh-ed25519 {KEY} a comment\n[web2]:2222 ssh-ed25519 {KEY}\n")

    assert hosts.keys_of("web1") == hosts.keys_of("10.0.0.1") == FOUND
    assert hosts.keys_of("WEB1") == FOUND
    assert hosts.keys_of("[web2]:2222") == FOUND
    assert hosts.keys_of("web2") == ()


def test_a_hashed_name_is_found() -> None:
    salt = bytes(range(20))
    digest = hmac.digest(salt, b"web1", "sha1")
    name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"

    hosts = known(f"{name} ssh-ed25519 {KEY}")

    assert hosts.keys_of("web1") == FOUND
    assert hosts.keys_of("web2") == ()


def test_patterns_match_and_a_negation_wins() -> None:
    hosts = known(f"*.example.org,!bad.example.org,10.0.?.1 ssh-ed25519 {KEY}\n[*]:2222 ssh-ed25519 {KEY}")

    assert hosts.keys_of("web1.example.org") == FOUND
    assert hosts.keys_of("bad.example.org") == ()
    assert hosts.keys_of("10.0.7.1") == FOUND
    assert hosts.keys_of("[web1]:2222") == FOUND


def test_all_keys_of_a_host_are_known() -> None:
    hosts = known(f"web1 ssh-ed25519 {KEY}\nweb1 ssh-ed25519 {OTHER}\nweb1 ssh-ed25519 {KEY}")

    assert len(hosts.keys_of("web1")) == 2


def test_a_revoked_key_is_remembered() -> None:
    hosts = known(f"@revoked * ssh-ed25519 {KEY}")

    assert hosts.is_revoked(FOUND[0].blob)
    assert hosts.keys_of("web1") == ()


def test_lines_that_are_no_keys_are_passed_over() -> None:
    hosts = known(
        f"# comment\n\nweb1\nweb1 ssh-ed25519\nweb1 ssh-ed25519 !!!\nweb1 ssh-rsa {KEY}\n"
        f"@cert-authority * ssh-ed25519 {KEY}\n|1|bad ssh-ed25519 {KEY}\n|1|a|b|c ssh-ed25519 {KEY}\n"
    )

    assert hosts.keys_of("web1") == ()


def test_a_fingerprint_is_as_ssh_keygen_shows_it() -> None:
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
