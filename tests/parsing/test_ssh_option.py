"""`--ssh-option`: names of ssh_config(5), over an inventory."""

from __future__ import annotations

import pytest

from clusterctl.errors import InputError
from clusterctl.parsing.ssh.option import parse_ssh_options, with_ssh_options
from tests.parsing.tools import inventory


def test_an_option_of_the_command_line_wins_over_the_inventory() -> None:
    before = inventory(
        "{cluster: prod, ssh: {user: ops}, hosts: {'web[1-2]': {port: 23}, db: {ssh: {known_hosts: d}}}}"
    )
    words = ["user=root", "IdentityFile=a", "identityfile=b", "ConnectTimeout=3", "IdentitiesOnly=yes"]

    found = with_ssh_options(before, parse_ssh_options(words))

    assert [(host.user, host.port) for host in found.hosts] == [("root", 22), ("root", 23), ("root", 23)]
    assert found.host("db").ssh.identity_files == ("a", "b")
    assert found.host("db").ssh.known_hosts == ("d",)
    assert found.host("web1").ssh is found.host("web2").ssh is found.ssh
    assert (found.ssh.user, found.ssh.connect_timeout_s, found.ssh.identities_only) == ("root", 3.0, True)


def test_what_is_not_honoured_is_a_mistake_and_all_are_told() -> None:
    with pytest.raises(InputError) as caught:
        parse_ssh_options(["Port=0", "Prot=22", "ProxyJump=x", "User", "StrictHostKeyChecking=no"])

    assert [caught.value.message, *caught.value.details] == [
        '--ssh-option Port: expected a port (1-65535), got "0"',
        (
            '--ssh-option: "Prot" is not honoured; did you mean "Port"?; honoured: User, Port, IdentityFile, '
            "CertificateFile, IdentitiesOnly, IdentityAgent, UserKnownHostsFile, HostKeyAlias, ConnectTimeout"
        ),
        '--ssh-option ProxyJump: write "jump" of the host, or of "ssh", in the inventory',
        '--ssh-option: expected KEY=VALUE, got "User"',
        "--ssh-option StrictHostKeyChecking: host keys are always checked; clusterctl hosts trust adds them",
    ]
