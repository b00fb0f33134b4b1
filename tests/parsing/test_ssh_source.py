"""An ssh_config as a source of hosts (bad-input rows 7, 8 and 33). Values are those that `ssh -G` of OpenSSH gives."""

from __future__ import annotations

import pytest

from clusterctl.model.ssh import SshSettings
from clusterctl.parsing.ssh.config import split_words
from tests.parsing.tools import hosts_of, merged, merged_mistakes, ssh_config_mistakes, ssh_of

ONE = "{cluster: lab, sources: [{ssh_config: config}]}"


def test_every_name_without_a_pattern_is_a_host() -> None:
    found = merged(
        ONE,
        files={
            "config": """
                Host web1 web2
                  HostName %h.example.org
                  User ops
                Host db? !db9
                  Port 2222
                Host db1 db9
                  User=postgres
                Host *
                  User nobody
                  Port 22
            """
        },
    )

    assert hosts_of(found) == {
        "db1": "postgres@db1:2222",
        "db9": "postgres@db9:22",
        "web1": "ops@web1.example.org:22",
        "web2": "ops@web2.example.org:22",
    }


def test_include_is_written_out_where_it_stands_also_inside_of_a_block() -> None:
    found = merged(
        ONE,
        files={
            "config": "Include conf.d/*\nHost web1\n  Include /etc/web\n  Port 7\nHost *\n  Port 9\n",
            "~/.ssh/conf.d/10": "Host a\n  HostName 10.0.0.1\n",
            "~/.ssh/conf.d/20": "Host b\n  HostName 10.0.0.2\nHost web1\n  User first\n",
            "/etc/web": "User second\nHost web1 c\n  HostName 10.0.0.3\n",
        },
    )

    assert hosts_of(found) == {
        "a": "@10.0.0.1:9",
        "b": "@10.0.0.2:9",
        "c": "@c:9",
        "web1": "first@10.0.0.3:7",
    }


def test_match_goes_by_host_user_and_the_one_who_is_logged_in() -> None:
    found = merged(
        ONE,
        files={
            "config": """
                Host a
                  HostName A.Example.ORG
                Host b
                  User ops
                Match host a.example.org
                  Port 1
                Match originalhost b user ops,root localuser ana
                  Port 2
                Match originalhost b !localuser ana
                  HostName wrong
                Match all
                  Port 3
                Match canonical
                  User never
                Match final
                  User last
                Host c
            """
        },
    )

    assert hosts_of(found) == {"a": "last@A.Example.ORG:1", "b": "ops@b:2", "c": "last@c:3"}
    assert [str(note) for note in found.notes] == [
        "config:13: Match canonical never applies here: names are not canonicalised"
    ]


def test_a_jump_host_that_is_a_host_is_reached_as_that_one() -> None:
    found = merged(
        ONE,
        files={
            "config": """
                Host gate
                  HostName 192.0.2.1
                  User jump
                  Port 2200
                Host db1
                  ProxyJump gate
            """
        },
    )

    assert hosts_of(found)["db1"] == "@db1:22 via jump@192.0.2.1:2200"


def test_a_jump_host_that_is_not_taken_has_its_way_written_out() -> None:
    found = merged(
        "{cluster: lab, sources: [{ssh_config: config, hosts: 'db*'}]}",
        files={
            "config": """
                Host outer
                  HostName 2001:db8::1
                Host gate
                  HostName 192.0.2.1
                  User jump
                  ProxyJump outer
                Host db1
                  ProxyJump gate,other@last:2022
                Host db2
                  ProxyJump none
                Host db3
                  ProxyJump ssh://me@uri.example.org:77
            """
        },
    )

    assert hosts_of(found) == {
        "db1": "@db1:22 via @2001:db8::1:22,jump@192.0.2.1:22,other@last:2022",
        "db2": "@db2:22",
        "db3": "@db3:22 via me@uri.example.org:77",
    }


