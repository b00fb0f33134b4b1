from __future__ import annotations

import yaml

from clusterctl.lab.layout import HostInfo
from clusterctl.lab.texts import render_inventory, render_known_hosts

BY_ADDRESS = HostInfo("h1", "10.77.0.11", 22, "running", "a", "ssh-ed25519 AAAA1")
BY_PORT = HostInfo("h2", "127.0.0.1", 40022, "running", "b", "ssh-ed25519 AAAA2")


def test_the_inventory_names_every_host_by_the_address_that_ssh_reaches() -> None:
    text = render_inventory("dev", [BY_ADDRESS, BY_PORT])

    assert text == (
        "cluster: lab-dev\n"
        "ssh:\n"
        "  user: ops\n"
        "  identity_file: id_ed25519\n"
        "  known_hosts: known_hosts\n"
        "policy:\n"
        "  min_free_disk: 1%   # lab hosts share the disk of the machine they run on\n"
        "hosts:\n"
        "  h1: {address: 10.77.0.11, labels: {zone: a}}\n"
        "  h2: {address: 127.0.0.1, port: 40022, labels: {zone: b}}\n"
    )


def test_the_inventory_is_yaml() -> None:
    document = yaml.safe_load(render_inventory("dev", [BY_PORT]))

    assert document["hosts"]["h2"] == {"address": "127.0.0.1", "port": 40022, "labels": {"zone": "b"}}


def test_known_hosts_puts_other_ports_behind_brackets() -> None:
    text = render_known_hosts([BY_ADDRESS, BY_PORT])

    assert text == "10.77.0.11 ssh-ed25519 AAAA1\n[127.0.0.1]:40022 ssh-ed25519 AAAA2\n"
