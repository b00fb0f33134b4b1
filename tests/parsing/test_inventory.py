"""The inventory: what it is read as, and every mistake in it (bad-input rows 2, 7 to 10)."""

from __future__ import annotations

import pytest

from clusterctl.model.host import Capacity, Host
from clusterctl.model.inventory import Hook, Policy, SshSettings
from clusterctl.model.limit import Limit
from clusterctl.model.privilege import Allow
from clusterctl.model.window import Window
from tests.parsing.tools import inventory, inventory_mistakes


def test_a_full_inventory_is_read() -> None:
    found = inventory("""
        cluster: prod
        ssh:
          user: ops
          port: 2022
          identity_file: ~/.ssh/id
          known_hosts: known_hosts
          connect_timeout: 5s
          command_timeout: 1m30s
        policy:
          min_free_disk: [5%, 2g]
          allow:
            host_paths: [/srv/data/]
            capabilities: [cap_net_admin]
            privileged: [web, shop/db]
            host_network: true
            docker_socket: false
          lock_hosts: [web09, db2, db1]
          max_unavailable: 20%
          max_unavailable_per_zone: 1
          domain: rack
          strategy: pack
          windows: [Sat 02:00 3h Europe/Amsterdam]
          before: balancer drain "$CLUSTERCTL_HOST"
          after:
            - {command: balancer ready, on: operator, timeout: 2m}
            - systemctl is-system-running
        hosts:
          web[09-10]: {labels: {zone: a, rack: 1.10, old: no}}
          db1: {address: 10.0.0.5, port: 22, user: admin, capacity: {cpus: 4, memory: 8g}}
          db2:
        groups:
          web: web[09-10]
          most: ["@web", "db2,@none"]
          none: []
    """)

    assert found.cluster == "prod"
    assert found.ssh == SshSettings("ops", 2022, ("~/.ssh/id",), ("known_hosts",), 5.0, 90.0)
    assert found.policy == Policy(
        5.0,
        2 * 1024**3,
        Allow(
            privileged=("web", "shop/db"),
            host_network=("*",),
            host_paths=("/srv/data",),
            capabilities=("NET_ADMIN",),
        ),
        lock_hosts=("web09", "db2", "db1"),
        max_unavailable=Limit(None, 20.0),
        max_unavailable_per_domain=Limit(1),
        domain="rack",
        strategy="pack",
        windows=(Window((5,), 120, 10_800, "Europe/Amsterdam"),),
        before=(Hook('balancer drain "$CLUSTERCTL_HOST"'),),
        after=(Hook("balancer ready", "operator", 120.0), Hook("systemctl is-system-running")),
    )
    assert found.hosts == (
        Host("db1", "10.0.0.5", 22, "admin", {}, Capacity(4.0, 8 * 1024**3), ssh=found.ssh),
        Host("db2", "db2", 2022, "ops", ssh=found.ssh),
        Host("web09", "web09", 2022, "ops", {"zone": "a", "rack": "1.10", "old": "no"}, ssh=found.ssh),
        Host("web10", "web10", 2022, "ops", {"zone": "a", "rack": "1.10", "old": "no"}, ssh=found.ssh),
    )
    assert found.groups == {"web": ("web09", "web10"), "most": ("db2", "web09", "web10"), "none": ()}


def test_one_host_is_enough() -> None:
    """Row 10."""
    found = inventory("""
        cluster: lab
        hosts: {h1: }
    """)

    assert found.hosts == (Host("h1", "h1"),)
    assert found.policy == Policy()


def test_of_percentage_and_size_the_one_left_out_keeps_its_default() -> None:
    found = inventory("""
        cluster: lab
        policy: {min_free_disk: 3g}
        hosts: {h1: }
    """)

    assert found.policy == Policy(10.0, 3 * 1024**3)


def test_hosts_are_ordered_with_digits_as_numbers() -> None:
    found = inventory("""
        cluster: lab
        hosts: {h10: , h2: , h1: }
    """)

    assert found.names == ("h1", "h2", "h10")


def test_a_range_of_addresses_goes_pairwise_with_a_range_of_names() -> None:
    found = inventory("""
        cluster: lab
        hosts: {"h[1-2]": {address: "10.0.0.[8-9]"}}
    """)

    assert [(host.name, host.address) for host in found.hosts] == [("h1", "10.0.0.8"), ("h2", "10.0.0.9")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", ["inventory.yaml:1: expected a mapping, got a list"]),
        ("hello\n", ['inventory.yaml:1: expected a mapping, got "hello"']),
        ("~\n", ["inventory.yaml:1: the file is empty"]),
        (
            "{}\n",
            [
                'inventory.yaml:1: "cluster" is missing: the name of the cluster, such as "prod"',
                'inventory.yaml:1: "hosts" is missing: at least one host is needed',
            ],
        ),
        ("cluster: a\nhosts: {}\n", ["inventory.yaml:2: hosts: no hosts: at least one is needed"]),
        ("cluster: a\nhosts: [a]\n", ["inventory.yaml:2: hosts: expected a mapping, got a list"]),
    ],
)
def test_an_inventory_without_hosts_is_refused(text: str, expected: list[str]) -> None:
    """Rows 1 and 10."""
    assert inventory_mistakes(text) == expected