def test_a_jump_host_that_is_not_taken_is_reached_by_its_own_options() -> None:
    found = merged(
        "{cluster: lab, sources: [{ssh_config: config, hosts: 'db*'}]}",
        files={
            "config": """
                Host gate
                  HostName 192.0.2.1
                  IdentityFile gate-key
                Host db1
                  ProxyJump gate
                Host *
                  IdentityFile key
            """
        },
    ).inventory

    assert found.ssh_of("192.0.2.1").identity_files == ("gate-key", "key")
    assert found.ssh_of("db1").identity_files == ("key",)
    assert set(found.ssh_options) == {found.ssh_of("192.0.2.1"), found.ssh_of("db1")}


def test_files_of_keys_are_all_kept_in_their_order_and_other_options_are_the_first() -> None:
    found = merged(
        ONE,
        files={
            "config": """
                Host web1
                  IdentityFile "~/.ssh/my key"
                  IdentityFile %d/.ssh/%n_%r
                  CertificateFile ~/.ssh/web-cert.pub
                  IdentitiesOnly yes
                  ConnectTimeout 7
                  HostKeyAlias web
                Host *
                  User ops
                  IdentityFile ~/.ssh/id_ed25519
                  IdentitiesOnly no
                  IdentityAgent none
                  UserKnownHostsFile ~/.ssh/known ~/.ssh/known2
                  ConnectTimeout 90
            """
        },
    )

    assert ssh_of(found, "web1") == {
        "identity_file": ["~/.ssh/my key", "/home/ana/.ssh/web1_ops", "~/.ssh/id_ed25519"],
        "certificate_file": "~/.ssh/web-cert.pub",
        "known_hosts": ["~/.ssh/known", "~/.ssh/known2"],
        "identities_only": "true",
        "identity_agent": "none",
        "host_key_alias": "web",
        "connect_timeout": "7s",
    }


def test_options_become_those_of_the_host_and_are_shared_where_they_are_the_same() -> None:
    found = merged(
        """
        cluster: lab
        ssh: {command_timeout: 9s, identity_file: fleet}
        sources: [{ssh_config: config}]
        hosts: {web3: {ssh: {identity_file: own}}}
        """,
        files={
            "config": """
                Host web1 web2 web3
                  IdentityFile a
                  IdentityFile b
                  CertificateFile a-cert.pub
                  IdentitiesOnly yes
                  IdentityAgent ~/agent
                  UserKnownHostsFile /dev/null
                  ConnectTimeout 7
                Host web3
                  HostKeyAlias three
                Host db1
                  UserKnownHostsFile k1 k2
            """
        },
    ).inventory

    assert found.host("web1").ssh == SshSettings(
        identity_files=("a", "b"),
        connect_timeout_s=7.0,
        command_timeout_s=9.0,
        certificate_files=("a-cert.pub",),
        identities_only=True,
        identity_agent="~/agent",
    )
    assert found.host("web1").ssh is found.host("web2").ssh
    assert (found.host("web3").ssh.identity_files, found.host("web3").ssh.host_key_alias) == (
        ("own",),
        "three",
    )
    assert (found.host("db1").ssh.identity_files, found.host("db1").ssh.known_hosts) == (
        ("fleet",),
        ("k1", "k2"),
    )


def test_what_has_no_effect_is_noted_once_and_what_is_for_people_is_not() -> None:
    found = merged(
        ONE,
        files={
            "config": """
                Host a
                  GSSAPIAuthentication yes
                  ForwardAgent yes
                  ServerAliveInterval 5
                  StrictHostKeyChecking accept-new
                Host b
                  GSSAPIAuthentication no
                  StrictHostKeyChecking yes
                Include gone
            """
        },
    )

    assert [str(note) for note in found.notes] == [
        "config:2: GSSAPIAuthentication has no effect here",
        "config:5: StrictHostKeyChecking accept-new: host keys are always checked here",
        "config:9: Include gone: there is no such file (~/.ssh/gone)",
    ]


