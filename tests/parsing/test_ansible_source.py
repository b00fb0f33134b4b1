"""An Ansible inventory as a source. Hosts, groups and variables are those that `ansible-inventory --list` 2.19 prints."""

from __future__ import annotations

import pytest

from clusterctl.parsing.ansible.model import expand
from tests.parsing.tools import hosts_of, merged, merged_mistakes, ssh_of

INI = "{cluster: lab, sources: [{ansible: hosts, labels_from: [zone, rack]}]}"
YAML = "{cluster: lab, sources: [{ansible: hosts.yaml, labels_from: [zone, rack]}]}"


def test_an_ini_inventory_has_groups_ranges_and_the_variables_of_the_nearest() -> None:
    found = merged(
        INI,
        files={
            "hosts": """
                lone ansible_host=10.1.1.1 ansible_port=2201
                [web]
                web[01:03] zone=a
                web10:2222
                [db]
                db-[a:c].example.org ansible_user="dba"  # them
                [db:vars]
                ansible_user=postgres
                [prod:children]
                web
                db
                [prod:vars]
                ansible_user=deploy
                ansible_port=2022
                zone=p
                [all:vars]
                ansible_user="everyone"
                rack=r0
            """
        },
    )

    assert hosts_of(found) == {
        "db-a.example.org": "dba@db-a.example.org:2022",
        "db-b.example.org": "dba@db-b.example.org:2022",
        "db-c.example.org": "dba@db-c.example.org:2022",
        "lone": "everyone@10.1.1.1:2201",
        "web01": "deploy@web01:2022",
        "web02": "deploy@web02:2022",
        "web03": "deploy@web03:2022",
        "web10": "deploy@web10:2222",
    }
    assert found.inventory.groups == {
        "web": ("web01", "web02", "web03", "web10"),
        "db": ("db-a.example.org", "db-b.example.org", "db-c.example.org"),
        "prod": (
            "db-a.example.org",
            "db-b.example.org",
            "db-c.example.org",
            "web01",
            "web02",
            "web03",
            "web10",
        ),
    }
    labels = {host.name: dict(host.labels) for host in found.inventory.hosts}
    assert labels["web01"] == {"zone": "a", "rack": "r0"}
    assert labels["web10"] == {"zone": "p", "rack": "r0"}
    assert labels["lone"] == {"rack": "r0"}


def test_a_yaml_inventory_has_group_vars_and_host_vars_beside_it() -> None:
    found = merged(
        YAML,
        files={
            "hosts.yaml": """
                all:
                  hosts:
                    mail.example.com:
                  vars: {ansible_user: all}
                  children:
                    west:
                      children:
                        web:
                          hosts:
                            "web[1:2]":
                              ansible_host: 10.0.0.9
                            web3: {ansible_port: 7}
                          vars: {zone: w}
                      vars: {zone: west, ansible_user: west}
                    app:
                      hosts: {web3: , web1: {ansible_host: 10.0.0.1}}
                      vars: {zone: app, rack: 1.10}
            """,
            "group_vars/app.yml": "ansible_user: groupvars\n",
            "group_vars/all.yml": "rack: all\n",
            "host_vars/web2.yaml": "rack: hv\nsecret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n",
        },
    )

    assert hosts_of(found) == {
        "mail.example.com": "all@mail.example.com:22",
        "web1": "groupvars@10.0.0.1:22",
        "web2": "west@10.0.0.9:22",
        "web3": "groupvars@web3:7",
    }
    assert {host.name: dict(host.labels) for host in found.inventory.hosts} == {
        "mail.example.com": {"rack": "all"},
        "web1": {"rack": "all", "zone": "w"},
        "web2": {"rack": "hv", "zone": "w"},
        "web3": {"rack": "all", "zone": "w"},
    }
    assert found.inventory.groups == {
        "web": ("web1", "web2", "web3"),
        "west": ("web1", "web2", "web3"),
        "app": ("web1", "web3"),
    }
    assert [str(note) for note in found.notes] == [
        'host_vars/web2.yaml:2: the tag "!vault" is not known here'
    ]


def test_an_executable_prints_its_inventory() -> None:
    found = merged(
        "{cluster: lab, sources: [{ansible: inv.py, labels_from: [zone]}]}",
        programs={
            "./inv.py --list": """
                {"web": {"hosts": ["w1","w2"], "vars": {"ansible_user": "u", "zone": "a"}}, "db": ["d1"],
                 "both": {"children": ["web","db"], "vars": {"ansible_port": 2200, "zone": "b"}},
                 "_meta": {"hostvars": {"w1": {"ansible_host": "10.0.0.1"},
                                        "d1": {"ansible_host": "10.0.0.2", "zone": "c"}}}}
            """
        },
    )

    assert hosts_of(found) == {"d1": "@10.0.0.2:2200", "w1": "u@10.0.0.1:2200", "w2": "u@w2:2200"}
    assert [dict(host.labels) for host in found.inventory.hosts] == [
        {"zone": "c"},
        {"zone": "a"},
        {"zone": "a"},
    ]
    assert found.inventory.groups == {"web": ("w1", "w2"), "db": ("d1",), "both": ("d1", "w1", "w2")}


