"""Sources of an inventory: which of several says what counts, and where each value comes from."""

from __future__ import annotations

import pytest

from clusterctl.parsing.inventory.origins import origins_of
from tests.parsing.tools import hosts_of, inventory_mistakes, merged, merged_mistakes

CONFIG = "Host web1 web2\n  User ssh\n  Port 2201\n  HostName %n.ssh\n".replace("%n", "%h")
HOSTS = "[web]\nweb1 ansible_user=ansible zone=z rack=r\nweb3 ansible_user=ansible\n"
BOTH = """
    cluster: lab
    ssh: {user: everyone, port: 2299}
    sources:
      - ssh_config: config
        labels: {from: ssh, zone: s}
        group: seen
      - {ansible: hosts, labels_from: [zone, rack], labels: {from: ansible}}
    hosts:
      web[1-2]: {user: own, labels: {role: web}}
      db1:
    groups:
      front: "@web!web3"
      seen-here: "@seen&web*"
"""


def test_the_file_wins_over_sources_and_an_earlier_source_over_a_later_one() -> None:
    found = merged(BOTH, files={"config": CONFIG, "hosts": HOSTS})

    assert hosts_of(found) == {
        "db1": "everyone@db1:2299",
        "web1": "own@web1.ssh:2201",
        "web2": "own@web2.ssh:2201",
        "web3": "ansible@web3:2299",
    }
    assert {host.name: dict(host.labels) for host in found.inventory.hosts} == {
        "db1": {},
        "web1": {"role": "web", "from": "ssh", "zone": "s", "rack": "r"},
        "web2": {"role": "web", "from": "ssh", "zone": "s"},
        "web3": {"from": "ansible"},
    }
    assert found.inventory.groups == {
        "seen": ("web1", "web2"),
        "web": ("web1", "web3"),
        "front": ("web1",),
        "seen-here": ("web1", "web2"),
    }


def test_each_value_has_the_place_where_it_is_written() -> None:
    found = merged(BOTH, files={"config": CONFIG, "hosts": HOSTS})

    origins = origins_of(found.origins)

    assert origins["web1"] == {
        "name": "inventory.yaml:9",
        "address": "config:4",
        "port": "config:3",
        "user": "inventory.yaml:9",
        "labels.from": "inventory.yaml:5",
        "labels.zone": "inventory.yaml:5",
        "labels.rack": "hosts:2",
        "labels.role": "inventory.yaml:9",
    }
    assert origins["web3"] == {"name": "hosts:3", "user": "hosts:3", "labels.from": "inventory.yaml:7"}
    assert origins["db1"] == {"name": "inventory.yaml:10"}


def test_a_range_of_addresses_stays_paired_where_a_source_knows_some_of_its_hosts() -> None:
    found = merged(
        "{cluster: lab, sources: [{ssh_config: config}], hosts: {'web[1-3]': {address: '10.0.0.[1-3]'}}}",
        files={"config": "Host web2\n  HostName elsewhere\n  Port 7\n"},
    )

    assert hosts_of(found) == {"web1": "@10.0.0.1:22", "web2": "@10.0.0.2:7", "web3": "@10.0.0.3:22"}


def test_a_prefix_is_before_hosts_groups_and_jump_hosts_of_the_source() -> None:
    found = merged(
        "{cluster: lab, sources: [{ansible: hosts, prefix: a-, hosts: 'all!web3'}]}",
        files={
            "hosts": "gw ansible_host=192.0.2.9\n[web]\nweb1 ansible_ssh_extra_args='-J ops@gw,far'\nweb3\n"
        },
    )

    assert hosts_of(found) == {
        "a-gw": "@192.0.2.9:22",
        "a-web1": "@web1:22 via ops@192.0.2.9:22,@far:22",
    }
    assert found.inventory.groups == {"a-web": ("a-web1",)}


def test_a_group_of_the_file_replaces_one_of_sources_which_are_joined() -> None:
    found = merged(
        """
        cluster: lab
        sources: [{ansible: a}, {ansible: b}, {ssh_config: c, group: both}]
        groups: {web: s1}
        """,
        files={"a": "[web]\na1\n[both]\na1\n", "b": "[both]\nb1\n", "c": "Host s1\n"},
    )

    assert found.inventory.groups == {"web": ("s1",), "both": ("a1", "b1", "s1")}


def test_jump_hosts_that_are_aliases_of_an_ssh_config_are_found_in_it() -> None:
    found = merged(
        """
        cluster: lab
        ssh: {jump: gate}
        sources: [{ansible: hosts}, {ssh_config: config, options_only: true}]
        hosts: {own: }
        """,
        files={
            "hosts": "db1 ansible_ssh_common_args='-J me@gate:99,inner,far'\nedge ansible_host=10.0.0.7\n",
            "config": """
                Host gate
                  HostName 192.0.2.1
                  User jump
                  Port 2200
                  IdentityFile gate-key
                  ProxyJump edge
                Host inner
                  HostName 2001:db8::1
                  ProxyJump never
            """,
        },
    )

    assert hosts_of(found) == {
        "db1": "@db1:22 via @10.0.0.7:22,me@192.0.2.1:99,@2001:db8::1:22,@far:22",
        "edge": "@10.0.0.7:22",
        "own": "@own:22 via @10.0.0.7:22,jump@192.0.2.1:2200",
    }
    assert found.inventory.ssh_of("192.0.2.1").identity_files == ("gate-key",)


