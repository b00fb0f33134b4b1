"""The `ssh:` of an inventory and of its hosts."""

from __future__ import annotations

from textwrap import dedent

import pytest

from clusterctl.errors import InputError
from clusterctl.model.ssh import SshSettings
from tests.parsing.tools import inventory


def test_a_host_s_own_options_win_over_those_of_the_inventory() -> None:
    found = inventory("""
        cluster: prod
        ssh: {user: ops, identity_file: [a, b], known_hosts: k, connect_timeout: 5s, identities_only: true}
        hosts:
          web1: {user: root, port: 2022}
          web2:
            ssh:
              identity_file: c
              certificate_file: c-cert.pub
              identity_agent: $AGENT
              identities_only: false
              known_hosts: [k1, k2]
              host_key_alias: web
              connect_timeout: 20s
    """)

    assert found.host("web1").ssh == SshSettings(
        "ops", 22, ("a", "b"), ("k",), connect_timeout_s=5.0, identities_only=True
    )
    assert found.host("web2").ssh == SshSettings(
        "ops",
        22,
        ("c",),
        ("k1", "k2"),
        connect_timeout_s=20.0,
        certificate_files=("c-cert.pub",),
        identity_agent="$AGENT",
        host_key_alias="web",
    )
    assert found.longest_connect_s == 20.0


def test_hosts_without_options_share_those_of_the_inventory() -> None:
    found = inventory(
        "{cluster: prod, ssh: {known_hosts: k}, hosts: {'web[1-3]': , db: {ssh: {known_hosts: d}}}}"
    )

    assert all(found.host(name).ssh is found.ssh for name in ("web1", "web2", "web3"))
    assert set(found.ssh_options) == {found.ssh, found.host("db").ssh}


def test_a_jump_host_of_the_inventory_is_reached_by_its_own_options() -> None:
    found = inventory("""
        cluster: prod
        ssh: {known_hosts: k, host_key_alias: fleet}
        hosts:
          edge: {jump: none, ssh: {known_hosts: e}}
          db: {jump: edge}
          far: {jump: out.example.org}
    """)

    assert found.ssh_of("edge").known_hosts == ("e",)
    assert found.ssh_of("out.example.org") == SshSettings(known_hosts=("k",))
    assert len(found.ssh_options) == 3


def test_all_mistakes_of_ssh_options_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        inventory(
            dedent("""
            cluster: prod
            ssh:
              identity_file: []
              identities_only: "yes"
              identity_agent: socket
            hosts:
              web1:
                ssh:
                  user: root
                  known_hosts: [a, {}]
                  identity_fil: x
            """)
        )

    assert [str(mistake) for mistake in caught.value.mistakes] == [
        "inventory.yaml:3: ssh.identity_file: expected a path or a list of paths, got an empty list",
        'inventory.yaml:4: ssh.identities_only: expected true or false, got "yes"',
        'inventory.yaml:5: ssh.identity_agent: expected the path of a socket, "SSH_AUTH_SOCK" or "none", got "socket"',
        'inventory.yaml:9: hosts.web1.ssh.user: "user" of a host stands beside its "ssh", not in it',
        "inventory.yaml:10: hosts.web1.ssh.known_hosts[1]: expected text of one line, got a mapping",
        'inventory.yaml:11: hosts.web1.ssh: unknown key "identity_fil"; did you mean "identity_file"?',
    ]