def test_an_executable_without_the_variables_of_hosts_is_asked_for_each() -> None:
    found = merged(
        "{cluster: lab, sources: [{ansible: ./inv}]}",
        programs={
            "./inv --list": '{"web": ["w1", "w2"]}',
            "./inv --host w1": '{"ansible_host": "10.0.0.1"}',
            "./inv --host w2": "{}",
        },
    )

    assert hosts_of(found) == {"w1": "@10.0.0.1:22", "w2": "@w2:22"}


def test_of_two_groups_at_one_depth_the_one_with_the_higher_priority_counts() -> None:
    found = merged(
        "{cluster: lab, sources: [{ansible: hosts}]}",
        files={
            "hosts": """
                [b:vars]
                ansible_user=blue
                [a:vars]
                ansible_user=amber
                ansible_group_priority=10
                [a]
                h1
                [b]
                h1
                h2
            """
        },
    )

    assert hosts_of(found) == {"h1": "amber@h1:22", "h2": "blue@h2:22"}


def test_of_two_groups_at_one_depth_the_later_by_name_counts() -> None:
    found = merged(
        "{cluster: lab, sources: [{ansible: hosts, labels_from: [v]}]}",
        files={
            "hosts": """
                [a]
                h[0:6:3]
                x[08:10]-y[a:b]
                [b]
                h3
                [a:vars]
                v=a
                [b:vars]
                v=b
                [c:children]
                a
                b
                [c:vars]
                v=c
            """
        },
    )

    assert {host.name: host.labels["v"] for host in found.inventory.hosts} == {
        "h0": "a",
        "h3": "b",
        "h6": "a",
        "x08-ya": "a",
        "x08-yb": "a",
        "x09-ya": "a",
        "x09-yb": "a",
        "x10-ya": "a",
        "x10-yb": "a",
    }


def test_arguments_of_ssh_are_read_for_the_way_and_for_keys() -> None:
    found = merged(
        INI,
        files={
            "hosts": """
                [gw]
                gate ansible_host=192.0.2.1
                [in]
                h1 ansible_host=2001:db8::1 ansible_ssh_private_key_file=~/.ssh/k
                h2 ansible_host='10.0.0.2' note="a b"   # text
                h3 ansible_ssh_extra_args='-J other -o "UserKnownHostsFile /k" -o ForwardAgent=yes -o Foo=1 -i /key -o IdentitiesOnly=yes'
                [in:vars]
                ansible_ssh_common_args='-o ProxyJump=ops@gate -o StrictHostKeyChecking=no'
            """
        },
    )

    assert hosts_of(found) == {
        "gate": "@192.0.2.1:22",
        "h1": "@2001:db8::1:22 via ops@192.0.2.1:22",
        "h2": "@10.0.0.2:22 via ops@192.0.2.1:22",
        "h3": "@h3:22 via @other:22",
    }
    assert ssh_of(found, "h1") == {"identity_file": "~/.ssh/k"}
    assert ssh_of(found, "h3") == {"known_hosts": "/k", "identity_file": "/key", "identities_only": "true"}
    assert [str(note) for note in found.notes] == [
        "hosts:6: ansible_ssh_extra_args: foo has no effect here",
        "hosts:8: StrictHostKeyChecking=no: host keys are always checked here",
    ]


def test_a_folder_is_read_file_by_file() -> None:
    found = merged(
        "{cluster: lab, sources: [{ansible: inv}]}",
        files={
            "inv/10-web": "[web]\nw1\n",
            "inv/20-db.yml": "db: {hosts: {d1: }}\n",
            "inv/README.md": "words\n",
            "inv/group_vars/web.yml": "ansible_port: 7\n",
        },
    )

    assert hosts_of(found) == {"d1": "@d1:22", "w1": "@w1:7"}