def test_options_only_takes_no_hosts_and_gives_options_to_those_described_elsewhere() -> None:
    found = merged(
        """
        cluster: lab
        sources: [{ssh_config: config, options_only: true}]
        hosts:
          web[1-2]: {address: "10.0.0.[1-2]", user: own}
          db1:
        """,
        files={
            "config": """
                Host github.com
                  User git
                Match host 10.0.0.2
                  Port 2222
                Host web* db*
                  User ops
                  ProxyJump gate.example.org
            """
        },
    )

    assert hosts_of(found) == {
        "db1": "ops@db1:22 via @gate.example.org:22",
        "web1": "own@10.0.0.1:22 via @gate.example.org:22",
        "web2": "own@10.0.0.2:2222 via @gate.example.org:22",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Match exec true", "Match exec runs a command on this machine: say allow_match_exec: true in the source, or leave it out"),
        ("Match tagged x", "Match tagged is not known here"),
        ("Match host", "Match host needs a value"),
        ("Match", "Match needs a condition, such as: Match host web*"),
        ("Host", "Host needs a name or a pattern"),
        ("Host a\n<<<", 'no line of an ssh_config: "<<<"'),
        ('Host a "b', "Host: a quote is not closed"),
        ("Host a\nHostName -oProxyCommand=x", 'a: HostName: expected a host name or an IP address, got "-oProxyCommand=x"'),
        ("Host a\nHostName $(id)", 'a: HostName: expected a host name or an IP address, got "$(id)"'),
        ("Host -a", 'expected a name of letters, digits, \'.\', \'_\' or \'-\' that begins with a letter or digit, got "-a"'),
        ("Host a`id`", 'expected a name of letters, digits, \'.\', \'_\' or \'-\' that begins with a letter or digit, got "a`id`"'),
        ("Host all", '"all" always means every host; choose another name'),
        ("Host a\nUser -x", "a: User: expected a user name of a-z, 0-9, '_' or '-', at most 32 long, got \"-x\""),
        ("Host a\nIdentitiesOnly maybe", 'a: IdentitiesOnly: expected true or false, got "maybe"'),
        ("Host a\nConnectTimeout soon", 'a: ConnectTimeout: expected a duration such as 1m30s or 500ms, got "soon"'),
        ("Host a\nIdentityAgent agent", 'a: IdentityAgent: expected the path of a socket, "SSH_AUTH_SOCK" or "none", got "agent"'),
        ("Host a\nHostKeyAlias -x", "a: HostKeyAlias: expected a name of letters, digits, '.', '_' or '-' that begins with a letter or digit, got \"-x\""),
        ("Host a\nPort 0", 'a: Port: expected a port (1-65535), got "0"'),
        ("Host a\nPort 22a", 'a: Port: expected a port (1-65535), got "22a"'),
        ("Host a\nHostName %l", 'the token "%l" is not known here, in "%l"'),
        ("Host a\nIdentityFile ~/.ssh/%C", 'the token "%C" is not known here, in "~/.ssh/%C"'),
        ("Host a\nIdentityFile ${HOME}/id", 'variables of the environment are not put in, in "${HOME}/id"'),
        ("Host a\nProxyCommand nc -X 5 %h %p", "a: ProxyCommand is not honoured; write ProxyJump, or jump: in the inventory, or leave the host out (hosts: of the source)"),
        ("Host a\nProxyCommand ssh -q -W %h:%p gate", "a: ProxyCommand is not honoured; write: ProxyJump gate"),
        ("Host a\nProxyCommand ssh ops@gate nc %h %p", "a: ProxyCommand is not honoured; write: ProxyJump ops@gate"),
        ("Host a\nProxyJump b\nHost b\nProxyJump a", "a: ProxyJump: a is on the way to itself"),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused_where_it_stands(line: str, expected: str) -> None:
    """Rows 7, 8, 9 and 33."""
    found = ssh_config_mistakes(line)

    assert [text.partition(": ")[2] for text in found][:1] == [expected]
    assert found[0].startswith(f"config:{2 if 'Host a' in line and chr(10) in line else 1}: ")


def test_a_proxy_command_is_no_matter_where_the_inventory_says_the_way() -> None:
    found = merged(
        "{cluster: lab, sources: [{ssh_config: config}], hosts: {a: {jump: gate}}}",
        files={"config": "Host a\n  ProxyCommand nc %h %p\nHost b\n  ProxyCommand none\n"},
    )

    assert hosts_of(found) == {"a": "@a:22 via @gate:22", "b": "@b:22"}


def test_includes_in_a_circle_end() -> None:
    """Row 33."""
    files = {"config": "Include /b\n", "/b": "Host x\nInclude /c\n", "/c": "Include /b\n"}

    assert merged_mistakes(ONE, files=files) == ["/c:1: Include goes in a circle: config -> /b -> /c -> /b"]


def test_includes_end_at_sixteen_files_deep() -> None:
    """Row 33."""
    files = {"config": "Include /f1\n"} | {f"/f{n}": f"Host h{n}\nInclude /f{n + 1}\n" for n in range(1, 30)}

    assert merged_mistakes(ONE, files=files) == ["/f15:2: Include more than 16 files deep"]


def test_match_exec_runs_where_the_source_allows_it() -> None:
    found = merged(
        "{cluster: lab, sources: [{ssh_config: config, allow_match_exec: true}]}",
        files={"config": 'Host a\nMatch exec "test %n = a"\n  Port 1\nMatch !exec "false"\n  User u\n'},
        programs={"/bin/sh -c test a = a": ""},
    )

    assert hosts_of(found) == {"a": "u@a:1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b\tc", ("a", "b", "c")),
        ('"a b" c', ("a b", "c")),
        ("'a b'c", ("a bc",)),
        (r"a\ b \"c\" d\\e", ("a b", '"c"', r"d\e")),
        ("a # b", ("a",)),
        ("a#b", ("a#b",)),
        ('"" a', ("", "a")),
        ('"a', None),
        (r"C:\dir", (r"C:\dir",)),
    ],
)
def test_words_are_split_as_ssh_does(text: str, words: tuple[str, ...] | None) -> None:
    assert split_words(text) == words