def test_all_mistakes_are_listed_at_once() -> None:
    found = inventory_mistakes("""
        cluster: Prod!
        shh: 1
        ssh: {port: 22:22, user: -x, connect_timeout: 10, command_timeout: 0s}
        policy: {min_free_disk: [x, 101%], allow: {host_paths: [srv], capabilities: [NET_ADMN]}}
        hosts:
          web1: {adress: x, labels: {zone: "a b"}}
          web2: {address: "[::1]", port: 70000}
          web[3-4]: {address: 10.0.0.1, capacity: {cpus: 0, memory: -1}}
          -oProxyCommand=id: {}
          web 5: {}
          all: {}
        groups:
          w: wbe1
          -x: []
          all: web1
          y: {}
    """)

    prefix = "inventory.yaml:"
    assert [text.removeprefix(prefix) for text in found] == [
        (
            "1: cluster: expected a name of a-z, 0-9 or '-', at most 41 long, that begins with a letter or digit, "
            'got "Prod!"'
        ),
        '2: unknown key "shh"; did you mean "ssh"?',
        '3: ssh.command_timeout: expected a duration longer than 0, got "0s"',
        "3: ssh.connect_timeout: expected a duration such as 1m30s or 500ms, got 10: the unit is missing",
        '3: ssh.port: expected a port (1-65535), got "22:22"',
        "3: ssh.user: expected a user name of a-z, 0-9, '_' or '-', at most 32 long, got \"-x\"",
        (
            '4: policy.allow.capabilities[0]: expected a capability such as NET_ADMIN, got "NET_ADMN": '
            'did you mean "NET_ADMIN"?'
        ),
        '4: policy.allow.host_paths[0]: expected an absolute path, got "srv"',
        '4: policy.min_free_disk[0]: expected a percentage such as 10% or a size such as 1g, got "x"',
        '4: policy.min_free_disk[1]: expected a percentage such as 10% or a size such as 1g, got "101%"',
        (
            "6: hosts.web1.labels.zone: expected a label value of letters, digits and . _ / : @ + -, at most 128 long, "
            'got "a b"'
        ),
        '6: hosts.web1: unknown key "adress"; did you mean "address"?',
        "7: hosts.web2.address: write an IPv6 address without brackets, and the port as port:",
        "7: hosts.web2.port: expected a port (1-65535), got 70000",
        "8: hosts.web[3-4].address: 2 hosts but 1 address",
        "8: hosts.web[3-4].capacity.cpus: expected a number of processors such as 0.5 or 4, got 0",
        "8: hosts.web[3-4].capacity.memory: expected a size such as 512m or 2g, got -1",
        (
            "9: hosts.-oProxyCommand=id: expected a name of letters, digits, '.', '_' or '-' that begins with a letter "
            'or digit, got "-oProxyCommand=id"'
        ),
        (
            "10: hosts.\"web 5\": expected a name of letters, digits, '.', '_' or '-' that begins with a letter or digit, "
            'got "web 5"'
        ),
        '11: hosts.all: "all" always means every host; choose another name',
        '13: groups.w: no host named "wbe1"; did you mean "web1"?',
        (
            "14: groups.-x: expected a name of letters, digits, '.', '_' or '-' that begins with a letter or digit, "
            'got "-x"'
        ),
        '15: groups.all: "all" always means every host; choose another name',
        "16: groups.y: expected hosts such as web[01-20], got a mapping",
    ]


def test_a_host_twice_is_refused_by_case_too_and_through_ranges() -> None:
    """Row 2."""
    found = inventory_mistakes("""
        cluster: lab
        hosts:
          web[01-20]:
          web05: {address: a}
          WEB06: {address: b}
          web[19-21]:
          web01:
          web01:
    """)

    assert found == [
        "inventory.yaml:4: hosts.web05: web05 is already on line 3",
        "inventory.yaml:5: hosts.WEB06: WEB06 is already on line 3 as web06",
        "inventory.yaml:6: hosts.web[19-21]: web19 and 1 more are already on line 3",
        "inventory.yaml:7: hosts.web01: web01 is already on line 3",
        'inventory.yaml:8: duplicate key "web01", first on line 7',
    ]


def test_two_hosts_may_not_have_one_address_and_port() -> None:
    found = inventory_mistakes("""
        cluster: lab
        hosts:
          a: {address: "fd00::1"}
          b: {address: "FD00:0::1"}
          c: {address: "fd00::1", port: 2222}
          d: {address: A}
          e: {address: a.example}
          f: {address: A.example}
    """)

    assert found == [
        "inventory.yaml:4: hosts.b: b has the address of a on line 3: fd00::1 port 22",
        "inventory.yaml:8: hosts.f: f has the address of e on line 7: A.example port 22",
    ]