def test_a_jump_host_that_an_ssh_config_reaches_by_a_program_is_a_mistake() -> None:
    found = merged_mistakes(
        """
        cluster: lab
        ssh: {jump: gate}
        sources: [{ssh_config: config, options_only: true}]
        hosts:
          a:
          b: {jump: outer}
        """,
        files={"config": "Host gate outer\n  ProxyCommand nc %h %p\n"},
    )

    words = "ProxyCommand is not honoured; write ProxyJump, or jump: in the inventory, or leave the host out (hosts: of the source)"
    assert found == [
        f"inventory.yaml:4: hosts: the jump host gate: {words}",
        f"inventory.yaml:6: hosts.b.jump: the jump host outer: {words}",
    ]


def test_hosts_may_come_from_sources_alone() -> None:
    found = merged("{cluster: lab, sources: [{ssh_config: }]}", files={"~/.ssh/config": "Host a\n"})

    assert found.inventory.names == ("a",)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("ssh_config: gone", "sources[0].ssh_config: gone cannot be read: No such file or directory"),
        ("ansible: gone", "sources[0].ansible: gone cannot be read: No such file or directory"),
        ("ssh_config: a, vagrant: b", "sources[0]: expected one of ssh_config, vagrant, ansible in each source"),
        ("ssh: a", 'sources[0]: unknown key "ssh"'),
        ("ssh_config: config, labels_from: [a]", 'sources[0]: unknown key "labels_from"; did you mean "labels"?'),
        ("ssh_config: config, hosts: web9", 'sources[0].hosts: no host named "web9"; did you mean "web2"?'),
        ("ssh_config: config, hosts: 'db*'", 'sources[0].hosts: no host matches "db*"'),
        ("ssh_config: config, hosts: 'web1!web1'", "sources[0].hosts: no host is left"),
        ("ssh_config: config, hosts: ''", "sources[0].hosts: a name is missing"),
        ("ssh_config: config, prefix: -x", "sources[0].prefix: expected a name of letters, digits, '.', '_' or '-' that begins with a letter or digit, got \"-x\""),
        ("ssh_config: config, labels: {a: 'b c'}", 'sources[0].labels.a: expected a label value of letters, digits and . _ / : @ + -, at most 128 long, got "b c"'),
        ("ssh_config: config, options_only: true, group: x", "sources[0].group: goes with hosts of the source; options_only takes none from it"),
        ("ssh_config: config, options_only: 1", "sources[0].options_only: expected true or false, got 1"),
    ],
)  # fmt: skip
def test_a_source_that_is_wrong_says_so(source: str, expected: str) -> None:
    text = f"cluster: lab\nsources:\n  - {{{source}}}\nhosts: {{own: }}\n"

    found = merged_mistakes(text, files={"config": "Host web1 web2\n"})

    assert f"inventory.yaml:3: {expected}" in found


def test_the_same_host_twice_is_named_with_both_files() -> None:
    found = merged_mistakes(
        "{cluster: lab, sources: [{ssh_config: config}], hosts: {Web1: , own: {address: 10.0.0.2}}}",
        files={"config": "Host web1\n\nHost web2\n  HostName 10.0.0.2\n"},
    )

    assert found == [
        "config:1: web1 is already in inventory.yaml:1 as Web1",
        "config:3: web2 has the address of own in inventory.yaml:1: 10.0.0.2 port 22",
    ]


def test_mistakes_of_all_files_are_listed_at_once() -> None:
    found = merged_mistakes(
        "cluster: A\nsources: [{ssh_config: config}, {ansible: hosts}]\nhosts: {x: {port: 0}}\n",
        files={"config": "Host a\n  Port none\n", "hosts": "b ansible_port=x\n"},
    )

    assert found == [
        'config:2: a: Port: expected a port (1-65535), got "none"',
        'hosts:1: b: ansible_port: expected a port (1-65535), got "x"',
        "inventory.yaml:1: cluster: expected a name of a-z, 0-9 or '-', at most 41 long, that begins with a letter or digit, got \"A\"",
        "inventory.yaml:3: hosts.x.port: expected a port (1-65535), got 0",
    ]


def test_without_files_and_programs_a_source_is_a_mistake() -> None:
    assert inventory_mistakes("{cluster: lab, sources: [{ansible: hosts}], hosts: {a: }}") == [
        "inventory.yaml:1: sources[0].ansible: hosts cannot be read: No such file or directory"
    ]