def test_vagrant_is_asked_for_its_machines() -> None:
    found = merged(
        "{cluster: lab, sources: [{vagrant: box, prefix: v-, labels: {zone: v}}]}",
        programs={
            "vagrant ssh-config in box": "Host web\n  HostName 127.0.0.1\n  User vagrant\n  Port 2200\n"
            "  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n  PasswordAuthentication no\n"
            "  IdentityFile /x/private_key\n  IdentitiesOnly yes\n  LogLevel FATAL\n\n"
        },
    )

    assert hosts_of(found) == {"v-web": "vagrant@127.0.0.1:2200"}
    assert ssh_of(found, "v-web")["identity_file"] == "/x/private_key"
    assert found.inventory.hosts[0].labels == {"zone": "v"}


def test_a_vagrant_that_cannot_be_asked_is_a_mistake() -> None:
    assert merged_mistakes("{cluster: lab, sources: [{vagrant: box}]}") == [
        'inventory.yaml:1: "hosts" is missing: the sources have none',
        "inventory.yaml:1: sources[0].vagrant: vagrant ssh-config in box: exit code 1: it is not there",
    ]


def test_ten_thousand_hosts_of_an_ssh_config_are_read() -> None:
    """Row 10."""
    config = "".join(
        f"Host h{n}\n  HostName 10.{n // 65536}.{n // 256 % 256}.{n % 256}\n" for n in range(10_000)
    )

    found = merged(ONE, files={"config": f"{config}Host *\n  User ops\n"})

    assert len(found.inventory.hosts) == 10_000


def test_a_line_with_thousands_of_names_is_read() -> None:
    """Row 10."""
    names = " ".join(f"h{number}" for number in range(20_000))

    found = merged(ONE, files={"config": f"Host {names} !x*\n  User u\n"})

    assert {host.user for host in found.inventory.hosts} == {"u"}