def test_a_circle_of_groups_and_an_unknown_group_are_refused() -> None:
    """Row 10."""
    found = inventory_mistakes("""
        cluster: lab
        hosts: {h1: }
        groups:
          a: "@b"
          b: "h1,@c"
          c: "@a"
          d: "@d"
          web: h1
          e: "@wbe"
    """)

    assert found == [
        "inventory.yaml:4: groups: groups go in a circle: a -> b -> c -> a",
        'inventory.yaml:9: groups.e: no group "wbe"; did you mean "web"?',
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "lock_hosts: [h1, h2]",
            ["lock_hosts: expected 1, 3 or 5 hosts, got 2 hosts: the lock needs most of them"],
        ),
        (
            "lock_hosts: []",
            ["lock_hosts: expected 1, 3 or 5 hosts, got 0 hosts: the lock needs most of them"],
        ),
        ("lock_hosts: [h1, h2, h2]", ['lock_hosts[2]: "h2" is there twice']),
        ("lock_hosts: [host1]", ['lock_hosts[0]: no host named "host1"']),
        ("lock_hosts: ['h[1-3]']", ['lock_hosts[0]: no host named "h[1-3]"']),
        ("lock_hosts: h1", ['lock_hosts: expected a list, got "h1"']),
        (
            "max_unavailable: 0",
            [
                "max_unavailable: expected a number of at least 1, or a percentage from above 0% to 100%, got 0"
            ],
        ),
        (
            "max_unavailable_per_zone: 200%",
            [
                (
                    "max_unavailable_per_zone: expected a number of at least 1, or a percentage from above 0% to 100%, "
                    'got "200%"'
                )
            ],
        ),
        ("strategy: best", ['strategy: expected spread, pack or headroom, got "best"']),
        (
            "domain: -x",
            ["domain: expected a label key of letters, digits, '.', '_', '/' or '-', got \"-x\""],
        ),
        (
            "windows: [Sat 02:00 3h Utc]",
            [
                (
                    "windows[0]: expected a time zone such as Europe/Amsterdam or UTC, "
                    'got "Sat 02:00 3h Utc": "Utc" is none; did you mean "UTC"?'
                )
            ],
        ),
        ("before: [{on: host}]", ['before[0]: "command" is missing']),
        (
            "before: {command: '', timeout: 5}",
            [
                'before.command: expected a command, got ""',
                "before.timeout: expected a duration such as 1m30s or 500ms, got 5: the unit is missing",
            ],
        ),
        ("after: [{command: x, on: hosts}]", ['after[0].on: expected host or operator, got "hosts"']),
        ("after: [[x]]", ["after[0]: expected a command, got a list"]),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(written: str, expected: list[str]) -> None:
    found = inventory_mistakes(f"{{cluster: lab, hosts: {{'h[1-3]': }}, policy: {{{written}}}}}\n")

    assert [text.removeprefix("inventory.yaml:1: policy.") for text in found] == expected


def test_a_fleet_of_two_may_hold_its_lock_on_both() -> None:
    found = inventory("{cluster: lab, hosts: {h1: , h2: }, policy: {lock_hosts: [h2, h1]}}")

    assert found.lock_hosts == ("h2", "h1")


def test_a_host_may_be_a_witness() -> None:
    found = inventory("cluster: c\nhosts:\n  h1:\n  w1: {witness: true}\n")

    assert found.witnesses == {"w1"}
    assert len(inventory_mistakes("cluster: c\nhosts:\n  w1: {witness: perhaps}\n")) == 1


def test_what_may_be_allowed_is_checked() -> None:
    found = inventory_mistakes("""
        cluster: lab
        policy:
          allow_host_paths: [/srv]
          allow_capabilities: [NET_ADMIN]
          allow:
            privileged: yes
            host_pid: [a/b/c]
            devices: [dri]
            security_opt: [seccomp]
            sysctls: [net.core.somaxconn]
        hosts: {h1: }
    """)

    assert found == [
        "inventory.yaml:3: policy.allow_host_paths: is now policy.allow.host_paths: write allow: {host_paths: [...]}",
        (
            "inventory.yaml:4: policy.allow_capabilities: is now policy.allow.capabilities: "
            "write allow: {capabilities: [...]}"
        ),
        "inventory.yaml:6: policy.allow.privileged: expected true, false, or a list of services such as [web, shop/db]",
        'inventory.yaml:7: policy.allow.host_pid[0]: expected the name of a service, or PROJECT/SERVICE, got "a/b/c"',
        'inventory.yaml:8: policy.allow.devices[0]: expected an absolute path, got "dri"',
        (
            "inventory.yaml:9: policy.allow.security_opt[0]: expected a security option such as no-new-privileges:true "
            'or seccomp=unconfined, got "seccomp"'
        ),
        'inventory.yaml:10: policy.allow: unknown key "sysctls"',
    ]