def test_passwords_and_what_is_not_known_are_noted_once() -> None:
    found = merged(
        INI,
        files={
            "hosts": "a ansible_password=x ansible_python_interpreter=/p ansible_winrm_x=1 app=2\nb ansible_password=y\n"
            "c ansible_become=true ansible_become_user=root\n"
        },
    )

    assert [str(note) for note in found.notes] == [
        "hosts:1: ansible_password is not taken: a password belongs into a file of its own, mode 0600",
        "hosts:1: ansible_winrm_x has no effect here",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[web\nh1 x", 'hosts:2: expected key=value after the host, got "x"'),
        ("h1 'x", "hosts:1: a quote is not closed"),
        ("[web:foo]", "hosts:1: [web:foo]: expected [web], [web:children] or [web:vars]"),
        ("[web:vars]\nfoo", 'hosts:2: [web:vars]: expected key=value, got "foo"'),
        ("[web:children]\ngone", 'hosts:2: [web:children]: no group "gone" for web'),
        ("h[3:1]", 'hosts:1: the range in "h[3:1]" runs backwards'),
        ("h[1:b]", 'hosts:1: the range in "h[1:b]" mixes digits and letters'),
        ("h[x]", 'hosts:1: "h[x]" holds no range such as web[01:20]'),
        ("h[1:999999]", 'hosts:1: "h[1:999999]" stands for more than 100000 names'),
        ("h[1:999][1:999]", 'hosts:1: "h[1:999][1:999]" stands for more than 100000 names'),
        ("-oProxyCommand=x", "hosts:1: expected a name of letters, digits, '.', '_' or '-' that begins with a letter or digit, got \"-oProxyCommand=x\""),
        ("h1 ansible_user=$(id)", "hosts:1: h1: ansible_user: expected a user name of a-z, 0-9, '_' or '-', at most 32 long, got \"$(id)\""),
        ("h1 ansible_port=99999", 'hosts:1: h1: ansible_port: expected a port (1-65535), got "99999"'),
        ("h1 ansible_host='{{ x }}'", "hosts:1: ansible_host of h1 is a template or encrypted: write the value"),
        ("h1 ansible_connection=local", "hosts:1: h1 is reached by local, not by ssh: leave it out (hosts: of the source)"),
        ("h1 ansible_ssh_common_args='-o ProxyCommand=\"ssh -W %h:%p -q gate\"'", "hosts:1: h1: ProxyCommand is not honoured; write: ProxyJump gate"),
        ("h1 ansible_ssh_common_args='-o ProxyCommand=\"nc %h %p\"'", "hosts:1: h1: ProxyCommand is not honoured; write ProxyJump, or jump: in the inventory, or leave the host out (hosts: of the source)"),
        ("[a:children]\nb\n[b:children]\na", "hosts:4: [b:children]: groups go in a circle: a -> b -> a"),
        ("[web]\nh1\n[wbe:vars]\nv=1", 'hosts:3: [wbe:vars]: no group "wbe"; did you mean "web"?'),
        ("[a]\nh1\n[a:vars]\nansible_group_priority=high", 'hosts:4: [a:vars] ansible_group_priority: expected a whole number, got "high"'),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162", "hosts:1: is encrypted by ansible-vault, and cannot be read here"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused_where_it_stands(text: str, expected: str) -> None:
    found = merged_mistakes(INI, files={"hosts": f"{text}\n"})

    assert expected in found


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("no", "./inv --list: printed no JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "./inv --list: printed no JSON: maximum recursion depth exceeded while decoding a JSON array from a unicode string"),
        ("[]", "./inv --list: expected a mapping, got a list"),
        ('{"web": 7}', "./inv --list: web: expected a mapping, got 7"),
        ('{"web": {"hosts": "w1"}}', './inv --list: web.hosts: expected a list, got "w1"'),
        ('{"_meta": 7}', '"hosts" is missing: the sources have none'),
    ],
)  # fmt: skip
def test_what_an_executable_prints_is_checked(printed: str, expected: str) -> None:
    """Row 38."""
    found = merged_mistakes("{cluster: lab, sources: [{ansible: ./inv}]}", programs={"./inv --list": printed})

    assert any(expected in line for line in found)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("ec2.yml", "plugin: aws_ec2\nregions: [x]\n", 'ec2.yml:1: the inventory plugin "aws_ec2" cannot be run here; name an executable that says: exec ansible-inventory -i THIS_FILE "$@"'),
        ("h.toml", "[web]\n", 'h.toml: an inventory in TOML is not read here; name an executable that says: exec ansible-inventory -i THIS_FILE "$@"'),
    ],
)  # fmt: skip
def test_what_only_ansible_can_read_is_told_with_the_way_out(file: str, text: str, expected: str) -> None:
    found = merged_mistakes(f"{{cluster: lab, sources: [{{ansible: {file}}}]}}", files={file: text})

    assert expected in found


def test_a_group_whose_name_cannot_be_one_here_is_noted() -> None:
    found = merged(INI, files={"hosts": "[a&b]\nh1\n"})

    assert (found.inventory.groups, [str(note) for note in found.notes]) == (
        {},
        ['hosts: the group "a&b" is left out: its name cannot be one here'],
    )


def test_a_program_that_fails_is_a_mistake_of_the_inventory() -> None:
    found = merged_mistakes("{cluster: lab, sources: [{ansible: ./inv}]}", programs={"./inv --other": ""})

    assert "inventory.yaml:1: sources[0].ansible: ./inv: exit code 1: it is not there" in found


def test_ranges_of_ansible_are_written_out() -> None:
    assert expand("r[1:2]-h[01:03:2].[a:b]") == (
        "r1-h01.a",
        "r1-h01.b",
        "r1-h03.a",
        "r1-h03.b",
        "r2-h01.a",
        "r2-h01.b",
        "r2-h03.a",
        "r2-h03.b",
    )
